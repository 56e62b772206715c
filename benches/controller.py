#!/usr/bin/env python3
"""Measures the Component controller against the bare helm binary, and prints one table.

Method: a control plane of its own, on this machine, without nodes; charts of one ConfigMap each. The yardstick is helm
itself with the same package, in the same run, in alternation. For the graph, the best possible schedule is computed
from how long the bare helm takes for each chart, with the controller's flags, when as many run at once as the
controller has slots: they share the cores, whoever starts them. Its time begins when the API server has the first
Component, while kubectl creates the others; the time from kubectl's start is shown too. That a Component is ready is
heard from a watch: to ask again and again would keep the API server from its work. Nothing is taken out.
"""

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

import machine
from cluster import TOKEN, Cluster, free_ports
from table import Row, Table
from tools import Tools

GROUP = "/apis/ext.theriseunion.io/v1alpha1"
SLOTS = 3
OVERHEAD_S, SCHEDULE, STEADY_CPU, STEADY_MIB, RESTART_S, NOOP_MS = 0.5, 1.15, 1.0, 64, 30, 5


def main():
    options = arguments()
    options.cache.mkdir(parents=True, exist_ok=True)
    table = Table(head=("measure", "components", "chartroom", "helm", "target", ""))
    with tempfile.TemporaryDirectory(dir=options.cache, prefix="controller-") as scratch:
        scratch = Path(scratch)
        with Cluster(options.tools, scratch / "cluster") as cluster:
            bench = Bench(options, cluster, scratch)
            try:
                bench.prepare()
                small(bench, table)
                graph(bench, table)
                steady(bench, table)
            finally:
                bench.stop()
    print(machine.describe(options.binary))
    table.print(sys.stdout)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True, type=Path, help="the chartroom to measure (a release build)")
    parser.add_argument("--tools", required=True, type=Path, help="where helm, kubectl and the control plane are")
    parser.add_argument("--cache", required=True, type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--components", type=int, default=500, help="how many in the steady state")
    parser.add_argument("--interval", type=int, default=60, help="spec.interval in the steady state, in seconds")
    parser.add_argument("--intervals", type=int, default=10, help="how many of them are watched")
    options = parser.parse_args()
    options.tools = Tools(options.tools)
    options.helm, options.kubectl = options.tools["helm"], options.tools["kubectl"]
    return options


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Bench:
    """The controller under measurement, and what it works on."""

    def __init__(self, options, cluster, scratch):
        self.options, self.cluster, self.scratch = options, cluster, scratch
        self.process = None
        self.charts = scratch / "charts"
        self.charts.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(scratch), "KUBECONFIG": str(cluster.kubeconfig)}

    def prepare(self):
        crd = subprocess.run([str(self.options.binary), "crd"], capture_output=True, check=True).stdout
        self.kubectl("apply", "-f", "-", input=crd)
        for namespace in ("bench", "helm"):
            self.cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        end = time.monotonic() + 30
        while self.cluster.request("GET", f"{GROUP}/namespaces/bench/components")[0] != 200:
            if time.monotonic() > end:
                raise SystemExit("the definition is not served")
            time.sleep(0.1)
        self.start()

    def start(self):
        [self.port, probe, metrics] = free_ports(3)
        self.probe, self.metrics_port = probe, metrics
        self.log = open(self.scratch / "chartroom.log", "ab")
        self.log_start = self.log.tell()
        self.process = subprocess.Popen(
            [str(self.options.binary), "--controller", f"--port={self.port}", "--listen-host=127.0.0.1", "--log-json",
             "--storage=local", f"--storage-local-rootdir={self.charts}", f"--helm-binary={self.options.helm}",
             f"--chart-cache-dir={self.scratch / 'cache'}", f"--health-probe-bind-address=127.0.0.1:{probe}",
             f"--metrics-bind-address=127.0.0.1:{metrics}", f"--concurrency={SLOTS}", "--watch-namespace=bench"],
            env=self.environment, stdout=self.log, stderr=self.log)
        self.wait_until(lambda: fetch(probe, "/readyz")[0] == 200, "the controller to be ready", 60)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def wait_until(self, holds, what, seconds):
        end = time.monotonic() + seconds
        while True:
            try:
                if holds():
                    return
            except OSError:
                pass
            if self.process and self.process.poll() is not None:
                raise SystemExit(f"the controller ended; its log:\n{self.end_of_log()}")
            if time.monotonic() > end:
                raise SystemExit(f"waited {seconds} s for {what}; the controller's log:\n{self.end_of_log()}")
            time.sleep(0.005)

    def end_of_log(self):
        return (self.scratch / "chartroom.log").read_text()[-3000:]

    def kubectl(self, *command, input=None):
        subprocess.run([str(self.options.kubectl), *command], input=input, env=self.environment, check=True,
                       capture_output=True)

    def chart(self, name, version="1.0.0"):
        """Writes a package straight into the storage, which the server watches."""
        path = self.charts / f"{name}-{version}.tgz"
        files = {
            "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
            "values.yaml": "text: hello\n",
            "templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
                                     "data:\n  text: {{ .Values.text | quote }}\n",
        }
        with tarfile.open(self.charts / f".{name}.part", "w:gz") as archive:
            for file, text in files.items():
                info = tarfile.TarInfo(f"{name}/{file}")
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
        (self.charts / f".{name}.part").rename(path)
        return path

    def component(self, name, chart, depends_on=(), interval="10m"):
        return {
            "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
            "metadata": {"name": name, "namespace": "bench"},
            "spec": {"enabled": True, "interval": interval, "dependsOn": [{"name": other} for other in depends_on],
                     "chart": {"name": chart, "namespace": "bench"}},
        }

    def components(self):
        return self.cluster.request("GET", f"{GROUP}/namespaces/bench/components")[1]["items"]

    def helm(self, release, package, *flags):
        command = [str(self.options.helm), "upgrade", "--install", release, str(package), "--namespace", "helm", *flags]
        started = time.perf_counter()
        subprocess.run(command, env=self.environment, check=True, capture_output=True)
        return time.perf_counter() - started

    def metric(self, name):
        text = fetch(self.metrics_port, "/metrics")[1]
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))

    def cpu(self):
        """Seconds of CPU of the controller itself, without its ended children."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+)", status, re.M)[1]) / 1024

    def helm_runs(self):
        with open(self.scratch / "chartroom.log") as log:
            return sum('"Helm starts"' in line for line in log)


def fetch(port, path):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


class Watch:
    """Follows Components from now on. Asking for them all again and again would cost the API server more than they do."""

    def __init__(self, bench):
        path = f"{GROUP}/namespaces/bench/components"
        version = bench.cluster.request("GET", path)[1]["metadata"]["resourceVersion"]
        self.connection = bench.cluster.connect()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.connection.request("GET", f"{path}?watch=1&resourceVersion={version}", headers=headers)
        self.answer = self.connection.getresponse()

    def until_ready(self, names, what):
        """Returns when each of these was seen to be ready, with the time at which the first of them was there; 60 s
        without any news are too many."""
        waited_for, first = set(names), None
        while waited_for:
            line = self.answer.readline()
            if not line:
                raise SystemExit(f"the watch ended before {what} was ready")
            component = json.loads(line)["object"]
            name = component["metadata"]["name"]
            if first is None and name in waited_for:
                first = time.perf_counter()
            if is_ready(component):
                waited_for.discard(name)
        self.connection.close()
        return first


def is_ready(component):
    conditions = component.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def small(bench, table):
    package = bench.chart("small")
    bench.wait_until(lambda: fetch(bench.port, "/api/charts/small")[0] == 200, "the chart to be served", 30)
    ours, theirs = [], []
    for run in range(bench.options.runs):
        say(f"one small chart: run {run + 1}/{bench.options.runs}")
        theirs.append(bench.helm(f"small-{run}", package))
        name = f"small-{run}"
        watch = Watch(bench)
        bench.kubectl("apply", "-f", "-", input=json.dumps(bench.component(name, "small")).encode())
        started = time.perf_counter()
        watch.until_ready([name], name)
        ours.append(time.perf_counter() - started)
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    extra = ours - theirs
    table.add(Row("one small chart, from apply to Ready", 1, f"{ours:.3f} s", f"{theirs:.3f} s",
                  f"+{extra:.3f} s (≤ +{OVERHEAD_S} s)", extra <= OVERHEAD_S))


LAYERS = (5, 8, 8, 6, 3)


# those that the controller runs helm with, so that one run of it is as long
FLAGS = ("--reset-values", "--server-side=true", "--force-conflicts", "--skip-crds", "--history-max=5", "--wait=watcher")


def layered():
    """30 nodes in five layers; each needs two of the layer before, so that diamonds abound."""
    nodes, before = {}, []
    for depth, count in enumerate(LAYERS):
        layer = [f"node-{depth}-{number}" for number in range(count)]
        for number, name in enumerate(layer):
            nodes[name] = [before[number % len(before)], before[(number + 1) % len(before)]] if before else []
        before = layer
    return nodes


def best_schedule(nodes, durations):
    """How long the graph takes with SLOTS workers that always take the node with the longest way to go."""
    dependents = {name: [other for other, needs in nodes.items() if name in needs] for name in nodes}
    tail = {}
    for name in reversed(list(nodes)):
        tail[name] = durations[name] + max((tail[other] for other in dependents[name]), default=0)
    now, running, done = 0.0, {}, set()
    while len(done) < len(nodes):
        able = [name for name in nodes if name not in done and name not in running and set(nodes[name]) <= done]
        for name in sorted(able, key=lambda name: -tail[name])[:SLOTS - len(running)]:
            running[name] = now + durations[name]
        now = min(running.values())
        done |= {name for name, end in running.items() if end <= now}
        running = {name: end for name, end in running.items() if end > now}
    return now


def graph(bench, table):
    nodes = layered()
    package = bench.chart("node")
    bench.wait_until(lambda: fetch(bench.port, "/api/charts/node")[0] == 200, "the chart to be served", 30)
    say("graph: the bare helm, three at a time")
    with ThreadPoolExecutor(SLOTS) as pool:
        durations = dict(zip(nodes, pool.map(lambda name: bench.helm(name, package, *FLAGS), nodes)))
    best = best_schedule(nodes, durations)
    say("graph: 30 Components")
    manifests = [bench.component(name, "node", needs) for name, needs in nodes.items()]
    listing = {"apiVersion": "v1", "kind": "List", "items": manifests}
    watch = Watch(bench)
    started = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        kubectl = pool.submit(bench.kubectl, "create", "-f", "-", input=json.dumps(listing).encode())
        first = watch.until_ready(nodes, "the graph")
        ended = time.perf_counter()
        kubectl.result()
    took = ended - first
    table.add(Row("a layered graph, the first created to all Ready", len(nodes), f"{took:.2f} s", f"{best:.2f} s",
                  f"{took / best:.2f} × (≤ {SCHEDULE} ×)", took / best <= SCHEDULE))
    table.add(Row.plain("  the same, from the start of kubectl", len(nodes), ended - started, "s"))


def steady(bench, table):
    count, interval = bench.options.components, bench.options.interval
    bench.chart("steady")
    bench.wait_until(lambda: fetch(bench.port, "/api/charts/steady")[0] == 200, "the chart to be served", 30)
    say(f"steady state: installing {count} Components")
    names = [f"steady-{number:03}" for number in range(count)]
    def create():
        connection = bench.cluster.connect()
        for name in names:
            body = bench.component(name, "steady", interval=f"{interval}s")
            bench.cluster.request("POST", f"{GROUP}/namespaces/bench/components", body, connection=connection)
    watch = Watch(bench)
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(create)
        watch.until_ready(names, "all Components")
        creating.result()
    bench.stop()
    runs = bench.helm_runs()
    say("steady state: restart")
    started = time.perf_counter()
    bench.start()
    total = len(bench.components())
    bench.wait_until(lambda: bench.metric("controller_reconcile_total") >= total, "a pass for each", 300)
    restart = time.perf_counter() - started
    seconds = interval * bench.options.intervals
    say(f"steady state: watching for {seconds} s")
    time.sleep(5)
    before = {component["metadata"]["name"]: component["metadata"]["resourceVersion"] for component in bench.components()}
    cpu, passes, begun = bench.cpu(), bench.metric("controller_reconcile_total"), time.perf_counter()
    time.sleep(seconds)
    cpu, passes, lasted = bench.cpu() - cpu, bench.metric("controller_reconcile_total") - passes, time.perf_counter() - begun
    after = {component["metadata"]["name"]: component["metadata"]["resourceVersion"] for component in bench.components()}
    writes = sum(before.get(name) != version for name, version in after.items())
    helm = bench.helm_runs() - runs
    share = 100 * cpu / lasted
    size = total
    table.add(Row.at_most("steady state: helm runs", size, helm, 0, ""))
    table.add(Row.at_most("steady state: status writes", size, writes, 0, ""))
    table.add(Row.at_most("steady state: of one core", size, share, STEADY_CPU, "%"))
    table.add(Row.plain("  passes, with a look at drift and health", size, passes, ""))
    table.add(Row.at_most("steady state: resident memory", size, bench.resident(), STEADY_MIB, "MiB"))
    table.add(Row.at_most("restart to steady", size, restart, RESTART_S, "s"))
    say("one pass that finds nothing to do")
    cpu, passes = bench.cpu(), bench.metric("controller_reconcile_total")
    bench.chart("another")
    bench.wait_until(lambda: bench.metric("controller_reconcile_total") >= passes + total, "a pass for each", 60)
    time.sleep(1)
    cpu, passes = bench.cpu() - cpu, bench.metric("controller_reconcile_total") - passes
    table.add(Row.at_most("one pass without anything to do, CPU", size, 1000 * cpu / passes, NOOP_MS, "ms"))


if __name__ == "__main__":
    main()
