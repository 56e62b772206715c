#!/usr/bin/env python3
"""What strangers can make a server cost, one storm after the other, each with the figure it must keep.

A thousand clients at a time that ask and do not take the answer, that send and stop, that hang up: on every route, in an
order that the seed decides. Meanwhile somebody uploads, reads and asks for health, and is timed. Memory is the peak that
the system has counted for the process (VmHWM); where this may make a control group, the server runs in one of 512 MiB.
"""

import argparse
import collections
import os
import random
import resource
import selectors
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True

import repository
from servers import Chartroom
from table import Row, Table

CLIENTS = 1000
LIMIT_MIB = 512
PEAK_MIB, UPLOAD_S, HEALTH_S = 128, 1.0, 1.0
GROUP = Path("/sys/fs/cgroup/memory/chartroom-storm"), Path("/sys/fs/cgroup/chartroom-storm")

# how often each client is looked at; the states are those of tcp(7)
ROUND_S = 0.2
ESTABLISHED, SYN_SENT = 1, 2

READS = [
    "/charts/large-1.0.0.tgz", "/api/charts/large/1.0.0/templates", "/api/charts/large/1.0.0/values",
    "/api/charts/large/1.0.0/files/noise", "/api/charts/large/1.0.0/files/templates/1.yaml", "/api/charts", "/index.yaml",
]


class Client:
    """One stranger: what it sends, and when it leaves."""

    def __init__(self, dice, port, kind):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))
        self.kind = kind
        self.out = request(dice, kind)
        # who vanishes does so at any moment, the others when they are cut
        self.leaves = time.monotonic() + (dice.uniform(0.01, 1.5) if kind == "vanishing" else 3600)

    def send(self):
        """Sends what the socket takes; an error is that of a connection that was cut."""
        try:
            self.out = self.out[self.sock.send(self.out[:65536]):]
        except BlockingIOError:
            pass
        except OSError:
            self.out = b""

    def is_gone(self, now):
        """True if it leaves now, or was cut. Who is slow takes a little."""
        if self.kind == "slow" and not self.out:
            try:
                self.sock.recv(512)
            except OSError:
                pass
        state = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return self.leaves < now or state not in (ESTABLISHED, SYN_SENT)


def request(dice, kind):
    get = f"GET {dice.choice(READS)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    if kind == "sending":
        size = dice.choice([1000, 60_000, 140_000])
        form = dice.choice(["", "Content-Type: multipart/form-data; boundary=B\r\n"])
        head = f"POST /api/charts HTTP/1.1\r\nHost: x\r\n{form}Content-Length: 10000000\r\n\r\n"
        return head.encode() + b"x" * size
    if kind == "head":
        return b"GET /index.yaml HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"y" * dice.choice([0, 1000, 50_000])
    return get


