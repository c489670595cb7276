#!/usr/bin/python3
"""What containers hold on disk, in their layer and their volumes, against du(1)."""
import os
import subprocess

import lab

MIB = 1 << 20


def du(path):
    """Bytes on disk and inodes."""
    def ask(option):
        out = subprocess.run(["du", "-s", option, path], capture_output=True, text=True, check=True)
        return int(out.stdout.split()[0])
    return ask("-B1"), ask("--inodes")


class DiskUsage(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.volume = "dadvisor-e2e-%d" % os.getpid()
        cls.addClassCleanup(lab.docker, "volume", "rm", "-f", cls.volume, check=False)
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator, disk_pace="1s"))
        cls.container = cls.start(lab.Container(
            "/e2e/disk", "dd if=/dev/zero of=/twenty bs=1M count=20; ln /twenty /again; "
            "dd if=/dev/zero of=/data/five bs=1M count=5; dd if=/dev/zero of=/host/seven bs=1M "
            "count=7; sync; touch /done; sleep 600",
            "-v", cls.volume + ":/data", "-v", cls.directory + ":/host"))
        cls.layer = cls.container.inspect("{{.GraphDriver.Data.UpperDir}}")
        if not cls.layer.startswith("/"):
            raise AssertionError("this daemon's storage driver has no layer of its own to look into")
        lab.wait_until(lambda: os.path.exists(cls.layer + "/done"), 30, "all is written")

    def last(self, leaf):
        points = self.container.figures(self.aggregator, leaf, "-5s")
        return points[max(points)] if points else None

    def wait_for(self, leaf, truth):
        lab.wait_until(lambda: self.last(leaf) == truth, 30, "%s is %d" % (leaf, truth))

    def test_the_layer(self):
        size, inodes = du(self.layer)
        self.assertGreater(size, 20 * MIB)
        self.assertLess(size, 21 * MIB)  # the second name is no second file; volumes lie elsewhere
        self.wait_for("fs.layer_bytes", size)
        self.wait_for("fs.layer_inodes", inodes)

    def test_volumes_but_nothing_else_that_is_mounted(self):
        size, _ = du(lab.docker("volume", "inspect", "-f", "{{.Mountpoint}}", self.volume))
        self.assertGreater(size, 5 * MIB)
        self.assertLess(size, 6 * MIB)
        self.wait_for("fs.volume_bytes", size)

    def test_the_app_has_their_sum(self):
        lab.wait_until(lambda: self.aggregator.render(
            "dadvisor.*.apps.e2e_disk.sum.fs.layer_bytes"), 30, "the app's sum")

    def test_the_page_tells_of_the_counting(self):
        self.assertGreater(self.agent.own_metric("dadvisor_agent_disk_counts_total"), 0)
        self.assertEqual(self.agent.own_metric("dadvisor_agent_disk_partial"), 0)
        self.assertGreater(self.agent.own_metric("container_fs_usage_bytes"), 20 * MIB)


if __name__ == "__main__":
    lab.main("disk_usage")
