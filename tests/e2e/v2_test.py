#!/usr/bin/python3
"""Cases 1, 2, 6 and 12 of docker_figures_test.py on a kernel that has cgroup v2 alone.

The kernel is user-mode Linux as an ordinary process; dockerd, runc, the agent and the aggregator
run inside it. Its scheduler counts in 10 ms ticks, so CPU figures are held to 6 %.
"""
import os
import shutil
import subprocess

import lab


class InGuest(lab.Case):
    def run_there(self, file, cases):
        """A file of tests inside, all of which must pass; `cases` must have run."""
        if shutil.which("linux.uml") is None:
            self.fail("a pure cgroup-v2 kernel is required (package user-mode-linux)")
        image = os.path.join(self.directory, "image.tar")
        subprocess.run([os.path.join(lab.LAB, "docker-up"), "--image-tar", image], check=True)
        environment = {
            "DADVISOR_BIN": lab.BIN, "DADVISOR_E2E_CPU": "0.06", "DADVISOR_E2E_NETWORK": "none",
            "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            # Overlay on overlay does not work: the images on the guest's own disk.
            "DOCKER_ARGUMENTS": "--iptables=false --bridge=none --data-root /data/docker",
            "DOCKER_TEST_IMAGE": "/share/image.tar"}
        command = [os.path.join(lab.LAB, "v2-uml"), "--host-root", "--mem", "1536", "--disk", "2048",
                   "--limit", "480", "--share", self.directory, "--", "env", "-i",
                   *("%s=%s" % pair for pair in environment.items()),
                   "/usr/bin/python3", os.path.join(lab.HERE, file)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        print(done.stdout)
        self.assertEqual(done.returncode, 0)
        for case in cases:
            self.assertRegex(done.stdout, r"(?ms)^%s \(((?!^test_).)*\bok$" % case)


class PureV2(InGuest):
    def test_the_cases_on_a_pure_v2_kernel(self):
        self.run_there("docker_figures_test.py", [
            "test_case_1_spent_cpu", "test_case_2_limited_busy_loop",
            "test_case_6_touched_memory", "test_case_12_direct_writes"])


if __name__ == "__main__":
    lab.main("v2")
