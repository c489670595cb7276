#!/usr/bin/python3
"""Two aggregators: the first is killed, the second takes over, and the agent goes back."""
import os

import lab


class FailOver(lab.Case):
    def test_over_to_the_second_and_back(self):
        first = self.start(lab.Aggregator(self.directory, name="first"))
        second = self.start(lab.Aggregator(self.directory, name="second"))
        config = os.path.join(self.directory, "agent.yml")
        with open(config, "w") as file:
            file.write("aggregator: [%s, %s]\nfail_over_after: 3s\n" % (first.url, second.url))
        agent = self.start(lab.Served("agent", self.directory, "dadvisor-agent", {
            "config": config, "step": "1s", "agent_id": "host", "docker_socket": ""}))

        def ticks(aggregator):
            found = aggregator.render("dadvisor.*.hosts.host.mem.total")
            return sorted(found.popitem()[1]) if found else []
        lab.wait_until(lambda: len(ticks(first)) > 3, 20, "the first has rows")
        self.assertEqual(ticks(second), [])
        before = ticks(first)
        first.kill()
        lab.wait_until(lambda: len(ticks(second)) > 3, 40, "the second has rows")
        self.assertEqual(agent.own_metric("dadvisor_agent_aggregator"), 1)
        self.assertIn("batches go to %s now" % second.url, lab.read(agent.log))
        first.start()
        lab.wait_until(lambda: agent.own_metric("dadvisor_agent_fail_overs_total") == 2, 60,
                       "it goes back")
        back = lab.time.time()
        lab.wait_until(lambda: ticks(first)[-1:] > [back + 3], 30, "the first has rows again")
        self.assertEqual(agent.own_metric("dadvisor_agent_aggregator"), 0)
        both = set(ticks(first)) | set(ticks(second))
        lacking = [t for t in range(before[0], int(back)) if t not in both]
        print("    %d ticks: %d in the first, %d in the second, %d in neither"
              % (len(both), len(ticks(first)), len(ticks(second)), len(lacking)))
        self.assertEqual(lacking, [])
        self.assertTrue(set(before) <= set(ticks(first)), "what was acknowledged is there")
        self.assertEqual(agent.own_metric("dadvisor_agent_batches_dropped_total"), 0)
        self.assertEqual(first.own_metric("dadvisor_ingest_lost_total"), 0)
        self.assertEqual(second.own_metric("dadvisor_ingest_lost_total"), 0)


if __name__ == "__main__":
    lab.main("fail_over")
