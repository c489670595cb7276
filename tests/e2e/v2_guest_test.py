#!/usr/bin/python3
"""Our .debs under a real systemd on a machine with pure cgroup v2, pressure files and cpusets, whose
Docker daemon uses systemd's driver: an emulated guest (tests/lab/v2-guest), about five minutes.

This file runs twice: outside it makes the guest and starts itself inside; there the cases run.
Truths are read before a tick and after its figure is visible: a counter must lie between the two,
however slow the guest is. Skipped where the guest cannot boot.
"""
import glob
import os
import shutil
import subprocess
import sys
import time

import lab

MIB = 1 << 20
INSIDE = os.environ.get("DADVISOR_IN_GUEST") == "1"
SPIN = "load cpu 1000 3000"


class Aggregator:
    """The installed service, as lab.Container wants it."""

    def render(self, target, start="-10min", until=None):
        return lab.render("http://127.0.0.1:8686", target, start, until)


def command(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, "%s: %s" % (" ".join(words), done.stdout)
    return done.stdout.strip()


def stalled(path):
    """Seconds that some task was stalled, of a pressure file."""
    for line in lab.read(path).splitlines():
        if line.startswith("some "):
            return int(line.rsplit("total=", 1)[1]) / 1e6
    raise AssertionError("%s: no line 'some'" % path)


class InGuest(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.makedirs("/etc/dadvisor", exist_ok=True)
        with open("/etc/dadvisor/agent.yml", "w") as file:
            file.write("step: 2s\n")
        command("dpkg", "--force-confold", "-i", *glob.glob("/host/*.deb"))
        cls.aggregator = Aggregator()
        lab.wait_until(lambda: cls.hosts("mem.total"), 300, "the services' figures come")

    @classmethod
    def hosts(cls, leaf):
        """{time: value} of this host's leaf."""
        status, _ = lab.http_get("http://127.0.0.1:8686/healthz")
        found = cls.aggregator.render("dadvisor.*.hosts.*." + leaf) if status == 200 else {}
        return next(iter(found.values()), {})

    def container(self, script, *options):
        made = lab.Container("/guest/" + self._testMethodName.replace("_", "-"), script, *options)
        self.addCleanup(made.stop)
        made.start()
        return made

    def newest(self, ask, what, beyond=None):
        """The newest point of a series, once there is one later than `beyond`."""
        def newer():
            points = ask()
            return points and (beyond is None or max(points) > beyond) and points
        points = lab.wait_until(newer, 300, "%s has a new point" % what, 0.5)
        return max(points), points[max(points)]

    def assert_between(self, truth, ask, what, least_growth=0.0):
        """A counter that grew has its next point between readings before and after that point."""
        first = truth()
        lab.wait_until(lambda: truth() - first >= least_growth, 300, what + " grows", 0.5)
        before = truth()
        _, got = self.newest(ask, what, time.time())  # a tick that began after that reading
        after = truth()
        print("    %s: %.6g <= %.6g <= %.6g" % (what, before, got, after))
        self.assertLessEqual(before - 1e-6, got, what)
        self.assertLessEqual(got, after + 1e-6, what)

    def test_1_this_is_pure_v2_with_systemds_driver(self):
        self.assertEqual(command("stat", "-f", "-c", "%T", "/sys/fs/cgroup"), "cgroup2fs")
        self.assertEqual(lab.docker("info", "-f", "{{.CgroupDriver}} {{.CgroupVersion}}"), "systemd 2")
        self.assertEqual(lab.read("/proc/1/comm").strip(), "systemd")

    def test_2_the_services_run_as_they_should(self):
        for unit, user in (("dadvisor-agent", "dadvisor"), ("dadvisor-resolver", "dadvisor-resolver"),
                           ("dadvisor-aggregator", "dadvisor-aggregator")):
            show = lambda name: command("systemctl", "show", "-P", name, unit + ".service")
            self.assertEqual((show("ActiveState"), show("NRestarts")), ("active", "0"))
            status = lab.read("/proc/%s/status" % show("MainPID"))
            self.assertIn("CapEff:\t0000000000000000", status)
            self.assertEqual(command("ps", "-o", "user:32=", "-p", show("MainPID")), user)
            groups = command("ps", "-o", "supgrp:80=", "-p", show("MainPID")).split(",")
            self.assertEqual("docker" in groups, unit == "dadvisor-resolver", groups)

    def test_3_cpusets_and_quotas_are_limits(self):
        for options, limit in ((("--cpuset-cpus", "0"), 1.0), (("--cpuset-cpus", "1", "--cpus", "0.5"), 0.5),
                               (("--cpuset-cpus", "0-1"), None)):
            box = self.container(SPIN, *options)
            where = box.cgroup("cpu")
            self.assertTrue(where.endswith("/system.slice/docker-%s.scope" % box.id), where)
            self.assertEqual(lab.read(where + "/cpuset.cpus.effective").strip(), options[1])
            cores = lambda: box.figures(self.aggregator, "cpu.cores")
            tick, _ = self.newest(cores, "cpu.cores of " + " ".join(options))
            tick, used = self.newest(cores, "cpu.cores of " + " ".join(options), tick)
            points = box.figures(self.aggregator, "cpu.limit")
            self.assertEqual(set(points.values()), set() if limit is None else {limit}, options)
            if limit is not None:
                percent = box.figures(self.aggregator, "cpu.pct_limit")[tick]
                self.assert_close(percent, used / limit * 100, 0.001, "cpu.pct_limit")
            box.stop()

    def test_4_pressure_of_a_container_and_of_the_host(self):
        # Two loops on one CPU: one of them always waits.
        box = self.container(SPIN + " & " + SPIN, "--cpuset-cpus", "0")
        pressure = box.cgroup("cpu")
        for leaf, file, growth in (("cpu.pressure_some", "cpu.pressure", 0.5),
                                   ("mem.pressure_some", "memory.pressure", 0),
                                   ("io.pressure_some", "io.pressure", 0)):
            self.assert_between(lambda: stalled(pressure + "/" + file),
                                lambda: box.figures(self.aggregator, leaf), leaf, growth)
        for leaf, file, growth in (("psi.cpu_some", "cpu", 0.5), ("psi.memory_some", "memory", 0),
                                   ("psi.io_some", "io", 0)):
            self.assert_between(lambda: stalled("/proc/pressure/" + file),
                                lambda: self.hosts(leaf), leaf, growth)

    def test_5_memory_and_its_limit(self):
        box = self.container("load mem 32 3000", "--memory", "64m")
        where = box.cgroup("memory")
        lab.wait_until(lambda: box.memory()[0] > 32 * MIB, 300, "the load holds its memory", 0.5)
        rss = lambda: box.figures(self.aggregator, "mem.rss")
        tick, _ = self.newest(rss, "mem.rss")
        _, got = self.newest(rss, "mem.rss", tick + 2)
        self.assert_close(got, box.memory()[0], 0.02, "mem.rss")
        self.assertEqual(lab.read(where + "/memory.max").strip(), str(64 * MIB))
        self.assertEqual(set(box.figures(self.aggregator, "mem.limit").values()), {64 * MIB})

    def test_6_cpu_and_network_of_a_container_by_an_ordinary_user(self):
        server = self.container("while :; do load rx 9000; done")
        address = server.inspect("{{.NetworkSettings.IPAddress}}")
        self.container("while :; do load tx %s 9000 1; sleep 1; done" % address)
        self.assert_between(lambda: server.network()[0],
                            lambda: server.figures(self.aggregator, "net.rx_bytes"),
                            "net.rx_bytes", MIB)
        self.assert_between(server.cpu_reader(),
                            lambda: server.figures(self.aggregator, "cpu.usage"), "cpu.usage", 0.001)

    def test_7_nothing_was_refused_to_the_services(self):
        for unit in ("dadvisor-agent", "dadvisor-aggregator"):
            log = command("journalctl", "--no-pager", "-o", "cat", "-u", unit)
            self.assertNotRegex(log, r"(?i)denied|not permitted|read-only")


class Guest(lab.Case):
    def test_the_cases_in_a_guest(self):
        guest = os.path.join(lab.LAB, "v2-guest")
        machine = os.path.join(lab.ROOT, "build", "lab", "v2-guest")
        made = subprocess.run([guest, "build", machine], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode != 0:
            self.skipTest("the guest cannot be made: " + made.stdout.strip().splitlines()[-1])
        share = os.path.join(self.directory, "share")
        os.makedirs(share)
        debs = glob.glob(os.path.join(lab.ROOT, "build", "package", "deb", "*.deb"))
        self.assertEqual(len(debs), 2, "packaging/deb/build makes them")
        for file in [*debs, os.path.join(lab.HERE, "lab.py"), __file__]:
            shutil.copy(file, share)
        done = subprocess.run(
            [guest, "run", "--share", share, "--limit", "2400", machine, "--", "sh", "-c",
             "touch booted; DADVISOR_IN_GUEST=1 PYTHONDONTWRITEBYTECODE=1 exec python3 v2_guest_test.py"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(done.stdout)
        if done.returncode in (124, 125) and not os.path.exists(os.path.join(share, "booted")):
            self.skipTest("the guest does not boot here")
        self.assertEqual(done.returncode, 0)
        for case in CASES:
            self.assertRegex(done.stdout, r"(?ms)^%s \(((?!^test_).)*\bok$" % case)


CASES = [name for name in dir(InGuest) if name.startswith("test_")]
if INSIDE:
    del Guest
else:
    del InGuest

if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    lab.main("guest", "v2")
