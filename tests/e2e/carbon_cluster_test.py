#!/usr/bin/python3
"""Several real carbons behind the sink: by carbon's own consistent hashing or relay rules, and by
carbon-c-relay.

Which carbon has which path is what carbon's own ring says (Debian's python module), renamed by
rewrite-rules.conf and kept away by blacklist.conf before that. A carbon-c-relay with the same ring
agrees.
"""
import json
import os
import time
import warnings

import lab

warnings.simplefilter("ignore")
from carbon.hashing import ConsistentHashRing  # noqa: E402


class CarbonCluster(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carbons = {name: cls.start(lab.Graphite(cls.directory, name="carbon-" + name))
                       for name in "ab"}
        cls.ring = ConsistentHashRing([("127.0.0.1", name) for name in cls.carbons])

    def paths_in(self, carbon, first_node):
        # Of hosts alone: containers come and go on this machine, and carbon keeps what it had of them.
        # A graphite-web that is too busy to answer is asked again.
        status, body = lab.http_get(carbon.url + "/metrics/index.json", timeout=60)
        return {path for path in (json.loads(body) if status == 200 else [])
                if path.startswith(first_node + ".") and path.split(".")[2] == "hosts"}

    def of_aggregator(self, aggregator):
        """Those that have a value: not each rate of a slow counter has one yet."""
        return {name for depth in range(1, 5)
                for name, points in aggregator.render("*.*.hosts.*" + ".*" * depth).items() if points}

    def feed(self, name, **flags):
        """An aggregator with a host's figures, and the paths of those."""
        aggregator = self.start(lab.Aggregator(self.directory, name="aggregator-" + name, **flags))
        self.start(lab.Agent(self.directory, aggregator, name="agent-" + name, docker_socket=""))
        lab.wait_until(lambda: len(self.of_aggregator(aggregator)) > 20, 30, "figures of the host")
        return aggregator

    def check(self, aggregator, first_node, rename=lambda path: path, kept_away=lambda path: False,
              carbon_of=None):
        carbon_of = carbon_of or (lambda path: self.ring.get_node(path)[1])

        def placed():
            wanted = {name: set() for name in self.carbons}
            for path in self.of_aggregator(aggregator):
                if not kept_away(path):
                    wanted[carbon_of(rename(path))].add(rename(path))
            self.found = {name: self.paths_in(carbon, first_node)
                          for name, carbon in self.carbons.items()}
            self.wanted = wanted
            return self.found == wanted
        try:
            lab.wait_until(placed, 150, "every path is where it belongs", pause=1)
        except AssertionError as error:
            for name in self.carbons:
                print(name, "too much", sorted(self.found[name] - self.wanted[name])[:5],
                      "missing", sorted(self.wanted[name] - self.found[name])[:5])
            raise error
        self.assertGreater(min(len(paths) for paths in self.wanted.values()), 3)

    def test_hashing_as_carbon_does(self):
        conf = os.path.join(self.directory, "conf")
        os.mkdir(conf)
        with open(conf + "/blacklist.conf", "w") as file:
            file.write("\\.net\\.\n")
        with open(conf + "/rewrite-rules.conf", "w") as file:
            file.write("[pre]\n^dadvisor\\. = moved.\n")
        aggregator = self.feed(
            "hashed", carbon=["127.0.0.1:%d:%s" % (carbon.pickle, name)
                              for name, carbon in self.carbons.items()],
            carbon_protocol="pickle", carbon_conf_dir=conf)
        self.check(aggregator, "moved", lambda path: path.replace("dadvisor.", "moved.", 1),
                   lambda path: ".net." in path)
        self.assertGreater(aggregator.own_metric("dadvisor_carbon_filtered_total"), 0)
        path = "hosts.agent-hashed.mem.available"
        last = lab.next_tick() - 3
        time.sleep(1)
        carbon = self.carbons[self.ring.get_node("moved.default." + path)[1]]
        ours = aggregator.render("dadvisor.default." + path, last - 3, last)
        lab.wait_until(lambda: lab.render(carbon.url, "moved.default." + path, last - 3, last) ==
                       {"moved.default." + path: list(ours.values())[0]}, 20, "the same values")

    def test_a_relay_in_front(self):
        port = lab.free_port()
        conf = os.path.join(self.directory, "relay.conf")
        with open(conf, "w") as file:
            file.write("cluster all carbon_ch replication 1 %s ;\nmatch * send to all stop ;\n" %
                       " ".join("127.0.0.1:%d=%s" % (carbon.line, name)
                                for name, carbon in self.carbons.items()))
        self.start(lab.Program("relay", self.directory,
                               ["carbon-c-relay", "-f", conf, "-p", str(port), "-w", "1"]))
        aggregator = self.feed("relayed", prefix="relayed", carbon=["127.0.0.1:%d" % port])
        self.check(aggregator, "relayed")

    def test_relay_rules(self):
        conf = os.path.join(self.directory, "rules")
        os.mkdir(conf)
        with open(conf + "/relay-rules.conf", "w") as file:
            file.write("[memory]\npattern = \\.mem\\.\ndestinations = 127.0.0.1:%d:b\n"
                       "[rest]\ndefault = true\ndestinations = 127.0.0.1:%d:a\n" %
                       (self.carbons["b"].line, self.carbons["a"].line))
        aggregator = self.feed("ruled", prefix="ruled", carbon_conf_dir=conf,
                               carbon=["127.0.0.1:%d:%s" % (carbon.line, name)
                                       for name, carbon in self.carbons.items()])
        self.check(aggregator, "ruled", carbon_of=lambda path: "b" if ".mem." in path else "a")


if __name__ == "__main__":
    lab.main("carbon_cluster")
