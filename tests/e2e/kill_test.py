#!/usr/bin/python3
"""kill -9 of the aggregator at random moments and at named points in its code.

Each round starts it, lets some agents send, kills it, and at the next start holds what it says and
shows against what it had acknowledged: nothing is lost, nothing is there twice. A spill comes each
second, a merge every twelve. DADVISOR_KILL_ROUNDS: how many rounds (20); DADVISOR_E2E_SEED repeats
the same points.
"""
import json
import os
import random
import subprocess
import threading
import time

import frames
import lab

ROUNDS = int(os.environ.get("DADVISOR_KILL_ROUNDS", 20))
AGENTS = 3
AVAILABLE = 141  # mem.available
# CALL:PART of a path, see tests/lab/kill_at.c, and the greatest count that makes sense in a round.
POINTS = [("write:/log/", 40), ("sync:/log/", 40), ("synced:/log/", 40), ("unlink:/log/", 3),
          ("unlinked:/log/", 3), ("write:/spill/new", 2), ("sync:/spill/new", 2),
          ("rename:/spill/", 2), ("renamed:/spill/", 2), ("synced:/spill", 4),
          ("unlink:/spill/", 6), ("write:catalogue.db-wal", 30), ("sync:catalogue.db-wal", 3),
          ("synced:catalogue.db-wal", 3), ("write:catalogue.db", 30)]


class Kill(lab.Case):
    def sender(self, aggregator, number):
        return frames.Sender(aggregator.url, "agent%d" % number)

    def frame(self, sender, sequence):
        return frames.key_frame(sender.agent, 1, sequence, (self.begin + sequence) * 10**9, 10**9,
                                [AVAILABLE], [(frames.HOST, "", {}, [sequence])])

    def send_until_killed(self, sender):
        try:
            hi = sender.hello()
        except AssertionError:  # killed already
            return
        self.hold(sender, hi)
        while True:
            self.sent[sender.agent] = max(self.sent[sender.agent], sender.acknowledged + 1)
            if sender.send(self.frame(sender, sender.acknowledged + 1))[0] != 200:
                return

    def hold(self, sender, hi):
        if not sender.acknowledged <= hi <= self.sent[sender.agent]:
            self.wrong.append("%s: hello says %d, acknowledged %d, sent %d" % (
                sender.agent, hi, sender.acknowledged, self.sent[sender.agent]))
        sender.acknowledged = hi

    def check(self, aggregator, senders):
        lab.wait_until(lambda: self.status(aggregator)["store"]["replayed"], 20, "the log is read")
        for sender in senders:
            last = sender.acknowledged
            series = aggregator.render("dadvisor.*.hosts.%s.mem.available" % sender.agent,
                                       self.begin, self.begin + last + 2)
            points = {t - self.begin: v for t, v in
                      (list(series.values())[0] if series else {}).items()}
            wrong = {s: points.get(s) for s in range(1, last + 1) if points.get(s) != s}
            self.assertEqual(wrong, {}, sender.agent)

    def status(self, aggregator):
        return json.loads(lab.http_get(aggregator.url + "/api/v1/status")[1])

    def test_no_kill_loses_or_doubles_what_was_acknowledged(self):
        seed = int(os.environ.get("DADVISOR_E2E_SEED", time.time()))
        print("    seed %d, %d rounds" % (seed, ROUNDS))
        chance = random.Random(seed)
        # A second of data each batch, and none of it ahead of the clock.
        self.begin = int(time.time()) - max(20000, 60 * ROUNDS)
        self.sent = {"agent%d" % n: 0 for n in range(AGENTS)}
        self.wrong = []
        aggregator = lab.Aggregator(self.directory, head_span="1s")
        self.addClassCleanup(aggregator.kill)
        preload = os.path.join(lab.BIN, "kill_at.so")
        self.assertTrue(os.path.exists(preload), preload)
        senders = [self.sender(aggregator, n) for n in range(AGENTS)]
        points = {}
        for number in range(ROUNDS):
            point, most = chance.choice(POINTS + [(None, 0)] * 5)
            at = "%s:%d" % (point, chance.randint(1, most)) if point else ""
            aggregator.environment.update(LD_PRELOAD=preload, DADVISOR_KILL_AT=at)
            try:
                aggregator.start()
            except AssertionError as error:
                if at == "" or "status -9" not in str(error):
                    raise
                points[point] = points.get(point, 0) + 1  # killed while it started
                aggregator.process = None
                continue
            threads = [threading.Thread(target=self.send_until_killed, args=(s,)) for s in senders]
            for thread in threads:
                thread.start()
            try:
                aggregator.process.wait(2 if point else chance.uniform(0.05, 2))
                points[point] = points.get(point, 0) + 1
            except subprocess.TimeoutExpired:  # the point was not reached
                points["a moment"] = points.get("a moment", 0) + 1
            aggregator.kill()
            for thread in threads:
                thread.join()
            self.assertEqual(self.wrong, [], "round %d, %s" % (number, at))
            if number % 10 == 9 or number == ROUNDS - 1:
                aggregator.environment["DADVISOR_KILL_AT"] = ""
                aggregator.start()
                for sender in senders:
                    self.hold(sender, sender.hello())
                self.assertEqual(self.wrong, [], "behind round %d, %s" % (number, at))
                self.check(aggregator, senders)
                damaged = aggregator.own_metric("dadvisor_store_damaged_spills_total")
                self.assertEqual(damaged, 0)
                aggregator.kill()
        print("    %d batches acknowledged; killed at %s" % (
            sum(s.acknowledged for s in senders), points))
        self.assertGreater(sum(s.acknowledged for s in senders), ROUNDS * 5)


if __name__ == "__main__":
    lab.main("kill")
