"""packages: what the tests of the packages have in common.

The RPMs and .debs that packaging/rpm/build and packaging/deb/build made just before, and roots to
install them into: an overlay over a small Debian tree that has none of our libraries. Debian's
python3 and its standard library only, as root.
"""
import glob
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import lab  # noqa: E402  (programs, waiting, ports: the end-to-end tests' ways)

ROOT = lab.ROOT
BUILD = os.path.join(ROOT, "build", "package")
TREE = os.path.join(ROOT, "build", "lab", "debian")
PROGRAMS = {"agent": "dadvisor-agent", "aggregator": "dadvisor-aggregator"}


def run(*command, check=True, **options):
    """The finished process of a command, its output as text; an error shows the output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if check and done.returncode != 0:
        raise AssertionError("%s: status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done


def main(name):
    lab.main(name, "package")


def version():
    """PROJECT_VERSION, read from CMakeLists.txt, where alone it stands."""
    for line in lab.read(os.path.join(ROOT, "CMakeLists.txt")).splitlines():
        if line.startswith("project("):
            return line.split("VERSION ")[1].split()[0]
    raise AssertionError("CMakeLists.txt names no version")


def one(pattern):
    found = glob.glob(os.path.join(BUILD, pattern))
    assert len(found) == 1, "%s: %s" % (pattern, found)
    return found[0]


def rpm(component):
    return one("rpm/dadvisor-%s-%s-1.*.rpm" % (component, version()))


def deb(component):
    return one("deb/dadvisor-%s_%s-1_*.deb" % (component, version()))


def query(package, *arguments):
    """The lines of rpm -qp for a package file."""
    return run("rpm", "-qp", "--nosignature", *arguments, package).stdout.splitlines()


class Case(lab.Case):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert os.geteuid() == 0, "the tests of the packages need root"

    def root(self):
        """A fresh Root of this test."""
        root = Root(os.path.join(self.directory, self._testMethodName))
        self.addCleanup(root.remove)
        return root


class Root:
    """A Debian tree of its own: what is written goes into an overlay and is forgotten."""

    def __init__(self, directory):
        run(os.path.join(lab.LAB, "debian-root"), TREE)
        self.directory, self.path, self.mounts = directory, os.path.join(directory, "root"), []
        for name in ("upper", "work", "root"):
            os.makedirs(os.path.join(directory, name))
        self.mount("-t", "overlay", "-o", "lowerdir=%s,upperdir=%s/upper,workdir=%s/work"
                   % (TREE, directory, directory), "overlay", self.path)

    def mount(self, *arguments):
        run("mount", *arguments)
        self.mounts.append(arguments[-1])

    def bind_kernel_files(self):
        """The machine's own /proc and /sys, with the cgroups below it, read-only."""
        for name in ("proc", "sys"):
            at = os.path.join(self.path, name)
            os.makedirs(at, exist_ok=True)
            self.mount("--rbind", "/" + name, at)
            run("mount", "--make-rslave", at)

    def remove(self):
        for at in reversed(self.mounts):
            run("umount", "-l", at)
        shutil.rmtree(self.directory, ignore_errors=True)

    def at(self, path):
        return self.path + path

    def put(self, path, text):
        with open(self.at(path), "w") as file:
            file.write(text)

    def run(self, *command, **options):
        return run("chroot", self.path, *command, **options)

    def copy(self, file):
        """Copies a file to the root's /; its path there."""
        shutil.copy(file, self.path)
        return "/" + os.path.basename(file)

    def owner(self, path):
        """User, group and mode, as the root's own passwd names them."""
        return self.run("stat", "-c", "%U:%G %a", path).stdout.strip()
