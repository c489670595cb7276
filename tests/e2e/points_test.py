#!/usr/bin/python3
"""Graphite's own protocols in: a real carbon-cache and our aggregator get the same bytes.

graphite-web and we answer the same for each of them afterwards, although our aggregator was killed
in between: a second after a point was visible it is on disk.
"""
import json
import os
import pickle
import socket
import struct
import time
import urllib.parse

import lab

SCHEMAS = """
[fast]
pattern = ^fast\\.
retentions = 1s:1h

[tagged]
pattern = ;
retentions = 5s:1h

[rolled]
pattern = ^rolled\\.
retentions = 1s:10m,10s:70m,1m:1d

[default]
pattern = .*
retentions = 10s:1h,1m:1d
"""
AGGREGATION = """
[sum]
pattern = \\.sum$
xFilesFactor = 0
aggregationMethod = sum

[max]
pattern = \\.max$
xFilesFactor = 0.2
aggregationMethod = max

[default]
pattern = .*
xFilesFactor = 0.5
aggregationMethod = average
"""
# Each with how many seconds behind the last point it is asked: that decides the archive.
TARGETS = [(target, 30) for target in (
    "fast.*.*", "slow.*", "sumSeries(fast.h*.load)", "rolled.*", "odd.*",
    "seriesByTag('name=disk.used')", "seriesByTag('dc=~b.*','rack!=r2')",
    "groupByTags(seriesByTag('name=disk.used'),'sum','dc')")]
TARGETS += [("rolled.*", 3600), ("rolled.*", 7200), ("slow.*", 3600)]


