"""Real servers of the Prometheus family, for tests that feed or read them."""
import json
import os
import urllib.parse

import lab


class MetricServer(lab.Program):
    """What speaks Prometheus' API of queries."""

    def __init__(self, name, directory, command, port):
        self.port = port
        self.url = "http://127.0.0.1:%d" % port
        super().__init__(name, directory, command)

    def ready(self):
        super().ready()
        return lab.http_get(self.url + self.READY)[0] == 200

    def ask(self, expression, at=None):
        asked = {"query": expression}
        if at is not None:
            asked["time"] = at
        status, body = lab.http_get("%s/api/v1/query?%s" % (self.url, urllib.parse.urlencode(asked)))
        assert status == 200, body
        return json.loads(body)["data"]["result"]

    def query(self, expression, at=None):
        """[(labels, value)]."""
        return [(one["metric"], float(one["value"][1])) for one in self.ask(expression, at)]

    def samples(self, selector, begin, end):
        """[(labels, {time: value})] of the samples themselves, begin < time <= end, in seconds."""
        return [(one["metric"], {round(when): float(value) for when, value in one["values"]
                                 if when > begin})
                for one in self.ask("%s[%ds]" % (selector, end - begin), end)]


class Prometheus(MetricServer):
    """Debian's. `target`: a page that it scrapes each second; without, it takes remote write."""

    READY = "/-/ready"
    WRITE = "/api/v1/write"

    def __init__(self, directory, target=None):
        port = lab.free_port()
        config = os.path.join(directory, "prometheus.yml")
        jobs = [{"job_name": "cadvisor", "scrape_interval": "1s",
                 "static_configs": [{"targets": [target]}]}]
        # A tick that comes late on a busy machine is taken too.
        storage = {"tsdb": {"out_of_order_time_window": "10m"}}
        with open(config, "w") as file:
            json.dump({"scrape_configs": jobs} if target else {"storage": storage}, file)
        super().__init__("prometheus", directory, [
            "prometheus", "--config.file=" + config, "--log.level=warn",
            "--storage.tsdb.path=" + os.path.join(directory, "prometheus"),
            "--web.enable-remote-write-receiver",
            "--web.listen-address=127.0.0.1:%d" % port], port)


class VictoriaMetrics(MetricServer):
    """Debian's, a single node. Samples can be queried as soon as they are taken."""

    READY = "/health"
    WRITE = "/api/v1/write"

    def __init__(self, directory):
        port = lab.free_port()
        super().__init__("victoria-metrics", directory, [
            "victoria-metrics", "-storageDataPath=" + os.path.join(directory, "victoria-metrics"),
            "-httpListenAddr=127.0.0.1:%d" % port, "-search.latencyOffset=1ms",
            "-search.disableCache", "-retentionPeriod=1"], port)
