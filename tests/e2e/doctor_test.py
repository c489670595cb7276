#!/usr/bin/python3
"""What the agent's operator asks it for: doctor, bench, --print-config; with the real Docker."""
import json
import os
import subprocess

import lab

AGENT = os.path.join(lab.BIN, "dadvisor-agent")


class Doctor(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.container = cls.start(lab.Container("/e2e/doctor", "sleep 600"))
        cls.token = os.path.join(cls.directory, "token")
        with open(cls.token, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write("secret-of-the-test\n")
        cls.aggregator = lab.Aggregator(cls.directory, token_file=cls.token)
        cls.start(cls.aggregator)

    def ask(self, *arguments):
        done = subprocess.run([AGENT, *arguments, "--data-dir", self.directory],
                              capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def doctor(self, *arguments):
        """The exit status and {about: (level, found)}."""
        status, out, error = self.ask("doctor", "-o", "json", *arguments)
        self.assertEqual(error, "")
        return status, {one["about"]: (one["level"], one["found"]) for one in json.loads(out)}

    def test_a_host_in_order(self):
        status, found = self.doctor("--aggregator", self.aggregator.url, "--token-file", self.token)
        self.assertEqual(status, 0, found)
        self.assertNotIn("fault", [level for level, _ in found.values()])
        for about in ("cgroups", "docker", "aggregator", "offset", "spool"):
            self.assertEqual(found[about][0], "ok", found[about])
        self.assertRegex(found["figures"][1], r"^[1-9]\d* containers? with \d+ of \d+ metrics")
        status, out, _ = self.ask("doctor", "--aggregator", self.aggregator.url, "--token-file",
                                  self.token)
        self.assertEqual(status, 0)
        self.assertTrue(out.splitlines()[0].startswith("ok     cgroups"), out)

    def test_an_aggregator_that_wants_a_token(self):
        status, found = self.doctor("--aggregator", self.aggregator.url)
        self.assertEqual(status, 1)
        self.assertEqual(found["aggregator"][0], "fault")
        self.assertIn("token", found["aggregator"][1])

    def test_nobody_answers(self):
        status, found = self.doctor("--aggregator", "http://127.0.0.1:%d" % lab.free_port(),
                                    "--docker-socket", self.directory + "/none.sock")
        self.assertEqual(status, 1)
        self.assertEqual(found["aggregator"][0], "fault")
        self.assertEqual(found["docker"][0], "note")
        self.assertNotIn("offset", found)

    def test_what_it_costs_here(self):
        status, out, error = self.ask("bench", "-o", "json")
        self.assertEqual((status, error), (0, ""))
        told = json.loads(out)
        self.assertGreaterEqual(told["containers"], 1)
        files = {one["file"]: one for one in told["files"]}
        # One of each for each container.
        name = "cpu.stat" if "cpu.stat" in files else "cpuacct.usage"
        self.assertGreaterEqual(files[name]["files"], 1)
        # Reading what it reads is a part of a tick, and reading more files a greater one.
        reads = sum(one["files"] * one["us"] for one in told["files"])
        self.assertGreater(reads, files[name]["us"])
        self.assertGreater(told["tick_us"], 0)
        status, out, _ = self.ask("bench")
        self.assertIn("a tick takes", out)

    def test_the_printed_configuration_is_one(self):
        status, out, _ = self.ask("--print-config", "--step", "5s", "--cluster", "a: b")
        self.assertEqual(status, 0)
        path = os.path.join(self.directory, "printed.yml")
        with open(path, "w") as file:
            file.write(out)
        status, again, _ = self.ask("--print-config", "--config", path)
        self.assertEqual(status, 0)
        line = 1 + [text.split(":")[0] for text in lab.read(path).splitlines()].index("step")
        self.assertIn("step: 5s  # %s:%d: step\n" % (path, line), again)
        self.assertIn("cluster: \"a: b\"", again)


if __name__ == "__main__":
    lab.main("doctor")
