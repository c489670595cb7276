"""peer: what the servers of store_bench.py have in common, and what is loaded into them.

Debian's python3 and its standard library only.
"""
import glob
import os
import re
import subprocess
import urllib.parse

import lab

STEP = 10


class Load:
    """What is loaded: some hosts' containers, from a tick of the past on."""

    def __init__(self, containers, per_host, ticks, begin, loader, recording=None):
        self.per_host = min(per_host, containers)
        self.hosts = max(1, containers // self.per_host)
        self.containers = self.hosts * self.per_host
        self.ticks, self.begin, self.loader = ticks, begin, loader
        self.recording = recording

    def time(self, tick):
        return self.begin + tick * STEP


class Peer(lab.Program):
    name = ""        # as in the table
    into = ""        # peer_load's format
    path = ""        # that is posted to
    share = 1        # of the containers: a server too slow for all gets fewer
    synced = False   # whether an acknowledgement means that it is on disk
    pause = 0.01     # a restart is timed

    def __init__(self, directory):
        self.directory = os.path.join(directory, re.sub(r"\W+", "-", self.name))
        os.makedirs(self.directory)
        self.port = lab.free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.load_port = self.port
        super().__init__("server", self.directory, [], {})
        self.command = self.make_command()

    # ---- what each server says for itself
    def make_command(self):
        raise NotImplementedError

    def ready_url(self):
        return self.url + "/health"

    def queries(self, load):
        raise NotImplementedError

    def count(self, load, ticks):
        """Samples stored of the last so many ticks of the load (two more are loaded at the end)."""
        raise NotImplementedError

    def settle(self):
        """Begins what the server would do by itself later."""

    def wait_for_replay(self):
        """Until what a restart reads behind its first answer is there."""

    def wait_for_late(self):
        """Until what the server makes anew a while after rows came late is made; False: nothing."""
        return False

    def data_bytes(self):
        """Of the samples alone, where the server can tell; else None."""

    # ---- the same for all
    def ready(self):
        super().ready()
        return lab.http_get(self.ready_url(), 5)[0] in (200, 204)

    def pids(self):
        return [self.process.pid]

    def load(self, load, ticks, skip=0, kill=None):
        """peer_load's figures."""
        command = [load.loader, "--into", self.into, "--port", str(self.load_port),
                   "--begin", str(load.begin), "--hosts", str(load.hosts),
                   "--containers", str(load.per_host), "--ticks", str(ticks), "--skip", str(skip)]
        if self.path:
            command += ["--path", self.path]
        if load.recording:
            command += ["--recording", load.recording]
        if kill:
            command += ["--kill", str(kill)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError("%s: %s%s" % (self.name, done.stderr, self.log_tail(5)))
        return {key: float(value)
                for key, value in (pair.split("=") for pair in done.stdout.split())}

    def get(self, path, **query):
        status, body = lab.http_get(self.url + path + "?" + urllib.parse.urlencode(query), 120)
        if status not in (200, 204):
            raise AssertionError("%s %s: %s %s" % (self.name, path, status, body[:300]))
        return body


def session_of(leader):
    """The process and its children's children: gunicorn's workers do the work."""
    found = [leader]
    for path in glob.glob("/proc/%d/task/*/children" % leader):
        for child in lab.read(path).split():
            found += session_of(int(child))
    return found


def cpu_ns(pids):
    """Of the threads there are now: for what is too short for steps of 10 ms."""
    total = 0
    for pid in pids:
        for thread in os.listdir("/proc/%d/task" % pid):
            try:
                total += int(lab.read("/proc/%d/task/%s/schedstat" % (pid, thread)).split()[0])
            except OSError:
                pass  # ended meanwhile
    return total


def size_below(directory):
    total = 0
    for path, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except OSError:
                pass  # gone meanwhile
    return total
