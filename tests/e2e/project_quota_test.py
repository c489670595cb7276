#!/usr/bin/python3
"""What a layer holds by its project quota, on an ext4 that accounts projects.

Few kernels of small machines are built for that: the unit test's case runs in user-mode Linux, whose
kernel is, on a disk image mounted with prjquota.
"""
import os
import shutil
import subprocess

import lab

SCRIPT = """
busybox modprobe -a loop quota_tree quota_v2 && mkdir /run/quota && cp image /data/image &&
mount -o loop,prjquota /data/image /run/quota &&
DADVISOR_PROJECT_QUOTA=/run/quota TMPDIR=/data %s/unit_agent_fs --reporter console -s '%s'
"""
CASE = "a layer with a project of its own is told by its quota as a walk counts it"


class ProjectQuota(lab.Case):
    def test_the_case_on_a_file_system_that_accounts_projects(self):
        if shutil.which("linux.uml") is None:
            self.fail("a kernel with quotas is required (package user-mode-linux)")
        image = os.path.join(self.directory, "image")
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-O", "quota,project",
                        "-E", "quotatype=prjquota", image], check=True)
        done = subprocess.run([os.path.join(lab.LAB, "v2-uml"), "--host-root", "--share",
                               self.directory, "--limit", "100", "--", "/bin/sh", "-c",
                               SCRIPT % (lab.BIN, CASE)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        print(done.stdout[-3000:])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"told->bytes == truth\.bytes")
        self.assertRegex(done.stdout, r"All tests passed \(\d\d+ assertions in 1 test case\)")


if __name__ == "__main__":
    lab.main("project_quota")
