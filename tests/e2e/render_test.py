#!/usr/bin/python3
"""Our /render beside graphite-web's on the same data: the same names, times and values.

Both serve what one aggregator took: carbon by the sink, the aggregator from its own store. Then
each target is asked of both, over one window that is past on both.
"""
import json
import time
import urllib.parse

import lab

CORES = "dadvisor.*.apps.e2e_render-*.sum.cpu.cores"
MEMORY = "dadvisor.*.apps.e2e_render-*.sum.mem.rss"
HOST = "dadvisor.*.hosts.*.cpu.usage"
TARGETS = [
    CORES, HOST, "dadvisor.*.apps.e2e_render-{one,two}.{sum,max}.cpu.cores",
    "dadvisor.*.apps.e2e_render-o[a-z]e.sum.cpu.cores", "dadvisor.*.apps.no_such_app.sum.cpu.cores",
    'alias(%s, "cores")' % HOST, "aliasByNode(%s, 3)" % CORES, "aliasByNode(%s, 3, -1)" % CORES,
    "aliasByNode(%s, -2, 1)" % CORES, r"aliasSub(%s, '^.*render-(\w+)\..*$', 'app \1')" % CORES,
    "sumSeries(%s)" % CORES, "sumSeries(%s, %s)" % (CORES, MEMORY), "sum(%s)" % CORES,
    "averageSeries(%s)" % CORES, "avg(%s)" % CORES, "maxSeries(%s)" % CORES,
    "scale(%s, 100)" % CORES, "scale(%s, -0.5)" % CORES, "scale(sumSeries(%s), 1e3)" % CORES,
    "perSecond(%s)" % HOST, "perSecond(%s, 1000000)" % HOST, "perSecond(%s)" % CORES,
    "movingAverage(%s, 5)" % CORES, "movingAverage(%s, '10s')" % CORES,
    "movingAverage(%s, 1)" % HOST, "movingAverage(%s, 5, 0.5)" % CORES,
    "constantLine(12.5)", "constantLine(-1)",
    "asPercent(%s)" % CORES, "asPercent(%s, 4)" % CORES, "asPercent(%s, sumSeries(%s))" % (CORES, CORES),
    "asPercent(%s, %s)" % (CORES, CORES),
    "groupByNode(%s, 3, 'sum')" % CORES, "groupByNode(%s, 2, 'average')" % CORES,
    "groupByNode(%s, 2, 'maxSeries')" % CORES, "groupByNode(%s, -1, 'sum')" % CORES,
    "aliasByNode(groupByNode(perSecond(%s), 2, 'sum'), 0)" % HOST,
    "alias(scale(averageSeries(movingAverage(%s, 3)), 100), 'percent')" % CORES]
WRONG = ["sumSeries(", "noSuchFunction(%s)" % CORES, "scale(%s)" % CORES,
         "movingAverage(%s, 'x')" % CORES, "alias(%s)" % CORES]


class Render(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.graphite = cls.start(lab.Graphite(cls.directory))
        cls.aggregator = cls.start(lab.Aggregator(cls.directory, carbon=cls.graphite.carbon))
        cls.start(lab.Agent(cls.directory, cls.aggregator))
        cls.start(lab.Container("/e2e/render-one", "load cpu 300 900"))
        cls.start(lab.Container("/e2e/render-two", "load mem 20 20; load cpu 100 900"))
        lab.wait_until(lambda: lab.series_count(cls.graphite.url, CORES) == 2, 60,
                       "both apps in graphite-web")
        cls.first = lab.next_tick() + 5
        time.sleep(60)
        cls.until = lab.next_tick() - 8

        def alike():
            return all(points == lab.render(cls.graphite.url, CORES, cls.first, cls.until).get(name)
                       for name, points in
                       cls.aggregator.render(CORES, cls.first, cls.until).items())
        lab.wait_until(alike, 30, "both have the same points")

    def ask(self, url, target, **more):
        query = {"target": target, "from": self.first, "until": self.until, "format": "json", **more}
        # graphite-web is slow where the machine is busy: what is compared is what it answers.
        return lab.http_get(url + "/render?" + urllib.parse.urlencode(query, doseq=True), timeout=60)

    def both(self, target, **more):
        answers = []
        for url in (self.graphite.url, self.aggregator.url):
            status, body = self.ask(url, target, **more)
            self.assertEqual(status, 200, "%s %s: %s" % (url, target, body[:300]))
            answers.append([(s["target"], [tuple(p) for p in s["datapoints"]])
                            for s in json.loads(body)])
        return answers

    def assert_alike(self, target, **more):
        theirs, ours = self.both(target, **more)
        self.assertEqual(sorted(name for name, _ in ours), sorted(name for name, _ in theirs))
        ours, theirs = sorted(ours), sorted(theirs)
        for (name, mine), (_, real) in zip(ours, theirs):
            self.assertEqual([t for _, t in mine], [t for _, t in real], "times of " + name)
            for (a, t), (b, _) in zip(mine, real):
                same = a == b or (a is not None and b is not None and
                                  abs(a - b) <= 1e-9 * max(1.0, abs(b)))
                self.assertTrue(same, "%s at %d: ours %r, graphite-web's %r" % (name, t, a, b))

    def test_each_target_is_answered_as_by_graphite_web(self):
        for target in TARGETS:
            with self.subTest(target):
                self.assert_alike(target)

    def test_consolidation_to_max_data_points(self):
        for points in (7, 20, 1):
            for target in (CORES, "maxSeries(%s)" % CORES, "perSecond(%s)" % HOST):
                with self.subTest("%s in %d" % (target, points)):
                    self.assert_alike(target, maxDataPoints=points)

    def test_several_targets_in_one_query(self):
        self.assert_alike([CORES, "sumSeries(%s)" % CORES, HOST])

    def test_raw_and_csv(self):
        for form in ("raw", "csv"):
            with self.subTest(form):
                theirs, ours = (sorted(self.ask(url, "aliasByNode(%s, 3)" % CORES,
                                                format=form)[1].decode().split())
                                for url in (self.graphite.url, self.aggregator.url))
                self.assertEqual(len(ours), len(theirs))
                heads = [[line.split("|")[0].split(",")[:3] for line in lines]
                         for lines in (ours, theirs)]
                if form == "raw":
                    self.assertEqual(*heads)
                else:
                    self.assertEqual([head[0] for head in heads[0]], [head[0] for head in heads[1]])

    def test_find(self):
        for query in ("dadvisor.*", "dadvisor.*.apps.e2e_render-*", "dadvisor.*.apps.*.sum.cpu.*",
                      "dadvisor.*.apps.{e2e_render-one,none}.sum", "no.such.*"):
            with self.subTest(query):
                answers = []
                for url in (self.graphite.url, self.aggregator.url):
                    status, body = lab.http_get(url + "/metrics/find?" + urllib.parse.urlencode(
                        {"query": query, "from": self.first, "until": self.until}))
                    self.assertEqual(status, 200, body[:300])
                    answers.append({(node["id"], node["leaf"]) for node in json.loads(body)})
                theirs, ours = answers
                self.assertLessEqual(theirs, ours, "what carbon has is found here as well")

    def test_a_wrong_target_is_refused_with_the_place(self):
        for target in WRONG:
            with self.subTest(target):
                status, body = self.ask(self.aggregator.url, target)
                self.assertEqual(status, 400, body[:300])
                self.assertTrue(body.strip())


if __name__ == "__main__":
    lab.main("render")
