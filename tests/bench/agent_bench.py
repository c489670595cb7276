#!/usr/bin/python3
"""What the agent costs for N containers, beside bare preads of the files it reads at each tick, and
beside netdata and collectd, all in the same minutes on the same containers.

For each N an agent at a step of 1 s and one at 10 s, each with a process that reads what it reads of
the containers, at the same pace, and parses nothing; netdata's cgroups plugin and collectd's (which
reads CPU alone) at 1 s. A program's CPU is that of a cgroup of its own, with all that
it starts. Then what a scrape of the agent's page costs, and what finding the containers did. Prints a
table; no figure of it is asserted.
"""
import argparse
import glob
import gzip
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import lab  # noqa: E402

SCRAPES = 20
# What the agent reads once a minute, of cgroups and of processes.
SLOW_V1 = {"cpu": ("cpu.cfs_quota_us", "../cpu.cfs_quota_us", "cpu.shares"),
           "cpuset": ("cpuset.effective_cpus",),
           "memory": ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
           "pids": ("pids.max",), "cpuacct": ("cgroup.procs",)}
SLOW_V2 = ("cpu.max", "../cpu.max", "cpu.weight", "cpuset.cpus.effective", "memory.max",
           "../memory.max", "memory.peak", "pids.max", "cgroup.procs")
SLOW_NET = ("dev", "sockstat", "snmp", "netstat")
NETDATA = """[global]
    run as user = root
    update every = 1
[db]
    mode = ram
    retention = 300
[directories]
    cache = {0}/cache
    lib = {0}/lib
    log = {0}/log
    config = {0}/config
[logs]
    access = none
    error = {0}/error.log
    debug = none
[plugins]
    cgroups = yes
    proc = no
    diskspace = no
    tc = no
    idlejitter = no
    checks = no
    statsd = no
    timex = no
    slabinfo = no
    apps = no
    charts.d = no
    python.d = no
    go.d = no
    node.d = no
    ebpf = no
    enable running new plugins = no
[web]
    bind to = 127.0.0.1:{1}
[health]
    enabled = no
[ml]
    enabled = no
[registry]
    enabled = no
"""
COLLECTD = """Interval 1
BaseDir "{0}"
PIDFile "{0}/pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin cgroups
LoadPlugin csv
<Plugin csv>
  DataDir "{0}/csv"
</Plugin>
"""


class Accounted(lab.Program):
    """A program in a cgroup of its own, which tells what it and all that it starts use."""

    def __init__(self, inner):
        self.__dict__.update(inner.__dict__)
        self.inner = inner
        mount = lab.mount_of("cpuacct")
        self.group = "%s/dadvisor-bench-%d-%s" % (mount, os.getpid(), self.name)
        os.makedirs(self.group, exist_ok=True)
        self.command = ["/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.group,
                        *self.command]

    def ready(self):
        self.inner.process = self.process
        return self.inner.ready()

    def get(self, *arguments):
        return self.inner.get(*arguments)

    def stop(self):
        super().stop()
        lab.wait_until(lambda: not lab.read(self.group + "/cgroup.procs"), 20, self.name + " is gone")
        os.rmdir(self.group)

    def cpu(self):
        return int(lab.read(self.group + "/cpuacct.usage")) / 1e9

    def rss_mib(self):
        kib = 0
        for pid in lab.read(self.group + "/cgroup.procs").split():
            status = lab.read("/proc/%s/status" % pid)
            kib += int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) if "VmRSS" in status else 0
        return kib / 1024


def files_of(agent, containers):
    """"keep PATH" for the cgroup files that the agent holds, "slow PATH" for what it reads once a
    minute, "open PATH" for the networks that it does not read at the host's end of their links (one
    question for all of them, which has no part in the floor)."""
    ids = re.compile("|".join(container.id for container in containers))
    paths = sorted(os.readlink(fd) for fd in glob.glob("/proc/%d/fd/*" % agent.process.pid))
    lines = ["keep " + path for path in paths if ids.search(path) and os.path.isfile(path)]
    page = agent.get("/metrics")[1].decode()
    read = {source: float(value) for source, value in re.findall(
        r'dadvisor_agent_network_readings_total\{from="(\w+)"\} (\S+)', page)}
    for container in containers:
        pid = container.pid
        where = {name: path for _, names, path in
                 (line.split(":", 2) for line in lab.read("/proc/%d/cgroup" % pid).splitlines())
                 for name in names.split(",")}
        for name, files in SLOW_V1.items() if "cpuacct" in where else [("", SLOW_V2)]:
            if name in where:
                directory = lab.mount_of(name or None) + where[name]
                lines += ["slow %s/%s" % (directory, file) for file in files
                          if os.path.exists(directory + "/" + file)]
        lines += ["slow /proc/%d/net/%s" % (pid, name) for name in SLOW_NET]
        if read["links"] < read["process"]:
            lines.append("open /proc/%d/net/dev" % pid)
    return lines


