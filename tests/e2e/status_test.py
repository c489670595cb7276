#!/usr/bin/python3
"""What the aggregator tells of itself: /metrics, /readyz and /api/v1/status, over a restart.

The metrics page is held against Prometheus's text format here, and by promtool where there is one.
"""
import json
import re
import shutil
import subprocess
import time

import lab

SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (-?[0-9.]+(e[+-]?[0-9]+)?|NaN|[+-]Inf)$")
EXPECTED = """
    dadvisor_store_log_bytes_total dadvisor_store_head_rows dadvisor_store_entities
    dadvisor_store_tier_size_bytes dadvisor_tier_dirty_windows
    dadvisor_ingest_batches_total dadvisor_ingest_lag_seconds dadvisor_ingest_streams_late
    dadvisor_rollup_rows_total dadvisor_alert_rules dadvisor_alert_ticks_total
    dadvisor_notify_waiting dadvisor_events_recorded_total dadvisor_events_followers
    dadvisor_http_requests_total dadvisor_http_cut_streams_total dadvisor_carbon_connected
    dadvisor_carbon_cursor_seconds process_resident_memory_bytes""".split()


class Status(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Nobody listens there: the sink's cursor stands, and says so.
        cls.aggregator = cls.start(lab.Aggregator(
            cls.directory, carbon="127.0.0.1:%d" % lab.free_port()))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator, docker_socket=""))

    def status(self):
        code, body = lab.http_get(self.aggregator.url + "/api/v1/status")
        self.assertEqual(code, 200, body[:200])
        return json.loads(body)

    def ready(self):
        return lab.http_get(self.aggregator.url + "/readyz")

    def test_metrics_are_a_page_that_prometheus_takes(self):
        lab.wait_until(lambda: self.aggregator.own_metric("dadvisor_ingest_batches_total"), 20,
                       "a batch")
        status, page = lab.http_get(self.aggregator.url + "/metrics")
        self.assertEqual(status, 200)
        types, helps, seen = {}, set(), set()
        for line in page.decode().splitlines():
            if line.startswith("# TYPE "):
                name, kind = line[7:].split()
                self.assertNotIn(name, types)
                types[name] = kind
            elif line.startswith("# HELP "):
                helps.add(line.split()[2])
            else:
                self.assertRegex(line, SAMPLE)
                seen.add(SAMPLE.match(line).group(1))
        self.assertEqual(seen, set(types))
        self.assertEqual(seen, helps)
        for name, kind in types.items():
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
        for name in EXPECTED:
            self.assertIn(name, seen)
        self.assertLess(self.aggregator.own_metric("dadvisor_ingest_lag_seconds"), 5)
        self.assertGreater(self.aggregator.own_metric("process_resident_memory_bytes"), 1 << 20)
        promtool = shutil.which("promtool")
        if promtool:
            done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_status_and_readiness_over_a_restart(self):
        lab.wait_until(lambda: self.ready()[0] == 200, 10, "ready")
        before = lab.wait_until(lambda: (lambda s: s if s["streams"]["spoken"] else None)(
            self.status()), 20, "the stream")
        self.assertRegex(before["version"], r"^\d+\.\d+")
        self.assertEqual([stream["agent"] for stream in before["streams"]["list"]], ["agent"])
        self.assertLess(before["streams"]["list"][0]["lag_seconds"], 5)
        self.assertLess(abs(before["streams"]["list"][0]["last_tick"] - time.time()), 5)
        self.assertTrue(before["store"]["writable"])
        self.assertGreater(before["store"]["log_bytes"], 0)
        self.assertGreater(before["store"]["entities"], 0)
        tiers = before["tiers"]
        self.assertEqual([tier["tier"] for tier in tiers], ["10s", "1m-instances", "1m", "10m"])
        # No period of a tier has ended yet, and nobody's row is late.
        self.assertEqual([tier["dirty_windows"] for tier in tiers[1:]], [0, 0, 0])
        self.assertEqual([tier["sealed_until"] for tier in tiers[1:]], [None, None, None])
        self.assertEqual([(sink["kind"], sink["connected"]) for sink in before["sinks"]],
                         [("carbon", False)])
        self.assertEqual(before["alerts"]["firing"], 0)
        self.assertGreaterEqual(before["events"]["recorded"], 1)

        # A restart knows the stream, and is not ready before it has spoken.
        self.agent.stop()
        self.aggregator.stop()
        self.aggregator.start()
        code, body = self.ready()
        self.assertEqual(code, 503, body)
        self.assertIn(b"not all spoken", body)
        waiting = self.status()
        self.assertEqual((waiting["ready"], waiting["streams"]["known"],
                          waiting["streams"]["spoken"], waiting["streams"]["late"]),
                         (False, 1, 0, 1))
        self.assertIsNone(waiting["streams"]["list"][0]["last_tick"])
        self.agent.start()
        lab.wait_until(lambda: self.ready() == (200, b"ok\n"), 20, "ready again")
        self.assertTrue(self.status()["ready"])
        self.assertEqual(self.status()["streams"]["late"], 0)
        code, body = lab.http_get(self.aggregator.url + "/api/v1/status?streams=0")
        self.assertEqual(json.loads(body)["streams"]["list"], [])
        self.assertEqual(lab.http_get(self.aggregator.url + "/api/v1/status?streams=x")[0], 400)


if __name__ == "__main__":
    lab.main("status")
