#!/usr/bin/python3
"""What happens to real containers is an event once, with its truth from Docker's own inspect.

Starts, exits with their codes, an out-of-memory kill, a restart and a deploy are asked of
/events/get_data and followed at /api/v1/events/stream, over a kill -9 of the aggregator and a
restart of the agent. What people tell by POST /events is answered as the real graphite-web does.
"""
import datetime
import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import lab


class Follower(threading.Thread):
    """A client of the event stream: what it got, in order, and whether it saw a heartbeat."""

    def __init__(self, port, last=None, tags=None):
        super().__init__(daemon=True)
        self.port, self.last, self.tags = port, last, tags
        self.ids, self.events, self.comments, self.type = [], [], 0, None
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        query = "?" + urllib.parse.urlencode({"tags": self.tags}) if self.tags else ""
        headers = {"Last-Event-ID": str(self.last)} if self.last is not None else {}
        try:
            connection.request("GET", "/api/v1/events/stream" + query, headers=headers)
            answer = connection.getresponse()
            self.type = answer.getheader("Content-Type")
            for line in answer:
                line = line.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line.startswith("id: "):
                    self.ids.append(int(line[4:]))
                elif line.startswith("data: "):
                    self.events.append(json.loads(line[6:]))
        except (OSError, http.client.HTTPException):
            pass


def kinds(events):
    return [event["tags"][0] for event in events]


def seconds(text):
    """Whole unix seconds of Docker's RFC 3339 time."""
    base = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    return int(base.replace(tzinfo=datetime.timezone.utc).timestamp())


