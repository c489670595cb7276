#!/usr/bin/python3
"""What a render query costs dAdvisor, graphite-web and VictoriaMetrics, on the same points in the same
run.

    render_bench.py [--series 1000] [--hours 24] [--names 10000] [--seconds 5] [--only WORD ...]

So many series of a point each 10 s, and so many names with one point: written as whisper's files
(Debian's own module), which graphite-web reads and the aggregator imports, and sent to VictoriaMetrics
as plaintext. Each query is asked of each for so many seconds, or once where that takes longer; what
they answer is compared first. CPU is the server's alone (all its processes; of Graphite the web's,
not carbon's), per query. Printed, not asserted.
"""
import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), HERE]
import lab  # noqa: E402
import peers  # noqa: E402
from peer import cpu_ns, session_of  # noqa: E402

STEP = 10
SCHEMAS = """[names]
pattern = ^bench\\.names\\.
retentions = 10s:1h

[all]
pattern = .*
retentions = 10s:%dh
"""
TURNS = 5
PICTURE = "&width=800&height=400"


class Points:
    """What all hold: {name: [value of each tick]}, and one more tick of the names."""

    def __init__(self, series, hours, names):
        dice = random.Random(2016)
        self.until = int(time.time()) // STEP * STEP
        self.ticks = hours * 3600 // STEP
        self.first = self.until - (self.ticks - 1) * STEP
        self.series = {}
        for number in range(series):
            value, values = 50.0, []
            for _ in range(self.ticks):
                value = max(0.0, value + dice.choice((-1.25, -0.5, 0, 0.5, 1.25)))
                values.append(value)
            self.series["bench.apps.app-%03d.%d.cpu" % (number // 10, number % 10)] = values
        self.names = ["bench.names.group-%03d.%03d.size" % (n // 100, n % 100) for n in range(names)]

    def lines(self):
        for name, values in self.series.items():
            yield "".join("%s %s %d\n" % (name, value, self.first + i * STEP)
                          for i, value in enumerate(values))
        yield "".join("%s %d %d\n" % (name, i, self.until) for i, name in enumerate(self.names))

    def write_whisper(self, directory, hours):
        import whisper
        def write(name, archives, points):
            path = os.path.join(directory, name.replace(".", "/") + ".wsp")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            whisper.create(path, archives, xFilesFactor=0)
            whisper.update_many(path, points)
        for name, values in self.series.items():
            write(name, [(STEP, (hours + 2) * 360)],
                  [(self.first + i * STEP, value) for i, value in enumerate(values)])
        for i, name in enumerate(self.names):
            write(name, [(STEP, 360)], [(self.until, i)])


class Server:
    """Where it is asked: `render` and `find` give URLs; `values` reads an answer."""

    def pids(self):
        return session_of(self.process.pid)

    def render(self, points, target, hours, more="&format=json"):
        return "%s/render?%s%s&noCache=1" % (self.url, urllib.parse.urlencode(
            {"target": target, "from": points.until - hours * 3600, "until": points.until}), more)

    def find(self, pattern):
        return self.url + "/metrics/find?format=treejson&query=" + pattern

    def values(self, body):
        return [[v for v, _ in one["datapoints"]] for one in json.loads(body)]

    def names(self, body):
        return sorted(one["id"] for one in json.loads(body))


class Graphite(Server, lab.Graphite):
    title = "graphite-web"

    def load(self, points, hours):
        points.write_whisper(os.path.join(self.directory, "storage", "whisper"), hours)

    def pids(self):
        return session_of(int(lab.read(self.directory + "/run/web.pid")))


class Dadvisor(Server, lab.Aggregator):
    title = "dAdvisor"

    def load(self, points, hours):
        subprocess.run([os.path.join(lab.BIN, "dadvisor"), "import-whisper", "--quiet", "--socket",
                        self.socket, self.whisper], check=True)
        lab.wait_until(lambda: self.own_metric("dadvisor_store_head_rows") == 0, 120,
                       "all rows are in files", 1)


class Victoria(Server, peers.VictoriaGraphite):
    title = "VictoriaMetrics"

    def load(self, points, hours):
        with socket.create_connection(("127.0.0.1", self.line_port)) as connection:
            for text in points.lines():
                connection.sendall(text.encode())
            connection.shutdown(socket.SHUT_WR)
        time.sleep(2)
        self.settle()

    def render(self, points, target, hours, more="&format=json"):
        if more != "&format=json":
            return None
        path = target.removeprefix("sumSeries(").removesuffix(")")
        query = '{__graphite__="%s"}' % path
        return self.url + "/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": "sum(%s)" % query if path != target else query, "step": STEP,
             "start": points.until - hours * 3600 + STEP, "end": points.until, "nocache": 1})

    def values(self, body):
        return [[float(v) for _, v in one["values"]] for one in json.loads(body)["data"]["result"]]


def questions(points):
    """(what, the ratio that is asked for, what gives a server's URL, whether it can be compared)."""
    def summed(pattern, count, hours):
        return ("sumSeries of %d, %d h" % (count, hours), 100,
                lambda server: server.render(points, "sumSeries(%s)" % pattern, hours), "values")
    all_apps, hours = "bench.apps.*.*.cpu", points.ticks * STEP // 3600
    out = [summed("bench.apps.app-00*.*.cpu", min(100, len(points.series)), 1),
           summed("bench.apps.app-00*.*.cpu", min(100, len(points.series)), hours),
           summed(all_apps, len(points.series), 1), summed(all_apps, len(points.series), hours)]
    out.append(("find of %d names" % len(points.names), 100,
                lambda server: server.find("bench.names.*.*.size"), "names"))
    out.append(("one series, %d h at 10 s, JSON" % hours, 25,
                lambda server: server.render(points, "bench.apps.app-007.7.cpu", hours), "values"))
    for span in sorted({1, hours}):
        out.append(("PNG of 10 series, %d h" % span, 10, lambda server, span=span: server.render(
            points, "bench.apps.app-003.*.cpu", span, "&format=png" + PICTURE), None))
    return out


def body_of(server, url):
    status, body = lab.http_get(url, 300)
    if status != 200:
        raise AssertionError("%s: %s answers %s %s" % (server.title, url, status, body[:300]))
    return body


def alike(ours, theirs):
    return len(ours) == len(theirs) and all(
        len(a) == len(b) and all(x == y or abs(x - y) <= 1e-9 * abs(y) for x, y in zip(a, b))
        for a, b in zip(ours, theirs))


def check(what, answers):
    """Prints where a server answers something else than the first one."""
    (first, expected), *others = answers.items()
    for title, found in others:
        same = found == expected if found and isinstance(found[0], str) else alike(found, expected)
        if not same:
            print("    %s: %s answers something else than %s: %s / %s" %
                  (what, title, first, str(found)[:200], str(expected)[:200]))


def measure(server, url, seconds):
    """CPU-ms, and how many queries took that."""
    pids, count, began = server.pids(), 0, time.monotonic()
    before = cpu_ns(pids)
    while count == 0 or time.monotonic() - began < seconds:
        body_of(server, url)
        count += 1
    return (cpu_ns(pids) - before) / 1e6, count


def measure_all(urls, seconds):
    """{title: CPU-ms of a query}: in turn, for the machine is not equally fast from second to second."""
    spent = {server: [0, 0] for server in urls}
    for _ in range(TURNS):
        for server, url in urls.items():
            if spent[server][1] == 0 or spent[server][1] >= TURNS:  # else one takes longer than a turn
                ms, count = measure(server, url, seconds / TURNS)
                spent[server][0] += ms
                spent[server][1] += count
    return {server.title: ms / count for server, (ms, count) in spent.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--series", type=int, default=1000)
    options.add_argument("--hours", type=int, default=24)
    options.add_argument("--names", type=int, default=10000)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--only", nargs="*", help="queries that have one of these words")
    given = options.parse_args()
    if not shutil.which("victoria-metrics"):
        sys.exit("render_bench: no victoria-metrics here; tests/run bench installs the packages")
    print("%d series, %d h, %d names, load %.1f, %s" %
          (given.series, given.hours, given.names, os.getloadavg()[0],
           time.strftime("%Y-%m-%d %H:%M", time.gmtime())), flush=True)
    directory, servers = tempfile.mkdtemp(prefix="dadvisor-render."), []
    rows = []
    try:
        conf = os.path.join(directory, "conf")
        os.makedirs(conf)
        with open(conf + "/storage-schemas.conf", "w") as file:
            file.write(SCHEMAS % (given.hours + 2))
        points = Points(given.series, given.hours, given.names)
        graphite = Graphite(directory, "10s:%dh" % (given.hours + 2), options=["--workers", "1"])
        ours = Dadvisor(directory, graphite_conf_dir=conf, head_span="20s")
        ours.whisper = os.path.join(graphite.directory, "storage", "whisper")
        for server in (graphite, ours, Victoria(directory)):
            began = time.monotonic()
            server.start()
            servers.append(server)
            server.load(points, given.hours)
            print("    %s holds all: %.0f s" % (server.title, time.monotonic() - began), flush=True)
        time.sleep(5)
        for what, goal, url_of, compared in questions(points):
            if given.only and not any(word in what for word in given.only):
                continue
            urls = {server: url_of(server) for server in servers}
            if compared == "names":
                urls.pop(servers[2])  # its own language has no such question
            urls = {server: url for server, url in urls.items() if url}
            if compared:
                check(what, {server.title: getattr(server, compared)(body_of(server, url))
                             for server, url in urls.items()})
            figures = measure_all(urls, given.seconds)
            rows.append((what, goal, figures))
            print("    %s: %s" % (what, ", ".join("%s %.2f" % one for one in figures.items())),
                  flush=True)
    finally:
        for server in servers:
            server.stop()
        if not os.environ.get("DADVISOR_BENCH_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)
    print("\n| query, CPU-ms | dAdvisor | graphite-web | times less | asked | VictoriaMetrics "
          "| times less |\n" + "|---" * 7 + "|")
    for what, goal, figures in rows:
        mine = figures["dAdvisor"]
        victoria = figures.get("VictoriaMetrics")
        print("| %s | %.2f | %.1f | %.0f | %d | %s | %s |" % (
            what, mine, figures["graphite-web"], figures["graphite-web"] / mine, goal,
            "-" if victoria is None else "%.1f" % victoria,
            "-" if victoria is None else "%.1f" % (victoria / mine)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
