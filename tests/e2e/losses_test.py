#!/usr/bin/python3
"""Ticks that an agent could not keep are told: which, how many, why; over a kill of the agent too.

The aggregator is away for longer than spool_age, or a file of the spool is cut between two records
while no agent runs; what is dropped must be exactly what loss events say, and what the store lacks.
"""
import glob
import os
import re
import struct
import time

import lab

AGE = 60  # seconds that a batch may wait: the least that the setting takes


class Losses(lab.Case):
    def test_what_is_dropped_is_told(self):
        aggregator = self.start(lab.Aggregator(self.directory))
        config = os.path.join(self.directory, "agent.yml")
        with open(config, "w") as file:
            file.write("aggregator: %s\nspool_age: %ds\n" % (aggregator.url, AGE))
        agent = self.start(lab.Served("agent", self.directory, "dadvisor-agent", {
            "config": config, "step": "1s", "agent_id": "host", "docker_socket": ""}))

        def ticks():
            found = aggregator.render("dadvisor.*.hosts.host.mem.total", "-10min")
            return set(found.popitem()[1]) if found else set()
        lab.wait_until(lambda: len(ticks()) > 3, 20, "rows")
        aggregator.kill()
        away = time.time()
        time.sleep(AGE + 12)  # ticks are dropped for 12 s
        agent.kill()
        killed = time.time()
        agent.start()
        begun = time.time()
        time.sleep(8)         # and for 8 more by the next run
        aggregator.start()
        back = time.time()
        lab.wait_until(lambda: max(ticks(), default=0) > back + 3, 30, "fresh rows again")

        def told():
            status, body = lab.http_get(aggregator.url + "/events/get_data?tags=loss")
            self.assertEqual(status, 200)
            return lab.json.loads(body)
        lab.wait_until(lambda: agent.own_metric("dadvisor_agent_batches_waiting") <= 1, 60,
                       "the backlog is sent")
        time.sleep(2)
        have = ticks()
        lacking = set(range(min(have), max(have))) - have
        stopped = {t for t in lacking if killed - 2 <= t <= begun + 2}
        lost, batches = set(), 0
        for event in told():
            self.assertIn("reason:old", event["tags"])
            self.assertIn("host:host", event["tags"])
            first, last = map(int, re.fullmatch(r"first (\d+), last (\d+)", event["data"]).groups())
            self.assertEqual(event["when"], first)
            batches += int(event["what"].split()[0])
            lost |= set(range(first, last + 1))
        print("    %d ticks told as lost in %d events, %d lacking, %d while no agent ran"
              % (batches, len(told()), len(lacking), len(stopped)))
        # The one that was under way when the aggregator was killed may be there without the word of it.
        unsure = {t for t in lost & have if -5 <= t - away <= 1}
        self.assertLessEqual(len(unsure), 1)
        self.assertEqual(lost - unsure, lacking - stopped, "away %f, killed %f, begun %f, back %f"
                         % (away, killed, begun, back))
        self.assertEqual(batches, len(lost))
        self.assertGreater(len(lost), 15)
        self.assertGreaterEqual(min(lost), int(away) - 1)

        # A picture of the host is shaded there, and not before.
        def shaded(first, last):
            status, body = lab.http_get(
                "%s/render?format=svg&width=800&from=%d&until=%d&target=dadvisor.*.hosts.host.mem.used"
                % (aggregator.url, first, last))
            self.assertEqual(status, 200)
            return len(re.findall(b'fill-opacity[:=]"?0.12', body))
        self.assertGreater(shaded(away - 30, back), 0)
        self.assertEqual(shaded(away - 60, min(lost) - 2), 0)


def records(path):
    """(offset behind it, type) of each record of a spool's file (agent/send/spool.hpp)."""
    with open(path, "rb") as file:
        content = file.read()
    found, at = [], 0
    while at + 12 < len(content):
        magic, size = struct.unpack_from("<4sI", content, at)
        assert magic == b"dSP1", "%s at %d: %r" % (path, at, magic)
        found.append((at + 12 + size, content[at + 12]))
        at += 12 + size
    return found


class Cut(lab.Case):
    def test_a_cut_between_two_records_is_told(self):
        aggregator = self.start(lab.Aggregator(self.directory))
        agent = self.start(lab.Served("agent", self.directory, "dadvisor-agent", {
            "aggregator": aggregator.url, "step": "1s", "agent_id": "host", "docker_socket": ""}))

        def ticks():
            found = aggregator.render("dadvisor.*.hosts.host.mem.total", "-10min")
            return set(found.popitem()[1]) if found else set()
        lab.wait_until(lambda: len(ticks()) > 3, 20, "rows")
        aggregator.kill()
        time.sleep(12)
        agent.kill()
        newest = max(path for path in glob.glob(
            os.path.join(self.directory, "agent", "spool", "segment-*")) if os.path.getsize(path))
        batches = [end for end, kind in records(newest) if kind == 1]
        self.assertGreaterEqual(len(batches), 10)
        os.truncate(newest, batches[-6])  # five are gone
        self.assertEqual(records(newest)[-1], (batches[-6], 1))
        agent.start()
        # Killed again before it comes to tell, and behind that: they are told once.
        lab.wait_until(lambda: agent.own_metric("dadvisor_agent_batches_dropped_total") > 0, 10,
                       "the cut is seen")
        self.assertEqual(agent.own_metric("dadvisor_agent_batches_dropped_total"), 5)
        agent.kill()
        agent.start()
        aggregator.start()
        back = time.time()
        lab.wait_until(lambda: max(ticks(), default=0) > back + 3, 30, "fresh rows again")
        lab.wait_until(lambda: agent.own_metric("dadvisor_agent_batches_waiting") <= 1, 60,
                       "the backlog is sent")
        time.sleep(2)
        status, body = lab.http_get(aggregator.url + "/events/get_data?tags=loss")
        self.assertEqual(status, 200)
        told = lab.json.loads(body)
        self.assertEqual(len(told), 1, told)
        self.assertIn("reason:damaged", told[0]["tags"])
        self.assertEqual(told[0]["what"].split()[0], "5")
        first, last = map(int, re.fullmatch(r"first (\d+), last (\d+)", told[0]["data"]).groups())
        self.assertEqual(last - first, 4)
        self.assertEqual(ticks() & set(range(first, last + 1)), set())
        self.assertIn(first - 1, ticks())


if __name__ == "__main__":
    lab.main("losses")
