#!/usr/bin/python3
"""Ten kill -9 of the aggregator at random during five minutes: no gap, no doubled point.

The truth is each agent's own ticks: from its first to the last there must be exactly one point a
step in every series, and in the counter of a busy container the value that the test read itself at
that tick. DADVISOR_E2E_SEED repeats the same moments.
"""
import os
import random
import threading
import time

import lab

STEP = 2
SECONDS = 300
KILLS = 10


class Crash(lab.Case):
    def test_ten_kills_leave_no_gap_and_no_doubled_point(self):
        lab.ensure_docker()
        seed = int(os.environ.get("DADVISOR_E2E_SEED", time.time()))
        print("    seed %d" % seed)
        chance = random.Random(seed)
        aggregator = self.start(lab.Aggregator(self.directory))
        for name in ("one", "two"):
            self.start(lab.Agent(self.directory, aggregator, step="%ds" % STEP, name=name,
                                 cluster=name))
        container = self.start(lab.Container("/e2e/crash", "load cpu 250 900"))
        lab.wait_until(lambda: len(aggregator.render(
            "dadvisor.*.instances.e2e_crash.*.cpu.cores")) == 2, 30, "both agents' first rates")

        truth, over = {}, threading.Event()

        def read_truth():
            cpu = container.cpu_reader()
            while not over.is_set():
                tick = lab.next_tick(STEP)  # before the read: a subscript is evaluated after its value
                truth[tick] = cpu()

        reader = threading.Thread(target=read_truth)
        reader.start()
        begun = time.monotonic()
        first = lab.next_tick(STEP)
        try:
            moments = sorted(chance.uniform(0, SECONDS - 20) for _ in range(KILLS))
            for moment in moments:
                time.sleep(max(0, begun + moment - time.monotonic()))
                aggregator.kill()
                time.sleep(chance.choice([0, 0.2, 3, 12]))
                aggregator.start()
            time.sleep(max(0, begun + SECONDS - time.monotonic()))
        finally:
            over.set()
            reader.join()
        last = lab.next_tick(STEP)
        time.sleep(15)  # what waited in the spools is delivered

        ticks = list(range(first, last + 1, STEP))
        paths = ["hosts.*.cpu.usage", "hosts.*.mem.available", "hosts.*.cpu.cores",
                 "instances.e2e_crash.*.cpu.usage", "instances.e2e_crash.*.cpu.cores",
                 "instances.e2e_crash.*.mem.rss", "apps.e2e_crash.sum.cpu.cores",
                 "apps.e2e_crash.sum.state.up", "total.sum.cpu.cores"]
        for cluster in ("one", "two"):
            for path in paths:
                target = "dadvisor.%s.%s" % (cluster, path)
                found = aggregator.render(target, first - 1, last)
                self.assertEqual(len(found), 1, "%s: %s" % (target, list(found)))
                points = found.popitem()[1]
                missing = [t for t in ticks if t not in points]
                self.assertEqual(missing, [], "%s: gaps" % target)
                self.assertEqual(len(points), len(ticks), "%s: more points than ticks" % target)
                if path.endswith("cpu.usage"):
                    self.assertEqual(sorted(points.values()),
                                     [points[t] for t in sorted(points)], "%s falls" % target)
                if path == "apps.e2e_crash.sum.state.up":
                    self.assertEqual(set(points.values()), {1}, "%s: doubled" % target)
                if path == "instances.e2e_crash.*.cpu.usage":
                    wrong = {t: (points[t], truth[t]) for t in ticks
                             if t in truth and abs(points[t] - truth[t]) > 0.1}
                    self.assertEqual(wrong, {}, "%s: (figure, truth)" % target)
        print("    %d ticks of %d series over %d kills" % (len(ticks), 2 * len(paths), KILLS))


if __name__ == "__main__":
    lab.main("crash")
