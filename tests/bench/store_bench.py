#!/usr/bin/python3
"""What ingest, storage and queries cost dAdvisor and the servers that Debian has for the same, on the
same workload in the same run.

    store_bench.py [--containers 1000] [--per-host 50] [--ticks 180] [--big] [--recorded]
                   [--runs 1] [--head-span SPAN] [--only WORD ...] [--list]

Each server in turn gets the workload (tests/bench/workload.hpp) at full speed over its own protocol,
is left until it is quiet, is asked, and is killed by SIGKILL the moment the last of two more ticks
is acknowledged; then what it still has is counted. CPU is the server's alone. Every figure but
those of the last two ticks' loss is printed and none asserted. --big: 10,000 containers, 30 ticks.
--recorded: rows of real containers (tests/fixtures/recording) instead of the model's, no kill.
With --runs N the medians of N. Figures of one server: the samples per CPU-second at acknowledgement
and when it is quiet, what its memory was at most, and what its files take when it is quiet; and
what it costs beyond that, a minute later, to roll up ticks again whose rows came late.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), HERE]
import lab  # noqa: E402
import peer as base  # noqa: E402
import peers  # noqa: E402

REPEATS = 15
RECORDING = os.path.join(HERE, "..", "fixtures", "recording")


def cpu_seconds(pids):
    """User and system, ended threads included; in steps of 10 ms."""
    total = 0
    for pid in pids:
        fields = lab.read("/proc/%d/stat" % pid).rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def memory_kib(pids, key):
    return sum(int(line.split()[1]) for pid in pids
               for line in lab.read("/proc/%d/status" % pid).splitlines()
               if line.startswith(key + ":"))


def wait_until_quiet(pids, limit=90):
    """Until three seconds in a row used less than 3 % of a core."""
    end, quiet = time.monotonic() + limit, 0
    while quiet < 3 and time.monotonic() < end:
        before = cpu_seconds(pids)
        time.sleep(1)
        quiet = quiet + 1 if cpu_seconds(pids) - before < 0.03 else 0


def ask(peer, url):
    """CPU-ms of the server and median ms of wall time, of so many of the same query."""
    pids, walls = peer.pids(), []
    status, body = lab.http_get(url, 120)
    if status != 200 or len(body) < 20:
        raise AssertionError("%s: %s answers %s %s" % (peer.name, url, status, body[:300]))
    before = base.cpu_ns(pids)
    while len(walls) < REPEATS and sum(walls) < 5:
        began = time.monotonic()
        lab.http_get(url, 120)
        walls.append(time.monotonic() - began)
    return (base.cpu_ns(pids) - before) / 1e6 / len(walls), statistics.median(walls) * 1000


def measure(kind, containers, per_host, ticks, directory, recording):
    """The figures of one server; its name and those that it cannot have are missing."""
    peer = kind(directory)
    loader = os.path.join(lab.BIN, "peer_load")
    begin = int(time.time()) // base.STEP * base.STEP - (ticks + 3) * base.STEP
    load = base.Load(max(10, int(containers * kind.share)), per_host, ticks, begin, loader,
                     recording)
    figures = {}
    peer.start()
    try:
        pids = peer.pids()
        time.sleep(1)
        before = cpu_seconds(pids)
        said = peer.load(load, ticks)
        samples = said["samples"]
        load.host_figures = (samples / ticks - load.containers * 40) / load.hosts
        series = samples / ticks
        figures["ack"] = samples / 1e6 / max(0.01, cpu_seconds(pids) - before)
        figures["wall"], figures["loader"] = said["seconds"], said["cpu"] / samples * 1e6
        figures["wire"] = said["bytes"] / samples
        peer.settle()
        wait_until_quiet(pids)
        figures["settled"] = samples / 1e6 / max(0.01, cpu_seconds(pids) - before)
        figures["peak"] = memory_kib(pids, "VmHWM") / 1024
        figures["per_series"] = memory_kib(pids, "VmRSS") / series
        # Before its tiers are made, which nobody else has.
        figures["files"] = base.size_below(peer.directory) / samples
        data = peer.data_bytes()
        if data is not None:
            figures["data"] = data / samples
        settled = cpu_seconds(pids)
        if peer.wait_for_late():
            wait_until_quiet(pids)
            figures["late"] = (cpu_seconds(pids) - settled) / samples * 1e6
        queries = peer.queries(load)
        for what, url in queries.items():
            figures[what], figures[what + "_wall"] = ask(peer, url)

        if recording:  # its rows have not all the same figures: a loss could not be counted
            return figures
        said = peer.load(load, 2, skip=ticks, kill=peer.pids()[0])
        if peer.process is not None:
            peer.process.wait(20)
        began = time.monotonic()
        peer.start()
        lab.wait_until(lambda: lab.http_get(queries["one"], 60)[0] == 200 or None, 120,
                       "%s answers again" % peer.name, 0.01)
        figures["restart"] = time.monotonic() - began
        peer.wait_for_replay()
        last, more = said["samples"], series * (min(ticks, 30) - 2)
        stored, before = peer.count(load, min(ticks, 30)), -1
        while stored < last + more and stored != before:  # what is replayed may show a little later
            before = stored
            time.sleep(1)
            stored = peer.count(load, min(ticks, 30))
        figures["lost"] = last + more - stored
        figures["last"] = last
    finally:
        peer.stop()
        if not os.environ.get("DADVISOR_BENCH_KEEP"):
            shutil.rmtree(peer.directory, ignore_errors=True)
    return figures


COLUMNS = [
    ("ack", "M/CPU-s at ack", "%.2f"), ("settled", "settled", "%.2f"),
    ("late", "late rollups CPU-s/M", "%.3f"),
    ("peak", "peak RSS MiB", "%.0f"), ("per_series", "KiB/series", "%.2f"),
    ("data", "B/sample data", "%.2f"), ("files", "all files", "%.2f"),
    ("wire", "on the wire", "%.1f"), ("restart", "restart s", "%.2f"),
    ("lost", "lost on kill -9", "%.0f"), ("one", "one series", "%.2f"),
    ("sum", "sum of 1,000", "%.1f"), ("sum30", "its last 30 min", "%.1f"), ("top", "top 10", "%.1f"), ("find", "find", "%.2f"),
    ("loader", "loader CPU-s/M", "%.2f"), ("wall", "load s", "%.1f")]
# In which the greater figure is the better one; in those left out a ratio means nothing.
GREATER, NO_RATIO = {"ack", "settled"}, {"lost", "late", "loader", "wall", "wire"}


def print_table(results):
    print("\n| server, input | " + " | ".join(title for _, title, _ in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for name, figures in results.items():
        cells = [form % figures[key] if key in figures else "-" for key, _, form in COLUMNS]
        print("| %s | %s |" % (name, " | ".join(cells)))
    ours = {name: figures for name, figures in results.items() if name.startswith("dAdvisor")}
    # One that got a part of the workload is no peer in what it costs.
    others = [results[kind.name] for kind in peers.ALL
              if kind.name in results and kind.name not in ours and kind.share == 1]
    for name, figures in ours.items():
        cells = []
        for key, _, _ in COLUMNS:
            there = [other[key] for other in others if other.get(key)]
            if key in NO_RATIO or key not in figures or not there:
                cells.append("")
            elif key in GREATER:
                cells.append("%.2f x" % (figures[key] / max(there)))
            else:
                cells.append("%.2f x" % (figures[key] / min(there)))
        print("| %s / the best peer | %s |" % (name, " | ".join(cells)))
    print("\nQueries: CPU-ms of the server. RSS per series when quiet. Lost: of the last two ticks' "
          "samples and the five minutes before them, below 0: doubled.")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--containers", type=int, default=1000)
    options.add_argument("--per-host", type=int, help="containers of a host, so rows of a request of "
                         "our own protocol: 50, as in fleet; 20 of a recording, which has so many")
    options.add_argument("--ticks", type=int, default=180)
    options.add_argument("--big", action="store_true", help="10,000 containers, 30 ticks")
    options.add_argument("--head-span", help="of dAdvisor, e.g. 10m, its default: rows that are "
                         "younger stay in memory; without it all are in files when it is asked")
    options.add_argument("--recorded", action="store_true", help="rows of real containers")
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--only", nargs="*", help="servers whose names have one of these words")
    options.add_argument("--list", action="store_true", help="print the servers and end")
    given = options.parse_args()
    peers.Dadvisor.head_span = given.head_span
    if given.big:
        given.containers, given.ticks = 10000, 30
    kinds = [kind for kind in peers.ALL
             if not given.only or any(word.lower() in kind.name.lower() for word in given.only)]
    if given.list:
        print("\n".join(kind.name for kind in kinds))
        return 0
    print("%d containers, %d ticks of 10 s, %d run(s), load %.1f, %s" %
          (given.containers, given.ticks, given.runs, os.getloadavg()[0],
           time.strftime("%Y-%m-%d %H:%M", time.gmtime())))
    programs = {"Prometheus": "prometheus", "VictoriaMetrics": "victoria-metrics",
                "InfluxDB": "influxd"}
    for program in sorted({programs[kind.name.split(",")[0]] for kind in kinds
                           if kind.name.split(",")[0] in programs} | {"curl"}):
        if not shutil.which(program):
            sys.exit("store_bench: no %s here; tests/run bench installs the packages" % program)
    directory = tempfile.mkdtemp(prefix="dadvisor-bench.")
    all_runs, failed = {}, False
    try:
        for run in range(given.runs):
            for kind in kinds:
                began = time.monotonic()
                try:
                    figures = measure(kind, given.containers,
                                      given.per_host or (20 if given.recorded else 50),
                                      given.ticks, directory,
                                      RECORDING if given.recorded else None)
                except (AssertionError, OSError, subprocess.SubprocessError) as error:
                    print("    %s: FAILED: %s" % (kind.name, error))
                    failed = True
                    continue
                all_runs.setdefault(kind.name, []).append(figures)
                print("    run %d, %s, %.0f s: %s" % (
                    run + 1, kind.name, time.monotonic() - began,
                    ", ".join("%s %.3g" % one for one in figures.items())))
                sys.stdout.flush()
    finally:
        if not os.environ.get("DADVISOR_BENCH_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)
    medians = {name: {key: statistics.median(run[key] for run in runs if key in run)
                      for key in runs[0]}
               for name, runs in all_runs.items()}
    print_table(medians)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
