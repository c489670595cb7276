#!/usr/bin/python3
"""A disk that is really full: an ext4 of 32 MiB under a real aggregator.

It refuses batches with 503 and Retry-After while there is room left, answers queries all the time,
lives through a kill -9 and a start on a disk without a free byte, takes batches again by itself once
there is room, and has lost nothing that it acknowledged, nor has any of it twice.
"""
import errno
import os
import random
import time

import frames
import lab

MIB = 1 << 20
CONTAINERS = 300
# cpu.usage and the like, and mem.usage; which ones does not matter, but the last is asked for.
METRICS = [1, 2, 3, 22, 23, 21, 20]
AVAILABLE = 141  # of the host


class DiskFull(lab.Case):
    def batch(self, sequence):
        """(frame, tick): mem.available of the host is the sequence, mem.usage of container c too."""
        chance = random.Random(sequence)
        tick = self.begin + sequence
        rows = [(frames.HOST, "", {}, [sequence] * 8)]
        for c in range(CONTAINERS):
            values = [chance.getrandbits(44) for _ in METRICS]
            values[-1] = sequence * 1000 + c
            rows.append((frames.CONTAINER, "c%011d" % c, {"app": "/e2e/full", "task": str(c)},
                         values + [0]))
        return frames.key_frame("feeder", 1, sequence, tick * 10**9, 10**9, METRICS + [AVAILABLE],
                                rows)

    def send(self, sender):
        return sender.send(self.batch(sender.acknowledged + 1))

    def free(self):
        status = os.statvfs(self.mount)
        return status.f_bavail * status.f_frsize

    def ballast(self, mib=None):
        """Takes so much of the disk, or all."""
        with open(self.mount + "/ballast%s" % (mib or "-all"), "wb", buffering=0) as file:
            try:
                for _ in range((mib or 1000) * 16):
                    file.write(b"x" * (MIB // 16))
                    os.fsync(file.fileno())
            except OSError as error:
                assert error.errno == errno.ENOSPC and mib is None, error
                self.assertEqual(self.free(), 0)

    def check(self, aggregator, last):
        """Each batch up to `last` is there, once, with its values."""
        ticks = range(self.begin + 1, self.begin + last + 1)

        def found():
            series = aggregator.render("dadvisor.*.hosts.feeder.mem.available", self.begin,
                                       ticks[-1])
            return series and list(series.values())[0]
        points = lab.wait_until(lambda: (found() or {}).get(ticks[-1]) is not None and found(), 20,
                                "the last batch is seen")
        wrong = {t: points.get(t) for t in ticks if points.get(t) != t - self.begin}
        self.assertEqual(wrong, {}, "host")
        series = aggregator.render("dadvisor.*.instances.e2e_full.*.mem.usage", self.begin,
                                   ticks[-1])
        self.assertEqual(len(series), CONTAINERS)
        for tick in ticks:
            values = sorted(points.get(tick, -1) for points in series.values())
            self.assertEqual(values, [(tick - self.begin) * 1000 + c for c in range(CONTAINERS)])

    def test_a_full_disk_refuses_in_time_and_loses_nothing(self):
        self.begin = int(time.time()) - 3000
        with lab.loop_filesystem(self.directory, 32) as self.mount:
            aggregator = lab.Aggregator(self.directory, name="mount", head_span="10s")
            try:
                self.run_full(aggregator)
            finally:
                aggregator.kill()

    def run_full(self, aggregator):
        self.ballast(12)
        aggregator.start()
        sender = frames.Sender(aggregator.url, "feeder")
        self.assertEqual(sender.hello(), 0)

        # Full: in time.
        for _ in range(2000):
            status, headers = self.send(sender)
            if status != 200:
                break
        self.assertEqual(status, 503)
        self.assertIsNotNone(headers.get("Retry-After"))
        before = sender.acknowledged
        print("    refused behind %d batches, %.1f MiB are free" % (before, self.free() / MIB))
        self.assertGreater(self.free(), 1 * MIB)
        self.assertGreater(before, 20)

        # Not a byte left, and spills come due: it lives, serves and refuses.
        self.ballast()
        self.assertIn(lab.http_get(aggregator.url + "/readyz")[0], (503,))
        end = time.monotonic() + 12
        while time.monotonic() < end:
            self.assertEqual(self.send(sender)[0], 503)
            self.assertEqual(lab.http_get(aggregator.url + "/healthz")[0], 200)
            time.sleep(0.3)
        self.check(aggregator, before)
        aggregator.kill()
        aggregator.start()  # still full
        self.check(aggregator, before)
        self.assertEqual(sender.hello(), before)
        self.assertEqual(self.send(sender)[0], 503)

        # Room again: back by itself.
        os.unlink(self.mount + "/ballast-all")
        os.unlink(self.mount + "/ballast12")
        lab.wait_until(lambda: self.send(sender)[0] == 200, 20, "batches are taken again")
        for _ in range(20):
            self.assertEqual(self.send(sender)[0], 200)
        aggregator.kill()
        aggregator.start()
        self.assertGreaterEqual(sender.hello(), sender.acknowledged)
        self.check(aggregator, sender.acknowledged)
        print("    %d batches, all there" % sender.acknowledged)


if __name__ == "__main__":
    lab.main("disk_full")
