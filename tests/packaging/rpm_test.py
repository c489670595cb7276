#!/usr/bin/python3
"""The two RPMs: what they say of themselves, and install, upgrade and erase in a bare Debian root.

The root has no RPMs but ours in its database, hence --nodeps; what is required is compared with a
list instead. Under a running systemd they are installed by units_test.py.
"""
import glob
import json
import os
import re
import shutil

import packages
from agent_static_test import host_figures
from packages import BUILD, PROGRAMS, ROOT, query, run, rpm

REQUIRES = {
    "agent": ["/bin/sh", "/usr/bin/getent", "/usr/sbin/groupadd", "/usr/sbin/useradd"],
    "aggregator": ["/bin/sh", "/usr/bin/getent", "/usr/sbin/groupadd", "/usr/sbin/useradd",
                   # Debian 12's glibc; whatever is newer has it.
                   "libc.so.6(GLIBC_2.36)(64bit)"],
}
FILES = {  # user:group and mode of what is not root's 644, 755 or a link
    "agent": {"/var/lib/dadvisor/agent": "dadvisor:dadvisor 40700"},
    "aggregator": {"/var/lib/dadvisor/aggregator":
                   "dadvisor-aggregator:dadvisor-aggregator 40700"},
}
USERS = {"agent": ("dadvisor", "dadvisor-resolver"), "aggregator": ("dadvisor-aggregator",)}


def next_release(component, directory):
    """The same package once more as release 2, with another default in its configuration."""
    stage = os.path.join(directory, "stage")
    shutil.copytree(os.path.join(BUILD, "stage"), stage, symlinks=True)
    for name in PROGRAMS:
        with open("%s/%s/etc/dadvisor/%s.yml" % (stage, name, name), "a") as file:
            file.write("# a line of release 2\n")
    spec = os.path.join(directory, "dadvisor.spec")
    with open(os.path.join(BUILD, "packaging", "dadvisor.spec")) as old, open(spec, "w") as new:
        new.write(old.read().replace("\nRelease: 1\n", "\nRelease: 2\n"))
    run("rpmbuild", "-bb", "--define", "_topdir " + directory, "--define", "_rpmdir " + directory,
        "--define", "_binary_payload w1.gzdio", "--define", "_build_name_fmt %%{NAME}-2.rpm",
        "--define", "stage " + stage, "--define", "glibc 2.36",
        spec.replace("%", "%%"))
    return os.path.join(directory, "dadvisor-%s-2.rpm" % component)


