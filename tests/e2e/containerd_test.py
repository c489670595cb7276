#!/usr/bin/python3
"""Containers of a real containerd that no Docker tells of: names, owners, figures, exits and ooms.

A containerd of the test's own, with its own socket and state, and ctr(8) running containers of
busybox in it. Truth: what ctr says, and the kernel's counters of the cgroups that runc made.
"""
import json
import os
import signal
import subprocess
import urllib.parse

import lab

CONFIG = """version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{0}/containerd.sock"
"""
POD = {"io.kubernetes.pod.name": "cart-5d4f8c7b9d-x2x4z", "io.kubernetes.pod.namespace": "shop",
       "io.kubernetes.pod.uid": "u"}


class Containerd(lab.Program):
    def __init__(self, directory):
        self.address = directory + "/containerd.sock"
        self.tree = directory + "/tree"
        with open(directory + "/containerd.toml", "w") as file:
            file.write(CONFIG.format(directory))
        super().__init__("containerd", directory,
                         ["containerd", "-c", directory + "/containerd.toml"])

    def ready(self):
        super().ready()
        return subprocess.run(["ctr", "-a", self.address, "namespaces", "ls"],
                              capture_output=True).returncode == 0

    def ctr(self, *arguments, namespace="default", check=True):
        done = subprocess.run(["ctr", "-a", self.address, "-n", namespace, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError("ctr %s: %s" % (" ".join(arguments), done.stderr.strip()))
        return done

    def run(self, name, command, *options, labels=None, env=None, namespace="default", wait=False):
        words = ["run", "--rm" if wait else "-d", *options]
        for flag, pairs in (("--label", labels), ("--env", env)):
            for key, value in (pairs or {}).items():
                words += [flag, "%s=%s" % (key, value)]
        return self.ctr(*words, "--rootfs", self.tree, name, "/bin/sh", "-c", command,
                        namespace=namespace, check=not wait)

    def remove(self, name, namespace="default"):
        self.ctr("tasks", "kill", "-s", "9", name, namespace=namespace, check=False)
        self.ctr("tasks", "rm", name, namespace=namespace, check=False)
        self.ctr("containers", "rm", name, namespace=namespace, check=False)


class ContainerdTest(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.containerd = Containerd(cls.directory)
        os.mkdir(cls.containerd.tree)
        tar = cls.directory + "/tree.tar"
        subprocess.run([os.path.join(lab.LAB, "docker-up"), "--image-tar", tar], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        subprocess.run(["tar", "-xf", tar, "-C", cls.containerd.tree], check=True)
        cls.start(cls.containerd)
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator, docker_socket="",
                                        containerd_socket=cls.containerd.address))

    def begin(self, name, command="sleep 1000", *options, namespace="default", **more):
        self.addCleanup(self.containerd.remove, name, namespace)
        self.containerd.run(name, command, *options, namespace=namespace, **more)

    def render(self, target, start="-10min"):
        return self.aggregator.render(target, start)

    def is_up(self, app, instance="*"):
        return lab.wait_until(lambda: self.render(
            "dadvisor.*.instances.%s.%s.state.up" % (app, instance), "-5s"), 20, app + " is seen")

    def events(self, *tags):
        query = urllib.parse.urlencode({"from": "-10min", "tags": " ".join(tags)})
        status, body = lab.http_get(self.aggregator.url + "/events/get_data?" + query)
        self.assertEqual(status, 200)
        return json.loads(body)

    def wait_for(self, *tags, count=1):
        return lab.wait_until(lambda: (lambda found: found if len(found) >= count else None)(
            self.events(*tags)), 20, "%d events with %s" % (count, tags))

    def page(self):
        return self.agent.get("/metrics")[1].decode()

    def test_names_owners_and_figures(self):
        self.begin("cart", "load spend 2; sleep 1000", labels={"owner": "team@x"},
                   env={"MARATHON_APP_ID": "/shop/cart", "DB_PASSWORD": "hunter2"})
        parent = "dadvisor-e2e-%d" % os.getpid()
        self.addCleanup(os.system, "rmdir /sys/fs/cgroup/%s /sys/fs/cgroup/*/%s 2>/dev/null"
                        % (parent, parent))
        self.begin("plain", "sleep 1000", "--cgroup", "/%s/here" % parent)
        # An id that somebody chose is known on its host only.
        self.assertEqual(list(self.is_up("shop_cart")),
                         ["dadvisor.default.instances.shop_cart.agent_cart.state.up"])
        self.assertEqual(list(self.is_up("plain")),
                         ["dadvisor.default.instances.plain.agent.state.up"])

        def used():
            return int(lab.read(lab.mount_of("cpuacct") + "/default/cart/cpuacct.usage")) / 1e9
        lab.wait_until(lambda: used() > 2, 60, "its load is done")
        lab.next_tick(1, after=3)
        truth = used()
        usage = self.render("dadvisor.*.instances.shop_cart.*.cpu.usage")
        self.assert_close(max(max(points.values()) for points in usage.values()), truth, 0.01,
                          "CPU seconds", 0.02)
        tags = self.render("seriesByTag('name=state.up','app=/shop/cart')", "-5s")
        self.assertIn("owner=team@x", "".join(tags))
        # What is on no list leaves neither process.
        self.assertIn("shop_cart", self.page().replace("/shop/cart", "shop_cart"))
        for secret in ("DB_PASSWORD", "hunter2"):
            self.assertNotIn(secret, self.page())
            for program in (self.agent, self.aggregator):
                with open(program.log) as log:
                    self.assertNotIn(secret, log.read())
        self.assertEqual(self.agent.own_metric("dadvisor_agent_containerd_up"), 1)
        self.assertEqual(self.agent.own_metric("dadvisor_agent_containerd_malformed_total"), 0)

    def test_pods_of_kubernetes_and_what_is_dockers_own(self):
        self.begin("a" * 64, namespace="k8s.io",
                   labels={**POD, "io.kubernetes.container.name": "web",
                           "io.cri-containerd.kind": "container"})
        self.begin("b" * 64, namespace="k8s.io",
                   labels={**POD, "io.cri-containerd.kind": "sandbox"})
        self.begin("dockers", namespace="moby", env={"MARATHON_APP_ID": "/e2e/moby"})
        self.assertEqual(list(self.is_up("shop_cart_web")),
                         ["dadvisor.default.instances.shop_cart_web.%s.state.up" % ("a" * 12)])
        lab.next_tick(1, after=2)
        every = self.render("dadvisor.*.instances.*.*.state.up", "-3s")
        self.assertFalse([name for name in every if "b" * 12 in name or "moby" in name], every)

    def test_lives_of_milliseconds_have_their_exit_code_and_last_row(self):
        self.begin("stays")  # the namespace has been seen
        self.is_up("stays")
        codes = [0, 3, 41]
        for number, code in enumerate(codes):
            done = self.containerd.run("brief-%d" % number, "load spend 0.2; exit %d" % code,
                                       env={"MARATHON_APP_ID": "/e2e/brief"}, wait=True)
            self.assertEqual(done.returncode, code, done.stderr)
        exits = self.wait_for("exit", "app:/e2e/brief", count=3)
        self.assertEqual(sorted(tag for one in exits for tag in one["tags"] if "code:" in tag),
                         ["code:0", "code:3", "code:41"])
        used = self.render("dadvisor.*.instances.e2e_brief.*.cpu.usage")
        self.assertEqual(len(used), 3, used.keys())
        for name, points in used.items():
            self.assertGreaterEqual(max(points.values()), 0.2, name)
        self.assertEqual(len(self.events("start", "app:/e2e/brief")), 3)
        self.assertEqual(self.agent.own_metric("dadvisor_agent_container_untold_total"), 0)

    def test_an_oom_kill_is_told(self):
        # On a busy machine containerd itself misses some, or tells them a second too late.
        log = self.directory + "/containerd-events"
        with open(log, "w") as file:
            listener = subprocess.Popen(["ctr", "-a", self.containerd.address, "events"],
                                        stdin=subprocess.DEVNULL, stdout=file)
        self.addCleanup(lambda: (listener.kill(), listener.wait()))
        for number in range(10):
            name, app = "hungry-%d" % number, "app:/e2e/oom%d" % number
            self.containerd.run(name, "load mem 64 30", "--memory-limit", str(16 << 20),
                                env={"MARATHON_APP_ID": app[4:]}, wait=True)
            end = self.wait_for("exit", app)[0]
            self.assertIn("code:137", end["tags"])
            told = any("/tasks/oom" in line and name in line
                       for line in lab.read(log).splitlines())
            if told:
                self.assertEqual(len(self.wait_for("oom", app)), 1)
                if "reason:oom" in end["tags"]:
                    return
            self.assertIn("reason:signal", end["tags"])
        self.fail("none of ten OOM kills was told in time")

    def test_restarts_of_the_agent_and_of_containerd(self):
        self.begin("lasting", env={"MARATHON_APP_ID": "/e2e/lasting"})
        self.is_up("e2e_lasting")
        self.wait_for("start", "app:/e2e/lasting")
        self.agent.stop()
        self.agent.start()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_containerd_up") == 1, 20, "up")
        self.is_up("e2e_lasting")
        # The same life, not a second one.
        lab.next_tick(1, after=3)
        self.assertEqual(len(self.events("start", "app:/e2e/lasting")), 1)

        # Tasks live on without containerd, and what ends meanwhile is told when it is back.
        self.begin("leaves", env={"MARATHON_APP_ID": "/e2e/leaves"})
        self.is_up("e2e_leaves")
        pid = next(int(line.split()[1]) for line in
                   self.containerd.ctr("tasks", "ls").stdout.splitlines() if "leaves" in line)
        self.containerd.stop()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_containerd_up") == 0, 20,
                       "it is seen to be away")
        self.is_up("e2e_lasting")
        os.kill(pid, signal.SIGKILL)
        lab.next_tick(1, after=3)
        self.assertTrue(self.is_up("e2e_lasting"))
        self.containerd.start()
        lab.wait_until(lambda: self.agent.own_metric("dadvisor_agent_containerd_up") == 1, 30, "up")
        end = self.wait_for("exit", "app:/e2e/leaves")[0]
        self.assertIn("code:137", end["tags"])
        self.begin("later", env={"MARATHON_APP_ID": "/e2e/later"})
        self.is_up("e2e_later")
        self.assertEqual(len(self.events("start", "app:/e2e/lasting")), 1)
        self.assertEqual(self.events("exit", "app:/e2e/lasting"), [])
        self.assertEqual(self.agent.own_metric("dadvisor_agent_containerd_reconnects_total"), 1)


if __name__ == "__main__":
    lab.main("containerd")
