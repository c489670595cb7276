#!/usr/bin/python3
"""Containers of a Mesos agent's own containerizer: real cgroups, named by its /state and /containers.

There is no Mesos in Debian: an HTTP server answers in the shape of its documentation (endpoints/
slave/state.md and containers.md of 1.11), the cgroups are made as linux_launcher makes them,
ROOT/CONTAINER with nested ones below, and hold processes that use CPU. Truth: the kernel's counter.
"""
import http.server
import json
import os
import subprocess
import threading
import urllib.parse
import uuid

import lab

ROOT = "dadvisor-e2e-mesos-%d" % os.getpid()


class MesosAgent(http.server.ThreadingHTTPServer):
    """The two endpoints; `status` other than 200 refuses both."""

    def __init__(self):
        self.status, self.asked, self.frameworks, self.containers = 200, [], [], []
        super().__init__(("127.0.0.1", 0), Endpoints)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server_address[1]

    def state(self):
        return {"version": "1.11.0", "id": "S0", "pid": "slave(1)@127.0.0.1:5051",
                "hostname": "localhost", "start_time": 1455647422.88396,
                "resources": {"ports": "[31000-32000]", "mem": 127816, "disk": 804211, "cpus": 32},
                "attributes": {}, "master_hostname": "localhost",
                "flags": {"containerizers": "mesos", "cgroups_root": ROOT, "port": "5051"},
                "frameworks": self.frameworks, "completed_frameworks": []}


