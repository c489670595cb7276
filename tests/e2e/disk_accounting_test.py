#!/usr/bin/python3
"""Disk I/O where cgroup v1 does not count it: on a disk on which no throttle rule was ever set, which
is a loop device made for this test. Truth: what the load wrote by O_DIRECT, and the kernel's lines.
"""
import contextlib
import fcntl
import glob
import json
import os
import shutil
import stat
import subprocess
import time
import unittest

import lab

MIB = 1 << 20
LOOP_ADD, LOOP_REMOVE, LOOP_MAJOR = 0x4C80, 0x4C81, 7  # linux/loop.h
BYTES = "blkio.throttle.io_service_bytes_recursive"


@contextlib.contextmanager
def new_loop_filesystem(directory, mib=400):
    """An ext4 on a loop device that was not there before; its mount point and MAJ:MIN."""
    number = 1000 + os.getpid() % 1000
    device, image = "/dev/loop%d" % number, os.path.join(directory, "disk")
    mount = os.path.join(directory, "mount")
    os.makedirs(mount)
    with open(image, "wb") as file:
        file.truncate(mib << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-E",
                    "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    with open("/dev/loop-control") as control, contextlib.ExitStack() as undo:
        fcntl.ioctl(control, LOOP_ADD, number)
        undo.callback(fcntl.ioctl, control, LOOP_REMOVE, number)
        if not os.path.exists(device):
            os.mknod(device, 0o600 | stat.S_IFBLK, os.makedev(LOOP_MAJOR, number))
            undo.callback(os.unlink, device)
        subprocess.run(["losetup", device, image], check=True)
        undo.callback(subprocess.run, ["losetup", "-d", device], check=True)
        subprocess.run(["mount", device, mount], check=True)
        undo.callback(subprocess.run, ["umount", mount], check=True)
        made = os.stat(mount).st_dev
        yield mount, "%d:%d" % (os.major(made), os.minor(made))


class DiskAccounting(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.blkio = lab.mount_of("blkio")
        except AssertionError:
            raise unittest.SkipTest("blkio is not on cgroup v1 here") from None
        lab.ensure_docker()
        filesystem = contextlib.ExitStack()
        cls.mount, cls.device = filesystem.enter_context(new_loop_filesystem(cls.directory))
        cls.addClassCleanup(filesystem.close)
        subprocess.run(["dd", "if=/dev/zero", "of=" + cls.mount + "/busy", "bs=1M", "count=1",
                        "oflag=direct"], check=True, capture_output=True)
        if cls.counted():
            raise unittest.SkipTest("this kernel counts every disk's I/O")
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.container = cls.start(lab.Container("/e2e/disk-accounting", None,
                                                "-v", cls.mount + ":/disk"))

    @classmethod
    def counted(cls):
        return any(line.startswith(cls.device + " ")
                   for line in lab.read(os.path.join(cls.blkio, BYTES)).splitlines())

    def lines(self):
        """The devices that the kernel counts for the container."""
        text = lab.read(os.path.join(self.container.cgroup("blkio"), BYTES))
        return {line.split()[0] for line in text.splitlines() if not line.startswith("Total")}

    def figure(self, leaf, tick):
        points = lab.wait_until(
            lambda: (lambda p: tick in p and p)(
                self.container.figures(self.aggregator, leaf)), 10, "%s at %d" % (leaf, tick))
        return points[tick]

    def test_case_13_is_absent_or_by_the_processes_and_never_0(self):
        agent = lab.Agent(self.directory, self.aggregator, name="plain")
        self.addCleanup(agent.stop)
        agent.start()
        lab.wait_until(lambda: self.container.figures(self.aggregator, "io.write_bytes"), 20,
                       "figures by the processes' own accounts")
        first = lab.next_tick()
        time.sleep(0.3)  # until the agent has read it
        printed = self.container.run("load", "disk", "100", "/disk/load.dat")
        self.assertEqual(printed["direct"], 1)
        last = lab.next_tick(1, after=1)
        lines = self.lines()
        self.assertNotIn(self.device, lines, "the kernel counted nothing there")
        self.assert_close(self.figure("io.write_bytes", last) - self.figure("io.write_bytes", first),
                          printed["written_bytes"], 0, "io.write_bytes", floor=64 * 1024)
        if not lines:
            self.assertEqual(self.container.figures(self.aggregator, "io.writes"), {},
                             "nobody counts operations")
        self.assertEqual(agent.own_metric("dadvisor_agent_io_unaccounted"), 1)
        self.assertGreater(agent.own_metric("dadvisor_agent_io_process_readings_total"), 3)
        # Without the right to read other users' processes there is no figure, and no 0.
        copy = os.path.join(self.directory, "dadvisor-agent")
        shutil.copy(os.path.join(lab.BIN, "dadvisor-agent"), copy)
        os.chmod(self.directory, 0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               "--bounding-set=-all", "--inh-caps=-all", copy, "once", "-o", "json",
                               "--docker-socket", ""],
                              check=True, capture_output=True, text=True, cwd="/").stdout
        mine = next(one["figures"] for one in json.loads(done)["entities"]
                    if one["id"] == self.container.id)
        self.assertIn("cpu.usage", mine)
        # It may have used another disk, which an earlier test has had counted.
        self.assertEqual("io.write_bytes" in mine, bool(lines))

    def test_case_14_counting_can_be_started(self):
        agent = lab.Agent(self.directory, self.aggregator, name="starting", blkio_enable=True)
        self.addCleanup(agent.stop)
        agent.start()
        lab.wait_until(self.counted, 20, "the device is counted")
        self.assertEqual(glob.glob(self.blkio + "/dadvisor*"), [], "what was made for it is gone")
        lab.wait_until(lambda: agent.own_metric("dadvisor_agent_io_unaccounted") == 0, 10,
                       "the agent knows")
        before = self.container.written()
        first = lab.next_tick()
        time.sleep(0.3)  # until the agent has read it
        printed = self.container.run("load", "disk", "100", "/disk/load.dat")
        last = lab.next_tick(1, after=1)
        written = self.container.written() - before
        self.assertGreaterEqual(written, printed["written_bytes"])
        points = self.container.figures(self.aggregator, "io.write_bytes")
        grown = self.figure("io.write_bytes", last) - points.get(first, 0)
        self.assert_close(grown, written, 0, "io.write_bytes", floor=64 * 1024)
        self.assertGreater(self.figure("io.writes", last), 0)
        # Writes that the kernel does later are the root's on v1, which the agent says of itself.
        self.container.run("dd", "if=/dev/zero", "of=/disk/buffered", "bs=1M", "count=50")
        subprocess.run(["sync"], check=True)
        after = lab.next_tick(1, after=1)
        self.assertLess(self.figure("io.write_bytes", after) - self.figure("io.write_bytes", last),
                        MIB)
        self.assertEqual(agent.own_metric("dadvisor_agent_io_buffered_writes"), 0)


if __name__ == "__main__":
    lab.main("disk_accounting")
