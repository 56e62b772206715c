"""What the programs of a site do once they run: Prometheus scrapes, an alert arrives, `kubectl top` answers, a message
goes through. Where a chart's program is a stand-in, it is known not to."""

import base64
import json
import sys
from pathlib import Path
from urllib.parse import urlencode

import cluster_dns
import images
import nats
from programs import until
from steps import check, equal
from users import NAMESPACE, component

# jobs of Prometheus that are not named after a chart's program
OF_THE_NODE = {"kubelet", "cadvisor"}
WATCHDOG = {"name": "site", "rules": [
    {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"},
     "annotations": {"summary": "The way from Prometheus to Alertmanager is open"}}]}


class Software:
    def __init__(self, site, held):
        """`held`: image reference → what is in it, of images.load_images."""
        self.site, self.node = site, site.node
        self.stand_ins = {reference.rpartition("/")[2].partition(":")[0]
                          for reference, what in held.items() if what == images.STAND_IN}

    def address(self, release):
        return self.site.address(release, self.site.releases()[release]["namespace"])

    def ask(self, release, path, **query):
        return json.loads(self.node.curl(f"{self.address(release)}{path}?{urlencode(query)}"))

    # --- Prometheus -----------------------------------------------------------------------------------------------

    def targets(self):
        """Job → health of its worst target, as Prometheus sees them now."""
        worst = {}
        for target in self.ask("prometheus", "/api/v1/targets", state="active")["data"]["activeTargets"]:
            job, health = target["labels"]["job"], target["health"]
            if worst.get(job) in (None, "up"):
                worst[job] = health
        return worst

    def settled_targets(self):
        """Job → health, once every real program is up and every stand-in, which has no metrics, is down."""
        wanted = {"prometheus", "node-exporter", "alertmanager", "chartroom"} | OF_THE_NODE

        def settled():
            seen = self.targets()
            if wanted - set(seen) or seen != {job: "down" if job in self.stand_ins else "up" for job in seen}:
                raise LookupError(str(seen))
            return seen

        return until("Prometheus's targets", settled, 90, 0.5)

    def query(self, expression):
        """The values of a query's series."""
        series = self.ask("prometheus", "/api/v1/query", query=expression)["data"]["result"]
        return [float(one["value"][1]) for one in series]

    def check_measurements(self):
        lines = Path("/proc/meminfo").read_text().splitlines()
        total = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:"))
        equal(self.query("node_memory_MemTotal_bytes"), [total], "the machine's memory, by node-exporter")
        used = self.query(f'container_memory_working_set_bytes{{namespace="{NAMESPACE}",container="chartroom"}}')
        check(used and min(used) > 0, f"memory of chartroom's container, by the kubelet: {used}")
        check(self.query("component_ready"), "chartroom's own metrics are not there")

    # --- Alertmanager -----------------------------------------------------------------------------------------------

    def watchdog(self):
        """Gives Prometheus an alert that always fires; returns the alert as Alertmanager has it."""
        self.node.apply(component("prometheus", values={
            "scrapeInterval": "5s", "scrapeTimeout": "5s", "evaluationInterval": "5s",
            "rules": {"groups": [WATCHDOG]}}))

        def arrived():
            found = self.ask("alertmanager", "/api/v2/alerts")
            return next((alert for alert in found if alert["labels"]["alertname"] == "Watchdog"), None)

        return until("the alert in Alertmanager", arrived, 90)

    def alertmanagers(self):
        """Where Prometheus sends alerts."""
        found = self.ask("prometheus", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
        return [alertmanager["url"] for alertmanager in found]

    # --- metrics-server ---------------------------------------------------------------------------------------------

    def top_nodes(self):
        """The rows of `kubectl top nodes`, once it answers."""
        # the kubelet's certificate is of its own making, as on most edge nodes
        self.node.apply(component("metrics-server", values={"kubelet": {"insecureTLS": True}}))
        answer = until("`kubectl top nodes`", lambda: self.node.kubectl("top", "nodes", "--no-headers"), 120, 1)
        return [line.split() for line in answer.splitlines()]

    # --- NATS -------------------------------------------------------------------------------------------------------

    def message(self, password=None):
        """What came through NATS, with the chart's generated credentials or another password."""
        release = self.site.releases()["nats"]
        secret = self.node.get("secret", "nats-auth", "--namespace", release["namespace"])["data"]
        user, known = (base64.b64decode(secret[key]).decode() for key in ("username", "password"))
        spec = self.node.get("service", "nats", "--namespace", release["namespace"])["spec"]
        said = self.node.run(sys.executable, nats.__file__, spec["clusterIP"], 4222,
                             input=json.dumps({"user": user, "pass": password or known}))
        return said.strip()

    # --- names ------------------------------------------------------------------------------------------------------

    def check_names(self):
        """A pod finds the Services of the site by their names, from their own namespace and from another."""
        release = self.site.releases()["prometheus"]
        for name, namespace, asking in (("prometheus", release["namespace"], "prometheus"),
                                        ("chartroom", NAMESPACE, f"chartroom.{NAMESPACE}.svc")):
            address = self.node.get("service", name, "--namespace", namespace)["spec"]["clusterIP"]
            equal(cluster_dns.resolve(self.node, asking, release["namespace"]), [address], f"addresses of {asking}")
