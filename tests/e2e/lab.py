"""lab: what the end-to-end tests have in common.

The programs under test on free ports with directories of their own, their real peers by the scripts
of tests/lab, queries, waiting, and the truth: own reads of the kernel's counters, never the agent's.
Debian's python3 and its standard library only. A test file ends with lab.main(): exit status 0
passed, 1 failed (also where a required peer is lacking), 77 skipped, with the reason printed.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "lab")
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
BIN = os.environ.get("DADVISOR_BIN", os.path.join(ROOT, "build", "release", "bin"))


# ---- running a test file --------------------------------------------------------------------
def main(name, group="e2e"):
    """Runs the calling file's tests as ctest's entry GROUP.NAME."""
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    if os.environ.get("DADVISOR_SKIPS") and result.skipped:
        with open(os.environ["DADVISOR_SKIPS"], "a") as file:
            file.writelines("%s.%s %s: %s\n" % (group, name, test, why)
                            for test, why in result.skipped)
    if not result.wasSuccessful() or result.testsRun == 0:
        sys.exit(1)
    sys.exit(77 if result.skipped and len(result.skipped) == result.testsRun else 0)


class Case(unittest.TestCase):
    """A test with a directory of its own, and what it starts ended after the last of the class."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="dadvisor-e2e.")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)

    @classmethod
    def start(cls, thing):
        cls.addClassCleanup(thing.stop)
        thing.start()
        return thing

    def assert_close(self, got, truth, share, what, floor=0.0):
        """|got - truth| is at most that share of the truth (or floor)."""
        self.assertIsNotNone(got, "%s: no figure, truth %s" % (what, truth))
        print("    %s: got %.6g, truth %.6g" % (what, got, truth))
        self.assertLessEqual(abs(got - truth), max(share * abs(truth), floor),
                             "%s: got %r, truth %r" % (what, got, truth))


