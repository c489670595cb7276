#!/usr/bin/python3
"""The sink of Prometheus remote write into a real Prometheus and a real VictoriaMetrics.

Each is ended for a while in between. Afterwards it has every sample that the aggregator has, each
with the same value and no other; of a container that ended it says nothing any more.
"""
import time

import lab
from metric_servers import Prometheus, VictoriaMetrics

def places(app):
    """A selector there, and the path here."""
    labels = 'app="/e2e/%s",kind="%s"'
    path = "dadvisor.*.%s.e2e_%s.%s"
    return [("dadvisor_cpu_cores{%s,stat=\"sum\"}" % (labels % (app, "app")),
             path % ("apps", app, "sum.cpu.cores")),
            ("dadvisor_mem_rss{%s,stat=\"max\"}" % (labels % (app, "app")),
             path % ("apps", app, "max.mem.rss")),
            ('dadvisor_mem_available{kind="host"}', "dadvisor.*.hosts.*.mem.available"),
            ('dadvisor_cpu_cores{kind="total",stat="sum"}', "dadvisor.*.total.sum.cpu.cores"),
            ("dadvisor_mem_rss{%s}" % (labels % (app, "instance")),
             path % ("instances", app, "*.mem.rss"))]


class RemoteWrite(lab.Case):
    def test_prometheus_has_every_sample(self):
        self.every_sample(Prometheus)

    def test_victoria_metrics_has_every_sample(self):
        self.every_sample(VictoriaMetrics)

    def every_sample(self, kind):
        lab.ensure_docker()
        app = kind.__name__.lower()
        checked = places(app)
        server = self.start(kind(self.directory))
        aggregator = self.start(lab.Aggregator(
            self.directory, name="aggregator-" + server.name, remote_write_instances=True,
            remote_write_url=server.url + kind.WRITE))
        agent = self.start(lab.Agent(self.directory, aggregator, name="agent-" + server.name))
        container = self.start(lab.Container("/e2e/" + app, "load cpu 300 900"))
        lab.wait_until(lambda: server.query(checked[0][0]), 60, "the first sample is there")
        first = lab.next_tick() + 2
        time.sleep(6)
        server.stop()
        time.sleep(12)
        failures = aggregator.own_metric("dadvisor_remote_write_failures_total")
        server.start()
        self.assertGreater(failures, 0)
        time.sleep(5)
        last = lab.next_tick() - 3

        def compare():
            self.wrong = []
            for selector, path in checked:
                ours = aggregator.render(path, first - 1, last)
                theirs = server.samples(selector, first - 1, last)
                if len(ours) != 1 or len(theirs) != 1:
                    self.wrong.append("%s: %s, there %s" % (path, list(ours), len(theirs)))
                elif list(ours.values())[0] != theirs[0][1]:
                    self.wrong.append("%s: %s, there %s" % (path, ours, theirs))
            return not self.wrong
        try:
            lab.wait_until(compare, 60, "it has every sample", pause=1)
        except AssertionError as error:
            self.fail("%s:\n%s" % (error, "\n".join(self.wrong)))
        self.assertEqual(len(server.samples(checked[0][0], first - 1, last)[0][1]), last - first + 1)
        labels = server.query(checked[4][0])[0][0]
        self.assertEqual({name: labels.get(name) for name in ("__name__", "app", "kind", "stat")},
                         {"__name__": "dadvisor_mem_rss", "app": "/e2e/" + app, "kind": "instance",
                          "stat": None})
        self.assertEqual(set(labels) - {"owner"},
                         {"__name__", "app", "cluster", "host", "instance", "kind"})
        if kind is VictoriaMetrics:  # Prometheus refuses what it has already, should a tick be late
            self.assertEqual(aggregator.own_metric("dadvisor_remote_write_refused_total"), 0)

        container.stop()
        # Without a marker it would be told for five minutes more.
        lab.wait_until(lambda: not server.query(checked[4][0]), 90, "the container's series ended")
        self.assertTrue(server.query(checked[2][0]), "the host's goes on")
        self.assertGreater(aggregator.own_metric("dadvisor_remote_write_stale_total"), 0)
        for program in (agent, aggregator, server):
            program.stop()


if __name__ == "__main__":
    lab.main("remote_write")
