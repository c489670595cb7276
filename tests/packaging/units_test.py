#!/usr/bin/python3
"""Our services under a real systemd, installed by the .debs and by the RPMs in a container whose
process 1 it is; and what systemd-analyze says of the units."""
import json
import os
import re
import time
import urllib.parse

import packages
from deb_test import next_release as next_deb
from packages import BUILD, PROGRAMS, deb, lab, rpm, run
from rpm_test import next_release as next_rpm

RESOLVER = "dadvisor-resolver.service"
EXPOSURE = {"dadvisor-agent.service": 2.0, "dadvisor-aggregator.service": 2.0, RESOLVER: 3.0}
SERVICES = ["%s.service" % name for name in PROGRAMS.values()]


class Units(packages.Case):
    def test_systemd_understands_every_line(self):
        for component, name in [*PROGRAMS.items(), ("agent", "dadvisor-resolver")]:
            done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                       "--root=%s/stage/%s" % (BUILD, component), name + ".service")
            self.assertEqual(done.stdout, "")

    def test_exposure_is_low(self):
        for component, name in [*PROGRAMS.items(), ("agent", "dadvisor-resolver")]:
            unit = "%s/stage/%s/usr/lib/systemd/system/%s.service" % (BUILD, component, name)
            done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
            exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
            print("    %s: exposure %.1f" % (name, exposure))
            self.assertLessEqual(exposure, EXPOSURE[name + ".service"])