def wait_until(ask, seconds, what, pause=0.2):
    """ask() until it answers something true; what it answered."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (seconds, what))
        time.sleep(pause)


def next_tick(step=1, after=0):
    """Sleeps until the wall clock reaches a multiple of step; that multiple."""
    tick = (int(time.time() + after) // step + 1) * step
    time.sleep(max(0, tick - time.time()))
    return tick


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def http_get(url, timeout=10, authority=None, token=None):
    """Status and body; (0, reason) where nobody answers. `authority`: of an https one."""
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    context = ssl.create_default_context(cafile=authority) if authority else None
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


# ---- programs -------------------------------------------------------------------------------
class Program:
    """One process that is started, killed and started again with the same arguments."""
    pause = 0.2  # seconds between two looks whether it is ready

    def __init__(self, name, directory, command, environment=None):
        self.name, self.command, self.process = name, command, None
        self.log = os.path.join(directory, name + ".log")
        self.environment = dict(os.environ, **(environment or {}))

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment)
        try:
            wait_until(self.ready, 30, "%s is ready" % self.name, self.pause)
        except AssertionError as error:
            self.stop()
            raise AssertionError("%s\n%s" % (error, self.log_tail())) from None
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended with status %d" % (self.name, self.process.returncode))
        return True

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM)

    def end(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("%s did not end on a signal within 20 s" % self.name) from None
        self.process = None

    def log_tail(self, lines=30):
        with open(self.log, errors="replace") as file:
            return "".join(["--- %s\n" % self.log] + file.readlines()[-lines:])


class Served(Program):
    """A program of ours with /healthz."""

    def __init__(self, name, directory, program, flags, authority=None, token=None):
        self.port = free_port()
        self.authority, self.token = authority, token  # of who listens by TLS; for readers
        self.url = "%s://127.0.0.1:%d" % ("https" if authority else "http", self.port)
        data = os.path.join(directory, name)
        os.makedirs(data, exist_ok=True)
        command = [os.path.join(BIN, program), "--listen", "127.0.0.1:%d" % self.port,
                   "--data-dir", data]
        for key, given in flags.items():
            flag = "--" + key.replace("_", "-")
            for value in given if isinstance(given, list) else [given]:
                if value is not None:
                    command += [flag] if value is True else [flag, str(value)]
        super().__init__(name, directory, command)

    def ready(self):
        super().ready()
        return self.get("/healthz", 2)[0] == 200

    def get(self, path, timeout=10):
        return http_get(self.url + path, timeout, self.authority, self.token)

    def own_metric(self, name):
        """The sum of one metric of its /metrics page; None where it has none."""
        lines = [line for line in self.get("/metrics")[1].decode().splitlines()
                 if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines) if lines else None


class Aggregator(Served):
    def __init__(self, directory, name="aggregator", authority=None, token=None, **flags):
        rules = os.path.join(directory, name + ".rules.d")
        os.makedirs(rules, exist_ok=True)
        self.rules = rules
        self.socket = os.path.join(directory, name + ".sock")
        super().__init__(name, directory, "dadvisor-aggregator",
                         {"rules_dir": rules, "admin_socket": self.socket, **flags},
                         authority, token)

    def render(self, target, start="-10min", until=None):
        return render(self.url, target, start, until, self.get)


class Agent(Served):
    def __init__(self, directory, aggregator, step="1s", name="agent", **flags):
        super().__init__(name, directory, "dadvisor-agent",
                         {"aggregator": aggregator.url, "step": step, "agent_id": name, **flags})


def render(url, target, start="-10min", until=None, get=None):
    """{name: {time: value}} of a render query, without the absent points."""
    query = {"target": target, "from": start, "format": "json"}
    if until is not None:
        query["until"] = until
    path = "/render?" + urllib.parse.urlencode(query)
    status, body = get(path, 60) if get else http_get(url + path, timeout=60)
    if status != 200:
        raise AssertionError("render %s: status %s, %s" % (target, status, body[:300]))
    return {series["target"]: {when: value for value, when in series["datapoints"]
                               if value is not None} for series in json.loads(body)}


def series_count(url, target):
    """How many series there are of the last ten minutes; 0 where the query fails, as graphite-web's
    does over a file that carbon is just making."""
    path = "/render?" + urllib.parse.urlencode({"target": target, "from": "-10min", "format": "json"})
    status, body = http_get(url + path, timeout=60)
    return len(json.loads(body)) if status == 200 else 0


class Authority:
    """A certificate authority made by the openssl command, and what it signs, in `directory`."""

    def __init__(self, directory, name="ca"):
        self.directory, self.name = directory, name
        self.certificate, self.key = self.make(name, "-subj", "/CN=" + name)

    def make(self, name, *options):
        certificate, key = (os.path.join(self.directory, name + end) for end in (".pem", ".key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-keyout", key,
                        "-out", certificate, *options], check=True, capture_output=True)
        os.chmod(key, 0o600)
        return certificate, key

    def sign(self, name, names):
        """Certificate and key for a subjectAltName: "DNS:web-1", "IP:127.0.0.1"."""
        return self.make(name, "-subj", "/CN=" + name, "-addext", "subjectAltName=" + names,
                         "-addext", "basicConstraints=CA:FALSE",
                         "-CA", self.certificate, "-CAkey", self.key)


# ---- Docker and the kernel's own counters ---------------------------------------------------------
def ensure_docker():
    """A daemon and the test image, or the test fails: Docker is a required peer."""
    made = subprocess.run([os.path.join(LAB, "docker-up")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode != 0:
        raise AssertionError("Docker is required and not to be had:\n" + made.stdout)


def docker(*arguments, check=True):
    done = subprocess.run(["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if check and done.returncode != 0:
        raise AssertionError("docker %s: %s" % (" ".join(arguments), done.stderr.strip()))
    return done.stdout.strip()


class Container:
    """A container of the test image, removed by stop(). `app` becomes MARATHON_APP_ID.

    Without a command it waits, without using CPU, for what run() tells it: a docker exec would add
    runc's own CPU to the container's.
    """

    count = 0

    def __init__(self, app, command, *options, network=None):
        Container.count += 1
        self.name = "dadvisor-e2e-%d-%d" % (os.getpid(), Container.count)
        self.app_node = app.strip("/").replace("/", "_")
        network = network or os.environ.get("DADVISOR_E2E_NETWORK", "bridge")
        self.go = tempfile.mkdtemp(prefix="dadvisor-e2e-go.")
        if command is None:
            os.mkfifo(self.go + "/in")
            options += ("-v", self.go + ":/go")
            command = ("while read -r line </go/in; do $line >/go/out.new; "
                       "mv /go/out.new /go/out; done")
        self.arguments = ["run", "-d", "--name", self.name, "--network", network,
                          "-e", "MARATHON_APP_ID=" + app, *options, "dadvisor-test:latest",
                          "sh", "-c", command]
        self.id = None

    def start(self):
        self.id = docker(*self.arguments)
        return self

    def stop(self):
        docker("rm", "-f", self.name, check=False)
        shutil.rmtree(self.go, ignore_errors=True)

    def run(self, *command):
        """The NAME=VALUE pairs that a load in the container printed."""
        with open(self.go + "/in", "w") as file:
            file.write(" ".join(command) + "\n")
        wait_until(lambda: os.path.exists(self.go + "/out"), 120, "%s has run" % command[0])
        words = read(self.go + "/out").split()
        os.unlink(self.go + "/out")
        return {key: int(value) for key, value in (word.split("=") for word in words)}

    def inspect(self, form):
        return docker("inspect", "-f", form, self.name)

    @property
    def pid(self):
        return int(self.inspect("{{.State.Pid}}"))

    def figures(self, aggregator, leaf, start="-10min"):
        """{time: value} of this instance's leaf; {} where it has no such series."""
        found = aggregator.render(
            "dadvisor.*.instances.%s.*.%s" % (self.app_node, leaf), start)
        mine = [points for name, points in found.items()
                if self.id.startswith(name.split(".")[4])]
        assert len(mine) <= 1, found.keys()
        return mine[0] if mine else {}

    # The truth.
    def cgroup(self, controller):
        """The directory of the controller, v1 or v2, that the container's first process is in."""
        with open("/proc/%d/cgroup" % self.pid) as file:
            where = {line.split(":")[1]: line.strip().split(":", 2)[2] for line in file}
        for names, path in where.items():
            if controller in names.split(","):
                return mount_of(controller) + path
        return mount_of(None) + where[""]

    def cpu_reader(self):
        """A function that reads the CPU seconds used, from a file that is found beforehand."""
        directory = self.cgroup("cpuacct")
        if os.path.exists(directory + "/cpuacct.usage"):
            return lambda: int(read(directory + "/cpuacct.usage")) / 1e9
        return lambda: keyed(directory + "/cpu.stat")["usage_usec"] / 1e6

    def throttling_reader(self):
        """A quick read of the kernel's own counts: periods and throttled periods."""
        path = self.cgroup("cpu") + "/cpu.stat"

        def counts():
            stat = keyed(path)
            return stat["nr_periods"], stat["nr_throttled"]
        return counts

    def memory(self):
        """Anonymous bytes and all bytes."""
        directory = self.cgroup("memory")
        stat = keyed(directory + "/memory.stat")
        if "total_rss" in stat:
            return stat["total_rss"], int(read(directory + "/memory.usage_in_bytes"))
        return stat["anon"], int(read(directory + "/memory.current"))

    def written(self):
        """Bytes written to block devices."""
        directory = self.cgroup("blkio")
        old = directory + "/blkio.throttle.io_service_bytes_recursive"
        if os.path.exists(old):
            return sum(int(line.split()[2]) for line in read(old).splitlines()
                       if len(line.split()) == 3 and line.split()[1] == "Write")
        return sum(int(word[7:]) for word in read(directory + "/io.stat").split()
                   if word.startswith("wbytes="))

    def network(self):
        """Bytes received and sent on its interfaces other than lo."""
        rx = tx = 0
        for line in read("/proc/%d/net/dev" % self.pid).splitlines()[2:]:
            name, figures = line.split(":")
            if name.strip() != "lo":
                rx, tx = rx + int(figures.split()[0]), tx + int(figures.split()[8])
        return rx, tx

    def host_end(self):
        """The columns of the host's net/dev for the other end of its only interface but lo."""
        peer = docker("exec", self.name, "cat", "/sys/class/net/eth0/iflink")
        for name in os.listdir("/sys/class/net"):
            if read("/sys/class/net/%s/ifindex" % name).strip() == peer:
                return next([int(word) for word in line.split(":")[1].split()]
                            for line in read("/proc/net/dev").splitlines()
                            if line.strip().startswith(name + ":"))
        raise AssertionError("no link %s here" % peer)


