"""docker_case: what the tests of real containers' figures have in common."""
import os

import lab

MIB = 1 << 20
CPU = float(os.environ.get("DADVISOR_E2E_CPU", "0"))  # the least tolerance of CPU figures
V2_KERNEL = "DADVISOR_E2E_CPU" in os.environ


class DockerCase(lab.Case):
    """An aggregator and an agent beside the real Docker."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lab.ensure_docker()
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator))

    def container(self, command, *options, app=None, network=None):
        """A started container that the aggregator shows already."""
        app = app or "/e2e/" + self._testMethodName.replace("_", "-")
        made = lab.Container(app, command, *options, network=network)
        self.addCleanup(made.stop)
        made.start()
        lab.wait_until(lambda: made.figures(self.aggregator, "cpu.usage"), 20,
                       "the figures of %s" % made.name)
        return made

    def at(self, container, leaf, tick):
        """The figure of that tick, waited for."""
        points = lab.wait_until(
            lambda: (lambda p: tick in p and p)(container.figures(self.aggregator, leaf)), 20,
            "%s at %d" % (leaf, tick))
        return points[tick]

    def growth(self, container, leaf, first, last):
        return self.at(container, leaf, last) - self.at(container, leaf, first)
