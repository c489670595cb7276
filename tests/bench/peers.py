"""peers: the servers that store_bench.py measures, each started in a directory of its own on
127.0.0.1 with its own defaults but what the measurement needs, and how each is asked.

A server's queries are (what, URL); each asks the same of its server as near as its language can.
Debian's python3 and its standard library only.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse

import lab
from peer import Peer, STEP, session_of, size_below


def thousand_apps(load):
    """A pattern of the apps that have the first 1,000 containers (20 each), and their number."""
    return "app-000[0-4]%s" if load.containers > 1000 else "app-%s"


class Dadvisor(Peer):
    name = "dAdvisor, own protocol"
    into = "dadvisor"
    root = "dadvisor.bench"
    synced = True
    head_span = None  # of the server; None: so short that soon after the last tick all is in files

    def make_command(self):
        os.makedirs(self.directory + "/rules.d")
        return [os.path.join(lab.BIN, "dadvisor-aggregator"), "--listen", "127.0.0.1:%d" % self.port,
                "--data-dir", self.directory + "/data", "--rules-dir", self.directory + "/rules.d",
                "--head-span", self.head_span or "20s"]

    def ready_url(self):
        return self.url + "/healthz"

    def settle(self):
        def in_files():
            page = lab.http_get(self.url + "/metrics")[1].decode()
            return re.search(r"^dadvisor_store_head_rows 0$", page, re.M)
        if self.head_span:
            return
        try:
            lab.wait_until(in_files, 90, "all rows are in files", 1)
        except AssertionError as error:
            print("    " + str(error))

    def wait_for_replay(self):
        lab.wait_until(lambda: b"still being read" not in lab.http_get(self.url + "/readyz")[1], 120,
                       "what was in memory alone is read from the log")

    def wait_for_late(self):
        def waiting():  # ticks of apps and clusters
            page = lab.http_get(self.url + "/metrics")[1].decode()
            found = re.search(r'^dadvisor_tier_dirty_windows{tier="10s"} (\S+)$', page, re.M)
            return float(found.group(1))
        if waiting() == 0:  # foreign points are not rolled up
            return False
        lab.wait_until(lambda: waiting() == 0, 180, "late ticks are rolled up again", 1)
        return True

    def data_bytes(self):
        return sum(os.path.getsize(path) for kind in ("spill", "segment")
                   for path in glob.glob("%s/data/store/%s/*" % (self.directory, kind)))


    def render(self, load, target, first, last):
        """(URL) of the ticks from first to last, both in it."""
        return self.url + "/render?" + urllib.parse.urlencode(
            {"target": target, "from": load.time(first) - 1, "until": load.time(last),
             "format": "json"})

    def queries(self, load):
        last = load.ticks - 1
        some = thousand_apps(load) % "*"
        return {
            "one": self.render(load, self.root + ".instances.app-00007.0-8.mem.rss", 0, last),
            "sum": self.render(load, "summarize(sumSeries(%s.instances.%s.*.mem.rss),'1min','avg')"
                               % (self.root, some), 0, last),
            "sum30": self.render(
                load, "summarize(sumSeries(%s.instances.%s.*.mem.rss),'1min','avg')"
                % (self.root, some), max(0, last - 180), last),
            "top": self.render(load, "highestAverage(%s.instances.*.*.cpu.cores,10)" % self.root,
                               last - 30, last),
            "find": self.url + "/metrics/find?format=json&query=%s.instances.app-00007.*.*.*"
                    % self.root,
        }

    def count(self, load, ticks):
        # A row is kept whole or not at all.
        def rows(glob_path):
            url = self.render(load, "sumSeries(isNonNull(%s.%s))" % (self.root, glob_path),
                              load.ticks + 2 - ticks, load.ticks + 1)
            answer = json.loads(lab.http_get(url, 60)[1])
            return sum(value or 0 for series in answer for value, _ in series["datapoints"])
        return rows("instances.*.*.mem.rss") * 40 + rows("hosts.*.load.1m") * load.host_figures


class PointNames:
    """Of servers that get the workload as Graphite's points and are asked in Graphite's language."""
    into = "graphite"
    root = "bench"
    retentions = "10s:6h,1m:7d,10m:90d"
    render = Dadvisor.render

    def queries(self, load):
        queries = Dadvisor.queries(self, load)
        last = load.ticks - 1
        queries["top"] = self.render(
            load, "highestAverage(perSecond(%s.instances.*.*.cpu.usage),10)" % self.root, last - 30,
            last)
        return queries

    def count(self, load, ticks):
        # Ten apps or hosts at a time: a query may ask for so many series alone.
        def tens(number):
            return range((number + 9) // 10)
        total = 0
        for paths in (["instances.app-%04d?.*.*.*" % ten
                       for ten in tens(max(20, load.containers // 20))] +
                      ["hosts.host-%04d?.*.*" % ten for ten in tens(load.hosts)]):
            url = self.render(load, "sumSeries(isNonNull(%s.%s))" % (self.root, paths),
                              load.ticks + 2 - ticks, load.ticks + 1)
            total += sum(value or 0 for series in json.loads(lab.http_get(url, 60)[1])
                         for value, _ in series["datapoints"])
        return total


class DadvisorPoints(PointNames, Dadvisor):
    name = "dAdvisor, Graphite plaintext"
    synced = False

    def make_command(self):
        self.load_port = lab.free_port()
        conf = self.directory + "/conf"
        os.makedirs(conf)
        with open(conf + "/storage-schemas.conf", "w") as file:
            file.write("[all]\npattern = .*\nretentions = %s\n" % self.retentions)
        return super().make_command() + [
            "--graphite-listen", "127.0.0.1:%d" % self.load_port, "--graphite-conf-dir", conf]


class Promql(Peer):
    """What Prometheus and VictoriaMetrics have in common."""
    into, path = "remote_write", "/api/v1/write"

    def select(self, metric, matchers=""):
        return "%s{%s}" % (metric, matchers)

    def range_query(self, load, query, step, first, last):
        return self.url + "/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": query, "start": load.time(first), "end": load.time(last), "step": step})

    def queries(self, load):
        last = load.ticks - 1
        sum_of_apps = "sum(%s)" % self.select("mem_rss",
                                              'app=~"%s"' % (thousand_apps(load) % ".*"))
        return {
            "one": self.range_query(load, self.select("mem_rss", 'app="app-00007",instance="0-8"'),
                                    STEP, 0, last),
            "sum": self.range_query(load, sum_of_apps, 60, 0, last),
            "sum30": self.range_query(load, sum_of_apps, 60, max(0, last - 180), last),
            "top": self.url + "/api/v1/query?" + urllib.parse.urlencode(
                {"query": "topk(10,rate(%s[5m]))" % self.select("cpu_usage", 'app!=""'),
                 "time": load.time(last)}),
            "find": self.url + "/api/v1/series?" + urllib.parse.urlencode(
                {"match[]": '{app="app-00007"}', "start": load.time(0), "end": load.time(last)}),
        }

    def names(self, load):
        """Selectors that together have all series, each without two of the same labels."""
        return json.loads(self.get("/api/v1/label/__name__/values"))["data"]

    def count(self, load, ticks):
        total = 0
        for name in self.names(load):
            answer = json.loads(self.get(
                "/api/v1/query", query="sum(count_over_time(%s[%ds]))" % (name, ticks * STEP - 1),
                time=load.time(load.ticks + 1)))
            total += sum(float(one["value"][1]) for one in answer["data"]["result"])
        return total


class Prometheus(Promql):
    name = "Prometheus, remote write"

    def make_command(self):
        with open(self.directory + "/prometheus.yml", "w") as file:
            file.write("global: {scrape_interval: 1h}\n")
        return ["prometheus", "--config.file", self.directory + "/prometheus.yml",
                "--storage.tsdb.path", self.directory + "/data",
                "--web.listen-address", "127.0.0.1:%d" % self.port,
                "--web.enable-remote-write-receiver", "--web.enable-admin-api",
                "--query.max-samples", "200000000", "--log.level", "warn"]

    def ready_url(self):
        return self.url + "/-/ready"

    def data_bytes(self):
        # The head as a block: what it becomes after two hours.
        answer = subprocess.run(["curl", "-sf", "-XPOST",
                                 self.url + "/api/v1/admin/tsdb/snapshot"],
                                capture_output=True, text=True, check=True)
        block = "%s/data/snapshots/%s" % (self.directory, json.loads(answer.stdout)["data"]["name"])
        size = size_below(block)
        shutil.rmtree(block)
        return size


class Victoria(Promql):
    name = "VictoriaMetrics, remote write"

    def make_command(self):
        self.line_port = lab.free_port()
        return ["victoria-metrics", "-storageDataPath", self.directory + "/data",
                "-httpListenAddr", "127.0.0.1:%d" % self.port,
                "-graphiteListenAddr", "127.0.0.1:%d" % self.line_port,
                "-retentionPeriod", "1y", "-search.disableCache", "-search.latencyOffset", "0s",
                "-search.maxSamplesPerQuery", "10000000000", "-search.maxUniqueTimeseries",
                "10000000", "-search.maxSeries", "1000000", "-http.connTimeout", "1h",
                "-loggerLevel", "WARN"]

    def settle(self):
        self.get("/internal/force_flush")
        self.get("/internal/force_merge")

    def data_bytes(self):
        return size_below(self.directory + "/data/data")


class VictoriaGraphite(Victoria):
    name = "VictoriaMetrics, Graphite plaintext"
    into, path = "graphite", ""

    def __init__(self, directory):
        super().__init__(directory)
        self.load_port = self.line_port

    def select(self, metric, matchers=""):
        leaf = metric.replace("_", ".", 1)
        app = re.search(r'app=~?"([^"]*)"', matchers)
        app = app.group(1).replace(".*", "*") if app else "*"
        instance = re.search(r'instance="([^"]*)"', matchers)
        return '{__graphite__="bench.instances.%s.%s.%s"}' % (
            app, instance.group(1) if instance else "*", leaf)

    def names(self, load):
        return ['{__name__=~"bench.+"}']

    def queries(self, load):
        queries = super().queries(load)
        queries["top"] = self.url + "/api/v1/query?" + urllib.parse.urlencode(
            {"query": "topk(10,rate(%s[5m]) keep_metric_names)" % self.select("cpu_usage"),
             "time": load.time(load.ticks - 1)})
        queries["find"] = (self.url + "/metrics/find?format=treejson&query="
                           "bench.instances.app-00007.*.*.*")
        return queries


class Influx(Peer):
    name = "InfluxDB, line protocol"
    into, path = "influx", "/write?db=bench&precision=s"

    def make_command(self):
        with open(self.directory + "/influxdb.conf", "w") as file:
            file.write("""reporting-disabled = true
