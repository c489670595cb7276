#!/usr/bin/python3
"""The cgroup of each runtime's layout, made by mkdir in this kernel's own hierarchy: whose it is, its
id, and that its figures are its own. No runtime is asked."""
import json
import os
import subprocess

import lab

ID = "%064x" % os.getpid()
OUTER = "f000" + ID[4:]
POD = "kubepods-burstable-pod12345678_9abc_def0_1234_56789abcdef0.slice"
UUID, INNER = "01234567-89ab-cdef-0123-%012x" % os.getpid(), "ba987654-89ab-cdef-0123-456789abcdef"

# Path below the hierarchy, of each its own id; the level whose figures count (nothing: the path
# itself); runtime and id as they must be told.
LAYOUTS = [
    ("docker/{}", "", "docker", "{}"),
    ("docker/" + OUTER + "/docker/{}", "", "docker", "{}"),  # Docker in Docker
    ("dadvisor-a/b/{}", "", "unknown", "{}"),
    ("system.slice/docker-{}.scope", "", "docker", "{}"),
    ("user.slice/user-1000.slice/user@1000.service/user.slice/docker-{}.scope", "", "docker", "{}"),
    ("user.slice/user-1000.slice/user@1000.service/app.slice/docker-{}.scope", "", "docker", "{}"),
    ("system.slice/nerdctl-{}.scope", "", "containerd", "{}"),
    ("libpod_parent/libpod-{}", "", "podman", "{}"),
    ("machine.slice/libpod-{}.scope/container", "machine.slice/libpod-{}.scope", "podman", "{}"),
    ("machine.slice/crio-{}.scope", "", "cri-o", "{}"),
    ("kubepods/pod0/{}", "", "kubernetes", "{}"),
    ("kubepods/burstable/pod1/{}", "", "kubernetes", "{}"),
    ("kubepods/besteffort/pod2/{}", "", "kubernetes", "{}"),
    ("kubepods.slice/kubepods-burstable.slice/" + POD + "/docker-{}.scope", "", "docker", "{}"),
    ("kubepods.slice/kubepods-burstable.slice/" + POD + "/cri-containerd-{}.scope", "",
     "containerd", "{}"),
    ("kubepods.slice/kubepods-burstable.slice/" + POD + "/crio-{}.scope", "", "cri-o", "{}"),
    ("mesos/" + UUID, "", "mesos", UUID),
    ("mesos/" + UUID + "/mesos/" + INNER + "/leaf", "mesos/" + UUID + "/mesos/" + INNER, "mesos",
     INNER),
    ("lxc/dadvisor-old", "", "lxc", "dadvisor-old"),
    ("lxc.payload.dadvisor-new", "", "lxc", "dadvisor-new"),
    ("machine.slice/machine-dadvisor.scope", "", "nspawn", "dadvisor"),
]
# None of a container: monitors, and what is no id.
OTHERS = ["libpod_parent/conmon", "machine.slice/libpod-conmon-{}.scope",
          "machine.slice/crio-conmon-{}.scope", "lxc.monitor.dadvisor-new", "docker/buildkit"]


def hierarchies():
    """Where a container of this kernel would be: v1's controllers, or the one hierarchy of v2."""
    try:
        return [lab.mount_of("cpuacct"), lab.mount_of("memory")]
    except AssertionError:
        return [lab.mount_of(None)]


class Layouts(lab.Case):
    def make(self, path):
        """The group in each hierarchy, with every parent that was not there."""
        for root in hierarchies():
            for end in range(1, path.count("/") + 2):
                level = os.path.join(root, *path.split("/")[:end])
                if not os.path.isdir(level):
                    os.mkdir(level)
                    self.addCleanup(lambda one=level: os.path.isdir(one) and os.rmdir(one))

    def enter(self, path):
        """A process there that has used 50 ms and waits."""
        made = subprocess.Popen(["/usr/bin/python3", "-c", """
import os, time
for root in %r:
    with open(os.path.join(root, %r, "cgroup.procs"), "w") as file:
        file.write(str(os.getpid()))
end = time.process_time() + 0.05
while time.process_time() < end:
    pass
print(flush=True)
time.sleep(300)
""" % (hierarchies(), path)], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (made.kill(), made.communicate()))
        made.stdout.readline()

    def once(self, *options):
        done = subprocess.run(
            [os.path.join(lab.BIN, "dadvisor-agent"), "once", "-o", "json", "--docker-socket", "",
             "--containerd-socket", "", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            check=True)
        return {entity["id"]: entity for entity in json.loads(done.stdout)["entities"]
                if entity["kind"] != "host"}

    def test_each_layout(self):
        wanted = {}
        for number, (path, level, runtime, name) in enumerate(LAYOUTS):
            one = "%04x" % (number + 1) + ID[4:]
            path, level, name = (text.format(one) for text in (path, level or path, name))
            self.make(path)
            self.enter(path)
            wanted[name] = (runtime, level)
        strangers = []
        for number, path in enumerate(OTHERS):
            one = "%04x" % (0xe000 + number) + ID[4:]
            self.make(path.format(one))
            strangers.append(one)
        inside = [name for name, (_, level) in wanted.items()
                  if OUTER in level or level.count("/mesos/") == 1]
        self.assertEqual(len(inside), 2)
        # What is inside another is part of that one, unless it is asked for.
        told = self.once()
        self.assertTrue(wanted.keys() - inside <= told.keys())
        for name in inside:
            self.assertNotIn(name, told)
        self.assertGreater(told[OUTER]["figures"]["cpu.usage"], 0.05)
        self.assertGreater(told[UUID]["figures"]["cpu.usage"], 0.1)
        told = self.once("--nested")
        for name, (runtime, level) in wanted.items():
            with self.subTest(level):
                self.assertIn(name, told.keys())
                self.assertEqual(told[name]["labels"]["runtime"], runtime)
                root = hierarchies()[0]
                if os.path.exists("%s/%s/cpuacct.usage" % (root, level)):
                    used = int(lab.read("%s/%s/cpuacct.usage" % (root, level))) / 1e9
                else:
                    used = lab.keyed("%s/%s/cpu.stat" % (root, level))["usage_usec"] / 1e6
                self.assertGreater(used, 0.05)
                self.assert_close(told[name]["figures"]["cpu.usage"], used, 0, level, floor=0.02)
        for one in strangers:
            self.assertNotIn(one, told)
        self.assertNotIn("conmon", "".join(told))
        self.assertEqual([name for name in told if "monitor" in name or "buildkit" in name], [])


if __name__ == "__main__":
    lab.main("layouts")
