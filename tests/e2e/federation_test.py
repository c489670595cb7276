#!/usr/bin/python3
"""A real graphite-web with our aggregator as a member of its cluster: it shows our series.

By pickle and by MessagePack, with functions that graphite-web applies to what it got from us; and
our own pickle read by Python itself, jsonp and the formats of charts.
"""
import json
import pickle
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

import lab

STEP = 60  # carbon's default
TARGETS = ["far.*.load", "sumSeries(far.*.load)", "far.h1.load", "movingAverage(far.h2.load,3)",
           "far.none", "alias(scale(far.h0.load,2),'twice')"]


class Federation(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        line = lab.free_port()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory, graphite_listen=line,
                                                  graphite_jsonp=True))
        cls.aggregator.line = line
        cls.end = int(time.time()) // STEP * STEP
        cls.begin = cls.end - 12 * STEP
        # Whole numbers, and a hole in h1: a sum of either server is the same to the last bit.
        cls.points = {"far.h%d.load" % host: {when: float(when // STEP % 7 + 10 * host)
                                              for when in range(cls.begin, cls.end, STEP)
                                              if (host, when) != (1, cls.begin + 5 * STEP)}
                      for host in range(3)}
        with socket.create_connection(("127.0.0.1", line)) as peer:
            for path, points in cls.points.items():
                for when, value in points.items():
                    peer.sendall(b"%s %r %d\n" % (path.encode(), value, when))
        lab.wait_until(lambda: cls.render(cls.aggregator.url, "far.*.load") == cls.points, 20,
                       "all points are visible")

    def ask(self, url, path, **query):
        status, body = lab.http_get(url + path + "?" + urllib.parse.urlencode(query, doseq=True))
        self.assertEqual(status, 200, "%s %s: %s" % (path, query, body[:300]))
        return body

    @classmethod
    def render(cls, url, target):
        return lab.render(url, target, cls.begin - 1, cls.end - 1)

    def test_a_graphite_web_shows_our_series(self):
        for number, way in enumerate(("pickle", "msgpack")):
            member = "127.0.0.1:%d?format=%s" % (self.aggregator.port, way)
            graphite = self.start(lab.Graphite(self.directory, name=way,
                                               options=["--cluster", member]))
            # A member that once took too long is left out for a minute (REMOTE_RETRY_DELAY).
            lab.wait_until(lambda: self.render(graphite.url, "far.*.load") == self.points, 90,
                           "graphite-web shows them, by " + way)
            for target in TARGETS:
                theirs, ours = (json.loads(self.ask(url, "/render", target=target, format="json",
                                                    **{"from": self.begin - 1, "until": self.end - 1}))
                                for url in (graphite.url, self.aggregator.url))
                self.assertEqual(theirs, ours, way + " " + target)
                self.assertEqual(len(ours) > 0, target != "far.none")
            tree = json.loads(self.ask(graphite.url, "/metrics/find", query="far.*"))
            self.assertEqual([(node["id"], node["leaf"]) for node in tree],
                             [("far.h0", 0), ("far.h1", 0), ("far.h2", 0)])
            leaves = json.loads(self.ask(graphite.url, "/metrics/find", query="far.h1.*"))
            self.assertEqual([(node["id"], node["leaf"]) for node in leaves], [("far.h1.load", 1)])
            self.assertIn("far.h2.load", json.loads(self.ask(graphite.url, "/metrics/index.json")))

    def test_python_reads_our_pickles(self):
        status, body, headers = self.raw("/render", target="far.h1.load", format="pickle",
                                         **{"from": self.begin - 1, "until": self.end - 1})
        self.assertEqual((status, headers["Content-Type"]), (200, "application/pickle"))
        one, = pickle.loads(body)
        first = self.begin
        self.assertEqual((one["name"], one["pathExpression"], one["start"], one["step"]),
                         ("far.h1.load", "far.h1.load", first, STEP))
        self.assertEqual(one["values"], [self.points["far.h1.load"].get(when)
                                         for when in range(first, self.end, STEP)])
        self.assertEqual((one["valuesPerPoint"], one["consolidationFunc"]), (1, "average"))
        nodes = pickle.loads(self.raw("/metrics/find", query="far.*", format="pickle")[1])
        self.assertEqual([(node["path"], node["is_leaf"]) for node in nodes],
                         [("far.h0", False), ("far.h1", False), ("far.h2", False)])

    def raw(self, path, **query):
        url = self.aggregator.url + path + "?" + urllib.parse.urlencode(query)
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read(), answer.headers

    def test_other_formats(self):
        window = {"from": self.begin - 1, "until": self.end - 1}
        body = self.raw("/render", target="far.h0.load", format="json", jsonp="show", **window)
        self.assertEqual(body[2]["Content-Type"], "text/javascript")
        self.assertEqual(body[2]["X-Content-Type-Options"], "nosniff")
        text = body[1].decode()
        self.assertTrue(text.startswith("/**/show([") and text.endswith("])"), text[:80])
        plain = self.raw("/render", target="far.h0.load", format="json", **window)[1].decode()
        self.assertEqual(text, "/**/show(" + plain + ")")
        chart = json.loads(self.raw("/render", target="far.h*.load", format="dygraph", **window)[1])
        self.assertEqual(chart["labels"], ["Time", "far.h0.load", "far.h1.load", "far.h2.load"])
        self.assertEqual(chart["data"][0], [self.begin * 1000] +
                         [self.points["far.h%d.load" % host][self.begin] for host in range(3)])
        rows = json.loads(self.raw("/render", target="far.h0.load", format="rickshaw", **window)[1])
        self.assertEqual({row["x"]: row["y"] for row in rows[0]["datapoints"]},
                         self.points["far.h0.load"])
        status, pdf, headers = self.raw("/render", target="far.h0.load", format="pdf", **window)
        self.assertEqual((status, headers["Content-Type"], pdf[:5]),
                         (200, "application/x-pdf", b"%PDF-"))
        self.assertEqual(pdf, self.raw("/render", target="far.h0.load", format="pdf", **window)[1])
        status, png, headers = self.raw("/render", target="far.h0.load", **window)
        self.assertEqual((headers["Content-Type"], png[:4]), ("image/png", b"\x89PNG"))


    def test_tags_are_entered_and_taken_out_as_far_as_that_makes_sense(self):
        graphite = self.start(lab.Graphite(self.directory, name="tagging"))

        def send(url, path, pairs, method="POST"):
            data = urllib.parse.urlencode(pairs).encode() if pairs is not None else None
            request = urllib.request.Request(url + path, method=method, data=data)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, json.loads(answer.read())
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read()
        # Names come back in the same form; what is no name is a 500 there and a 400 here.
        for path in ("disk.used;rack=a1;dc=dc1", 'disk.used{dc="dc1",host="h \\"1\\""}', "plain.name",
                     "~~x;a=b", "x;b=2;a=1;b=3;name=q", "x;a-b=1;a=2", "x;a", "x;a=", "x;a!=b",
                     "x;a=~b", ";a=b", ""):
            for call, pairs in (("tagSeries", [("path", path)]), ("tagMultiSeries", [("path", path)]),
                                ("tagMultiSeries", [("path[]", path), ("path[]", "y;z=1")]),
                                ("delSeries", [("path", path)])):
                with self.subTest(call, path=path):
                    theirs, ours = (send(url, "/tags/" + call, pairs)
                                    for url in (graphite.url, self.aggregator.url))
                    if theirs[0] == 200:
                        self.assertEqual(ours, theirs)
                    else:
                        self.assertEqual(ours[0], 400, ours)
        for call in ("tagSeries", "tagMultiSeries", "delSeries"):
            for method, status in (("POST", 400), ("GET", 405)):
                pairs = [] if method == "POST" else None
                for url in (graphite.url, self.aggregator.url):
                    self.assertEqual(send(url, "/tags/" + call, pairs, method)[0], status, (url, call))
        # On purpose: there a name that was entered is found without a point, here not; here what has
        # points cannot be taken out of the index, for it is found by them.
        one = urllib.parse.urlencode({"expr": "name=disk.used"})
        send(graphite.url, "/tags/tagSeries", [("path", "disk.used;dc=dc1")])
        send(self.aggregator.url, "/tags/tagSeries", [("path", "disk.used;dc=dc1")])
        self.assertEqual([json.loads(lab.http_get(url + "/tags/findSeries?" + one)[1])
                          for url in (graphite.url, self.aggregator.url)], [["disk.used;dc=dc1"], []])
        with socket.create_connection(("127.0.0.1", self.aggregator.line)) as peer:
            peer.sendall(b"disk.used;dc=dc1 1 %d\n" % self.end)
        lab.wait_until(lambda: json.loads(lab.http_get(
            self.aggregator.url + "/tags/findSeries?" + one)[1]) == ["disk.used;dc=dc1"], 20,
                       "the tagged series is found by its point")
        status, text = send(self.aggregator.url, "/tags/delSeries", [("path", "disk.used;dc=dc1")])
        self.assertEqual((status, b"dadvisor store delete" in text), (400, True))
        self.assertEqual(send(self.aggregator.url, "/tags/delSeries", [("path", "disk.used;dc=dc2")]),
                         (200, True))


if __name__ == "__main__":
    lab.main("federation")
