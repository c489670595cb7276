#!/usr/bin/python3
"""The agent's page as the real Prometheus reads it: cAdvisor's queries, against the kernel's own
counters.

Prometheus asks for OpenMetrics; promtool reads the older text form of the same page.
"""
import os
import subprocess
import time

import lab
from metric_servers import Prometheus

LIMIT = 64 << 20


class CadvisorsNames(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.container = cls.start(lab.Container(
            "/e2e/prometheus", "load mem 20 600 & load cpu 300 600", "--memory", str(LIMIT),
            "--cpus", "0.7", "--label", "com.docker.compose.service=ca\"r\\t"))
        # No aggregator answers there: the page needs none.
        nobody = lab.Aggregator(cls.directory)
        cls.agent = cls.start(lab.Agent(cls.directory, nobody))
        cls.prometheus = cls.start(Prometheus(cls.directory, "127.0.0.1:%d" % cls.agent.port))
        lab.wait_until(lambda: cls.of_container("container_memory_rss") is not None, 20,
                       "the container's figures in Prometheus")

    @classmethod
    def of_container(cls, expression, at=None):
        """The value of the one series that `expression` with its name has."""
        if "{" not in expression:
            expression += "{name=\"%s\"}" % cls.container.name
        found = cls.prometheus.query(expression, at)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def test_every_scrape_is_read(self):
        time.sleep(5)
        self.assertEqual(self.prometheus.query("min_over_time(up[5s])")[0][1], 1)
        families = self.prometheus.query("count({__name__=~\"container_.*\"}) by (__name__)")
        self.assertGreater(len(families), 30, families)

    def test_cpu(self):
        cpu = self.container.cpu_reader()
        first, before = lab.next_tick(), cpu()
        time.sleep(9.5)
        last, after = lab.next_tick(), cpu()
        expression = "container_cpu_usage_seconds_total{name=\"%s\"}" % self.container.name
        lab.wait_until(lambda: any(value >= last for _, value in self.prometheus.query(
            "timestamp(%s)" % expression)), 20, "the last tick's figure")
        # Exactly these two ticks' samples: they carry the tick they were read at.
        usage = self.of_container(expression, last) - self.of_container(expression, first)
        # A tick that a busy machine left out is a tenth of them.
        self.assert_close(usage, after - before, 0.15, "container_cpu_usage_seconds_total")
        labels = self.prometheus.query(expression)[0][0]
        self.assertEqual(labels["cpu"], "total")

    def test_labels(self):
        labels = self.prometheus.query(
            "container_memory_rss{name=\"%s\"}" % self.container.name)[0][0]
        self.assertEqual(labels["id"], "/docker/" + self.container.id)
        self.assertEqual(labels["image"], "dadvisor-test:latest")
        self.assertEqual(labels["container_label_com_docker_compose_service"], "ca\"r\\t")
        self.assertEqual(labels["container_label_dadvisor_app"], "/e2e/prometheus")

    def test_memory_and_limits(self):
        self.assert_close(self.of_container("container_memory_rss"), self.container.memory()[0], 0,
                          "container_memory_rss", floor=256 << 10)
        self.assertEqual(self.of_container("container_spec_memory_limit_bytes"), LIMIT)
        name = "{name=\"%s\"}" % self.container.name
        self.assertEqual(self.of_container(
            "container_spec_cpu_quota%s / container_spec_cpu_period%s" % (name, name)), 0.7)
        self.assertLess(abs(self.of_container("container_last_seen") - time.time()), 10)

    def test_network(self):
        for direction, column in (("receive", 0), ("transmit", 1)):
            name = "container_network_%s_bytes_total" % direction
            lab.wait_until(lambda n=name, c=column:
                           self.of_container(n) == self.container.network()[c], 20,
                           "%s is the interface's own count" % name)

    def test_the_host_is_the_root(self):
        found = self.prometheus.query("container_memory_working_set_bytes{id=\"/\"} / on() "
                                      "machine_memory_bytes")
        self.assertEqual(len(found), 1)
        self.assertGreater(found[0][1], 0.001)
        self.assertLess(found[0][1], 1)
        self.assertEqual(self.prometheus.query("machine_cpu_cores")[0][1], os.cpu_count())

    def test_the_text_form(self):
        status, body = lab.http_get("http://127.0.0.1:%d/metrics" % self.agent.port)
        self.assertEqual(status, 200)
        self.assertIn(b"container_last_seen{", body)
        self.assertNotIn(b"# EOF", body)
        checked = subprocess.run(["promtool", "check", "metrics"], input=body,
                                 capture_output=True, check=False)
        # 3: cAdvisor's names are not all as the linter would have them; 1: no page at all.
        self.assertIn(checked.returncode, (0, 3), checked.stderr.decode())


if __name__ == "__main__":
    lab.main("prometheus")
