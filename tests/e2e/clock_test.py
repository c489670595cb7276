#!/usr/bin/python3
"""Hosts whose clocks are wrong: seen, told by the stock rule, and beyond 10 minutes not believed."""
import json
import os
import subprocess

import lab


class WrongClock(lab.Case):
    """Agents with clocks that are wrong, by tests/lab/shifted_clock.c, beside one that is right."""

    AHEAD, BEHIND, FAR = 20, -240, 3600

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shim = os.path.join(cls.directory, "shifted_clock.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", cls.shim,
                        os.path.join(lab.LAB, "shifted_clock.c")], check=True)

    def off(self, aggregator, name, seconds):
        agent = lab.Agent(self.directory, aggregator, name=name, docker_socket="")
        agent.environment.update(LD_PRELOAD=self.shim, CLOCK_SHIFT=str(seconds))
        return self.start(agent)

    def test_a_clock_that_is_off_fires_the_stock_rule_and_far_off_is_not_believed(self):
        config = os.path.join(self.directory, "aggregator.yml")
        with open(config, "w") as file:
            file.write("evaluate_every: 1s\n")
        aggregator = self.start(lab.Aggregator(self.directory, config=config,
                                               rules_dir=os.path.join(lab.ROOT, "packaging", "rules")))
        self.start(lab.Agent(self.directory, aggregator, name="right", docker_socket=""))
        self.off(aggregator, "ahead", self.AHEAD)
        self.off(aggregator, "behind", self.BEHIND)
        far = self.off(aggregator, "far", self.FAR)

        def streams():
            listed = json.loads(lab.http_get(aggregator.url + "/api/v1/status")[1])["streams"]["list"]
            return {one["agent"]: one for one in listed}
        lab.wait_until(lambda: all(one["clock_offset_seconds"] is not None
                                   for one in streams().values()) and len(streams()) == 4, 30,
                       "the clocks of four agents are seen")
        for name, truth in (("right", 0), ("ahead", self.AHEAD), ("behind", self.BEHIND),
                            ("far", self.FAR)):
            # A loaded machine may hold a request up; it can only be too low.
            self.assert_close(streams()[name]["clock_offset_seconds"], truth, 0, name, floor=2)
        self.assertIsNone(streams()["far"]["last_tick"], "nothing of it is kept")
        self.assertGreater(aggregator.own_metric("dadvisor_ingest_quarantined_total"), 0)
        self.assertEqual(aggregator.own_metric("dadvisor_ingest_clocks_off"), 3)
        self.assertRegex(lab.read(far.log), "the host's clock is 3[56].* set it")
        self.assertNotIn("dadvisor.default.hosts.far.load.1m",
                         aggregator.render("dadvisor.*.hosts.*.load.1m"))

        def firing():
            alerts = json.loads(lab.http_get(aggregator.url + "/api/v1/alerts")[1])["alerts"]
            return {one["labels"].get("host"): one for one in alerts
                    if one["rule"] == "host-clock-off" and one["state"] == "FIRING"}
        lab.wait_until(lambda: set(firing()) == {"ahead", "behind"}, 180, "host-clock-off fires",
                       pause=1)
        for name, truth in (("ahead", self.AHEAD), ("behind", -self.BEHIND)):
            self.assertEqual(firing()[name]["level"], "crit")
            self.assert_close(firing()[name]["value"], truth, 0, name + "'s alert", floor=2)
        offset = aggregator.render("dadvisor.*.hosts.right.clock.offset")
        for value in offset["dadvisor.default.hosts.right.clock.offset"].values():
            self.assertLess(abs(value), 2)
        dropped = aggregator.render("dadvisor.*.hosts.right.agent.dropped_rows")
        self.assertEqual(set(dropped["dadvisor.default.hosts.right.agent.dropped_rows"].values()),
                         {0})


if __name__ == "__main__":
    lab.main("clock")