class Rpm(packages.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.newer = os.path.join(cls.directory, "newer")
        os.makedirs(cls.newer)
        next_release("agent", cls.newer)

    def test_rpmlint_has_nothing_to_say(self):
        for component in PROGRAMS:
            done = run("rpmlint", "-c", os.path.join(ROOT, "packaging", "rpm", "rpmlint.toml"),
                       rpm(component), check=False)
            said = [line for line in done.stdout.splitlines() if re.match(r"\S+: [EW]: ", line)]
            self.assertEqual(said, [], done.stdout)
            self.assertIn("0 errors, 0 warnings", done.stdout)

    def test_it_requires_just_this(self):
        for component, wanted in REQUIRES.items():
            lines = query(rpm(component), "--requires")
            ours = sorted({line for line in lines if not line.startswith(("rpmlib(", "config("))})
            self.assertEqual(ours, wanted)
            # Of rpm itself, what CentOS 7's can do.
            self.assertLessEqual(
                {re.match(r"rpmlib\((\w+)\)", line)[1] for line in lines if line.startswith("rpmlib(")},
                {"CompressedFileNames", "FileDigests", "PayloadFilesHavePrefix", "PayloadIsXz"})

    def test_it_provides_itself_and_no_library(self):
        for component, name in PROGRAMS.items():
            provided = {line.split(" ")[0] for line in query(rpm(component), "--provides")}
            self.assertLessEqual(provided, {name, name + "(x86-64)", name + "(aarch-64)",
                                            "config(%s)" % name})

    def test_its_version_is_the_projects(self):
        for component, name in PROGRAMS.items():
            self.assertEqual(query(rpm(component), "--qf", "%{NAME} %{VERSION} %{LICENSE}"),
                             ["%s %s Apache-2.0" % (name, packages.version())])

    def test_files_have_these_owners_and_modes(self):
        for component in PROGRAMS:
            for line in query(rpm(component), "--qf",
                              "[%{FILENAMES} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEMODES:octal}\n]"):
                path, mode = line.split(" ", 1)
                if path in FILES[component]:
                    self.assertEqual(mode, FILES[component][path])
                else:
                    self.assertRegex(mode, r"^root:root (40755|100644|100755)$", path)
            config = query(rpm(component), "--configfiles")
            self.assertIn("/etc/dadvisor/%s.yml" % component, config)
            flags = query(rpm(component), "--qf", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]")
            self.assertIn("/etc/dadvisor/%s.yml cn" % component, flags)

    def install(self, root, *arguments):
        """rpm's messages, without Debian's own that one should not use it here."""
        done = root.run("rpm", *arguments, "--nodeps", "--nosignature")
        return [line for line in done.stdout.splitlines() if not line.startswith("rpm: ")]

    def test_the_agent_installs_reads_upgrades_and_goes(self):
        root = self.root()
        root.bind_kernel_files()
        package, newer = root.copy(rpm("agent")), root.copy(self.newer + "/dadvisor-agent-2.rpm")
        self.assertEqual(self.install(root, "-i", package), [])
        self.assertEqual(root.run("dadvisor-agent", "--version").stdout,
                         "dadvisor-agent %s\n" % packages.version())
        self.assertEqual(root.run("rpm", "-V", "--nodeps", "dadvisor-agent").stdout, "")
        self.assertEqual(root.run("id", "-nG", "dadvisor").stdout.strip(), "dadvisor")
        self.assertEqual(root.owner("/var/lib/dadvisor/agent"), "dadvisor:dadvisor 700")
        self.assertIn("/usr/sbin/nologin", root.run("getent", "passwd", "dadvisor").stdout)
        # A real reading, as the service's user.
        reading = root.run("setpriv", "--reuid", "dadvisor", "--regid", "dadvisor", "--clear-groups",
                           "dadvisor-agent", "once", "-o", "json").stdout
        figures = host_figures(json.loads(reading[reading.index("{"):]))
        self.assertEqual(figures["cpu.count"], os.cpu_count())

        # A configuration that was changed stays at an upgrade, and the new one lies beside it.
        root.put("/etc/dadvisor/agent.yml", "cluster: changed\n")
        root.run("touch", "/var/lib/dadvisor/agent/waiting")
        self.install(root, "-U", newer)
        self.assertEqual(root.run("rpm", "-q", "--qf", "%{RELEASE}", "dadvisor-agent").stdout, "2")
        self.assertEqual(root.run("cat", "/etc/dadvisor/agent.yml").stdout, "cluster: changed\n")
        self.assertIn("a line of release 2",
                      root.run("cat", "/etc/dadvisor/agent.yml.rpmnew").stdout)
        self.assertEqual(root.run("id", "-nG", "dadvisor").stdout.strip(), "dadvisor")

        # An erase leaves what was changed, what waits, and the user; nothing else.
        self.install(root, "-e", "dadvisor-agent")
        left = root.run("find", "/", "-xdev", "(", "-name", "*dadvisor*", "-o", "-path",
                        "/etc/dadvisor/*", "-o", "-path", "/var/lib/dadvisor/*", ")",
                        "-not", "-name", "*.rpm").stdout.split()
        self.assertEqual(sorted(left), [
            "/etc/dadvisor", "/etc/dadvisor/agent.yml.rpmnew", "/etc/dadvisor/agent.yml.rpmsave",
            "/var/lib/dadvisor", "/var/lib/dadvisor/agent", "/var/lib/dadvisor/agent/waiting"])
        for user in USERS["agent"]:
            root.run("getent", "passwd", user)

    def test_sysusers_makes_the_users_that_the_scriptlets_make(self):
        root = self.root()
        for component, users in USERS.items():
            self.install(root, "-i", root.copy(rpm(component)))
            for user in users:
                self.check_sysusers(root, component, user)

    def check_sysusers(self, root, component, user):
        def entry():
            line = root.run("getent", "passwd", user).stdout.split(":")
            return line[:2] + line[4:], root.run("id", "-nG", user).stdout
        made = entry()
        sysusers = ["systemd-sysusers", "/usr/lib/sysusers.d/%s.conf" % PROGRAMS[component]]
        root.run(*sysusers)
        self.assertEqual(entry(), made)
        root.run("userdel", user)
        self.assertNotEqual(root.run("getent", "passwd", user, check=False).returncode, 0)
        root.run(*sysusers)
        self.assertEqual(entry(), made)

    def test_an_unchanged_configuration_is_renewed(self):
        root = self.root()
        package, newer = root.copy(rpm("agent")), root.copy(self.newer + "/dadvisor-agent-2.rpm")
        self.install(root, "-i", package)
        self.install(root, "-U", newer)
        self.assertIn("a line of release 2", root.run("cat", "/etc/dadvisor/agent.yml").stdout)
        self.install(root, "-e", "dadvisor-agent")
        self.assertFalse(os.path.exists(root.at("/etc/dadvisor")))
        self.assertFalse(os.path.exists(root.at("/var/lib/dadvisor")))

    def test_the_aggregator_installs_upgrades_and_goes_beside_the_agent(self):
        root = self.root()
        self.install(root, "-i", root.copy(rpm("agent")))
        self.install(root, "-i", root.copy(rpm("aggregator")))
        self.assertEqual(root.run("dadvisor-aggregator", "--version").stdout,
                         "dadvisor-aggregator %s\n" % packages.version())
        # The stock rules as they come.
        checked = root.run("dadvisor", "check-config", "/etc/dadvisor").stdout
        for rules in glob.glob(os.path.join(ROOT, "packaging", "rules", "*.yml")):
            self.assertIn("/etc/dadvisor/rules.d/" + os.path.basename(rules), checked)
        self.assertEqual(root.run("cat", "/usr/share/dadvisor/grafana/dadvisor.json").stdout,
                         packages.lab.read(os.path.join(ROOT, "packaging/grafana/dadvisor.json")))
        self.assertEqual(root.owner("/var/lib/dadvisor/aggregator"),
                         "dadvisor-aggregator:dadvisor-aggregator 700")
        self.install(root, "-U", root.copy(self.newer + "/dadvisor-aggregator-2.rpm"))
        self.install(root, "-e", "dadvisor-aggregator")
        self.assertFalse(os.path.exists(root.at("/usr/lib/dadvisor")))
        self.assertTrue(os.path.exists(root.at("/etc/dadvisor/agent.yml")))
        self.assertTrue(os.path.exists(root.at("/var/lib/dadvisor/agent")))

    def test_the_aggregator_takes_glibc_alone_from_the_host(self):
        root = self.root()
        self.install(root, "-i", root.copy(rpm("aggregator")))
        programs = [name for name in os.listdir(root.at("/usr/bin"))
                    if name in ("dadvisor", "dadvisor-aggregator")]
        used = set()
        for name in programs:
            done = root.run("env", "LD_TRACE_LOADED_OBJECTS=1", "/usr/bin/" + name)
            self.assertNotIn("not found", done.stdout)
            loaded = dict(re.findall(r"^\s*(\S+) => (\S+)", done.stdout, re.M))
            outside = {soname for soname, path in loaded.items()
                       if not os.path.normpath(path).startswith("/usr/lib/dadvisor/")}
            # All of glibc: libpthread is empty since 2.34, and what cairo brings still names it.
            self.assertLessEqual(outside, {"libc.so.6", "libm.so.6", "libpthread.so.0",
                                           "libresolv.so.2"})
            used |= set(loaded) - outside
        carried = {name for name in os.listdir(root.at("/usr/lib/dadvisor")) if ".so" in name}
        self.assertEqual(carried, used)
        self.assertIn("libcurl.so.4", carried)
        notices = os.listdir(root.at("/usr/share/doc/dadvisor-aggregator/libraries"))
        self.assertLessEqual({"libcurl4", "libjemalloc-dev", "libboost1.81-dev"}, set(notices))

    def test_a_failing_group_or_user_stops_the_install(self):
        root = self.root()
        root.put("/usr/sbin/useradd", "#!/bin/sh\nexit 4\n")
        done = root.run("rpm", "-i", "--nodeps", "--nosignature", root.copy(rpm("agent")), check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(os.path.exists(root.at("/usr/bin/dadvisor-agent")))


if __name__ == "__main__":
    packages.main("rpm")
