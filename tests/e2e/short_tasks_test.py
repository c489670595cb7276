#!/usr/bin/python3
"""Containers that live shorter than a tick: each has its last row, and what no row shows is counted
as the host's unaccounted CPU. Truth: the kernel's counter of the cgroup that they lie in, and what
a process says of its own CPU time."""
import json
import os
import resource
import subprocess
import sys
import time
import urllib.parse

import lab

STEP = 2  # s; the tasks live 0.3
NS = 1e9


def usage(path):
    return int(lab.read(path + "/cpuacct.usage"))


def burn(cgroup, seconds):
    """Moves itself there, uses so much CPU, and writes how much it used in all."""
    with open(cgroup + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
    while sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) < seconds:
        pass
    os._exit(0)


class ShortTasks(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))

    def events(self, *tags):
        query = urllib.parse.urlencode({"from": "-10min", "tags": " ".join(tags)})
        status, body = lab.http_get(self.aggregator.url + "/events/get_data?" + query)
        self.assertEqual(status, 200)
        return json.loads(body)

    def cores(self, target, since):
        """CPU seconds that the ticks of a rate say from then on."""
        series = self.aggregator.render(target, start=str(int(since) - 1))
        return sum(sum(points.values()) * STEP for points in series.values())

    def test_bare_cgroups(self):
        """Sixty, each removed in the moment in which its only process was reaped."""
        count, seconds, at_once = int(os.environ.get("DADVISOR_SHORT_TASKS", "60")), 0.3, 2
        agent = self.start(lab.Agent(self.directory, self.aggregator, name="bare", cluster="bare",
                                     step="%ds" % STEP, docker_socket=""))
        parent = lab.mount_of("cpuacct") + "/dadvisor-e2e-%d" % os.getpid()
        os.mkdir(parent)
        self.addCleanup(os.rmdir, parent)
        # One that stays makes its parent one that is compared.
        waiting = parent + "/" + "f" * 64
        os.mkdir(waiting)
        sleeper = subprocess.Popen(["sleep", "9000"])
        self.addCleanup(lambda: (sleeper.kill(), sleeper.wait(), os.rmdir(waiting)))
        with open(waiting + "/cgroup.procs", "w") as file:
            file.write(str(sleeper.pid))
        lab.wait_until(lambda: self.aggregator.render(
            "dadvisor.bare.instances.*.*.state.up", start="-10s"), 30, "it is seen")
        lab.next_tick(STEP, after=0.2)
        begun, used = time.time(), usage(parent)
        running, made = {}, 0
        while made < count or running:
            while made < count and len(running) < at_once:
                cgroup = "%s/%012x%s" % (parent, made + 1, "0" * 52)  # twelve digits make the path
                os.mkdir(cgroup)
                child = os.fork()
                if child == 0:
                    burn(cgroup, seconds)
                running[child] = cgroup
                made += 1
            child, _ = os.wait()
            os.rmdir(running.pop(child))
        used = (usage(parent) - used) / NS
        self.assertGreater(used, count * seconds * 0.98)
        time.sleep(2 * STEP + 1)
        rows = self.aggregator.render("dadvisor.bare.instances.unknown.*.cpu.usage",
                                      start=str(int(begun) - 1))
        ended = [max(points.values()) for name, points in rows.items() if "ffffff" not in name]
        unaccounted = self.cores("dadvisor.bare.hosts.bare.cpu.unaccounted_rate", begun)
        app = self.cores("dadvisor.bare.apps.unknown.sum.cpu.cores", begun)
        print("bare cgroups: %.3f s used, %d of %d rows with %.3f s (%.2f %%), %.3f s in their app,"
              " %.3f s unaccounted" % (used, len(ended), count, sum(ended),
                                       100 * sum(ended) / used, app, unaccounted), file=sys.stderr)
        # A reader's lag: one step of the kernel's counters a CPU, 4 ms at 250 Hz.
        self.assertAlmostEqual(app + unaccounted, used, delta=0.03)
        self.assertEqual(len(ended), count)
        # Whoever reaps a process may remove its cgroup before the agent gets a processor: of such a
        # one the parent's counter tells.
        short = {name.split(".")[4]: max(points.values()) for name, points in rows.items()
                 if "ffffff" not in name and max(points.values()) < 0.9 * seconds}
        self.assertGreaterEqual(sum(ended) / used, 0.995, short)
        last_rows = agent.own_metric("dadvisor_agent_last_rows_total")
        print("    %d last rows, %d of them by the parent's counter" % (
            last_rows, agent.own_metric("dadvisor_agent_last_rows_by_parent_total")))
        self.assertGreaterEqual(last_rows + agent.own_metric("dadvisor_agent_missed_ends_total"),
                                count)
        # Ends that were seen are told though no runtime did.
        self.assertGreaterEqual(last_rows, count * 0.995)
        lab.wait_until(lambda: len(self.events("exit", "cluster:bare")) >= last_rows, 20, "ends")

    def test_docker(self):
        """Containers that are removed when they end, with their exit code and the app's sum."""
        count, seconds = 12, 0.3
        agent = self.start(lab.Agent(self.directory, self.aggregator, name="docked",
                                     cluster="docked", step="%ds" % STEP))
        self.start(lab.Container("/short/there", "sleep 600"))
        lab.wait_until(lambda: self.aggregator.render(
            "dadvisor.docked.instances.short_there.*.state.up", start="-10s"), 30, "it is seen")
        parent = lab.mount_of("cpuacct") + "/docker"
        lab.next_tick(STEP, after=0.2)
        begun, used = time.time(), usage(parent)
        said = 0.0
        for number in range(count):
            done = subprocess.run(
                ["docker", "run", "--rm", "-e", "MARATHON_APP_ID=/short/task",
                 "dadvisor-test:latest", "sh", "-c", "load spend %s; exit %d" % (seconds, number % 3)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual(done.returncode, number % 3, done.stderr)
            said += int(dict(word.split("=") for word in done.stdout.split())["cpu_usec"]) / 1e6
        time.sleep(1)
        used = (usage(parent) - used) / NS
        time.sleep(2 * STEP + 1)
        rows = self.aggregator.render("dadvisor.docked.instances.short_task.*.cpu.usage",
                                      start=str(int(begun) - 1))
        ended = [max(points.values()) for points in rows.values()]
        unaccounted = self.cores("dadvisor.docked.hosts.docked.cpu.unaccounted_rate", begun)
        app = self.cores("dadvisor.docked.apps.short_task.sum.cpu.cores", begun)
        print("docker: %.3f s used, %.3f of it by the loads, %d of %d rows with %.3f s, %.3f s in "
              "their app, %.3f s unaccounted" % (used, said, len(ended), count, sum(ended), app,
                                                 unaccounted), file=sys.stderr)
        self.assertEqual(len(ended), count)
        self.assertGreaterEqual(sum(ended), said)
        self.assertGreaterEqual(sum(ended) / used, 0.98)
        self.assertAlmostEqual(app + unaccounted, used, delta=0.03)
        # Though Docker's word of most comes after the tick at which they were first seen.
        self.assertGreaterEqual(app / used, 0.98)
        exits = lab.wait_until(lambda: (lambda told: told if len(told) == count else None)(
            self.events("exit", "app:/short/task")), 20, "exits")
        codes = sorted(tag for one in exits for tag in one["tags"] if tag.startswith("code:"))
        self.assertEqual(codes, ["code:%d" % code for code in range(3) for _ in range(count // 3)])
        self.assertEqual(agent.own_metric("dadvisor_agent_missed_ends_total"), 0)


if __name__ == "__main__":
    lab.main("short_tasks")