class Machine:
    """A container with systemd; commands run in it, HTTP goes to its loopback."""

    def __init__(self, name, *options):
        self.name, self.options = name, options

    def start(self):
        run(os.path.join(lab.LAB, "systemd-container"), "up", self.name, *self.options)

    def stop(self):
        run(os.path.join(lab.LAB, "systemd-container"), "down", self.name)

    def run(self, *command, check=True):
        return run("docker", "exec", self.name, *command, check=check)

    def copy(self, file):
        run("docker", "cp", file, self.name + ":/root/")
        return "/root/" + os.path.basename(file)

    def get(self, port, path, *options):
        pid = lab.docker("inspect", "-f", "{{.State.Pid}}", self.name)
        return run("nsenter", "-t", pid, "-n", "curl", "-s", "--max-time", "10", *options,
                   "http://127.0.0.1:%d%s" % (port, path), check=False).stdout

    def show(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def pid(self, unit):
        return int(self.show(unit, "MainPID"))

    def status(self, unit):
        """{name: value} of /proc/PID/status of the unit's process."""
        return dict(line.split(":\t", 1) for line in self.run(
            "cat", "/proc/%d/status" % self.pid(unit)).stdout.splitlines() if ":\t" in line)

    def points(self, target):
        answer = self.get(8686, "/render?format=json&from=-5min&target="
                          + urllib.parse.quote(target))
        return [value for series in json.loads(answer or "[]")
                for value, _ in series["datapoints"] if value is not None]


def assert_resolver_is_gone(case, machine):
    for unit in (RESOLVER, "dadvisor-resolver.socket"):
        case.assertEqual((machine.show(unit, "ActiveState"), machine.show(unit, "LoadState")),
                         ("inactive", "not-found"), unit)
    case.assertNotIn("dadvisor-resolver", machine.run("ls", "/run").stdout)


class ServicesOfDebs(packages.Case):
    """One machine for all: the cases go in the order of their names."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine = cls.start(Machine("dadvisor-debs-%d" % os.getpid()))

    def journal(self, unit):
        return self.machine.run("journalctl", "--no-pager", "-n", "30", "-u", unit).stdout

    def test_1_the_install_starts_both_and_figures_flow(self):
        machine = self.machine
        self.assertNotIn("docker:", machine.run("cat", "/etc/group").stdout)
        machine.run("dpkg", "-i", *(machine.copy(deb(component)) for component in PROGRAMS))
        for unit in SERVICES:
            self.assertEqual(machine.show(unit, "ActiveState"), "active", self.journal(unit))
        lab.wait_until(lambda: machine.get(8686, "/healthz") == "ok", 10, "the aggregator answers")
        lab.wait_until(lambda: machine.points("dadvisor.*.hosts.*.mem.total"), 40, "figures came")
        total = int(re.search(r"MemTotal: +(\d+)", lab.read("/proc/meminfo"))[1]) * 1024
        self.assertEqual(set(machine.points("dadvisor.*.hosts.*.mem.total")), {total})
        for unit in (*SERVICES, RESOLVER):
            self.assertEqual(machine.show(unit, "ActiveState"), "active", self.journal(unit))
            self.assertEqual(machine.show(unit, "NRestarts"), "0", self.journal(unit))
        self.assertIn("\ndadvisor_agent_resolver_up 1\n", machine.get(8687, "/metrics"))

    def test_2_they_are_users_without_any_privilege(self):
        users = {line.split(":")[0]: line.split(":")[2]
                 for line in self.machine.run("cat", "/etc/passwd").stdout.splitlines()}
        for unit, user in zip((*SERVICES, RESOLVER),
                              ("dadvisor", "dadvisor-aggregator", "dadvisor-resolver")):
            status = self.machine.status(unit)
            self.assertEqual(set(status["Uid"].split()), {users[user]})
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
            self.assertEqual({int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")}, {0})
        self.assertEqual(
            self.machine.run("stat", "-c", "%U %a", "/var/lib/dadvisor/agent",
                             "/var/lib/dadvisor/aggregator").stdout,
            "dadvisor 700\ndadvisor-aggregator 700\n")
        self.assertEqual(self.machine.run("stat", "-c", "%U %a", "/run/dadvisor-resolver.sock").stdout,
                         "dadvisor 600\n")
        # It sees no network but its own, empty one.
        self.assertEqual([line.split(":")[0].strip() for line in self.machine.run(
            "cat", "/proc/%d/net/dev" % self.machine.pid(RESOLVER)).stdout.splitlines()[2:]], ["lo"])

    def test_3_the_resolver_alone_is_in_the_group_docker_once_there_is_one(self):
        machine = self.machine
        machine.run("groupadd", "-r", "-g", "777", "docker")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", RESOLVER, *SERVICES)
        self.assertIn("777", machine.status(RESOLVER)["Groups"].split())
        for unit in SERVICES:
            self.assertNotIn("777", machine.status(unit)["Groups"].split())
        machine.run("groupdel", "docker")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", RESOLVER)
        self.assertNotIn("777", machine.status(RESOLVER)["Groups"].split())

    def test_4_they_come_back_after_a_kill(self):
        for unit in (*SERVICES, RESOLVER):
            before = self.machine.pid(unit)
            self.machine.run("systemctl", "kill", "-s", "KILL", unit)
            lab.wait_until(lambda: self.machine.pid(unit) not in (0, before), 20, unit + " is back")

    def test_5_a_wrong_configuration_is_named_once_and_not_tried_again(self):
        for component, unit in zip(PROGRAMS, SERVICES):
            path = "/etc/dadvisor/%s.yml" % component
            self.machine.run("cp", path, "/root/kept.yml")
            self.machine.run("sh", "-c", "echo 'lissten: 127.0.0.1:1' >>" + path)
            self.machine.run("systemctl", "restart", unit, check=False)
            lab.wait_until(lambda: self.machine.show(unit, "ActiveState") == "failed", 10, "it ended")
            time.sleep(4)  # twice RestartSec
            self.assertEqual(self.machine.show(unit, "ActiveState"), "failed")
            self.assertEqual(self.machine.show(unit, "ExecMainStatus"), "2")
            self.assertIn("lissten: unknown key; did you mean 'listen'?", self.journal(unit))
            self.machine.run("cp", "/root/kept.yml", path)
            self.machine.run("systemctl", "start", unit)
            self.assertEqual(self.machine.show(unit, "ActiveState"), "active")

    def test_6_with_a_token_beyond_loopback(self):
        # README.md, "Installing on a fleet", on one machine.
        machine, token = self.machine, "0123456789abcdef" * 4
        users = ("dadvisor", "dadvisor-aggregator")
        lines = ("aggregator: http://127.0.0.1:8686", "listen: 0.0.0.0:8686")
        for component, unit, user, line in zip(PROGRAMS, SERVICES, users, lines):
            machine.run("sh", "-c", """umask 077; cd /etc/dadvisor
                cp {0}.yml /root/{0}.yml && echo {1} >{0}.token && chown {2} {0}.token &&
                printf '{3}\ntoken_file: /etc/dadvisor/{0}.token\n' >>{0}.yml""".format(
                    component, token, user, line))
        for component, unit in zip(PROGRAMS, SERVICES):
            machine.run("systemctl", "restart", unit)
            self.addCleanup(machine.run, "systemctl", "restart", unit)
            self.addCleanup(machine.run, "cp", "/root/%s.yml" % component, "/etc/dadvisor/")
        started = time.time()
        path = "/render?format=json&from=-5min&target=dadvisor.*.hosts.*.cpu.cores"
        header = ("-H", "Authorization: Bearer " + token)
        lab.wait_until(lambda: any(
            when > started and value is not None
            for series in json.loads(machine.get(8686, path, *header) or "[]")
            for value, when in series["datapoints"]), 40, "figures came by the token")
        code = ("-o", "/dev/null", "-w", "%{http_code}")
        self.assertEqual(machine.get(8686, path, *code), "401")
        sockets = machine.run("cat", "/proc/net/tcp").stdout
        self.assertRegex(sockets, r"00000000:%04X 00000000:0000 0A" % 8686)

    def test_7_an_upgrade_restarts_and_a_removal_stops(self):
        machine = self.machine
        for component, unit in zip(PROGRAMS, SERVICES):
            directory = os.path.join(self.directory, component)
            os.makedirs(directory)
            before, resolver = machine.pid(unit), machine.pid(RESOLVER)
            machine.run("dpkg", "--force-confold", "-i", machine.copy(next_deb(deb(component), directory)))
            self.assertNotIn(machine.pid(unit), (0, before))
            if component == "agent":
                self.assertNotIn(machine.pid(RESOLVER), (0, resolver))
                lab.wait_until(lambda: "\ndadvisor_agent_resolver_up 1\n" in machine.get(
                    8687, "/metrics"), 20, "the new ones find each other")
            machine.run("dpkg", "-P", PROGRAMS[component])
            assert_resolver_is_gone(self, machine)
            self.assertEqual(machine.show(unit, "ActiveState"), "inactive")
            self.assertEqual(machine.show(unit, "LoadState"), "not-found")
        running = machine.run("sh", "-c", "readlink /proc/[0-9]*/exe", check=False).stdout
        self.assertIn("systemd", running)
        self.assertNotIn("dadvisor", running)


class ServicesOfRpms(packages.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machine = cls.start(Machine("dadvisor-rpms-%d" % os.getpid()))

    def test_install_enable_upgrade_erase(self):
        machine = self.machine
        next_rpm("agent", self.directory)
        for component, unit in zip(PROGRAMS, SERVICES):
            machine.run("rpm", "-i", "--nodeps", "--nosignature", machine.copy(rpm(component)))
            self.assertEqual(machine.show(unit, "ActiveState"), "inactive")
            self.assertEqual(machine.show(unit, "LoadState"), "loaded")
            machine.run("systemctl", "enable", "--now", unit)
            self.assertEqual(machine.show(unit, "ActiveState"), "active")
        lab.wait_until(lambda: machine.points("dadvisor.*.hosts.*.cpu.cores"), 40, "figures came")
        for component, unit in zip(PROGRAMS, SERVICES):
            before = machine.pid(unit)
            machine.run("rpm", "-U", "--nodeps", "--nosignature", machine.copy(
                os.path.join(self.directory, "dadvisor-%s-2.rpm" % component)))
            self.assertNotIn(machine.pid(unit), (0, before))
            machine.run("rpm", "-e", "--nodeps", PROGRAMS[component])
            assert_resolver_is_gone(self, machine)
            self.assertEqual(machine.show(unit, "ActiveState"), "inactive")
            self.assertEqual(machine.show(unit, "LoadState"), "not-found")
            self.assertNotIn(unit, machine.run(
                "ls", "/etc/systemd/system/multi-user.target.wants").stdout)


if __name__ == "__main__":
    packages.main("units")