def read(path):
    with open(path) as file:
        return file.read()


def keyed(path):
    return {line.split()[0]: int(line.split()[1]) for line in read(path).splitlines()}


def mount_of(controller):
    """Where a v1 controller (None: the v2 hierarchy) is mounted."""
    for line in read("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split()
        if (kind == "cgroup2") if controller is None else (
                kind == "cgroup" and controller in options.split(",")):
            return left.split()[4]
    raise AssertionError("no cgroup hierarchy for %s is mounted" % controller)


# ---- other peers ------------------------------------------------------------------------------
class Graphite:
    """A real carbon-cache and graphite-web. `retentions` as in storage-schemas.conf."""

    def __init__(self, directory, retentions="1s:1h", name="graphite", options=()):
        self.directory = os.path.join(directory, name)
        self.web, self.line, self.pickle = free_port(), free_port(), free_port()
        self.url = "http://127.0.0.1:%d" % self.web
        self.carbon = "127.0.0.1:%d" % self.line
        self.options = ["--web-port", str(self.web), "--line-port", str(self.line),
                        "--pickle-port", str(self.pickle), "--query-port", str(free_port()),
                        "--retentions", retentions, *options]

    def act(self, verb):
        # Its daemons would hold a pipe open: to a file.
        os.makedirs(self.directory, exist_ok=True)
        path = os.path.join(self.directory, verb + ".out")
        with open(path, "w") as out:
            status = subprocess.run([os.path.join(LAB, "graphite-up"), self.directory, verb,
                                     *self.options], stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=out).returncode
        if status != 0:
            raise AssertionError("Graphite is required; %s failed:\n%s" % (verb, read(path)))

    def start(self):
        self.act("up")
        return self

    def stop(self):
        self.act("down")

    def stop_carbon(self):
        self.act("carbon-down")

    def start_carbon(self):
        self.act("carbon-up")


class Receiver(Program):
    """A mail or webhook receiver of tests/lab that keeps what it gets as files."""

    def __init__(self, directory, script, *options):
        self.kept = os.path.join(directory, script)
        os.makedirs(self.kept, exist_ok=True)
        super().__init__(script, directory,
                         ["/usr/bin/python3", os.path.join(LAB, script), self.kept, *options])

    def ready(self):
        super().ready()
        return os.path.exists(os.path.join(self.kept, "port"))

    @property
    def port(self):
        return int(read(os.path.join(self.kept, "port")))

    def files(self, ending):
        return [os.path.join(self.kept, name) for name in sorted(os.listdir(self.kept))
                if name.endswith(ending)]


@contextlib.contextmanager
def loop_filesystem(directory, mib=256):
    """An ext4 on a loop device that this kernel accounts; its mount point."""
    image, mount = os.path.join(directory, "disk"), os.path.join(directory, "mount")
    os.makedirs(mount, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-E",
                    "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    group = None
    try:
        device = os.stat(mount).st_dev
        number = "%d:%d" % (os.major(device), os.minor(device))
        with contextlib.suppress(AssertionError):
            # cgroup v1 on kernels from 6.10 counts a device only once some group has a limit on it.
            group = os.path.join(mount_of("blkio"), "dadvisor-e2e-%d" % os.getpid())
            os.makedirs(group, exist_ok=True)
            with open(group + "/blkio.throttle.write_bps_device", "w") as file:
                file.write("%s %d" % (number, 1 << 50))
        yield mount
    finally:
        if group and os.path.isdir(group):
            os.rmdir(group)
        subprocess.run(["umount", mount], check=True)