class Points(lab.Case):
    def setUp(self):
        conf = os.path.join(self.directory, "graphite", "conf")
        os.makedirs(conf)
        for name, text in (("storage-schemas.conf", SCHEMAS),
                           ("storage-aggregation.conf", AGGREGATION)):
            with open(os.path.join(conf, name), "w") as file:
                file.write(text)
        self.graphite = self.start(lab.Graphite(self.directory, options=["--tags"]))
        self.line, self.pickle, self.udp = (lab.free_port() for _ in range(3))
        self.aggregator = self.start(lab.Aggregator(
            self.directory, graphite_listen=self.line,
            graphite_pickle_listen="127.0.0.1:%d" % self.pickle,
            graphite_udp_listen=self.udp, graphite_conf_dir=conf))

    def send(self, points):
        """The same to both, as plaintext and as pickles in turn; two lots never share a point."""
        text = "".join("%s %r %r\n" % (path, value, when) for path, when, value in points[::2])
        data = pickle.dumps([(path, (when, value)) for path, when, value in points[1::2]],
                            protocol=2)
        for port in (self.line, self.graphite.line):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(text.encode())
        for port in (self.pickle, self.graphite.pickle):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(struct.pack("!L", len(data)) + data)

    @staticmethod
    def points_of(begin, end):
        """Points of [begin, end) for every path, some of them missing, one value for each slot."""
        points = []
        for when in range(begin, end):
            for host in range(5):
                if (when + host) % 7:
                    points.append(("fast.h%d.load" % host, when, when % 100 + host / 8))
                points.append(("fast.h%d.count" % host, when + 0.5, float(when - begin)))
            for name in ("sum", "max", "mean"):
                if when % 4:
                    points.append(("rolled." + name, when, float(when % 17)))
            if when % 10 == 3:
                points.append(("slow.a", when, 1e-300 * when))
                points.append(("slow.b", when, -1.5e300))
                points.append(("odd.sp", when, 2.0 ** 60))
                points.append(("odd.h\u00e9", when, 0.1))
            if when % 5 == 1:
                for rack in ("r1", "r2"):
                    points.append(("disk.used;rack=%s;dc=bj" % rack, when, float(when % 31)))
                points.append(("disk.used;dc=sh", when, 5.0))
        return points

    def answers(self, url, target, begin, end, behind):
        query = urllib.parse.urlencode({"target": target, "from": begin, "until": end,
                                        "now": end + behind, "format": "json"})
        status, body = lab.http_get(url + "/render?" + query)
        self.assertEqual(status, 200, body[:300])
        return json.loads(body)

    def test_the_same_points_give_the_same_answers(self):
        end = int(time.time()) // 60 * 60  # the last minute is whole
        begin = end - 300
        middle = begin + 150
        self.send(self.points_of(begin, middle))
        lab.wait_until(lambda: self.aggregator.render("fast.h4.count", middle - 2, middle), 20,
                       "the first half is visible")
        seen = self.aggregator.render("*.*.*", begin - 1, middle - 1)
        self.assertEqual(len(seen), 10)
        time.sleep(1)
        self.aggregator.kill()
        self.aggregator.start()
        self.assertEqual(self.aggregator.render("*.*.*", begin - 1, middle - 1), seen)
        self.send(self.points_of(middle, end))
        time.sleep(1)

        def compare():
            self.wrong = []
            for target, behind in TARGETS:
                ours, theirs = (self.answers(url, target, begin - 1, end - 1, behind)
                                for url in (self.aggregator.url, self.graphite.url))
                self.wrong += self.differences(target, ours, theirs)
            return not self.wrong
        try:
            lab.wait_until(compare, 30, "both answer the same", pause=1)
        except AssertionError as error:
            self.fail("%s:\n%s" % (error, "\n".join(self.wrong[:20])))
        print("    %d s of points, %d targets are alike" % (end - begin, len(TARGETS)))
        self.assertEqual(self.found(self.aggregator.url), self.found(self.graphite.url))
        self.check_drops()

    def differences(self, target, ours, theirs):
        names = [series["target"] for series in ours]
        if names != [series["target"] for series in theirs] or not names:
            return ["%s: %s, theirs %s" % (target, names,
                                           [series["target"] for series in theirs])]
        wrong = []
        for mine, other in zip(ours, theirs):
            if mine["tags"] != other["tags"]:
                wrong.append("%s: tags %s, theirs %s" % (mine["target"], mine["tags"],
                                                         other["tags"]))
            if [p[1] for p in mine["datapoints"]] != [p[1] for p in other["datapoints"]]:
                wrong.append("%s: times %s, theirs %s" % (
                    mine["target"], mine["datapoints"][:2], other["datapoints"][:2]))
                continue
            for (value, when), (expected, _) in zip(mine["datapoints"], other["datapoints"]):
                same = value == expected or (
                    None not in (value, expected) and
                    abs(value - expected) <= 1e-12 * max(abs(value), abs(expected)))
                if not same:
                    wrong.append("%s at %d: %r, theirs %r" % (mine["target"], when, value,
                                                              expected))
        return wrong

    def found(self, url):
        nodes = {}
        for pattern in ("fast.*", "fast.h1.*", "slow.*"):
            status, body = lab.http_get(url + "/metrics/find?query=" + pattern)
            self.assertEqual(status, 200)
            nodes[pattern] = [(node["id"], node["leaf"]) for node in json.loads(body)]
        return nodes

    def check_drops(self):
        """What cannot be stored is counted, and a datagram's points come in as well."""
        with socket.create_connection(("127.0.0.1", self.line)) as peer:
            peer.sendall(b"rubbish\na..b 1 -1\nfast.nan nan -1\nfast.inf inf -1\nfast.old 1 5\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"fast.udp.one 7 -1\n", ("127.0.0.1", self.udp))
        lab.wait_until(lambda: self.aggregator.render("fast.udp.one", "-1min"), 10, "the datagram")
        lab.wait_until(lambda: self.aggregator.own_metric("dadvisor_points_dropped_too_old_total"),
                       10, "the last line is read")
        for why in ("malformed", "bad_name", "not_a_number", "infinite", "too_old"):
            self.assertEqual(
                self.aggregator.own_metric("dadvisor_points_dropped_%s_total" % why), 1, why)


if __name__ == "__main__":
    lab.main("points")