class Endpoints(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        body = self.server.state() if self.path == "/state" else self.server.containers
        body = json.dumps(body).encode() if self.server.status == 200 else b""
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def task(name, task_id, container, labels=None, parent=None):
    own = {"value": container, **({"parent": {"value": parent}} if parent else {})}
    return {"id": task_id, "name": name, "framework_id": "F", "executor_id": "", "slave_id": "S0",
            "state": "TASK_RUNNING", "resources": {"cpus": 0.1, "mem": 32, "disk": 0, "gpus": 0},
            "role": "*", "labels": [{"key": k, "value": v} for k, v in (labels or {}).items()],
            "statuses": [{"state": "TASK_RUNNING", "timestamp": 1477034399.5,
                          "container_status": {"container_id": own}}]}


def executor(container, tasks, executor_id=None, **more):
    return {"id": executor_id or tasks[0]["id"], "name": "", "source": "", "container": container,
            "directory": "/var/lib/mesos", "resources": {}, "tasks": tasks, "queued_tasks": [],
            "completed_tasks": [], **more}


class Mesos(lab.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mesos = MesosAgent()
        cls.addClassCleanup(cls.mesos.server_close)
        cls.addClassCleanup(cls.mesos.shutdown)
        v1 = os.path.exists("/sys/fs/cgroup/cpuacct")
        cls.hierarchies = sorted({lab.mount_of(name) for name in
                                  (["cpu", "cpuacct", "memory", "pids"] if v1 else [None])})
        cls.accounts = lab.mount_of("cpuacct" if v1 else None)
        cls.addClassCleanup(cls.clear)
        cls.aggregator = cls.start(lab.Aggregator(cls.directory))
        cls.agent = cls.start(lab.Agent(cls.directory, cls.aggregator, docker_socket="",
                                        mesos_agent=cls.mesos.url))

    @classmethod
    def clear(cls):
        for mount in cls.hierarchies:
            for directory, _, _ in os.walk(os.path.join(mount, ROOT), topdown=False):
                os.rmdir(directory)

    def begin(self, container, seconds, parent=None):
        """A container of one process that uses that much CPU and waits; ended by its stdin."""
        path = "/".join([ROOT] + ([parent, "mesos"] if parent else []) + [container])
        for mount in self.hierarchies:
            os.makedirs(os.path.join(mount, path), exist_ok=True)
        burn = ("import resource as r,sys\nsys.stdin.readline()\n"
                "while sum(r.getrusage(r.RUSAGE_SELF)[:2]) < %s: pass\n"
                "print('done', flush=True)\nsys.stdin.readline()" % seconds)
        process = subprocess.Popen(["/usr/bin/python3", "-c", burn], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        for mount in self.hierarchies:
            with open(os.path.join(mount, path, "cgroup.procs"), "w") as file:
                file.write(str(process.pid))
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.addCleanup(self.end, process, path)
        return process, path

    def end(self, process, path):
        if process.stdin:
            process.stdin.close()
            process.stdout.close()
            process.stdin = None
        process.wait()
        for mount in self.hierarchies:
            for part in (path + "/mesos", path):
                if os.path.isdir(os.path.join(mount, part)):
                    os.rmdir(os.path.join(mount, part))

    def up(self, app, start="-4s"):
        return self.aggregator.render("dadvisor.*.instances.%s.*.state.up" % app, start)

    def wait_up(self, app):
        return lab.wait_until(lambda: self.up(app), 30, app + " is seen")

    def events(self, *tags):
        query = urllib.parse.urlencode({"from": "-10min", "tags": " ".join(tags)})
        return json.loads(lab.http_get(self.aggregator.url + "/events/get_data?" + query)[1])

    def test_1_nobody_is_asked_where_there_is_no_mesos(self):
        lab.next_tick(1, after=4)
        self.assertEqual(self.mesos.asked, [])

    def test_2_names_owners_and_figures(self):
        # Below a root that only /state tells.
        cart, pod, web = (str(uuid.uuid4()) for _ in range(3))
        self.mesos.frameworks = [
            {"id": "F", "name": "marathon", "user": "root", "executors": [
                executor(cart, [task("cart.shop", "shop_cart." + str(uuid.uuid1()), cart,
                                     {"owner": "ann", "API_TOKEN": "hunter2"})]),
                executor(pod, [task("web", "shop_pod.instance-%s.web" % uuid.uuid1(), web,
                                    parent=pod)], "instance-shop_pod", type="DEFAULT")],
             "completed_executors": []}]
        burning = [self.begin(cart, 2)[0], self.begin(pod, 0.1)[0],
                   self.begin(web, 1, parent=pod)[0]]
        name, = self.wait_up("shop_cart")
        self.assertEqual(name.split(".")[4], cart[:12])
        self.wait_up("shop_pod")
        for process in burning:
            self.assertEqual(process.stdout.readline(), b"done\n")
        lab.next_tick(1, after=3)
        for app, container in (("shop_cart", cart), ("shop_pod", pod)):
            path = "%s/%s/%s/" % (self.accounts, ROOT, container)
            truth = int(lab.read(path + "cpuacct.usage")) / 1e9 \
                if os.path.exists(path + "cpuacct.usage") \
                else lab.keyed(path + "cpu.stat")["usage_usec"] / 1e6
            usage = self.aggregator.render("dadvisor.*.instances.%s.*.cpu.usage" % app)
            self.assertEqual(len(usage), 1)
            self.assert_close(max(max(points.values()) for points in usage.values()), truth, 0.01,
                              app + " CPU seconds", 0.02)
        tags = "".join(self.aggregator.render("seriesByTag('name=state.up','app=/shop/cart')", "-4s"))
        self.assertIn("owner=ann", tags)
        page = self.agent.get("/metrics")[1].decode()
        self.assertNotIn("hunter2", page)
        self.assertEqual(self.agent.own_metric("dadvisor_agent_mesos_up"), 1)
        # The nested one is in its pod's figures.
        self.assertFalse(self.aggregator.render("dadvisor.*.instances.*.%s.state.up" % web[:12]))

    def test_3_an_end_is_told_under_its_name(self):
        job = str(uuid.uuid4())
        self.mesos.frameworks = [{"id": "C", "name": "chronos", "executors": [
            executor(job, [task("ChronosTask:nightly", "ct:1420000000000:0:nightly:", job)])]}]
        process, path = self.begin(job, 0.3)
        self.wait_up("nightly")
        self.end(process, path)
        end = lab.wait_until(lambda: self.events("exit", "app:nightly"), 20, "its exit")
        self.assertEqual(len(end), 1)
        self.assertIn("reason:unknown", end[0]["tags"])
        self.assertEqual(len(self.events("start", "app:nightly")), 1)

    def test_4_containers_name_what_state_may_not_and_refusal_costs_names_alone(self):
        probe, late = str(uuid.uuid4()), str(uuid.uuid4())
        self.mesos.frameworks = []
        self.mesos.containers = [{"container_id": probe, "executor_id": "probe.1",
                                  "executor_name": "the probe", "framework_id": "X", "source": "",
                                  "container_status": {"executor_pid": 1}, "statistics": {}}]
        self.begin(probe, 0.1)
        self.wait_up("probe_1*")
        self.mesos.status = 401
        self.begin(late, 0.1)
        self.wait_up("mesos")  # by its cgroup
        self.assertEqual(self.agent.own_metric("dadvisor_agent_mesos_up"), 0)
        done = subprocess.run([os.path.join(lab.BIN, "dadvisor-agent"), "doctor", "--docker-socket",
                               "", "--mesos-agent", self.mesos.url, "--aggregator",
                               self.aggregator.url, "--data-dir", self.directory],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("--no-authenticate_http_readonly", done.stdout)
        self.mesos.status = 200
        self.mesos.containers.append({"container_id": late, "executor_id": "late",
                                      "executor_name": "", "framework_id": "X", "source": ""})
        self.wait_up("late")


if __name__ == "__main__":
    lab.main("mesos")
