#!/usr/bin/python3
"""The store's administration with the real programs: info, verify, delete, audit, backup, restore,
export; over a kill -9 of the aggregator.
"""
import json
import os
import stat
import subprocess
import time

import lab

PATH = "dadvisor.default.hosts.agent"


class Admin(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory, head_span="10s"))
        cls.agents = [cls.start(lab.Agent(cls.directory, cls.aggregator, name=name,
                                          docker_socket="")) for name in ("agent", "other")]
        cls.data = os.path.join(cls.directory, "aggregator")

    def dadvisor(self, *arguments, status=0):
        done = subprocess.run([os.path.join(lab.BIN, "dadvisor"), *arguments], text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, status, "%s: %s%s" % (arguments, done.stdout, done.stderr))
        return done.stdout if status == 0 else done.stderr

    def admin(self, *arguments, status=0):
        return self.dadvisor("store", *arguments, "--socket", self.aggregator.socket, status=status)

    def points(self, host, aggregator=None):
        found = (aggregator or self.aggregator).render(
            "dadvisor.default.hosts.%s.mem.available" % host, self.begun - 1)
        return found.popitem()[1] if found else {}

    def test_a_store_is_looked_into_deleted_from_backed_up_and_restored(self):
        type(self).begun = int(time.time())
        lab.wait_until(lambda: len(self.points("agent")) > 3 and len(self.points("other")) > 3, 30,
                       "rows of both agents")
        self.assertEqual(stat.S_IMODE(os.stat(self.aggregator.socket).st_mode), 0o600)
        self.assertIn("entities", self.dadvisor("store", "info", "--aggregator",
                                                self.aggregator.url))
        self.assertIn("catalogue", self.dadvisor("store", "info", "--values", self.data))
        self.assertRegex(self.dadvisor("store", "verify", self.data), "^ok: ")

        # Nothing goes by a dry run, nor by a glob of no whole entity.
        dry = json.loads(self.admin("delete", PATH, "--dry-run", "-o", "json"))
        self.assertEqual([path["path"] for path in dry["paths"]], [PATH])
        self.assertGreater(dry["rows"], 3)
        self.assertIn(PATH, self.admin("delete", PATH, "-n"))
        self.admin("delete", PATH + ".mem.available", status=1)
        self.admin("delete", PATH, "--until", str(int(time.time()) + 3600), status=2)
        before = self.points("agent")
        self.assertGreater(len(before), 3)

        # Of a backup all rows come back that were there when it began.
        backup = os.path.join(self.directory, "backup")
        kept = {host: self.points(host) for host in ("agent", "other")}
        self.assertIn("rows up to", self.admin("backup", backup))
        self.admin("backup", backup, status=1)

        deleted = json.loads(self.admin("delete", PATH, "-o", "json"))
        last = deleted["paths"][0]["last"]
        self.assertGreaterEqual(deleted["rows"], dry["rows"])
        self.assertEqual([t for t in self.points("agent") if t <= last], [])
        others = self.points("other")
        self.assertEqual([t for t in kept["other"] if t not in others], [])
        # The agent lives: what it sends later is kept.
        lab.wait_until(lambda: self.points("agent"), 30, "rows behind the deletion")
        self.assertIn(" are now ", self.admin("compact"))
        self.assertEqual([t for t in self.points("agent") if t <= last], [])
        self.assertEqual([t for t in kept["other"] if t not in self.points("other")], [])

        self.aggregator.kill()
        self.aggregator.start()
        lab.wait_until(lambda: len(self.points("agent")) > 2, 30, "rows after the kill")
        self.assertEqual([t for t in self.points("agent") if t <= last], [])
        self.assertIn("unix uid %d pid " % os.getuid(), self.admin("audit"))
        self.assertIn("delete " + PATH, self.admin("audit"))
        self.assertIn("unix uid %d" % os.getuid(),
                      open(self.aggregator.log).read())

        lines = self.dadvisor("export", "dadvisor.default.hosts.other.mem.available", "--from",
                              str(self.begun - 1), "--format", "plaintext", "--aggregator",
                              self.aggregator.url).splitlines()
        exported = {int(line.split()[2]): float(line.split()[1]) for line in lines}
        self.assertEqual({t: v for t, v in exported.items() if t in kept["other"]}, kept["other"])
        csv = self.dadvisor("export", "dadvisor.default.hosts.other.mem.available", "--from",
                            str(self.begun - 1), "--aggregator", self.aggregator.url).splitlines()
        self.assertGreaterEqual(len(csv), len(lines))
        self.assertTrue(csv[0].startswith("dadvisor.default.hosts.other.mem.available,"), csv[0])

        self.assertRegex(self.dadvisor("store", "verify", backup), "^ok: ")
        data = os.path.join(self.directory, "restored")
        self.dadvisor("store", "restore", backup, data)
        self.assertIn("there is a store already",
                      self.dadvisor("store", "restore", backup, data, status=1))
        restored = self.start(lab.Aggregator(self.directory, "restored"))
        for host, points in kept.items():
            got = self.points(host, restored)
            self.assertEqual({t: v for t, v in got.items() if t in points}, points)
        restored.stop()

        # A flipped byte in what was acknowledged is told, with its remedy.
        self.aggregator.stop()
        logs = os.path.join(self.data, "store", "log")
        name = max(os.listdir(logs), key=lambda log: os.path.getsize(os.path.join(logs, log)))
        with open(os.path.join(logs, name), "r+b") as file:
            file.seek(40)
            byte = file.read(1)
            file.seek(40)
            file.write(bytes([byte[0] ^ 1]))
        done = subprocess.run([os.path.join(lab.BIN, "dadvisor"), "store", "verify", self.data],
                              text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "^log/%s: .* are damaged; these rows are lost" % name)


if __name__ == "__main__":
    lab.main("admin")
