#!/usr/bin/python3
"""The sink to a real carbon-cache, read back through a real graphite-web.

Carbon is ended for a minute in between. Afterwards it has every point that the aggregator has, each
with the same value.
"""
import time

import lab

PATHS = ["dadvisor.*.apps.e2e_carbon.sum.cpu.cores", "dadvisor.*.apps.e2e_carbon.max.mem.rss",
         "dadvisor.*.apps.e2e_carbon.sum.state.up", "dadvisor.*.hosts.*.cpu.cores",
         "dadvisor.*.hosts.*.mem.available", "dadvisor.*.total.sum.cpu.cores"]


class Carbon(lab.Case):
    def test_carbon_has_every_point_after_a_minute_away(self):
        lab.ensure_docker()
        graphite = self.start(lab.Graphite(self.directory))
        aggregator = self.start(lab.Aggregator(self.directory, carbon=graphite.carbon))
        self.start(lab.Agent(self.directory, aggregator))
        self.start(lab.Container("/e2e/carbon", "load cpu 300 900"))
        lab.wait_until(lambda: graphite_has(graphite), 60, "the first points in graphite-web")
        first = lab.next_tick()
        time.sleep(15)
        graphite.stop_carbon()
        time.sleep(60)
        self.assertEqual(lab.http_get(aggregator.url + "/healthz")[0], 200)
        graphite.start_carbon()
        time.sleep(10)
        last = lab.next_tick() - 3

        def compare():
            self.wrong = []
            for path in PATHS:
                ours = aggregator.render(path, first - 1, last)
                theirs = lab.render(graphite.url, path, first - 1, last)
                if not ours or set(ours) != set(theirs):
                    self.wrong.append("%s: %s, in carbon %s" % (path, list(ours), list(theirs)))
                for name in set(ours) & set(theirs):
                    self.wrong += self.differences(name, ours[name], theirs[name], first, last)
            return not self.wrong
        try:
            lab.wait_until(compare, 150, "carbon has every point", pause=2)
        except AssertionError as error:
            self.fail("%s:\n%s" % (error, "\n".join(self.wrong[:20])))
        print("    %d s of %d paths are alike" % (last - first, len(PATHS)))

    @staticmethod
    def differences(name, ours, theirs, first, last):
        wrong = ["%s: we have no point at %d" % (name, t) for t in range(first, last + 1)
                 if t not in ours]
        for when, value in ours.items():
            if when not in theirs:
                wrong.append("%s: carbon has no point at %d" % (name, when))
            elif abs(theirs[when] - value) > 1e-9 * max(1.0, abs(value)):
                wrong.append("%s at %d: ours %r, carbon's %r" % (name, when, value, theirs[when]))
        return wrong


def graphite_has(graphite):
    return all(lab.series_count(graphite.url, path) for path in PATHS)


if __name__ == "__main__":
    lab.main("carbon")
