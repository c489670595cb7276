#!/usr/bin/python3
"""The calls of Grafana's Graphite data source, byte for byte, and of others that read Graphite.

Asked of a real aggregator with figures of real containers; and every query of the dashboard in
packaging/grafana, with its variables filled in as Grafana does.
"""
import gzip
import http.client
import json
import os
import re
import time
import urllib.parse

import lab

DASHBOARD = os.path.join(lab.ROOT, "packaging", "grafana", "dadvisor.json")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REF_ID = 'aliasSub(%s, "(^.*$)", "\\1 %s")'  # how the data source wraps every target
CORES = "dadvisor.default.instances.e2e_grafana-web.*.cpu.cores"


class Grafana(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator))
        limits = ("--cpus", "0.5", "-m", "64m", "-l", "owner=team one")
        cls.web = cls.start(lab.Container("/e2e/grafana-web", "load cpu 300 900", *limits))
        cls.start(lab.Container("/e2e/grafana-db", "load cpu 100 900", *limits))
        lab.wait_until(lambda: len(lab.render(
            cls.aggregator.url, "dadvisor.*.apps.e2e_grafana-*.all.cpu.throttled_pct")) == 2, 60,
            "both apps")
        time.sleep(5)

    def ask(self, method, target, body=None, headers=None, status=200):
        """Body and headers, exactly as sent: nothing is encoded on the way."""
        connection = http.client.HTTPConnection("127.0.0.1", self.aggregator.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, target, body, dict(FORM if body else {}, **(headers or {})))
        answer = connection.getresponse()
        text = answer.read()
        self.assertEqual(answer.status, status, "%s %s %s: %s" % (method, target, body, text[:300]))
        return text, answer.headers

    def json(self, *arguments, **more):
        text, headers = self.ask(*arguments, **more)
        self.assertEqual(headers["Content-Type"], "application/json")
        return json.loads(text)

    def render(self, *targets, start="-10min", until="now", points=600):
        pairs = [("target", REF_ID % (target, chr(65 + i))) for i, target in enumerate(targets)]
        pairs += [("from", start), ("until", until), ("format", "json"),
                  ("maxDataPoints", str(points))]
        found = self.json("POST", "/render", urllib.parse.urlencode(pairs))
        for series in found:
            self.assertTrue(series["datapoints"], "a series without points makes readers panic")
            for value, when in series["datapoints"]:
                self.assertIsInstance(when, int)
                self.assertTrue(value is None or isinstance(value, (int, float)))
            for value in series["tags"].values():
                self.assertIsInstance(value, (str, int, float))
        return found

    def values(self, target):
        return [value for series in self.render(target) for value, _ in series["datapoints"]
                if value is not None]

    # ---- 6.1: the data source ---------------------------------------------------------------
    def test_the_ref_id_comes_back_behind_the_last_space(self):
        found = self.render(CORES, "alias(%s, 'a name with spaces')" % CORES, "constantLine(100)")
        self.assertEqual([name.rsplit(" ", 1)[1] for name in (s["target"] for s in found)],
                         ["A", "B", "C"])
        self.assertEqual([series["target"].rsplit(" ", 1)[0] for series in found[1:]],
                         ["a name with spaces", "100.0"])
        self.assertTrue(found[0]["target"].startswith("dadvisor.default.instances."))

    def test_a_hidden_query_is_inlined_and_intervals_are_rewritten(self):
        self.assertTrue(self.values("scale(sumSeries(%s), 2)" % CORES))
        self.assertTrue(self.values("movingAverage(%s, '1min')" % CORES))

    def test_the_test_buttons(self):
        found = self.render("constantLine(100)", start="-1h", points=300)
        self.assertEqual({value for value, _ in found[0]["datapoints"]}, {100})
        now = int(time.time())
        body = urllib.parse.urlencode({"target": "constantLine(100)", "from": now - 3600,
                                       "until": now, "format": "json", "maxDataPoints": 100})
        self.assertEqual(len(self.json("POST", "/render", body)), 1)

    def test_times_as_words_and_as_seconds(self):
        now = int(time.time())
        for start, until in (("-1h", "now"), ("-5min", "now"), ("-1mon", "now"),
                             (str(now - 300), str(now))):
            with self.subTest(start):
                self.assertTrue(self.render(CORES, start=start, until=until))

    def test_find_takes_a_raw_body(self):
        for slash in ("", "/"):
            found = self.json("POST", "/metrics/find%s?from=-1h&until=now" % slash,
                              "query=dadvisor.default.apps.{e2e_grafana-web,e2e_grafana-db}")
            self.assertEqual([node["text"] for node in found],
                             ["e2e_grafana-db", "e2e_grafana-web"])
            self.assertEqual([(node["expandable"], node["leaf"], node["allowChildren"], node["id"])
                              for node in found][0],
                             (1, 0, 1, "dadvisor.default.apps.e2e_grafana-db"))
        older = self.json("GET", "/metrics/find?query=dadvisor.default.apps.e2e_grafana-w*"
                                 ".sum.cpu.cores&from=-1h&until=now")
        self.assertEqual([(node["text"], node["leaf"]) for node in older], [("cores", 1)])

    def test_expand_and_index(self):
        found = self.json("GET", "/metrics/expand?query=dadvisor.*.apps.e2e_grafana-*&from=-1h")
        self.assertEqual(found, {"results": ["dadvisor.default.apps.e2e_grafana-db",
                                             "dadvisor.default.apps.e2e_grafana-web"]})
        index = self.json("GET", "/metrics/index.json")
        self.assertIn("dadvisor.default.apps.e2e_grafana-web.sum.cpu.cores", index)
        self.assertEqual(index, sorted(set(index)))

    def test_tags_complete(self):
        get = lambda path, **query: self.json(
            "GET", path + "?" + urllib.parse.urlencode(query, doseq=True))
        self.assertEqual(get("/tags/autoComplete/tags", tagPrefix="in", limit=10000), ["instance"])
        tags = get("/tags/autoComplete/tags", expr=["app=/e2e/grafana-web", "kind=instance"])
        self.assertEqual(tags, ["cluster", "host", "image", "instance", "name", "owner"])
        self.assertEqual(get("/tags/autoComplete/values", expr=["name=cpu.cores", "kind=instance"],
                             tag="app", valuePrefix="/e2e/grafana", **{"from": "-1h"}),
                         ["/e2e/grafana-db", "/e2e/grafana-web"])
        self.assertEqual(get("/tags/autoComplete/values", tag="owner", valuePrefix="team "),
                         ["team one"])
        self.assertEqual(get("/tags/autoComplete/values", tag="host", limit=0), [])
        self.assertEqual([tag["tag"] for tag in get("/tags", filter="o|k")], ["kind", "owner"])
        self.assertTrue(all(isinstance(tag["id"], int) for tag in get("/tags")))
        detail = get("/tags/owner")
        self.assertEqual([value["count"] > 50 for value in detail["values"]
                          if value["value"] == "team one"], [True])
        self.assertIsNone(get("/tags/no-such-tag"))
        path = get("/tags/findSeries", expr=["name=cpu.cores", "app=/e2e/grafana-web"])
        self.assertEqual(len(path), 1)
        self.assertRegex(path[0], "^cpu.cores;app=/e2e/grafana-web;cluster=default;host=agent;"
                                  "image=dadvisor-test:latest;instance=[0-9a-f]{12};"
                                  "kind=instance;owner=team one$")
        for bad in ("/tags/autoComplete/values?expr=a=b", "/tags/findSeries",
                    "/tags/findSeries?expr=app%21%3Dx", "/tags/findSeries?expr=nonsense"):
            self.ask("GET", bad, status=400)

    def test_series_by_tag(self):
        tagged = self.render("seriesByTag('name=cpu.cores', 'app=~/e2e/grafana-.*', 'kind=instance')")
        self.assertEqual(sorted(series["tags"]["app"] for series in tagged),
                         ["/e2e/grafana-db", "/e2e/grafana-web"])
        until = int(time.time()) - 3
        window = {"start": str(until - 20), "until": str(until)}
        by_path = self.render(CORES, **window)[0]
        by_tag = self.render("seriesByTag('name=cpu.cores', 'app=/e2e/grafana-web', "
                             "'kind=instance')", **window)[0]
        self.assertEqual(by_tag["datapoints"], by_path["datapoints"])
        self.assertGreater(sum(value or 0 for value, _ in by_tag["datapoints"]), 0)

    def test_functions_as_the_query_editor_reads_them(self):
        text = self.ask("GET", "/functions")[0].decode()
        functions = json.loads(re.sub(r'"default": ?Infinity', '"default": 1e9999', text))
        known = {"boolean", "integer", "float", "node", "nodeOrTag", "intOrInterval", "seriesList",
                 "seriesLists", "string", "aggFunc", "aggOrSeriesFunc", "interval", "tag", "any",
                 "date", "intOrInf"}
        self.assertIn("aliasByNode", functions)
        for name, function in functions.items():
            self.assertEqual(function["name"], name)
            for key in ("description", "module", "group", "params"):
                self.assertIn(key, function)
            for parameter in function["params"]:
                self.assertIn(parameter["type"], known, name)
        self.assertEqual(json.loads(self.ask("GET", "/functions/scale")[0])["name"], "scale")

    def test_version_events_and_no_jsonp(self):
        self.assertRegex(self.ask("GET", "/version")[0].decode().strip(), r"^\d+\.\d+\.\d+$")
        events = lab.wait_until(lambda: self.json(
            "GET", "/events/get_data?from=-1h&until=now&tags=start%20app:/e2e/grafana-web"), 20,
            "the start of the web")
        self.assertEqual(len(events), 1)
        for key, kind in (("id", int), ("what", str), ("when", int), ("data", str), ("tags", list)):
            self.assertIsInstance(events[0][key], kind)
        for path in ("/render?target=constantLine(1)&format=json", "/metrics/find?query=*",
                     "/events/get_data?x=1", "/functions?x=1", "/tags?x=1"):
            text, headers = self.ask("GET", path + "&jsonp=steal", status=400)
            self.assertNotIn(b"steal", text)
            self.assertTrue(headers["Content-Type"].startswith("text/plain"), headers)

    def test_errors_are_one_line_of_text(self):
        for target in ("sumSeries(", "noSuchFunction(a.b)", "scale(a.b)"):
            body = urllib.parse.urlencode({"target": REF_ID % (target, "A"), "format": "json"})
            text, headers = self.ask("POST", "/render", body, status=400,
                                     headers={"X-Dashboard-Id": "1", "X-Panel-Id": "2"})
            self.assertTrue(headers["Content-Type"].startswith("text/plain"))
            self.assertEqual(text.count(b"\n"), 1)
            self.assertNotIn(b"<body", text)

    def test_gzip_and_etags(self):
        plain, headers = self.ask("GET", "/functions")
        packed, more = self.ask("GET", "/functions", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(more["Content-Encoding"], "gzip")
        self.assertLess(len(packed), len(plain) / 3)
        self.assertEqual(gzip.decompress(packed), plain)
        self.assertEqual(headers["ETag"], more["ETag"])
        for path in ("/functions", "/version"):
            tag = self.ask("GET", path)[1]["ETag"]
            text, _ = self.ask("GET", path, headers={"If-None-Match": tag}, status=304)
            self.assertEqual(text, b"")
        until = int(time.time()) - 30
        past = "/render?format=json&target=%s&from=%d&until=%d" % (CORES, until - 20, until)
        text, headers = self.ask("GET", past)
        self.ask("GET", past, headers={"If-None-Match": headers["ETag"]}, status=304)
        self.ask("GET", past + "&maxDataPoints=1", headers={"If-None-Match": '"x"'})

    # ---- 6.2 and 6.3: Moira, vmalert, carbonapi, Seyren ----------------------------------------
    def test_moira_s_probe_and_query(self):
        until = int(time.time())
        query = "/render?format=json&from=%d&target=%s&until=%d"
        self.assertEqual(self.json("GET", query % (until - 600, "NonExistingTarget", until)), [])
        found = self.json("GET", query % (until - 60, urllib.parse.quote(CORES), until))
        self.assertEqual(len(found), 1)
        times = [when for _, when in found[0]["datapoints"]]
        self.assertEqual({b - a for a, b in zip(times, times[1:])}, {1})

    def test_vmalert_posts_an_empty_body(self):
        found = self.json("POST", "/render?from=-5min&until=now&format=json&target=" +
                          urllib.parse.quote(CORES), headers={"Content-Length": "0"})
        self.assertEqual(len(found), 1)

    def test_a_get_with_a_body_and_a_trailing_slash(self):
        found = self.json("GET", "/render/?format=json",
                          urllib.parse.urlencode({"target": CORES, "from": "-5min"}))
        self.assertEqual(len(found), 1)

    # ---- the dashboard ------------------------------------------------------------------------
    def test_every_query_of_the_dashboard_has_figures(self):
        with open(DASHBOARD) as file:
            dashboard = json.load(file)
        chosen = {}

        def fill(text):
            return re.sub(r"\$(\w+)", lambda found: chosen[found.group(1)], text)
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "constant":
                chosen[variable["name"]] = variable["query"]
            elif variable["type"] == "query":
                query = fill(variable["query"])
                found = self.json("POST", "/metrics/find?from=-1h&until=now", "query=" + query)
                names = sorted({node["text"] for node in found})
                self.assertTrue(names, "$%s is empty: %s" % (variable["name"], query))
                # One value as it is, several as a list, "All" by what the dashboard says.
                chosen[variable["name"]] = names[0]
                if variable["includeAll"]:
                    chosen[variable["name"]] = variable["allValue"]
                    lists = self.json("POST", "/metrics/find", "query=%s" % query.replace(
                        "*", "{%s}" % ",".join(names)) if query.count("*") == 1 else
                        "query=" + query)
                    self.assertEqual(sorted({node["text"] for node in lists}), names)
        asked = 0
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                with self.subTest("%s: %s" % (panel["title"], target["target"])):
                    self.assertTrue(self.values(fill(target["target"])), "no figures")
                    asked += 1
        self.assertGreater(asked, 25)
        for annotation in dashboard["annotations"]["list"]:
            tags = " ".join(annotation["target"]["tags"])
            found = self.json("GET", "/events/get_data?" + urllib.parse.urlencode(
                {"from": "-1h", "until": "now", "tags": tags}))
            self.assertIsInstance(found, list)


if __name__ == "__main__":
    lab.main("grafana")
