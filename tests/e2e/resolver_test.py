#!/usr/bin/python3
"""An agent that may touch no runtime's socket, and the resolver that asks in its place: names, exit
codes, restarts of each of the three, and that no secret of a container passes the socket.

The agent runs as one ordinary user, the resolver as another in the socket's group and without a
network, both by setpriv and unshare as the packages' units would; the test hands the resolver its
listening socket as systemd does. Docker is behind a relay that can be cut: the daemon itself is not
restarted here."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import lab

AGENT_USER, RESOLVER_USER, STRANGER = 65534, 65533, 65532
DOCKER = "/var/run/docker.sock"


class Relay:
    """A unix socket of its own before Docker's; cut() is as if the daemon had gone."""

    def __init__(self, path, group):
        self.path, self.group, self.listening, self.open = path, group, None, []

    def start(self):
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        os.chown(self.path, 0, self.group)
        os.chmod(self.path, 0o660)
        self.listening.listen(64)
        threading.Thread(target=self.accept, args=(self.listening,), daemon=True).start()
        return self

    def accept(self, listening):
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(DOCKER)
            self.open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        os.unlink(self.path)
        for one in self.open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        self.open = []

    def stop(self):
        if os.path.exists(self.path):
            self.cut()


def as_user(user, *groups):
    chosen = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    return ["setpriv", "--reuid", str(user), "--regid", str(user), *chosen, "--inh-caps=-all",
            "--bounding-set=-all", "--no-new-privs"]


class Resolver(lab.Program):
    """dadvisor-resolver on a socket that was made before it and outlives it."""

    def __init__(self, directory, program, group, docker_socket):
        self.path = os.path.join(directory, "resolver.sock")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        os.chown(self.path, AGENT_USER, AGENT_USER)
        os.chmod(self.path, 0o600)
        self.socket.listen(64)
        take = "exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"" % self.socket.fileno()
        super().__init__("resolver", directory,
                         ["bash", "-c", take, "bash", "unshare", "--net",
                          *as_user(RESOLVER_USER, group), program,
                          "--docker-socket", docker_socket, "--containerd-socket", ""])

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, pass_fds=(self.socket.fileno(),))
        lab.wait_until(lambda: self.ready() and self.status("Seccomp") == "2", 10,
                       "the resolver is confined")
        return self

    def status(self, key):
        return re.search(r"(?m)^%s:\s*(.*)$" % key,
                         lab.read("/proc/%d/status" % self.process.pid))[1]


class UnprivilegedAgent(lab.Agent):
    def __init__(self, directory, program, aggregator, resolver):
        super().__init__(directory, aggregator, resolver_socket=resolver.path, cluster="least")
        self.command = [*as_user(AGENT_USER), program, *self.command[1:]]
        for name, _, _ in os.walk(os.path.join(directory, "agent")):
            os.chown(name, AGENT_USER, AGENT_USER)


