"""The measurements themselves."""

import collections
import hashlib
import os
import re
import statistics
import subprocess
import time

import repository

CONNECTIONS = 8
WARM_UP_S = 1
# Uploads begin at this distance whatever the size: a disk answers a write after a pause more slowly than one that
# follows another at once, and fetching a large index is a long pause.
PACE_S = 0.1

Upload = collections.namedtuple("Upload", "total answered first_byte transfer_alone")


def static_copy(chartroom, generated, to):
    """What nginx serves: the same packages, and the index as chartroom serves it now."""
    repository.copy(generated, to / "charts")
    status, index = chartroom.get("/index.yaml")
    if status != 200:
        raise SystemExit(f"GET /index.yaml: status {status}")
    (to / "index.yaml").write_bytes(index)


def expect_same(chartroom, nginx, path):
    """Both servers send the same bytes, or the comparison means nothing."""
    ours, theirs = chartroom.get(path), nginx.get(path)
    if ours[0] != 200 or ours != theirs:
        raise SystemExit(f"{path}: chartroom {ours[0]}, {len(ours[1])} bytes; nginx {theirs[0]}, {len(theirs[1])} bytes")


def side_by_side(chartroom, nginx, path, runs, seconds):
    """Requests a second of each, medians; who goes first changes from run to run."""
    results = {chartroom: [], nginx: []}
    for server in results:
        throughput(server.url(path), WARM_UP_S)
    for run in range(runs):
        for server in (chartroom, nginx) if run % 2 == 0 else (nginx, chartroom):
            results[server].append(throughput(server.url(path), seconds))
    return statistics.median(results[chartroom]), statistics.median(results[nginx])


def throughput(url, seconds):
    """Requests a second, as wrk counts them; an answer that is not a success stops the benchmark."""
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout=30s", url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"wrk {url}:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def uploads(server, size, count):
    """Uploads a new version and fetches the index, again and again, on one connection; medians in milliseconds."""
    # a chart of its own number among the generated ones, so that only its version is new
    chart = repository.Chart(size // repository.VERSIONS_PER_CHART // 2)
    connection = server.connect()
    exchange(connection, "GET", "/index.yaml")
    alone = [sum(exchange(connection, "GET", "/index.yaml")[:2]) for _ in range(count)]
    answered, first_byte, total = [], [], []
    for number in paced(count):
        package = chart.package(f"9.{number}.0")
        began = time.perf_counter()
        until_answer, rest, status, body = exchange(connection, "POST", "/api/charts", package)
        if status != 201:
            raise SystemExit(f"upload: status {status}: {body[:500]}")
        until_index, _, _, index = exchange(connection, "GET", "/index.yaml")
        total.append(time.perf_counter() - began)
        answered.append(until_answer + rest)
        first_byte.append(until_index)
        if hashlib.sha256(package).hexdigest().encode() not in index:
            raise SystemExit("the index after an upload lacks the upload")
    connection.close()
    return Upload(*(statistics.median(times) * 1000 for times in (total, answered, first_byte, alone)))


def plain_writes(storage, count):
    """What the disk takes for what an upload writes: file, fsync, link, fsync of the directory; median in milliseconds."""
    times, name = [], storage / "plain-write"
    for _ in paced(count):
        began = time.perf_counter()
        with open(f"{name}#1", "wb") as file:
            file.write(bytes(3_000))
            file.flush()
            os.fsync(file.fileno())
        os.link(f"{name}#1", name)
        directory = os.open(storage, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        times.append(time.perf_counter() - began)
        os.unlink(f"{name}#1")
        os.unlink(name)
    return statistics.median(times) * 1000


def paced(count):
    """Numbers, one each PACE_S."""
    began = time.perf_counter()
    for number in range(count):
        time.sleep(max(0, began + number * PACE_S - time.perf_counter()))
        yield number


def exchange(connection, method, path, body=None):
    """Seconds until the answer's head has arrived, seconds for its body, status, body."""
    began = time.perf_counter()
    connection.request(method, path, body=body)
    response = connection.getresponse()
    head = time.perf_counter()
    content = response.read()
    return head - began, time.perf_counter() - head, response.status, content
