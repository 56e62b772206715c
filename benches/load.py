#!/usr/bin/env python3
"""Measures chartroom against nginx serving the same bytes as static files, and prints one table.

Method: both servers run on this machine at the same time, only one of them under load. Throughput is wrk's with eight
connections, after a warm-up, the median of several runs of equal length in alternating order. Start times are medians
of several starts over a fresh copy of the repository (files hard-linked, page cache warm). Uploads begin at the same pace
at every size. Nothing is taken out.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

# the checkout stays as it is
sys.dont_write_bytecode = True

import machine
import measures
import repository
from servers import Chartroom, Nginx
from table import Row, Table

INDEX, CHART = "GET /index.yaml, 8 connections", "GET /charts/x.tgz, 8 connections"
RATIO = {INDEX: 0.9, CHART: 0.5}
MEMORY_MIB = {0: 20, 10_000: 64, 50_000: 250}
COLD_S, WARM_S, PORT_S = 4.0, 0.5, 0.1
START_SIZE = 50_000
GROWTH = 2.0


def main():
    options = arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    table = Table()
    settled = {}
    with tempfile.TemporaryDirectory(dir=options.cache, prefix="run-") as scratch:
        scratch = Path(scratch)
        for size in options.sizes:
            say(f"{size:,} versions: generating (kept in {options.cache})")
            generated = repository.generate(options.cache, size, say)
            starts(options, generated, size, scratch, table)
            settled[size] = under_load(options, generated, size, scratch, table)
        say("built-in charts only")
        built_ins_only(options, scratch, table)
    growth(settled, table)
    print(machine.describe(options.binary))
    print(f"median of {options.runs} runs of {options.seconds} s each; chartroom and nginx in alternating order")
    table.print(sys.stdout)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000, 50_000], metavar="VERSIONS")
    parser.add_argument("--binary", required=True, type=Path, help="the chartroom to measure (a release build)")
    parser.add_argument("--cache", required=True, type=Path, help="where generated repositories are kept")
    parser.add_argument("--builtin-charts", type=Path, default=Path("builtin-charts"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="length of one run of wrk")
    parser.add_argument("--uploads", type=int, default=40, help="uploads whose median is taken")
    options = parser.parse_args()
    if not options.binary.is_file():
        parser.error(f"{options.binary} is missing: build it first (make bench does)")
    return options


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def built_ins_only(options, scratch, table):
    storage = scratch / "empty"
    storage.mkdir()
    with Chartroom(options.binary, storage, builtin_charts=options.builtin_charts) as server:
        server.wait_until_ready()
        ready = server.memory()
        measures.throughput(server.url("/index.yaml"), options.seconds)
        memory_rows(table, 0, ready, server.memory())


def starts(options, generated, size, scratch, table):
    """Cold: a copy without anything chartroom has written. Warm: the same directory once more."""
    port, cold, warm, whole = [], [], [], []
    for run in range(options.runs):
        say(f"{size:,} versions: start {run + 1}/{options.runs}")
        storage = repository.copy(generated, scratch / f"start-{size}-{run}")
        for times in (cold, warm):
            with Chartroom(options.binary, storage) as server:
                times.append(server.wait_until_ready())
                port.append(server.port_open_after)
                server.expect_versions(size)
                if times is cold:
                    whole.append(server.wait_until_verified())
        shutil.rmtree(storage)
    # the targets for a complete index are given for the largest repository; smaller ones are shown against the same
    table.add(Row.at_most("complete index after a cold start", size, statistics.median(cold), COLD_S, "s"))
    table.add(Row.plain("  then until every package was opened whole, at low priority", size, statistics.median(whole), "s"))
    table.add(Row.at_most("complete index after a warm start", size, statistics.median(warm), WARM_S, "s"))
    table.add(Row.at_most("port open after exec, slowest of all", size, max(port), PORT_S, "s"))


def under_load(options, generated, size, scratch, table):
    storage = repository.copy(generated, scratch / f"load-{size}")
    public = scratch / f"nginx-{size}"
    with Chartroom(options.binary, storage) as chartroom:
        chartroom.wait_until_ready()
        ready = chartroom.memory()
        measures.static_copy(chartroom, generated, public)
        chart = "/charts/" + repository.some_package(generated)
        with Nginx(public) as nginx:
            for name, path in ((INDEX, "/index.yaml"), (CHART, chart)):
                say(f"{size:,} versions: {name}")
                measures.expect_same(chartroom, nginx, path)
                ours, theirs = measures.side_by_side(chartroom, nginx, path, options.runs, options.seconds)
                table.add(Row.ratio(name, size, ours, theirs, RATIO[name]))
        say(f"{size:,} versions: {options.uploads} uploads")
        upload = measures.uploads(chartroom, size, options.uploads)
        table.add(Row.plain("upload and next index fetched, p50", size, upload.total, "ms"))
        table.add(Row.plain("  upload answered", size, upload.answered, "ms"))
        disk = measures.plain_writes(storage, options.uploads)
        table.add(Row.plain("    of which the disk: the same write by plain calls", size, disk, "ms"))
        table.add(Row.plain("  then until the index begins to arrive", size, upload.first_byte, "ms"))
        table.add(Row.plain("  the index fetched without an upload", size, upload.transfer_alone, "ms"))
        memory_rows(table, size, ready, chartroom.memory())
    shutil.rmtree(storage)
    shutil.rmtree(public)
    return upload.answered + upload.first_byte


def memory_rows(table, size, ready, after):
    target = MEMORY_MIB.get(size)
    for name, mib in (("resident memory when ready", ready.resident), ("resident memory after the load", after.resident)):
        row = Row.at_most(name, size, mib, target, "MiB") if target else Row.plain(name, size, mib, "MiB")
        table.add(row)
    table.add(Row.plain("  its peak so far", size, after.peak, "MiB"))


def growth(settled, table):
    if 1_000 in settled and START_SIZE in settled:
        factor = settled[START_SIZE] / settled[1_000]
        table.add(Row.at_most("upload and index, transfer excluded, grows", START_SIZE, factor, GROWTH, "×"))


if __name__ == "__main__":
    main()