def cpu_seconds(pid):
    words = lab.read("/proc/%d/stat" % pid).rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class LeastPrivilege(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        os.chmod(cls.directory, 0o755)
        programs = {}
        for name in ("dadvisor-agent", "dadvisor-resolver"):  # where everybody may start them
            programs[name] = shutil.copy(os.path.join(lab.BIN, name), cls.directory)
        group = os.stat(DOCKER).st_gid
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.relay = cls.start(Relay(os.path.join(cls.directory, "docker.sock"), group))
        cls.resolver = cls.start(Resolver(cls.directory, programs["dadvisor-resolver"], group,
                                          cls.relay.path))
        cls.addClassCleanup(cls.resolver.socket.close)
        cls.agent = cls.start(UnprivilegedAgent(cls.directory, programs["dadvisor-agent"],
                                                cls.aggregator, cls.resolver))

    def exits(self, app):
        query = urllib.parse.urlencode({"from": "-10min", "tags": "exit app:" + app})
        status, body = lab.http_get(self.aggregator.url + "/events/get_data?" + query)
        self.assertEqual(status, 200)
        return sorted(int(tag[5:]) for one in json.loads(body) for tag in one["tags"]
                      if tag.startswith("code:"))

    def unknown(self, app):
        query = urllib.parse.urlencode({"from": "-10min", "tags": "exit reason:unknown app:" + app})
        status, body = lab.http_get(self.aggregator.url + "/events/get_data?" + query)
        self.assertEqual(status, 200)
        return len(json.loads(body))

    def seen(self, container, seconds=20):
        lab.wait_until(lambda: container.figures(self.aggregator, "cpu.usage", "-5s"), seconds,
                       "%s has its name" % container.app_node)

    def run_and_exit(self, app, code, *options):
        done = subprocess.run(["docker", "run", "--rm", "-e", "MARATHON_APP_ID=" + app, *options,
                               "dadvisor-test:latest", "sh", "-c", "sleep 0.2; exit %d" % code],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)

    def ask(self, request, user=AGENT_USER):
        """What the socket answers a process of that user to one request, read for 2 s. The status is
        0 where it could be connected to."""
        script = """import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(2)
end = time.time() + 2
try:
    s.sendall(sys.argv[2].encode() + b' HTTP/1.1\\r\\nHost: r\\r\\nContent-Length: 0\\r\\n\\r\\n')
    while time.time() < end and (data := s.recv(65536)):
        sys.stdout.buffer.write(data)
except OSError:
    pass"""
        done = subprocess.run([*as_user(user), "/usr/bin/python3", "-c", script, self.resolver.path,
                               request], capture_output=True)
        return done.returncode, done.stdout.decode(errors="replace")

    def test_1_names_and_exit_codes_without_any_right(self):
        status = lab.read("/proc/%d/status" % self.agent.process.pid)
        self.assertRegex(status, r"(?m)^CapEff:\s*0+$")
        self.assertRegex(status, r"(?m)^Groups:\s*$")
        container = self.start(lab.Container("/least/there", "sleep 600"))
        self.seen(container)
        self.run_and_exit("/least/task", 7)
        self.run_and_exit("/least/task", 0)
        lab.wait_until(lambda: self.exits("/least/task") == [0, 7], 20, "both exits with their codes")
        self.assertEqual(self.agent.own_metric("dadvisor_agent_docker_up"), 1)
        self.assertEqual(self.agent.own_metric("dadvisor_agent_resolver_up"), 1)
        # The runtime's change of a limit is not left to the slow pace.
        docker_limit = 48 << 20
        lab.docker("update", "--memory", str(docker_limit), "--memory-swap", "-1", container.name)
        lab.wait_until(lambda: docker_limit in container.figures(
            self.aggregator, "mem.limit", "-5s").values(), 8, "the new limit")

    def test_2_no_secret_passes(self):
        secret, argument, label = "hunter2-of-the-env", "hunter2-of-the-command", "hunter2-label"
        container = lab.Container("/least/secretive", "sleep 600 # " + argument, "-e",
                                  "PASSWORD=" + secret, "-e", "MARATHON_APP_LABEL_TOKEN=" + secret,
                                  "-l", "token=" + label, "-l", "owner=team-x")
        self.start(container)
        self.seen(container)
        self.run_and_exit("/least/secretive", 3, "-e", "PASSWORD=" + secret, "-l", "x=" + label)
        _, told = self.ask("GET /v1/stream")
        self.assertIn("/least/secretive", told)
        self.assertIn("team-x", told)
        self.assertIn(container.id, told)
        self.assertIn('"state"', told)
        for word in (secret, argument, label, "PASSWORD", "sleep 600"):
            self.assertNotIn(word, told)
        # The daemon itself has them.
        self.assertIn(secret, container.inspect("{{json .Config}}"))
        self.assertIn(argument, container.inspect("{{json .Config}}"))

    def test_3_nobody_else_is_let_in_and_nothing_can_be_asked(self):
        self.assertEqual(self.ask("GET /v1/stream", STRANGER), (1, ""))
        os.chmod(self.resolver.path, 0o666)  # whoever could open it is still hung up on
        try:
            self.assertEqual(self.ask("GET /v1/stream", STRANGER), (0, ""))
            self.assertIn("200 OK", self.ask("GET /v1/stream", AGENT_USER)[1])
        finally:
            os.chmod(self.resolver.path, 0o600)
        for request in ("GET /containers/json", "POST /containers/create", "GET /v1.41/info",
                        "DELETE /v1/stream"):
            self.assertIn("404", self.ask(request)[1].splitlines()[0])

    def test_4_the_resolver_has_no_network_and_no_right(self):
        pid = self.resolver.process.pid
        self.assertEqual(self.resolver.status("NoNewPrivs"), "1")
        self.assertEqual(self.resolver.status("Seccomp"), "2")
        self.assertRegex(self.resolver.status("CapEff"), "^0+$")
        self.assertNotEqual(os.readlink("/proc/%d/ns/net" % pid), os.readlink("/proc/self/ns/net"))
        self.assertEqual([line.split(":")[0].strip() for line in lab.read(
            "/proc/%d/net/dev" % pid).splitlines()[2:]], ["lo"])

    def test_5_the_resolver_restarts(self):
        there = self.start(lab.Container("/least/before", "sleep 600"))
        self.seen(there)
        before = self.agent.own_metric("dadvisor_agent_resolver_reconnects_total")
        self.resolver.kill()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_resolver_up") == 0, 10,
                       "the agent misses it")
        meanwhile = self.start(lab.Container("/least/meanwhile", "sleep 600"))
        self.assertEqual(self.agent.own_metric("dadvisor_agent_docker_up"), 0)
        time.sleep(3)
        # What was known keeps its name.
        newest = max(there.figures(self.aggregator, "cpu.usage", "-10s"))
        self.assertGreater(newest, time.time() - 3)
        self.resolver.start()
        self.seen(meanwhile)
        self.assertEqual(self.agent.own_metric("dadvisor_agent_resolver_reconnects_total"),
                         before + 1)
        self.run_and_exit("/least/after", 5)
        lab.wait_until(lambda: self.exits("/least/after") == [5], 20, "events go on")

    def ends_on_term(self, app, code, *options):
        """One that has its name, and ends with that code when it is told to."""
        one = self.start(lab.Container(
            app, "trap 'exit %d' TERM; while :; do sleep 0.1; done" % code, *options))
        self.seen(one)
        return one

    def test_5b_what_ends_while_there_is_no_resolver(self):
        stays = self.ends_on_term("/least/stays", 11)
        goes = self.ends_on_term("/least/goes", 12, "--rm")
        again = self.ends_on_term("/least/again", 13)
        lives = self.ends_on_term("/least/lives", 14)
        self.resolver.kill()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_resolver_up") == 0, 10,
                       "the agent misses it")
        for one in (stays, goes, again):
            lab.docker("kill", "-s", "TERM", one.name)
        lab.docker("wait", again.name)
        lab.docker("start", again.name)  # another life, which has no end yet
        time.sleep(3)
        for app in ("stays", "goes", "again"):
            self.assertEqual(self.exits("/least/" + app), [])
        self.resolver.start()
        lab.wait_until(lambda: [self.exits("/least/" + app) for app in
                                ("stays", "goes", "again", "lives")] == [[11], [12], [13], []],
                       20, "the codes of what ended meanwhile")
        lab.docker("kill", "-s", "TERM", lives.name)
        lab.docker("kill", "-s", "TERM", again.name)
        lab.wait_until(lambda: self.exits("/least/lives") == [14], 20, "what lived on ends")
        lab.wait_until(lambda: self.exits("/least/again") == [13, 13], 20, "both lives' ends")
        self.assertEqual(self.exits("/least/stays"), [11])

    def test_5c_what_docker_has_forgotten_stays_unknown(self):
        gone = self.ends_on_term("/least/forgotten", 15, "--rm")
        there = self.ends_on_term("/least/late", 16)
        self.resolver.kill()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_resolver_up") == 0, 10,
                       "the agent misses it")
        for one in (gone, there):
            lab.docker("kill", "-s", "TERM", one.name)
        lab.docker("wait", there.name)
        for i in range(135):  # Docker remembers 256 events
            lab.docker("tag", "dadvisor-test:latest", "dadvisor-forget:%d" % i)
        lab.docker("rmi", *["dadvisor-forget:%d" % i for i in range(135)])
        # By then the aggregator has missed their rows for a minute and told what it knows.
        lab.wait_until(lambda: self.unknown("/least/late") == 1, 90, "an end nobody told of")
        self.resolver.start()
        lab.wait_until(lambda: self.exits("/least/late") == [16], 20, "what is there still tells")
        self.assertEqual(self.unknown("/least/late"), 0)
        lab.wait_until(lambda: self.unknown("/least/forgotten") == 1, 20, "the end, without a code")
        self.assertEqual(self.exits("/least/forgotten"), [])

    def test_6_the_agent_restarts(self):
        self.run_and_exit("/least/kept", 4)
        lab.wait_until(lambda: self.exits("/least/kept") == [4], 20, "the exit before")
        self.agent.stop()
        self.run_and_exit("/least/kept", 6)  # while there is no agent
        time.sleep(1)
        self.agent.start()
        lab.wait_until(lambda: 6 in self.exits("/least/kept"), 20, "the exit while it was away")
        time.sleep(3)
        self.assertEqual(self.exits("/least/kept"), [4, 6])
        self.assertEqual(self.agent.own_metric("dadvisor_agent_container_dropped_events_total"), 0)

    def test_7_docker_goes_and_comes_again(self):
        there = self.start(lab.Container("/least/daemon", "sleep 600"))
        self.seen(there)
        self.relay.cut()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_docker_up") == 0, 10,
                       "Docker is missed")
        self.assertEqual(self.agent.own_metric("dadvisor_agent_resolver_up"), 1)
        self.run_and_exit("/least/unseen", 8)
        lab.docker("kill", there.name)  # 137, told by the daemon afterwards
        time.sleep(2)
        self.relay.start()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_docker_up") == 1, 15,
                       "Docker is found again")
        lab.wait_until(lambda: self.exits("/least/daemon") == [137], 20, "the exit meanwhile")

    def test_8_what_both_cost(self):
        containers = [self.start(lab.Container("/least/many", "sleep 600")) for _ in range(10)]
        self.seen(containers[-1])
        pids = {"agent": self.agent.process.pid, "resolver": self.resolver.process.pid}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        time.sleep(10)
        for name, pid in pids.items():
            used = 100 * (cpu_seconds(pid) - before[name]) / 10
            rss = int(re.search(r"VmRSS:\s*(\d+)", lab.read("/proc/%d/status" % pid))[1]) / 1024
            print("    %s: %.1f MiB, %.2f %% of a core at a step of 1 s" % (name, rss, used),
                  file=sys.stderr)
            self.assertLess(rss, 64)
        self.assertLess(cpu_seconds(pids["resolver"]) - before["resolver"], 0.5)

    def test_9_the_doctor_knows_the_way(self):
        def doctor(path):
            done = subprocess.run(
                [*as_user(AGENT_USER), self.agent.command[len(as_user(AGENT_USER))], "doctor",
                 "-o", "json", "--aggregator", self.aggregator.url, "--resolver-socket", path,
                 "--data-dir", os.path.join(self.directory, "agent")],
                capture_output=True, text=True)
            return {one["about"]: one for one in json.loads(done.stdout)}
        found = doctor(self.resolver.path)
        self.assertEqual(found["resolver"]["level"], "ok")
        self.assertEqual(found["docker"]["level"], "ok")
        self.assertIn("answers the resolver", found["docker"]["found"])
        found = doctor(self.directory + "/none.sock")
        self.assertIn("by the agent itself", found["resolver"]["found"])
        self.assertEqual(found["docker"]["level"], "fault")
        self.assertIn("dadvisor-resolver", found["docker"]["remedy"])


if __name__ == "__main__":
    lab.main("resolver")
