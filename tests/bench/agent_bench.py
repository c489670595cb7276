#!/usr/bin/python3
"""What the agent costs for N containers (100, or the argument) of a network (bridge, or the second
argument), beside bare preads of the files it keeps open and reads at each tick, and of each
container's net/dev, in the same run on the same containers.

The agent samples once a second for a minute and sends to a real aggregator. Its CPU is the kernel's
own account of its threads (schedstat, ns). The floor reads the same files, parses nothing, and is
charged for nothing else, so the ratio leaves the agent its whole base load. Then what a scrape of
its page costs, behind which it does nothing else. Prints a table; no figure of it is asserted.
"""
import glob
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import lab  # noqa: E402

TICKS = 60
SCRAPES = 20
# Read once a minute (metrics.md: slow), so not part of a tick's floor.
SLOW = re.compile(r"cfs_quota|cfs_period|shares|weight|cpu\.max$|cpuset|limit|memory\.max$|"
                  r"memory\.high|max_usage|peak|pids\.max|swap\.max")


def cpu_ns(pid):
    return sum(int(lab.read(path).split()[0])
               for path in glob.glob("/proc/%d/task/*/schedstat" % pid))


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", lab.read("/proc/%d/status" % pid)).group(1))


def files_of_a_tick(pid, containers):
    """"keep PATH" for the cgroup files the agent holds, "open PATH" for its network reads."""
    ids = re.compile("|".join(container.id for container in containers))
    paths = sorted(os.readlink(fd) for fd in glob.glob("/proc/%d/fd/*" % pid))
    kept = ["keep " + path for path in paths
            if ids.search(path) and os.path.isfile(path) and not SLOW.search(os.path.basename(path))]
    return kept + ["open /proc/%d/net/dev" % container.pid for container in containers]


class AgentBench(lab.Case):
    def test_cost(self):
        lab.ensure_docker()
        count = int(os.environ.get("DADVISOR_BENCH_N", "100"))
        network = os.environ.get("DADVISOR_BENCH_NETWORK", "bridge")
        containers = [self.start(lab.Container("/bench/app", "sleep 900", network=network))
                      for _ in range(count)]
        aggregator = self.start(lab.Aggregator(self.directory))
        agent = self.start(lab.Agent(self.directory, aggregator))
        lab.wait_until(lambda: len(aggregator.render(
            "dadvisor.*.instances.bench_app.*.cpu.cores", "-5s")) == count, 60, "every container")
        time.sleep(15)
        pid = agent.process.pid
        files = files_of_a_tick(pid, containers)
        self.assertGreater(len(files), count, "the agent keeps its files open")

        before = cpu_ns(pid)
        floor = subprocess.run([os.path.join(lab.BIN, "pread_floor"), str(TICKS), "1000"],
                               input="\n".join(files) + "\n", capture_output=True, text=True,
                               check=True)
        agent_us = (cpu_ns(pid) - before) / 1000
        said = dict(pair.split("=") for pair in floor.stdout.split())
        floor_us = float(said["cpu_seconds"]) * 1e6

        print("\n    %d containers (network %s), %d ticks of 1 s, %.1f files a container" %
              (count, network, TICKS, len(files) / count))
        print("    %-12s %16s %12s %10s" % ("", "us/container-tick", "CPU-s/min", "RSS MiB"))
        for name, us, kib in (("agent", agent_us, rss_kib(pid)),
                              ("bare preads", floor_us, int(said["rss_kib"]))):
            print("    %-12s %16.1f %12.4f %10.1f" % (name, us / count / TICKS,
                                                      us / 1e6 * 60 / TICKS, kib / 1024))
        print("    ratio %.2f" % (agent_us / floor_us))

        lab.next_tick()  # behind its reading, so that none falls between
        time.sleep(0.3)
        before, began = cpu_ns(pid), time.monotonic()
        for _ in range(SCRAPES):
            status, page = lab.http_get(agent.url + "/metrics")
            self.assertEqual(status, 200)
        seconds = time.monotonic() - began
        print("    a scrape: %.2f ms of CPU, %d bytes, %d series (%d in %.2f s), RSS %.1f MiB" % (
            (cpu_ns(pid) - before) / 1e6 / SCRAPES, len(page),
            sum(1 for line in page.splitlines() if not line.startswith(b"#")), SCRAPES, seconds,
            rss_kib(pid) / 1024))


if __name__ == "__main__":
    for name in ("DADVISOR_BENCH_N", "DADVISOR_BENCH_NETWORK"):
        if len(sys.argv) > 1:
            os.environ[name] = sys.argv.pop(1)
    lab.main("agent_bench")