def crowd(dice, port, kinds, until):
    """Keeps CLIENTS of these kinds connected; whoever is cut or leaves is followed by the next."""
    selector = selectors.DefaultSelector()
    clients, made = set(), 0

    def leave(client):
        if client.out:
            selector.unregister(client.sock)
        client.sock.close()
        clients.discard(client)

    while time.monotonic() < until:
        while len(clients) < CLIENTS:
            client = Client(dice, port, dice.choice(kinds))
            selector.register(client.sock, selectors.EVENT_WRITE, client)
            clients.add(client)
            made += 1
        round_ends = time.monotonic() + ROUND_S
        while (left := round_ends - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.send()
                if not key.data.out:
                    selector.unregister(key.fileobj)
        now = time.monotonic()
        for client in [client for client in clients if client.is_gone(now)]:
            leave(client)
    for client in list(clients):
        leave(client)
    return made


class Honest(threading.Thread):
    """Uploads, and asks for health, and remembers how long each took."""

    def __init__(self, server, chart):
        super().__init__(daemon=True)
        self.server, self.chart = server, chart
        self.times, self.ended, self.failed = collections.defaultdict(list), False, []

    def run(self):
        number = 0
        while not self.ended:
            number += 1
            self.timed("upload", "POST", "/api/charts", 201, self.chart.package(f"{number}.0.0"))
            self.timed("health", "GET", "/health", 200)
            time.sleep(0.1)

    def timed(self, what, method, path, expected, body=None):
        began = time.monotonic()
        connection = self.server.connect()
        try:
            connection.request(method, path, body=body)
            response = connection.getresponse()
            response.read()
            if response.status != expected:
                self.failed.append(f"{what}: {response.status}")
        except OSError as error:
            self.failed.append(f"{what}: {error}")
        finally:
            connection.close()
            self.times[what].append(time.monotonic() - began)


def large_chart():
    """One package of which each route has much to show: 20 MB of templates in some KB, 3 MB that do not compress."""
    import io
    import tarfile

    out = io.BytesIO()
    line = b"# lorem ipsum\n"
    files = {"Chart.yaml": b"apiVersion: v2\nname: large\nversion: 1.0.0\n", "noise": os.urandom(3 << 20)}
    files |= {f"templates/{number}.yaml": line * (3_500_000 // len(line)) for number in range(4)}
    files["values.yaml"] = b"a: |\n" + b"  lorem ipsum\n" * (4_000_000 // 14)
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"large/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def group():
    """A control group of LIMIT_MIB, if one can be made here: what enters it, and a phrase."""
    for directory, limit in zip(GROUP, ("memory.limit_in_bytes", "memory.max")):
        try:
            directory.mkdir(exist_ok=True)
            (directory / limit).write_text(str(LIMIT_MIB << 20))
        except OSError:
            continue
        procs = directory / "cgroup.procs"
        return lambda: procs.write_text(str(os.getpid())), f"in a control group of {LIMIT_MIB} MiB"
    return None, "in no control group: none can be made here"


def storm(options, name, kinds, table, seed):
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="storm-") as scratch:
        storage = Path(scratch) / "storage"
        storage.mkdir()
        enter, where = group()
        with Chartroom(options.binary, storage, options=["--log-level=error"], before_exec=enter) as server:
            server.wait_until_ready()
            (storage / "large-1.0.0.tgz").write_bytes(large_chart())
            while server.get("/charts/large-1.0.0.tgz")[0] != 200 or b"large" not in server.get("/index.yaml")[1]:
                time.sleep(0.05)
            honest = Honest(server, repository.Chart(7))
            honest.start()
            made = crowd(dice, server.port, kinds, time.monotonic() + options.seconds)
            honest.ended = True
            honest.join(timeout=120)
            peak = server.memory().peak
    print(f"storm: {name}, seed {seed}: {made} clients, {len(honest.times['upload'])} uploads, {where}", file=sys.stderr)
    worst = {what: max(times) for what, times in honest.times.items()}
    table.add(Row.at_most(f"{name}: peak of memory", CLIENTS, peak, PEAK_MIB, "MiB"))
    table.add(Row.at_most(f"{name}: slowest upload", CLIENTS, worst.get("upload", 999), UPLOAD_S, "s"))
    table.add(Row.at_most(f"{name}: slowest /health", CLIENTS, worst.get("health", 999), HEALTH_S, "s"))
    return honest.failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--seconds", type=int, default=25, help="length of one storm")
    parser.add_argument("--seed", type=int, default=None, help="that of an earlier run, to have it again")
    parser.add_argument("--only", default="", help="storms whose names have this in them")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    table = Table(head=("storm", "clients", "chartroom", "", "bound", ""))
    failed = []
    for name, kinds in (
        ("readers that take nothing", ["hanging"]), ("readers that take little", ["slow"]),
        ("clients that hang up", ["vanishing"]), ("senders that stop", ["sending"]), ("heads that do not end", ["head"]),
        ("all of them", ["hanging", "slow", "vanishing", "sending", "head"]),
    ):
        if options.only in name:
            failed += storm(options, name, kinds, table, seed)
    table.print(sys.stdout)
    if failed:
        print(f"failed: {collections.Counter(failed).most_common(5)}")
    sys.exit(1 if failed or any(row.reached is False for row in table.rows) else 0)


if __name__ == "__main__":
    main()
