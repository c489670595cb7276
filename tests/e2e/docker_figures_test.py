#!/usr/bin/python3
"""What the agent says of real containers, against the kernel's own counters.

Each truth is read by the test itself at the same ticks, or printed by the load; a starved machine
gives a load less than it asked for, so what was asked is no truth. The same cases run under the
pure cgroup-v2 kernel (v2_test.py), whose 10 ms clock ticks need the wider DADVISOR_E2E_CPU.
"""
import os
import re
import time
import unittest

import lab
from docker_case import CPU, MIB, V2_KERNEL, DockerCase

bridge_only = unittest.skipIf(V2_KERNEL, "that kernel's containers have no bridge network")


class DockerFigures(DockerCase):
    def test_case_1_spent_cpu(self):
        container = self.container(None)
        cpu = container.cpu_reader()
        first, before = lab.next_tick(), cpu()
        printed = container.run("load", "spend", "5")["cpu_usec"] / 1e6
        last, after = lab.next_tick(1, after=1), cpu()
        usage = self.growth(container, "cpu.usage", first, last)
        self.assert_close(usage, after - before, max(0.01, CPU), "cpu.usage")
        self.assert_close(usage, printed, max(0.02, CPU), "cpu.usage, as the load printed it")
        both = (self.growth(container, "cpu.user", first, last) +
                self.growth(container, "cpu.system", first, last))
        self.assert_close(both, usage, CPU, "cpu.user + cpu.system", floor=0.020)

    def test_case_2_limited_busy_loop(self):
        container = self.container("load cpu 1000 600", "--cpus", "0.5")
        cpu, throttling = container.cpu_reader(), container.throttling_reader()
        time.sleep(2)
        first, before, throttled = lab.next_tick(), cpu(), throttling()
        late = time.time() - first
        time.sleep(9)
        last, after = lab.next_tick(), cpu()
        throttled = [b - a for a, b in zip(throttled, throttling())]
        late += time.time() - last
        seconds = last - first
        truth = (after - before) / seconds
        self.assertGreater(truth, 0.3, "this machine is too busy for the load")
        self.at(container, "cpu.cores", last)
        for leaf, factor in (("cpu.cores", 1), ("cpu.pct_limit", 200)):
            values = [v for t, v in container.figures(self.aggregator, leaf).items()
                      if first < t <= last]
            self.assertEqual(len(values), seconds, leaf)
            self.assert_close(sum(values) / seconds, truth * factor, max(0.03, CPU), leaf)
        # A period is 100 ms: so many may begin between a tick and the test's own read behind it.
        periods = late / 0.1
        self.assert_close(self.growth(container, "cpu.periods", first, last), throttled[0], 0,
                          "cpu.periods", floor=2 + periods)
        self.assert_close(self.growth(container, "cpu.throttled", first, last), throttled[1], 0,
                          "cpu.throttled", floor=3 + periods)
        self.assertEqual(self.at(container, "cpu.limit", last), 0.5)

    @unittest.skipIf(V2_KERNEL, "not one of the cases for that kernel")
    def test_case_3_duty(self):
        half = self.container("load cpu 500 600", app="/e2e/duty-half")
        twentieth = self.container("load cpu 50 600", app="/e2e/duty-twentieth")
        readers = half.cpu_reader(), twentieth.cpu_reader()
        first, before = lab.next_tick(), [read() for read in readers]
        time.sleep(9.5)
        last, after = lab.next_tick(), [read() for read in readers]
        for container, a, b, share in ((half, before[0], after[0], 0.02),
                                       (twentieth, before[1], after[1], 0.04)):
            self.assert_close(self.growth(container, "cpu.usage", first, last), b - a, share,
                              container.app_node)

    def test_open_descriptors(self):
        container = self.container("exec sleep 600")
        truth = len(os.listdir("/proc/%d/fd" % container.pid))
        self.assertGreater(truth, 0)
        self.assertEqual(self.at(container, "proc.fds", lab.next_tick()), truth)

    def test_case_6_touched_memory(self):
        # The same program twice, so that all but the 50 MiB is alike; and a command behind it, or the
        # shell would become the second one and take its own 64 KiB away.
        container = self.container("load mem 1 25; load mem 51 600; true")
        idle = lab.next_tick()
        self.assertLess(container.memory()[0], 4 * MIB)
        anon_before = self.at(container, "mem.rss", idle)
        lab.wait_until(lambda: container.memory()[0] > 50 * MIB, 40, "the load holds its memory")
        time.sleep(1)
        tick = lab.next_tick()
        anon, usage = container.memory()
        self.assert_close(self.at(container, "mem.rss", tick) - anon_before, 50 * MIB, 0,
                          "mem.rss", floor=64 * 1024)
        self.assert_close(self.at(container, "mem.rss", tick), anon, 0, "mem.rss, all of it",
                          floor=64 * 1024)
        self.assert_close(self.at(container, "mem.usage", tick), usage, 0.02, "mem.usage")

    def test_case_12_direct_writes(self):
        with (lab.loop_filesystem(self.directory) if not V2_KERNEL else
              lab.contextlib.nullcontext("/data")) as mount:
            container = self.container(None, "-v", mount + ":/disk")
            first, before = lab.next_tick(), container.written()
            printed = container.run("load", "disk", "100", "/disk/load.dat")
            self.assertEqual(printed["direct"], 1)
            last, after = lab.next_tick(1, after=1), container.written()
            self.assertGreaterEqual(after - before, 100 * MIB, "the kernel did not count it")
            # Before its first write a device has no line on v1: then there was nothing to read.
            points = container.figures(self.aggregator, "io.write_bytes")
            grown = self.at(container, "io.write_bytes", last) - points.get(first, 0)
            self.assert_close(grown, after - before, 0, "io.write_bytes", floor=64 * 1024)
            self.assert_close(grown, printed["written_bytes"], 0,
                              "io.write_bytes, as the load printed it", floor=64 * 1024)
            container.stop()

    def transfer(self, sender, receiver, network="bridge"):
        """10 MiB by TCP to the receiver over that network; the ticks before and after."""
        address = receiver.inspect("{{(index .NetworkSettings.Networks \"%s\").IPAddress}}" % network)
        first = lab.next_tick()
        lab.docker("exec", "-d", receiver.name, "load", "rx", "5001")
        printed = sender.run("load", "tx", address, "5001", "10")
        self.assertEqual(printed["payload_sent_bytes"], 10 * MIB)
        return first, lab.next_tick(1, after=1)

    @bridge_only
    def test_case_15_bridge_network(self):
        receiver = self.container(None, app="/e2e/receiver")
        sender = self.container(None, app="/e2e/sender")
        before = receiver.network(), sender.network()
        first, last = self.transfer(sender, receiver)
        after = receiver.network(), sender.network()
        got = self.growth(receiver, "net.rx_bytes", first, last)
        sent = self.growth(sender, "net.tx_bytes", first, last)
        self.assert_close(got, after[0][0] - before[0][0], 0, "net.rx_bytes", floor=2048)
        self.assert_close(sent, after[1][1] - before[1][1], 0, "net.tx_bytes", floor=2048)
        for figure in (got, sent):
            self.assertTrue(10 * MIB <= figure <= 10.6 * MIB, figure)
        # And by the other route that the kernel has, the host's ends of their links.
        for container, leaf, figure, column in ((receiver, "rx", got, 8), (sender, "tx", sent, 0)):
            self.assert_close(self.at(container, "net.%s_bytes" % leaf, last),
                              container.host_end()[column], 0.001, "net.%s_bytes" % leaf)

    def readings(self):
        """How many readings of networks the host's links and processes' files told."""
        page = lab.http_get(self.agent.url + "/metrics")[1].decode()
        found = dict(re.findall(r'network_readings_total{from="(\w+)"} (\d+)', page))
        return int(found["links"]), int(found["process"])

    @bridge_only
    def test_links_tell_networks_and_files_what_links_do_not(self):
        bridged = self.container(None, app="/e2e/bridged")
        isolated = self.container(None, app="/e2e/isolated", network="none")
        lab.next_tick(1)
        links, files = self.readings()
        time.sleep(8)
        lab.next_tick(1)
        more_links, more_files = self.readings()
        self.assertGreaterEqual(more_links - links, 2 * 8)
        self.assertLessEqual(more_files - files, 2, "once a minute each")
        for container in (bridged, isolated):
            container.stop()

    @bridge_only
    def test_a_network_that_comes_and_goes(self):
        second = "dadvisor-e2e-%d" % os.getpid()
        lab.docker("network", "create", second)
        self.addCleanup(lab.docker, "network", "rm", second, check=False)
        receiver = self.container(None, app="/e2e/receiver-of-two")
        sender = self.container(None, app="/e2e/sender-to-two")
        self.transfer(sender, receiver)
        for one in (sender, receiver):
            lab.docker("network", "connect", second, one.name)
        self.addCleanup(sender.stop)
        self.addCleanup(receiver.stop)
        first, last = self.transfer(sender, receiver, second)
        lab.next_tick()
        got, sent = receiver.network()[0], sender.network()[1]
        last = lab.next_tick(1, after=1)
        self.assertGreater(receiver.network()[0], 20 * MIB, "both interfaces")
        self.assert_close(self.at(receiver, "net.rx_bytes", last), got, 0.001, "net.rx_bytes")
        self.assert_close(self.at(sender, "net.tx_bytes", last), sent, 0.001, "net.tx_bytes")
        # Its interface takes its own counters away: the figure stands still, then grows by the rest.
        lab.docker("network", "disconnect", second, receiver.name)
        lab.docker("network", "disconnect", second, sender.name)
        before = lab.next_tick(1)
        first, last = self.transfer(sender, receiver)
        self.assertTrue(10 * MIB <= self.growth(receiver, "net.rx_bytes", before, last)
                        <= 10.6 * MIB)
        points = receiver.figures(self.aggregator, "net.rx_bytes")
        values = [points[tick] for tick in sorted(points)]
        self.assertEqual(values, sorted(values), "a counter never falls")
        self.assertLess(values[-1], 31.8 * MIB)
        self.assertGreater(values[-1], 30 * MIB)

    @bridge_only
    def test_case_16_network_modes(self):
        app = "/e2e/shared-network"
        owner = self.container(None, app=app)
        guest = self.container(None, app=app, network="container:" + owner.name)
        host = self.container(None, app="/e2e/host-network", network="host")
        none = self.container(None, app="/e2e/no-network", network="none")
        sender = self.container(None, app="/e2e/other")
        time.sleep(2)
        first, last = self.transfer(sender, owner)
        self.assertGreaterEqual(self.growth(owner, "net.rx_bytes", first, last), 10 * MIB)
        self.assertEqual(guest.figures(self.aggregator, "net.rx_bytes"), {}, "counted once")
        self.assertEqual(host.figures(self.aggregator, "net.rx_bytes"), {},
                         "the host's network is not the container's")
        self.assertEqual(self.at(none, "net.rx_bytes", last), 0)
        rates = self.aggregator.render(
            "dadvisor.*.apps.e2e_shared-network.sum.net.rx_bytes_rate")
        self.assertEqual(len(rates), 1, rates.keys())
        total = sum(v for t, v in rates.popitem()[1].items() if first < t <= last)
        self.assert_close(total, self.growth(owner, "net.rx_bytes", first, last), 0.001,
                          "the app's net.rx_bytes")

    @unittest.skipIf(V2_KERNEL, "not one of the cases for that kernel")
    def test_case_18_restarts_and_a_pause(self):
        container = self.container("load cpu 300 600")
        time.sleep(3)
        for _ in range(2):
            lab.docker("restart", "-t", "0", container.name)
            time.sleep(4)
        paused = lab.next_tick()
        lab.docker("pause", container.name)
        time.sleep(2)
        lab.docker("unpause", container.name)
        time.sleep(4)
        after = lab.next_tick()
        self.at(container, "cpu.cores", after)
        cores = container.figures(self.aggregator, "cpu.cores")  # asserts that it is one instance
        print("    cpu.cores: %s" % ["%.2f" % cores[t] for t in sorted(cores)])
        # The load is one process, and after the pause it makes up for what it missed: never more
        # than one core (and 5 % for the reading's own delay at a step of 1 s).
        self.assertTrue(all(0 <= v <= 1.05 for v in cores.values()), cores)
        self.assertTrue(any(v > 0.15 for t, v in cores.items() if t > paused + 4), cores)
        usage = container.figures(self.aggregator, "cpu.usage")
        ticks = sorted(usage)
        falls = [t for s, t in zip(ticks, ticks[1:]) if usage[t] < usage[s]]
        self.assertEqual(len(falls), 2, "each restart counts from 0 anew: %s" % falls)


class Headline(lab.Case):
    """With everything as it comes: ten-second steps, the app by Marathon's environment."""

    @unittest.skipIf(V2_KERNEL, "not one of the cases for that kernel")
    def test_half_a_core_within_30_seconds(self):
        lab.ensure_docker()
        aggregator = self.start(lab.Aggregator(self.directory))
        self.start(lab.Agent(self.directory, aggregator, step="10s"))
        container = lab.Container("/shop/cart", "load cpu 1000 600", "--cpus", "0.5")
        self.addCleanup(container.stop)
        container.start()
        begun = time.monotonic()

        def half():
            points = container.figures(aggregator, "cpu.cores")
            return points and abs(points[max(points)] - 0.5) <= 0.015 and points
        points = lab.wait_until(half, 31, "cpu.cores reads 0.50 +- 3 %")
        print("    %.3f cores after %.1f s" % (points[max(points)], time.monotonic() - begun))


if __name__ == "__main__":
    lab.main("docker_figures")