bind-address = "127.0.0.1:%d"
[meta]
  dir = "%s/meta"
[data]
  dir = "%s/data"
  wal-dir = "%s/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "5s"
  compact-full-write-cold-duration = "10s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:%d"
  log-enabled = false
[logging]
  level = "warn"
""" % (lab.free_port(), self.directory, self.directory, self.directory, self.port))
        return ["influxd", "-config", self.directory + "/influxdb.conf"]

    def ready_url(self):
        return self.url + "/ping"

    def start(self):
        super().start()
        subprocess.run(["curl", "-sf", "-XPOST", self.url + "/query", "-o", "/dev/null",
                        "--data-urlencode", "q=CREATE DATABASE bench"], check=True)
        return self

    def ask(self, query):
        return self.url + "/query?" + urllib.parse.urlencode(
            {"db": "bench", "epoch": "s", "q": query})

    def queries(self, load):
        last = load.ticks - 1
        def span_from(first):
            return "time >= %ds AND time <= %ds" % (load.time(first), load.time(last))

        def sum_of_apps(first):
            return self.ask("SELECT sum(m) FROM (SELECT last(mem_rss) AS m FROM container WHERE "
                            "app =~ /^%s$/ AND %s GROUP BY time(1m), instance) GROUP BY time(1m)"
                            % (thousand_apps(load) % ".*", span_from(first)))

        five = "time > %ds AND time <= %ds" % (load.time(last - 30), load.time(last))
        return {
            "one": self.ask("SELECT mem_rss FROM container WHERE app='app-00007' AND "
                            "instance='0-8' AND " + span_from(0)),
            "sum": sum_of_apps(0),
            "sum30": sum_of_apps(max(0, last - 180)),
            "top": self.ask("SELECT top(d, instance, 10) FROM (SELECT spread(cpu_usage) AS d FROM "
                            "container WHERE %s GROUP BY instance)" % five),
            "find": self.ask("SHOW SERIES FROM container WHERE app = 'app-00007'"),
        }

    def settle(self):
        # Its cache becomes a file when nothing was written for 5 s.
        time.sleep(6)

    def data_bytes(self):
        return sum(os.path.getsize(path) for path in
                   glob.glob(self.directory + "/data/bench/**/*.tsm", recursive=True))

    def count(self, load, ticks):
        query = ("SELECT count(*) FROM container, host WHERE time > %ds AND time <= %ds"
                 % (load.time(load.ticks + 1 - ticks), load.time(load.ticks + 1)))
        answer = json.loads(lab.http_get(self.ask(query), 120)[1])
        return sum(value for series in answer["results"][0].get("series", [])
                   for value in series["values"][0][1:] if value)


class Carbon(PointNames, Peer):
    name = "carbon, plaintext (1/100)"
    share = 0.01

    def make_command(self):
        self.load_port = lab.free_port()
        self.ports = ["--web-port", self.port, "--line-port", self.load_port, "--pickle-port",
                      lab.free_port(), "--query-port", lab.free_port(), "--retentions",
                      self.retentions]
        return []

    def up(self, action):
        done = subprocess.run([os.path.join(lab.LAB, "graphite-up"), self.directory, action,
                               *map(str, self.ports)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise AssertionError("carbon: " + done.stdout + done.stderr)

    def start(self):
        running = os.path.exists(self.directory + "/run/web.pid")
        if running:  # what one that was killed leaves keeps the next from starting
            for path in glob.glob(self.directory + "/run/carbon-*.pid"):
                os.remove(path)
        self.up("carbon-up" if running else "up")
        return self

    def carbon_pid(self):
        return int(lab.read(self.directory + "/run/carbon.pid"))

    def pids(self):
        return [self.carbon_pid()] + session_of(int(lab.read(self.directory + "/run/web.pid")))

    def end(self, number):
        self.up("down")

    def data_bytes(self):
        return size_below(self.directory + "/storage/whisper")


ALL = [Dadvisor, DadvisorPoints, Victoria, VictoriaGraphite, Prometheus, Influx, Carbon]
