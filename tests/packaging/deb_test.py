#!/usr/bin/python3
"""The two .debs: the same files as the RPMs, and install, upgrade, remove and purge by dpkg in a bare
Debian root. Under a running systemd they are installed by units_test.py."""
import json
import os
import re

import packages
from agent_static_test import host_figures
from packages import PROGRAMS, deb, query, rpm, run


def field(package, name):
    return run("dpkg-deb", "-f", package, name).stdout.strip()


def next_release(package, directory):
    """The same package once more as release 2, with another default in its configuration."""
    tree = os.path.join(directory, "tree")
    run("dpkg-deb", "-R", package, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    text = packages.lab.read(control)
    with open(control, "w") as file:
        file.write(re.sub(r"(?m)^Version: (.*)-1$", r"Version: \1-2", text))
    for name in os.listdir(os.path.join(tree, "etc", "dadvisor")):
        if name.endswith(".yml"):
            with open(os.path.join(tree, "etc", "dadvisor", name), "a") as file:
                file.write("# a line of release 2\n")
    newer = os.path.join(directory, os.path.basename(package) + "-2.deb")
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, newer)
    return newer


class Deb(packages.Case):
    def test_it_holds_what_the_rpm_holds(self):
        for component in PROGRAMS:
            listed = {}
            for line in run("dpkg-deb", "-c", deb(component)).stdout.splitlines():
                mode, owner, _, _, _, path = line.split(None, 5)
                listed[path.lstrip(".").rstrip("/")] = (mode, owner)
            # Debian's zsh looks elsewhere.
            in_rpm = {path.replace("/zsh/site-functions", "/zsh/vendor-completions"): mode
                      for path, mode in (line.split() for line in query(
                          rpm(component), "--qf", "[%{FILENAMES} %{FILEMODES:perms}\n]"))}
            parents = {path for path in listed if any(
                other.startswith(path + "/") for other in listed)} | {""}
            self.assertEqual(set(listed) - parents, set(in_rpm) - parents)
            for path, (mode, owner) in listed.items():
                self.assertEqual(owner, "root/root", path)
                if path in in_rpm and not path.startswith("/var/lib/dadvisor/"):
                    self.assertEqual(mode, in_rpm[path], path)

    def test_it_says_what_it_is_and_needs(self):
        needs = {"agent": "passwd", "aggregator": "libc6 (>= 2.36), passwd"}
        for component, name in PROGRAMS.items():
            self.assertEqual(field(deb(component), "Package"), name)
            self.assertEqual(field(deb(component), "Version"), packages.version() + "-1")
            self.assertEqual(field(deb(component), "Depends"), needs[component])

    def test_the_agent_installs_reads_upgrades_and_goes(self):
        root = self.root()
        root.bind_kernel_files()
        package = root.copy(deb("agent"))
        newer = root.copy(next_release(deb("agent"), self.directory))
        root.run("dpkg", "-i", package)
        self.assertEqual(root.run("dadvisor-agent", "--version").stdout,
                         "dadvisor-agent %s\n" % packages.version())
        self.assertEqual(root.owner("/var/lib/dadvisor/agent"), "dadvisor:dadvisor 700")
        wants = "/etc/systemd/system/multi-user.target.wants/dadvisor-agent.service"
        self.assertTrue(os.path.islink(root.at(wants)))
        reading = root.run("setpriv", "--reuid", "dadvisor", "--regid", "dadvisor", "--clear-groups",
                           "dadvisor-agent", "once", "-o", "json").stdout
        figures = host_figures(json.loads(reading[reading.index("{"):]))
        self.assertEqual(figures["cpu.count"], os.cpu_count())

        root.put("/etc/dadvisor/agent.yml", "cluster: changed\n")
        os.unlink(root.at(wants))  # an operator who disables it
        root.run("dpkg", "--force-confold", "-i", newer)
        self.assertEqual(field(newer and root.at(newer), "Version"), packages.version() + "-2")
        self.assertIn("-2", root.run("dpkg-query", "-W", "dadvisor-agent").stdout)
        self.assertEqual(root.run("cat", "/etc/dadvisor/agent.yml").stdout, "cluster: changed\n")
        self.assertIn("a line of release 2",
                      root.run("cat", "/etc/dadvisor/agent.yml.dpkg-dist").stdout)
        self.assertFalse(os.path.islink(root.at(wants)), "an upgrade enabled it again")

        root.run("touch", "/var/lib/dadvisor/agent/waiting")
        root.run("dpkg", "-r", "dadvisor-agent")
        self.assertTrue(os.path.exists(root.at("/etc/dadvisor/agent.yml")))
        self.assertTrue(os.path.exists(root.at("/var/lib/dadvisor/agent/waiting")))
        self.assertFalse(os.path.exists(root.at("/usr/bin/dadvisor-agent")))
        root.run("dpkg", "-P", "dadvisor-agent")
        for path in ("/etc/dadvisor/agent.yml", "/var/lib/dadvisor",
                     "/etc/systemd/system/dadvisor-agent.service"):
            self.assertFalse(os.path.lexists(root.at(path)), path)
        root.run("getent", "passwd", "dadvisor")

    def test_an_unchanged_configuration_is_renewed(self):
        root = self.root()
        directory = os.path.join(self.directory, "renewed")
        os.makedirs(directory)
        root.run("dpkg", "-i", root.copy(deb("agent")))
        root.run("dpkg", "-i", root.copy(next_release(deb("agent"), directory)))
        self.assertIn("a line of release 2", root.run("cat", "/etc/dadvisor/agent.yml").stdout)

    def test_the_aggregator_installs_runs_and_its_data_outlive_a_purge(self):
        root = self.root()
        root.run("dpkg", "-i", root.copy(deb("agent")), root.copy(deb("aggregator")))
        self.assertEqual(root.run("dadvisor-aggregator", "--version").stdout,
                         "dadvisor-aggregator %s\n" % packages.version())
        root.run("touch", "/var/lib/dadvisor/aggregator/kept")
        done = root.run("dpkg", "-P", "dadvisor-aggregator")
        self.assertIn("stays in /var/lib/dadvisor/aggregator", done.stdout)
        self.assertTrue(os.path.exists(root.at("/var/lib/dadvisor/aggregator/kept")))
        self.assertFalse(os.path.exists(root.at("/usr/lib/dadvisor")))
        self.assertTrue(os.path.exists(root.at("/etc/dadvisor/agent.yml")))


if __name__ == "__main__":
    packages.main("deb")