class AgentBench(lab.Case):
    def peers(self):
        made = []
        if shutil.which("netdata"):
            directory = os.path.join(self.directory, "netdata")
            for part in ("cache", "lib", "log", "config"):
                os.makedirs(os.path.join(directory, part))
            config = os.path.join(directory, "netdata.conf")
            port = lab.free_port()
            with open(config, "w") as file:
                file.write(NETDATA.format(directory, port))
            made.append(Accounted(lab.Program("netdata", self.directory,
                                              ["netdata", "-D", "-c", config])))
            made[-1].sees = lambda: self.charts(port)
        if shutil.which("collectd"):
            directory = os.path.join(self.directory, "collectd")
            os.makedirs(directory)
            config = os.path.join(directory, "collectd.conf")
            with open(config, "w") as file:
                file.write(COLLECTD.format(directory))
            made.append(Accounted(lab.Program("collectd", self.directory,
                                              ["collectd", "-f", "-C", config])))
            made[-1].sees = lambda: len([one for one in glob.glob(directory + "/csv/*/cgroups-*")
                                         if re.search(r"[0-9a-f]{64}$", one)])
        return made

    @staticmethod
    def charts(port):
        """How many containers netdata has charts of."""
        status, body = lab.http_get("http://127.0.0.1:%d/api/v1/charts" % port)
        charts = lab.json.loads(body)["charts"] if status == 200 else {}
        return len({name.split(".")[0] for name in charts if name.startswith("cgroup_")})

    def test_cost(self):
        lab.ensure_docker()
        aggregator = self.start(lab.Aggregator(self.directory))
        agents = [(step, self.start(Accounted(lab.Agent(self.directory, aggregator, "%ds" % step,
                                                        "agent-%ds" % step, cluster="step-%d" % step))))
                  for step in (1, 10)]
        peers = [self.start(peer) for peer in self.peers()]
        containers = []
        print("\n    %4s  %-20s %16s %12s %8s %8s" % (
            "N", "", "us/container-tick", "CPU-s/min", "ratio", "RSS MiB"))
        for count in sorted(OPTIONS.containers):
            quick = agents[0][1]
            more = count - len(containers)
            began, before = time.monotonic(), quick.cpu()
            for _ in range(more):
                containers.append(self.start(lab.Container("/bench/app", "sleep 9000",
                                                           network=OPTIONS.network)))
            for step, _ in agents:
                lab.wait_until(lambda: len(aggregator.render(
                    "dadvisor.step-%d.instances.bench_app.*.cpu.cores" % step, "-15s")) == count,
                    90, "every container")
            finding, finding_took = quick.cpu() - before, time.monotonic() - began
            time.sleep(15)
            floors = []
            before = [one.cpu() for _, one in agents] + [peer.cpu() for peer in peers]
            for step, agent in agents:
                files = files_of(agent, containers)
                self.assertGreater(len(files), count, "the agent keeps its files open")
                floors.append(subprocess.Popen(
                    [os.path.join(lab.BIN, "pread_floor"), str(OPTIONS.window // step),
                     str(step * 1000)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
                floors[-1].stdin.write("\n".join(files) + "\n")
                floors[-1].stdin.close()
            began = time.monotonic()
            floors_said = [dict(pair.split("=") for pair in floor.stdout.read().split())
                           for floor in floors]
            for floor in floors:
                floor.wait()
            used = [now - then for now, then in zip(
                [one.cpu() for _, one in agents] + [peer.cpu() for peer in peers], before)]
            seconds = time.monotonic() - began

            def line(name, cpu, step, ratio, mib):
                print("    %4d  %-20s %16.1f %12.4f %8s %8.1f" % (
                    count, name, cpu * 1e6 / count / (seconds / step), cpu * 60 / seconds,
                    "%.2f" % ratio if ratio else "", mib), flush=True)
            for (step, agent), cpu, said in zip(agents, used, floors_said):
                floor = float(said["cpu_seconds"])
                line("agent, %d s" % step, cpu, step, cpu / floor, agent.rss_mib())
                line("bare preads, %d s" % step, floor, step, None, int(said["rss_kib"]) / 1024)
            for peer, cpu in zip(peers, used[len(agents):]):
                line("%s, sees %d" % (peer.name, peer.sees()), cpu, 1, None, peer.rss_mib())
            # While they came, the agent also read on average half of the new ones at each tick.
            steady = used[0] / seconds * (count - more / 2) / count
            print("    %4d  finding a container: %.2f ms of CPU" % (
                count, (finding - steady * finding_took) * 1e3 / more))
        self.scrape(agents[0][1], "identity")
        self.scrape(agents[0][1], "gzip")  # as Prometheus asks

    def scrape(self, agent, coding):
        request = urllib.request.Request(agent.url + "/metrics", headers={"Accept-Encoding": coding})
        lab.next_tick()  # behind its reading, so that none falls between
        time.sleep(0.3)
        before, began = agent.cpu(), time.monotonic()
        for _ in range(SCRAPES):
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.assertEqual(answer.headers.get("Content-Encoding", "identity"), coding)
                page = answer.read()
        used, seconds = agent.cpu() - before, time.monotonic() - began
        size = len(page)
        page = gzip.decompress(page) if coding == "gzip" else page
        print("    a scrape (%s): %.2f ms of CPU, %d bytes, %d series (%d in %.2f s), RSS %.1f MiB" % (
            coding, used * 1e3 / SCRAPES, size,
            sum(1 for line in page.splitlines() if not line.startswith(b"#")), SCRAPES, seconds,
            agent.rss_mib()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("containers", nargs="*", type=int, default=[100], metavar="N",
                        help="how many containers; several one after the other [100]")
    parser.add_argument("--network", default="bridge", help="of the containers [bridge]")
    parser.add_argument("--window", type=int, default=60, metavar="S",
                        help="measured for so long, a multiple of 10 [60]")
    OPTIONS = parser.parse_args()
    del sys.argv[1:]
    lab.main("agent_bench")
