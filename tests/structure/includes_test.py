#!/usr/bin/python3
"""Fails on an #include that points against the data flow, and on an unknown top-level entry.

  includes_test.py CHECKOUT

The table below is the architecture: a folder may include itself and what is listed for it. A
folder that is in no row is refused, so a new one is entered here first. main.cpp and what stands
beside it sees everything of its own program; tests see everything.
"""
import os
import re
import sys

TOP = {"CMakeLists.txt", "LICENSE", "README.md", "agent", "aggregator", "build", "common",
       "graphite-bridge", "packaging", "tests"}  # beside names that begin with a dot

CORE, AGENT, AGGREGATOR = ["common/core"], ["common/core", "common/http"], ["common/core"]
GRAPHITE = "graphite-bridge"
STORE, EVENT, ROLLUP, SERIES, ALERT, NOTIFY, SINK, INGEST = (
    "aggregator/" + name for name in "store event rollup series alert notify sink ingest".split())
READERS = ["agent/cgroup", "agent/net", "agent/host", "agent/fs", "agent/runtime",
           "agent/identity"]
ALLOWED = {
    "common/core": [],
    "common/deflate": CORE,
    "common/http": CORE,
    "common/grpc": CORE + ["common/http"],
    "common/curl": CORE,
    "common/self": CORE,
    GRAPHITE: CORE + ["common/deflate"],
    "agent/cgroup": AGENT + ["agent/host"],
    "agent/net": AGENT + ["agent/host"],
    "agent/host": AGENT,
    "agent/fs": ["common/core"],
    "agent/runtime": ["common/core"],
    "agent/docker": AGENT + ["agent/runtime"],
    "agent/containerd": AGENT + ["common/grpc", "agent/runtime"],
    "agent/mesos": AGENT + ["agent/runtime"],
    "agent/names": AGENT + ["agent/runtime", "agent/docker", "agent/containerd", "agent/identity",
                            "agent/host"],
    "agent/resolver": AGENT + ["agent/runtime", "agent/names"],
    "agent/identity": AGENT + ["agent/runtime"],
    "agent/sample": AGENT + READERS,
    "agent/send": AGENT + READERS + ["agent/sample"],
    "agent/export": AGENT + READERS + ["agent/sample"],
    "agent/doctor": AGENT + READERS + ["agent/sample"],
    STORE: AGGREGATOR,
    EVENT: AGGREGATOR + [GRAPHITE, STORE],
    INGEST: AGGREGATOR + ["common/http", GRAPHITE, STORE + "/appender.hpp"],
    ROLLUP: AGGREGATOR + [STORE],
    SERIES: AGGREGATOR + [GRAPHITE, STORE, ROLLUP],
    ALERT: AGGREGATOR + [GRAPHITE, STORE, ROLLUP, SERIES],
    NOTIFY: AGGREGATOR + ["common/curl", GRAPHITE, STORE, ROLLUP, SERIES, ALERT],
    SINK: AGGREGATOR + ["common/http", "common/curl", GRAPHITE, STORE, ROLLUP, SERIES],
    "aggregator/api": AGGREGATOR + ["common/http", "common/self", GRAPHITE, STORE, EVENT, ROLLUP,
                                    SERIES, ALERT, NOTIFY, SINK, INGEST],
    # It checks configuration files by the programs' own tables, reads a store that stands, and
    # makes tokens for hosts.
    "aggregator/cli": AGGREGATOR + ["common/http", GRAPHITE, STORE, ALERT, NOTIFY,
                                    INGEST + "/host_tokens.hpp", "aggregator/settings.hpp",
                                    "agent/settings.hpp"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def folder_of(path):
    """The row of the table that a source belongs to; folders below a row belong to it."""
    return next((row for row in ALLOWED if path.startswith(row + "/")), None)


def wrong_edges(path, text):
    """What is wrong with the includes of the source `path` (relative to the checkout)."""
    program, _, rest = path.partition("/")
    whole_program = program in ("agent", "aggregator") and "/" not in rest
    row = folder_of(path)
    if row is None and not whole_program:
        return ["%s: its folder is not in the table of tests/structure" % path]
    wrong = []
    for included in INCLUDE.findall(text):
        if whole_program:
            links = AGENT if program == "agent" else ["common", GRAPHITE]
            good = included.startswith(tuple(to + "/" for to in links + [program]))
        else:
            good = any(included == to or included.startswith(to + "/")
                       for to in [row] + ALLOWED[row])
        if not good:
            wrong.append("%s: must not include \"%s\"" % (path, included))
    return wrong


def check(checkout):
    wrong = ["%s: not a top-level entry of this project" % name
             for name in sorted(os.listdir(checkout)) if name not in TOP and name[0] != "."]
    count = 0
    for top in ("common", GRAPHITE, "agent", "aggregator"):
        for directory, _, names in os.walk(os.path.join(checkout, top)):
            for name in names:
                if name.endswith((".cpp", ".hpp", ".h", ".c")):
                    path = os.path.join(directory, name)
                    with open(path, encoding="utf-8") as file:
                        wrong += wrong_edges(os.path.relpath(path, checkout), file.read())
                    count += 1
    return wrong, count


def check_itself():
    """A check that cannot fail shows nothing: bad edges must be seen, good ones let through."""
    bad = [("aggregator/store/log.cpp", "aggregator/api/render.hpp"),
           ("agent/send/spool.cpp", "aggregator/store/log.hpp"),
           ("agent/send/spool.cpp", "common/curl/mail.hpp"),
           ("aggregator/ingest/decode.cpp", "aggregator/store/head.hpp"),
           ("common/core/fd.cpp", "common/http/server.hpp"),
           ("agent/main.cpp", "aggregator/store/log.hpp"),
           ("aggregator/store/log.cpp", "fd.hpp"),
           ("agent/agent.cpp", "common/curl/mail.hpp"),
           ("common/new.cpp", "common/core/fd.hpp"),
           ("aggregator/other/new.cpp", "common/core/fd.hpp")]
    good = [("aggregator/ingest/decode.cpp", "aggregator/store/appender.hpp"),
            ("aggregator/main.cpp", "aggregator/api/render.hpp"),
            ("common/core/frame/codec.cpp", "common/core/row.hpp")]
    for path, included in bad:
        assert wrong_edges(path, '#pragma once\n#include "%s"\n' % included), (path, included)
    for path, included in good:
        assert not wrong_edges(path, '#include <a>\n#include "%s"\n' % included), (path, included)


check_itself()
problems, sources = check(sys.argv[1])
for problem in problems:
    print(problem)
print("%d sources, %d wrong" % (sources, len(problems)))
sys.exit(1 if problems or not sources else 0)