class Events(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        lab.docker("tag", "dadvisor-test:latest", "dadvisor-test:second")
        cls.addClassCleanup(lab.docker, "rmi", "dadvisor-test:second", check=False)
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator))

    def get(self, tags=None, **more):
        query = dict(more, **({"tags": tags} if tags else {}))
        status, body = lab.http_get(
            self.aggregator.url + "/events/get_data?" + urllib.parse.urlencode(query))
        self.assertEqual(status, 200, body[:300])
        return json.loads(body)

    def wait_for(self, tags, count=1):
        def ask():
            found = self.get(tags)
            return found if len(found) >= count else None
        return lab.wait_until(ask, 30, "%d events with %s" % (count, tags))

    def run_once(self, app, command, *options, image="dadvisor-test:latest"):
        """A container that runs to its end; its id and state."""
        container = lab.Container(app, command, *options)
        container.arguments[container.arguments.index("dadvisor-test:latest")] = image
        self.addCleanup(container.stop)
        container.start()
        lab.docker("wait", container.name)
        return container, json.loads(container.inspect("{{json .State}}"))

    def test_a_life_of_milliseconds_has_a_start_and_an_exit(self):
        container, state = self.run_once("/e2e/brief", "exit 3")
        tag = "container:" + container.id[:12]
        exits = self.wait_for("exit " + tag)
        start, end = self.get(tag)
        self.assertEqual(kinds([start, end]), ["start", "exit"])
        self.assertEqual(start["when"], seconds(state["StartedAt"]))
        self.assertLessEqual(abs(end["when"] - seconds(state["FinishedAt"])), 1)
        for wanted in ("code:3", "reason:error", "app:/e2e/brief", "image:dadvisor-test:latest",
                       "host:agent"):
            self.assertIn(wanted, exits[0]["tags"])
        self.assertIn("exit code 3", end["what"])
        self.assertLess(start["id"], end["id"])

    def test_an_oom_kill_is_told_with_the_exit(self):
        # On a busy machine Docker itself misses about a tenth of them: "OOMKilled": false.
        for _ in range(10):
            container, state = self.run_once("/e2e/oom", "load mem 64 30", "-m", "16m",
                                             "--memory-swap", "16m")
            self.assertEqual(state["ExitCode"], 137, state)
            end = self.wait_for("exit container:" + container.id[:12])[0]
            self.assertIn("code:137", end["tags"])
            told = json.loads(container.inspect("{{.State.OOMKilled}}"))
            self.assertIn("reason:oom" if told else "reason:signal", end["tags"])
            self.assertEqual("killed for its memory" in end["what"], told)
            if told:
                return
        self.fail("Docker told none of ten OOM kills")

    def test_restarts_deploys_and_a_join(self):
        join = self.wait_for("join")
        self.assertEqual([event["what"] for event in join], ["host agent joined"])
        follower = Follower(self.aggregator.port, last=0, tags="app:/e2e/shop")
        first = lab.Container("/e2e/shop", "sleep 1000")
        self.addCleanup(first.stop)
        first.start()
        self.wait_for("start app:/e2e/shop")
        lab.docker("restart", "-t", "0", first.name)
        restart = self.wait_for("restart app:/e2e/shop")[0]
        self.assertEqual(restart["when"], seconds(first.inspect("{{.State.StartedAt}}")))
        end = self.wait_for("exit app:/e2e/shop")[0]
        self.assertIn("code:137", end["tags"])
        self.assertIn("reason:signal", end["tags"])
        second = lab.Container("/e2e/shop", "sleep 1000")
        second.arguments[second.arguments.index("dadvisor-test:latest")] = "dadvisor-test:second"
        self.addCleanup(second.stop)
        first.stop()
        second.start()
        deploy = self.wait_for("deploy app:/e2e/shop")
        self.assertEqual([event["what"] for event in deploy],
                         ["/e2e/shop: dadvisor-test:latest -> dadvisor-test:second"])
        lab.wait_until(lambda: len(follower.events) == 6, 20, "six events of the shop followed")
        self.assertEqual(sorted(kinds(follower.events)),
                         ["deploy", "exit", "exit", "restart", "start", "start"])
        self.assertEqual(follower.type, "text/event-stream")
        self.assertEqual(follower.ids, sorted(set(follower.ids)))
        self.assertEqual(follower.ids, [event["id"] for event in follower.events])

        # Whoever comes back goes on behind what he has; a kill and a restart make nothing new.
        before = self.get("app:/e2e/shop")
        self.aggregator.kill()
        lab.wait_until(lambda: not follower.is_alive(), 10, "the follower sees the end")
        self.aggregator.start()
        self.agent.stop()
        self.agent.start()
        again = Follower(self.aggregator.port, last=follower.ids[2], tags="app:/e2e/shop")
        lab.wait_until(lambda: len(again.events) == 3, 20, "the three events behind it")
        lab.docker("kill", second.name)
        self.wait_for("exit app:/e2e/shop", 3)
        after = self.get("app:/e2e/shop")
        self.assertEqual(after[:len(before)], before)
        self.assertEqual(kinds(after[len(before):]), ["exit"])
        lab.wait_until(lambda: len(again.events) == 4, 20, "the new one followed")
        self.assertEqual(again.ids, follower.ids[3:] + [after[-1]["id"]])
        self.assertEqual(len(self.get("join")), 1)

    def test_answers_are_graphite_web_s_on_the_same_events(self):
        for _ in range(2):
            self.run_once("/e2e/alike", "exit 1")
        self.wait_for("exit app:/e2e/alike", 2)
        graphite = self.start(lab.Graphite(self.directory))
        # Other containers of this host come and go meanwhile.
        self.agent.stop()
        self.addCleanup(self.agent.start)
        mine = self.get()
        for event in mine:
            request = urllib.request.Request(
                graphite.url + "/events/", method="POST",
                data=json.dumps({key: event[key] for key in ("what", "tags", "when", "data")}).encode())
            urllib.request.urlopen(request).close()
        whens = sorted(event["when"] for event in mine)
        middle = whens[len(whens) // 2]
        for query in ({}, {"tags": "exit"}, {"tags": "exit app:/e2e/alike"},
                      {"tags": "exit join", "set": "union"},
                      {"tags": "exit app:/e2e/alike", "set": "intersection"},
                      {"tags": "exit no-such", "set": "union"},
                      {"tags": "exit no-such", "set": "intersection"}, {"tags": ""},
                      {"from": middle}, {"until": middle}, {"from": middle, "until": middle},
                      {"from": "-1h", "until": "now", "tags": "start"}, {"until": "-1h"}):
            with self.subTest(query):
                path = "/events/get_data?" + urllib.parse.urlencode(query)
                answers = []
                for url in (graphite.url, self.aggregator.url):
                    status, body = lab.http_get(url + path)
                    self.assertEqual(status, 200, body[:300])
                    found = json.loads(body)
                    self.assertEqual([event["when"] for event in found],
                                     sorted(event["when"] for event in found))
                    self.assertTrue(all(list(event) == ["when", "what", "data", "tags", "id"]
                                        for event in found))
                    answers.append(sorted((event["when"], event["what"], event["data"],
                                           sorted(event["tags"])) for event in found
                                          if event["when"] <= whens[-1]))
                self.assertEqual(*answers)
        # The one difference, on purpose: there a tag that no event has is not needed after all.
        path = "/events/get_data?tags=exit+no-such"
        self.assertTrue(json.loads(lab.http_get(graphite.url + path)[1]))
        self.assertEqual(self.get("exit no-such"), [])

    def send(self, url, path, body, method="POST", **headers):
        """Status, type and body of the answer."""
        request = urllib.request.Request(url + path, method=method, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers.get_content_type(), refused.read()

    def test_what_people_tell_is_an_event_as_in_graphite_web(self):
        graphite = self.start(lab.Graphite(self.directory, name="told"))
        servers = (graphite.url, self.aggregator.url)
        follower = Follower(self.aggregator.port, tags="told")
        begin = int(time.time())
        bodies = [{"what": "deploy 1.4", "tags": ["told", "a b"], "when": begin - 60.25, "data": "x"},
                  {"what": "again", "tags": "told  q", "when": begin - 30},
                  {"what": 5, "data": 7, "tags": ["told"], "when": begin - 20},
                  {"what": "now", "tags": ["told"]},
                  {"what": "\u4e2d\u6587 \"quoted\"", "tags": "told x", "when": begin - 10},
                  {"what": "no tags", "tags": None, "when": begin - 5}]
        for body in bodies:
            for path in ("/events", "/events/"):
                answers = [self.send(url, path, json.dumps(body).encode()) for url in servers]
                self.assertEqual([(status, text) for status, _, text in answers], [(200, b"")] * 2)
        whens = {body["when"] for body in bodies if "when" in body}
        found = []
        for url in servers:
            _, _, text = self.send(url, "/events/get_data?from=-1h&tags=told", None, "GET")
            found.append(json.loads(text))
        self.assertEqual(len(found[0]), 10)

        def shown(events):
            return sorted((event["what"], event["data"], sorted(event["tags"]),
                           event["when"] if event["when"] < begin - 1 else "now") for event in events)
        self.assertEqual(shown(found[0]), shown(found[1]))
        self.assertEqual(min(event["when"] for event in found[1]), begin - 61)  # .75 is cut
        self.assertTrue(whens)
        # Each by its number, with and without a slash; Graphite shows a page to who wants no JSON.
        for events in zip(*(sorted(one, key=lambda event: event["id"]) for one in found)):
            for slash in ("", "/"):
                details = []
                for url, event in zip(servers, events):
                    status, kind, text = self.send(url, "/events/%d%s" % (event["id"], slash), None,
                                                   "GET", Accept="application/json")
                    self.assertEqual((status, kind), (200, "application/json"), text[:300])
                    detail = json.loads(text)
                    self.assertEqual(list(detail), ["id", "when", "what", "data", "tags"])
                    self.assertEqual(detail.pop("id"), event["id"])
                    if detail["what"] == "now":
                        self.assertRegex(detail.pop("when"), r"^\d{4}(-\d\d){2}T(\d\d:){2}\d\d(\.\d{3})?Z$")
                    details.append(detail)
                self.assertEqual(*details)
        for path in ("/events/999999", "/events/999999/"):
            self.assertEqual([self.send(url, path, None, "GET", Accept="application/json")[0]
                              for url in servers], [404, 404])
        # Who follows hears of it, and it is there after a kill.
        lab.wait_until(lambda: len(follower.events) == 10, 20, "ten events followed")
        self.aggregator.kill()
        self.aggregator.start()
        self.assertEqual(self.get("told", **{"from": "-1h"}), found[1])
        # What cannot be one is refused; graphite-web fails at most of these.
        for body in (b"{bad", b"[1]", b'{"tags": "x"}', b'{"what": "x", "tags": 5}',
                     b'{"what": "x", "when": "1"}', b'{"what": "x", "when": null}'):
            theirs, ours = (self.send(url, "/events/", body) for url in servers)
            self.assertGreaterEqual(theirs[0], 400)
            self.assertEqual((ours[0], ours[1], ours[2].count(b"\n")), (400, "text/plain", 1), body)
        old = json.dumps({"what": "old", "when": begin - 10 * 86400}).encode()
        status, _, text = self.send(self.aggregator.url, "/events", old)
        self.assertEqual((status, b"retention" in text), (400, True))
        status, _, _ = self.send(self.aggregator.url, "/events", b'{"what": "x"}',
                                 **{"Sec-Fetch-Site": "cross-site"})
        self.assertEqual(status, 403)
        self.assertEqual([self.send(url, "/events", b"{}", "PUT")[0] for url in servers], [405] * 2)
        self.assertEqual(self.aggregator.own_metric("dadvisor_events_announced_total"), 0)
        self.assertEqual(self.get("told", **{"from": "-1h"}), found[1])

    def test_the_rest_of_graphite_s_calls(self):
        event = self.wait_for("join")[0]
        self.assertEqual(list(event), ["when", "what", "data", "tags", "id"])
        when = event["when"]
        self.assertEqual(self.get("join", **{"from": when, "until": when}), [event])
        self.assertEqual(self.get("join", **{"from": when + 1, "until": when + 2}), [])
        self.assertEqual(self.get("join no:such", set="union"), [event])
        self.assertEqual(self.get("join no:such", set="intersection"), [])
        self.assertEqual(self.get("join no:such"), [])
        status, body = lab.http_get(self.aggregator.url + "/events/?tags=join")
        self.assertEqual((status, json.loads(body)), (200, [event]))
        status, body = lab.http_get(self.aggregator.url + "/events/get_data?from=nonsense")
        self.assertEqual((status, b"from" in body), (400, True))
        request = urllib.request.Request(self.aggregator.url + "/api/v1/events/stream",
                                         headers={"Last-Event-ID": "x"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        self.assertEqual(refused.exception.code, 400)


if __name__ == "__main__":
    lab.main("events")
