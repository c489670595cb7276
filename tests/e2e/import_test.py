#!/usr/bin/python3
"""Points of any age into a running aggregator: out of whisper's own files, whose values we then
answer as whisper does, and out of plaintext; cut short, twice, over a kill -9.
"""
import gzip
import os
import subprocess
import time

import lab

try:
    import whisper
except ImportError:
    whisper = None

SCHEMAS = """
[all]
pattern = .*
retentions = 10s:1d,60s:20d,10m:1y
"""
AGGREGATION = """
[hits]
pattern = hits$
aggregationMethod = sum

[default]
pattern = .*
aggregationMethod = average
"""
HOUR, DAY = 3600, 86400
ARCHIVES = [(10, DAY // 10), (60, 20 * DAY // 60), (600, 365 * DAY // 600)]
# Of which age two hours of points are, and how far apart, one of each archive; that of 30 hours is
# in the second one, while our raw rows still reach there.
AGES = [(3 * HOUR, 10), (30 * HOUR, 60), (5 * DAY, 60), (100 * DAY, 600)]


class Import(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        conf = os.path.join(cls.directory, "conf")
        os.makedirs(conf)
        for name, text in (("schemas", SCHEMAS), ("aggregation", AGGREGATION)):
            with open(os.path.join(conf, "storage-%s.conf" % name), "w") as file:
                file.write(text)
        cls.aggregator = lab.Aggregator(cls.directory, graphite_conf_dir=conf, head_span="10s")
        cls.now = int(time.time())

    def dadvisor(self, *arguments, status=0):
        done = subprocess.run([os.path.join(lab.BIN, "dadvisor"), *arguments,
                               "--socket", self.aggregator.socket], text=True,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, status, "%s: %s%s" % (arguments, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def write_whisper(self, path, method, offset):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        whisper.create(path, ARCHIVES, xFilesFactor=0.5, aggregationMethod=method)
        for age, step in reversed(AGES):
            begin = (self.now - age) // 600 * 600
            whisper.update_many(path, [(begin + i * step, offset + i % 13 + i / 100)
                                       for i in range(2 * HOUR // step)], now=self.now)

    def assert_same(self, name, path):
        for age, step in AGES:
            begin = (self.now - age) // 600 * 600
            (first, _, grid), values = whisper.fetch(path, begin - 1, begin + 2 * HOUR - 1,
                                                     now=self.now)
            expected = {first + i * grid: value for i, value in enumerate(values)
                        if value is not None}
            self.assertGreaterEqual(len(expected), 2 * HOUR // step, (name, age))
            got = self.aggregator.render(name, begin - 1, begin + 2 * HOUR - 1).get(name, {})
            self.assertEqual(sorted(got), sorted(expected), (name, age))
            for at, value in expected.items():
                self.assertAlmostEqual(got[at], value, delta=1e-9 * abs(value), msg=(name, age, at))

    def test_points_come_in_from_whisper_and_plaintext(self):
        if whisper is None:
            self.skipTest("python3-whisper is lacking")
        files = os.path.join(self.directory, "whisper")
        series = {"servers.web1.load": ("average", 1), "servers.web1.hits": ("sum", 1000),
                  "alone": ("average", -7.25)}
        for name, (method, offset) in series.items():
            self.write_whisper(os.path.join(files, *name.split(".")) + ".wsp", method, offset)
        with open(os.path.join(files, "servers", "torn.wsp"), "wb") as file:
            file.write(b"torn")

        # Nobody is there: what was read waits, and the same command goes on.
        work = os.path.join(self.directory, "work")
        self.dadvisor("import-whisper", files, "--work", work, status=3)
        self.assertTrue(os.listdir(work))
        self.start(self.aggregator)
        self.dadvisor("import-whisper", files, "--work", work)
        self.assertFalse(os.path.exists(work))
        for name in series:
            self.assert_same(name, os.path.join(files, *name.split(".")) + ".wsp")

        # All of it again, with the file that is none: nothing is another.
        self.assertIn("torn.wsp", self.dadvisor("import-whisper", files, status=5))
        self.aggregator.kill()
        self.aggregator.start()
        lab.wait_until(lambda: self.aggregator.render("alone", self.now - 4 * HOUR), 30,
                       "the log is read back")
        for name in series:
            self.assert_same(name, os.path.join(files, *name.split(".")) + ".wsp")

        # Plaintext, compressed, with lines that are no points.
        begin = self.now // DAY * DAY - 50 * DAY
        points = {begin + i * 600: float(i) for i in range(200)}
        lines = ["old.metric %s %d" % (value, at) for at, value in points.items()]
        lines[100:100] = ["old.metric nan %d" % begin, "no point at all", "a..b 1 %d" % begin]
        packed = os.path.join(self.directory, "lines.gz")
        with gzip.open(packed, "wt") as file:
            file.write("\n".join(lines) + "\n")
        for _ in range(2):
            told = self.dadvisor("import-graphite", packed, status=5)
            for number in (101, 102, 103):
                self.assertIn("%s:%d: " % (packed, number), told)
            self.assertIn("200 points taken, sum %d," % sum(points.values()), told)
            # In the archive of such an age each stands for its slot, as in carbon.
            self.assertEqual(self.aggregator.render("old.metric", begin - 1, begin + 2 * DAY),
                             {"old.metric": points})

        # Another name for some of it: still what whisper has, also behind a kill.
        self.assertIn("servers to sites.fra: 2 series, ",
                      self.dadvisor("store", "rename", "servers", "sites.fra"))
        for killed in (False, True):
            if killed:
                self.aggregator.kill()
                self.aggregator.start()
                lab.wait_until(lambda: self.aggregator.render("alone", self.now - 4 * HOUR), 30,
                               "the log is read back")
            for name in ("load", "hits"):
                self.assert_same("sites.fra.web1." + name,
                                 os.path.join(files, "servers", "web1", name + ".wsp"))
            for age, _ in AGES:
                self.assertEqual(self.aggregator.render("servers.web1.*", self.now - age), {}, age)
        audit = self.dadvisor("store", "audit")
        self.assertIn("import ", audit)
        self.assertIn("rename servers to sites.fra: 2 series", audit)


if __name__ == "__main__":
    lab.main("import")
