#!/usr/bin/python3
"""Hosts on which containers come and go all the time: the agent keeps up, forgets what went, and
each that had a process has its last row at the aggregator.

DADVISOR_CHURN=full: 80 cgroups a second for a minute, 1,000 that are made and removed empty, 100
real containers in a row; else a sixth of it.
"""
import os
import re
import subprocess
import sys
import time

import lab

FULL = os.environ.get("DADVISOR_CHURN") == "full"
STEP = 1  # s


class Churn(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))

    def files(self, agent):
        """What it has open, but the counters of cgroups that containers lie in: of those it keeps
        one each, for what no container accounts for."""
        directory = "/proc/%d/fd" % agent.process.pid
        targets = []
        for number in os.listdir(directory):
            try:
                targets.append(os.readlink(os.path.join(directory, number)))
            except FileNotFoundError:
                pass
        return [target for target in targets
                if not target.endswith("/cpuacct.usage") or re.search("/[0-9a-f]{64}/", target)]

    def footprint(self, agent):
        """(open files, RSS in KiB) of the agent."""
        status = lab.read("/proc/%d/status" % agent.process.pid)
        return len(self.files(agent)), int(status.split("VmRSS:")[1].split()[0])

    def settle(self, agent, files):
        """Waits until no more files are open than that, and says what it takes then."""
        try:
            lab.wait_until(lambda: len(self.files(agent)) <= files, 30, "files are closed")
        except AssertionError:
            self.fail("more than %d files open: %s" % (files, sorted(self.files(agent))))
        return self.footprint(agent)

    def cpu_rows(self, cluster, since):
        """Of the cgroups that were made here; other containers may come and go beside them."""
        return {name: points for name, points in self.aggregator.render(
            "dadvisor.%s.instances.*.*.cpu.usage" % cluster, start=str(int(since) - 1)).items()
                if ".00000000" in name}

    def bare_agent(self, name):
        agent = self.start(lab.Agent(self.directory, self.aggregator, name=name, cluster=name,
                                     step="%ds" % STEP, docker_socket=""))
        parent = lab.mount_of("cpuacct") + "/dadvisor-%s-%d" % (name, os.getpid())
        os.mkdir(parent)
        self.addCleanup(os.rmdir, parent)
        lab.wait_until(lambda: self.aggregator.render(
            "dadvisor.%s.hosts.%s.mem.total" % (name, name), start="-10s"), 30, "it has rows")
        time.sleep(3 * STEP)
        return agent, parent

    def test_eighty_cgroups_a_second(self):
        """Each with a process that ends by itself, removed as soon as it was reaped."""
        rate, seconds = 80, 60 if FULL else 10
        agent, parent = self.bare_agent("busy")
        base = self.footprint(agent)
        begun, made, running = time.time(), 0, {}
        while made < rate * seconds or running:
            if made < rate * seconds and time.time() >= begun + made / rate:
                cgroup = "%s/%012x%s" % (parent, made + 1, "0" * 52)
                os.mkdir(cgroup)
                child = os.fork()
                if child == 0:
                    with open(cgroup + "/cgroup.procs", "w") as file:
                        file.write(str(os.getpid()))
                    time.sleep(0.05)
                    os._exit(0)
                running[child] = cgroup
                made += 1
            child, _ = os.waitpid(-1, os.WNOHANG) if running else (0, 0)
            if child:
                os.rmdir(running.pop(child))
            else:
                time.sleep(0.001)
        took = time.time() - begun
        after = self.settle(agent, base[0])
        time.sleep(2 * STEP)
        rows = self.cpu_rows("busy", begun)
        last_rows = agent.own_metric("dadvisor_agent_last_rows_total")
        missed = agent.own_metric("dadvisor_agent_missed_ends_total")
        print("%d cgroups in %.1f s: %d with rows, %d ends seen, %d missed; files %d -> %d, RSS %d ->"
              " %d KiB" % (made, took, len(rows), last_rows, missed, base[0], after[0], base[1],
                           after[1]), file=sys.stderr)
        # One that came and went before the agent got a processor has no figures; it is counted.
        self.assertGreaterEqual(len(rows), 0.98 * made)
        self.assertGreaterEqual(last_rows + missed, made)
        self.assertEqual(agent.own_metric("dadvisor_agent_batches_dropped_total"), 0)
        self.assertLess(after[1] - base[1], 4096)

    def test_empty_cgroups_come_and_go(self):
        """Nothing ever ran in them, so nothing is told of them."""
        count = 1000 if FULL else 200
        agent, parent = self.bare_agent("empty")
        base = self.footprint(agent)
        begun = time.time()
        for number in range(count):
            cgroup = "%s/%012x%s" % (parent, number + 1, "0" * 52)
            os.mkdir(cgroup)
            os.rmdir(cgroup)
        after = self.settle(agent, base[0])
        time.sleep(2 * STEP)
        print("%d empty cgroups: files %d -> %d, RSS %d -> %d KiB" % (
            count, base[0], after[0], base[1], after[1]), file=sys.stderr)
        self.assertEqual(self.cpu_rows("empty", begun), {})
        self.assertLess(after[1] - base[1], 2048)

    def test_containers_in_a_row(self):
        count = 100 if FULL else 16
        lab.ensure_docker()
        agent = self.start(lab.Agent(self.directory, self.aggregator, name="row", cluster="row",
                                     step="%ds" % STEP))
        lab.wait_until(lambda: self.aggregator.render("dadvisor.row.hosts.row.mem.total",
                                                      start="-10s"), 30, "it has rows")
        time.sleep(3 * STEP)
        base = self.footprint(agent)
        begun = time.time()
        for _ in range(count):
            done = subprocess.run(
                ["docker", "run", "--rm", "-e", "MARATHON_APP_ID=/churn/row",
                 "dadvisor-test:latest", "true"], stdin=subprocess.DEVNULL, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        took = time.time() - begun
        after = self.settle(agent, base[0])
        time.sleep(2 * STEP)
        rows = self.aggregator.render("dadvisor.row.instances.churn_row.*.cpu.usage",
                                      start=str(int(begun) - 1))
        print("%d containers in %.1f s: %d with rows; files %d -> %d, RSS %d -> %d KiB" % (
            count, took, len(rows), base[0], after[0], base[1], after[1]), file=sys.stderr)
        self.assertEqual(len(rows), count)
        self.assertLess(after[1] - base[1], 4096)


if __name__ == "__main__":
    lab.main("churn")
