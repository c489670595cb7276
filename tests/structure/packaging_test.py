#!/usr/bin/python3
"""What the packages are made of, read by the tools that know such files; nothing is built for it.

Shell scripts and the packages' scriptlets by shellcheck, the spec by rpmlint, the services by
systemd-analyze, man pages by man, Grafana's dashboard as Grafana reads it. A tool that is lacking
skips its case. The packages themselves: tests/packaging.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import lab  # noqa: E402  (a directory for each test, skips with their reason)

PACKAGING = os.path.join(lab.ROOT, "packaging")
# At the most; systemd's scale goes from 0, closed, to 10.
EXPOSURE = {"dadvisor-agent.service": 2.0, "dadvisor-aggregator.service": 2.0,
            "dadvisor-resolver.service": 3.0}
UNITS = sorted(glob.glob(os.path.join(PACKAGING, "systemd", "*.service")))
SOCKETS = glob.glob(os.path.join(PACKAGING, "systemd", "*.socket"))


def needs(tool):
    return unittest.skipUnless(shutil.which(tool), "no %s here" % tool)


def run(*command, stdin="", **options):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)


def filled_in(path, **values):
    """A template with its @NAMES@ replaced; lines that hold nothing else go."""
    text = re.sub(r"(?m)^@\w+@\n", "", lab.read(path))
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], text)


def shell_scripts():
    found = []
    for top in (".ci", "packaging", "tests"):
        for directory, _, names in os.walk(os.path.join(lab.ROOT, top)):
            for name in names:
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    first = file.readline(80)
                if re.match(rb"#!/bin/(ba)?sh\b|# shellcheck shell=", first):
                    found.append(os.path.relpath(path, lab.ROOT))
    return sorted(found)


def scriptlets(spec):
    """{"%pre -n dadvisor-agent": its text} of a spec file."""
    parts = re.split(r"(?m)^(%[a-z]+\b.*)\n", spec)
    return {head: text for head, text in zip(parts[1::2], parts[2::2])
            if re.match(r"%(pre|post|preun|postun) ", head)}


class Shell(lab.Case):
    def shellcheck(self, *arguments, **options):
        done = run("shellcheck", *arguments, cwd=lab.ROOT, **options)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    @needs("shellcheck")
    def test_scripts(self):
        scripts = shell_scripts()
        for path in ("tests/run", "packaging/quickstart", "packaging/lib/packages.sh",
                     "packaging/deb/postinst", "packaging/systemd/dadvisor-agent-docker"):
            self.assertIn(path, scripts)
        self.shellcheck("--external-sources", *scripts)

    @needs("shellcheck")
    def test_the_debs_scripts_as_they_are_installed(self):
        for script in ("postinst", "prerm", "postrm"):
            for component, user in (("agent", "dadvisor"), ("aggregator", "dadvisor-aggregator")):
                self.shellcheck("-", stdin=filled_in(os.path.join(PACKAGING, "deb", script),
                                                     COMPONENT=component, USER=user))

    @needs("shellcheck")
    def test_the_rpms_scriptlets(self):
        found = scriptlets(lab.read(os.path.join(PACKAGING, "rpm", "dadvisor.spec.in")))
        self.assertEqual(sorted(found), sorted(
            "%%%s -n dadvisor-%s" % (when, component) for when in ("pre", "post", "preun", "postun")
            for component in ("agent", "aggregator")))
        for head, text in found.items():
            self.assertIn("\n", text, head)
            # rpm hands them to /bin/sh, with $1.
            self.shellcheck("--shell=sh", "-", stdin=text)


class Rpm(lab.Case):
    @needs("rpmlint")
    def test_the_spec(self):
        path = os.path.join(self.directory, "dadvisor.spec")
        with open(path, "w") as file:
            file.write(filled_in(os.path.join(PACKAGING, "rpm", "dadvisor.spec.in"),
                                 PROJECT_VERSION="1.0.0"))
        done = run("rpmlint", "-c", os.path.join(PACKAGING, "rpm", "rpmlint.toml"), path)
        self.assertIn("1 specfiles checked; 0 errors, 0 warnings", done.stdout)


class Systemd(lab.Case):
    @needs("systemd-analyze")
    def test_systemd_understands_every_line(self):
        for unit in UNITS:
            name = os.path.basename(unit)
            root = os.path.join(self.directory, name + ".root")
            program = os.path.join(root, "usr", "bin", name[:-len(".service")])
            at = os.path.join(root, "usr", "lib", "systemd", "system")
            for directory in (os.path.dirname(program), at):
                os.makedirs(directory)
            for one in [unit, *SOCKETS]:
                shutil.copy(one, at)
            with open(program, "w") as file:
                os.chmod(program, 0o755)
                file.write("#!/bin/sh\n")
            done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                       "--root=" + root, name)
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    @needs("systemd-analyze")
    def test_exposure_is_low(self):
        self.assertEqual([os.path.basename(unit) for unit in UNITS], sorted(EXPOSURE))
        for unit in UNITS:
            done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
            exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
            print("    %s: exposure %.1f" % (os.path.basename(unit), exposure))
            self.assertLessEqual(exposure, EXPOSURE[os.path.basename(unit)])


class ManPages(lab.Case):
    @needs("man")
    def test_man_has_no_warning(self):
        pages = glob.glob(os.path.join(PACKAGING, "man", "*.[1-8]"))
        self.assertEqual(len(pages), 4)
        for page in pages:
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            self.assertIn("SEE ALSO", re.sub(".\b|\x1b\\[[0-9;]*m", "", done.stdout))


class Dashboard(lab.Case):
    def test_every_panel_says_what_it_shows(self):
        text = lab.read(os.path.join(PACKAGING, "grafana", "dadvisor.json"))
        dashboard = json.loads(text)
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        self.assertGreater(len(panels), 10)
        for panel in panels:
            defaults = panel["fieldConfig"]["defaults"]
            # Words as people say them: no leaf's name, and short enough for a third of a screen.
            self.assertRegex(panel["title"], r"^[A-Z][A-Za-z ,]{2,40}$")
            self.assertRegex(panel["description"], r"^[A-Z].*\.$")
            self.assertRegex(defaults["unit"], r"^(bytes|Bps|percent|short|suffix:[a-z]+)$")
            self.assertEqual(panel["options"]["legend"]["showLegend"], True)
            self.assertTrue(panel["options"]["legend"]["calcs"], panel["title"])
            references = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(set(references)), len(references))
        row, names, ids = None, [], []
        for panel in dashboard["panels"]:
            row = panel["title"] if panel["type"] == "row" else row
            names.append((row, panel["title"]))
            ids.append(panel["id"])
        self.assertEqual((len(set(names)), len(set(ids))), (len(names), len(ids)))
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        self.assertLessEqual(set(re.findall(r"\$\{?([a-z]\w*)", text)), variables)


if __name__ == "__main__":
    lab.main("packaging", "structure")
