#!/usr/bin/python3
"""The packages' agent is one file that needs a kernel and nothing else."""
import http.server
import json
import os
import re
import subprocess
import threading

import packages
from packages import BUILD, lab, run

AGENT = os.path.join(BUILD, "stage", "agent", "usr", "bin", "dadvisor-agent")
RESOLVER = os.path.join(os.path.dirname(AGENT), "dadvisor-resolver")


class Posts(http.server.BaseHTTPRequestHandler):
    """Remembers who was asked for; refuses everything."""
    hosts = []

    def do_POST(self):
        self.hosts.append(self.headers["Host"])
        self.send_error(503)

    def log_message(self, *_):
        pass


class StaticAgent(packages.Case):
    def test_it_names_no_library_and_no_loader(self):
        for program in (AGENT, RESOLVER):
            dynamic = run("readelf", "-dW", program).stdout
            self.assertNotIn("NEEDED", dynamic)
            self.assertNotIn("INTERP", run("readelf", "-lW", program).stdout)
            self.assertIn("pie executable", run("file", program).stdout)
            print("    %s: %.1f MB" % (os.path.basename(program), os.path.getsize(program) / 1e6))

    def test_the_agent_finds_the_resolver_both_in_empty_roots(self):
        root = self.empty_root()
        run("cp", RESOLVER, root)
        resolver = lab.Program("resolver", self.directory, [
            "chroot", root, "/dadvisor-resolver", "--resolver-socket", "/r.sock"])
        self.start(resolver)
        socket = os.path.join(root, "r.sock")
        lab.wait_until(lambda: os.path.exists(socket), 10, "the resolver listens")
        self.assertEqual(os.stat(socket).st_mode & 0o777, 0o600)
        status = lab.read("/proc/%d/status" % resolver.process.pid)
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertIn("Seccomp:\t2", status)
        done = subprocess.run(["chroot", root, "/dadvisor-agent", "doctor", "-o", "json",
                               "--resolver-socket", "/r.sock", "--proc-root", "/nowhere"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        found = {one["about"]: one for one in json.loads(done.stdout)}
        self.assertEqual(found["resolver"]["level"], "ok", found)

    def test_the_build_refuses_a_program_that_needs_a_library(self):
        script = '. "$0/packaging/lib/packages.sh"; . "$0/packaging/lib/stage.sh"; check_static "$1"'
        good = run("bash", "-c", script, packages.ROOT, AGENT, check=False)
        self.assertEqual((good.returncode, good.stdout), (0, ""))
        bad = run("bash", "-c", script, packages.ROOT, "/bin/true", check=False)
        self.assertEqual(bad.returncode, 1)
        self.assertRegex(bad.stdout, r"NEEDED.*libc\.so\.6[^$]*/bin/true needs the libraries above")

    def empty_root(self):
        root = os.path.join(self.directory, self._testMethodName)
        os.makedirs(root)
        run("cp", AGENT, root)
        return root

    def test_it_runs_in_an_empty_root(self):
        root = self.empty_root()
        done = run("chroot", root, "/dadvisor-agent", "--version")
        self.assertEqual(done.stdout, "dadvisor-agent %s\n" % packages.version())
        self.assertEqual(os.listdir(root), ["dadvisor-agent"])

    def test_it_takes_a_reading_with_proc_and_sys_alone(self):
        root = self.empty_root()
        for name in ("proc", "sys"):
            os.makedirs(os.path.join(root, name))
            run("mount", "--rbind", "/" + name, os.path.join(root, name))
            run("mount", "--make-rslave", os.path.join(root, name))
            self.addCleanup(run, "umount", "-l", os.path.join(root, name))
        done = subprocess.run(["chroot", root, "/dadvisor-agent", "once", "-o", "json"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0)
        figures = host_figures(json.loads(done.stdout))
        total = int(re.search(r"MemTotal: +(\d+)", lab.read("/proc/meminfo"))[1]) * 1024
        self.assertEqual(figures["mem.total"], total)

    def test_it_finds_the_aggregator_by_the_hosts_file_without_the_hosts_modules(self):
        root = self.empty_root()
        for name in ("etc", "spool"):
            os.makedirs(os.path.join(root, name))
        for name, text in (("hosts", "127.0.0.1 figures.example\n"),
                           # Honoured, this would find nothing (and look for a module).
                           ("nsswitch.conf", "hosts: no_such_module\n")):
            with open(os.path.join(root, "etc", name), "w") as file:
                file.write(text)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Posts)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        port = server.server_address[1]
        process = subprocess.Popen(
            ["chroot", root, "/dadvisor-agent", "--step", "1s", "--data-dir", "/spool", "--listen",
             "127.0.0.1:%d" % lab.free_port(), "--aggregator", "http://figures.example:%d" % port,
             "--proc-root", "/nowhere", "--sys-root", "/nowhere"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        lab.wait_until(lambda: Posts.hosts or process.poll() is not None, 20, "a request came")
        self.assertEqual(set(Posts.hosts), {"figures.example:%d" % port})

    def test_it_is_small_when_idle(self):
        """Not asserted beyond what would be a mistake: the figure is printed."""
        agent = lab.Program("agent", self.directory, [
            AGENT, "--step", "1s", "--data-dir", self.directory, "--listen",
            "127.0.0.1:%d" % lab.free_port(), "--docker-socket", "", "--aggregator",
            "http://127.0.0.1:%d" % lab.free_port()])
        self.start(agent)
        lab.next_tick(1, 4)
        status = lab.read("/proc/%d/status" % agent.process.pid)
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1])
        print("    RSS %.1f MB after 4 readings" % (resident / 1024))
        self.assertLess(resident, 20 << 10)


def host_figures(reading):
    """{metric: value} of the reading's one host."""
    rows = [row for row in reading["entities"] if row["kind"] == "host"]
    assert len(rows) == 1, reading
    return rows[0]["figures"]


if __name__ == "__main__":
    packages.main("agent_static")
