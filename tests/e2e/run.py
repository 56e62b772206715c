"""The whole of chartroom on a real Kubernetes node that has no way out: what `make e2e` runs.

run.py --image IMAGE.tar [--name NAME] [--keep]

One scenario in steps that build on each other, from `helm install` to `helm uninstall`. Kubernetes, helm, kubectl, curl
and chartroom are real, and so is the software in the charts where its program is to be had; the rest is played by an
image that answers probes. Which is which, the report says. Needs root.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import images
import nats
from kubernetes import NODE
from node import Node
from programs import clear_up_when_asked_to_end, until
from software import Software
from steps import Steps, check, equal
from users import GROUP, MONITORING, NAMESPACE, ROOT, Site, Watch, component, is_ready, museum

# who must be deployed before whom is begun
EDGES = [
    ("node-exporter", "prometheus"), ("kube-state-metrics", "prometheus"), ("prometheus", "alertmanager"),
    ("prometheus", "grafana"), ("alertmanager", "monitoring-stack"), ("grafana", "monitoring-stack"),
    ("loki", "fluent-bit"), ("fluent-bit", "logging-stack"),
]
LOGGING = ["loki", "fluent-bit", "logging-stack"]
EVERYTHING = MONITORING + LOGGING + ["metrics-server", "nats", "late"]
UPGRADE_TAG = "e2e-next"


class Scenario:
    """The steps, and what one leaves for the next."""

    def __init__(self, site, image, steps, directory, software):
        self.site, self.image, self.steps, self.directory, self.software = site, image, steps, directory, software
        self.node = site.node

    def steps_in_order(self):
        return [
            self.install_chartroom, self.monitoring_stack, self.prometheus_scrapes, self.an_alert_arrives,
            self.kubectl_top, self.names, self.a_push_wakes_who_waits, self.power_cut, self.a_message_goes_through,
            self.upgrade_and_roll_back, self.uninstall, self.chartmuseum_deployment, self.no_packet_left,
        ]

    # --- install ------------------------------------------------------------------------------------------------

    def install_chartroom(self):
        """chartroom's image is loaded, its chart installed: the pod is Ready, helm lists the built-in charts"""
        node, site = self.node, self.site
        node.load_image(self.image)
        node.persistent_volume("chartroom-data")
        start = time.monotonic()
        site.install()
        self.base = until("a Service", site.address, 10)
        until("/readyz of the pod", lambda: node.curl("--max-time", "1", f"{self.base}/readyz"), 60)
        self.steps.measure("from `helm install` to the pod answering /readyz", time.monotonic() - start, "s", 5)
        until("a Ready pod", self.pod, 60)

        node.helm("repo", "add", "chartroom", self.base)
        listed = json.loads(node.helm("search", "repo", "chartroom/", "--output", "json"))
        shipped = sorted(path.parent.name for path in (ROOT / "builtin-charts").glob("*/Chart.yaml"))
        found = sorted(chart["name"].removeprefix("chartroom/") for chart in listed)
        equal(found, shipped, "charts in `helm search repo`")
        resident = site.resident_mib()
        check(resident > 0, "no chartroom process on the node")
        self.steps.measure("resident memory of chartroom at rest, built-in charts", resident, "MiB", 40)

    def pod(self):
        """chartroom's one pod, once it is Ready and no other is left."""
        pods = self.site.items("pods", "--namespace", NAMESPACE, "--selector", "app.kubernetes.io/name=chartroom")
        pods = [pod for pod in pods if not pod["metadata"].get("ownerReferences", [{}])[0].get("kind") == "Job"]
        if len(pods) != 1 or "deletionTimestamp" in pods[0]["metadata"]:
            return None
        conditions = pods[0].get("status", {}).get("conditions", [])
        return pods[0] if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) else None

    # --- Components ---------------------------------------------------------------------------------------------

    def monitoring_stack(self):
        """one Component, monitoring-stack, brings up all that it needs, in order"""
        start = time.monotonic()
        self.node.apply(component("monitoring-stack"))
        until("monitoring-stack and all it needs Ready", lambda: self.site.ready(*MONITORING), 240)
        self.steps.measure("`monitoring-stack`, from apply to all Ready", time.monotonic() - start, "s", 60)
        equal(sorted(self.site.components()), sorted(MONITORING), "Components")
        self.assert_deployed(MONITORING)
        self.assert_order(MONITORING)

    def assert_deployed(self, names):
        releases = self.site.releases()
        for name in names:
            check(name in releases, f"`helm list -A` has no {name}: {sorted(releases)}")
            equal(releases[name]["status"], "deployed", f"release {name}")

    def assert_order(self, names):
        """Each release was begun after Helm had recorded those it needs as deployed."""
        records = {name: self.site.record(name) for name in names}
        for before, after in EDGES:
            if before in records and after in records:
                begun, done = records[after][0], records[before][1]
                check(begun >= done, f"{after} was begun at {begun}, before {before} was deployed at {done}")

    # --- the software -------------------------------------------------------------------------------------------

    def prometheus_scrapes(self):
        """Prometheus has each real program of the site as a target that is up"""
        targets = self.software.settled_targets()
        self.steps.content("Targets of Prometheus", [
            (job, f"{health}{', a stand-in' if job in self.software.stand_ins else ''}")
            for job, health in sorted(targets.items())])
        self.software.check_measurements()

    def an_alert_arrives(self):
        """an alert that the site adds to Prometheus reaches Alertmanager, which is found by its name"""
        alert = self.software.watchdog()
        equal(alert["status"]["state"], "active", "the alert's state")
        until("`prometheus` Ready with the alert", lambda: self.site.ready("prometheus"), 60)
        namespace = self.site.releases()["alertmanager"]["namespace"]
        equal(self.software.alertmanagers(), [f"http://alertmanager.{namespace}.svc:9093/api/v2/alerts"],
              "where Prometheus sends alerts")

    def kubectl_top(self):
        """`kubectl top nodes` answers through metrics-server"""
        rows = self.software.top_nodes()
        equal([row[0] for row in rows], [NODE], "nodes")
        check(all(int(row[1].removesuffix("m")) > 0 for row in rows), f"a node that uses no CPU: {rows}")

    def names(self):
        """a pod finds the site's Services by their names"""
        self.software.check_names()

    def a_message_goes_through(self):
        """a message goes through NATS, for who knows the password"""
        equal(self.software.message(), nats.MESSAGE.decode(), "what the subscriber got")
        try:
            said = self.software.message(password="a guess")
        except RuntimeError as error:
            said = str(error)
        check("Authorization Violation" in said, f"a wrong password: {said}")

    # --- a push -------------------------------------------------------------------------------------------------

    def a_push_wakes_who_waits(self):
        """a chart pushed with curl from the node wakes the Component that waited for it"""
        node, site = self.node, self.site
        node.apply(component("late", values={"greeting": "in time"}))

        def waits():
            status = site.component("late").get("status", {})
            return status.get("phase") == "Blocked" and "late" in status.get("message", "")

        until("`late` says that its chart is missing", waits, 30)
        package = self.package("late", "1.0.0")
        status, _ = site.push(package, self.base)
        equal(status, 401, "a push without credentials")
        self.user = site.password()
        start = time.monotonic()
        status, body = site.push(package, self.base, "--user", ":".join(self.user))
        equal((status, json.loads(body)), (201, {"saved": True}), "a push")
        until("`late` Ready", lambda: site.ready("late"), 60)
        self.steps.measure("a Component that waited, from the push to Ready", time.monotonic() - start, "s", 5)
        greeting = node.get("configmap", "late", "--namespace", "edge-system")["data"]["greeting"]
        equal(greeting, "in time", "the value in the installed object")

    def package(self, name, version):
        """A package of a chart with one ConfigMap, made by helm."""
        chart = self.directory / f"{name}-{version}" / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
        (chart / "values.yaml").write_text("greeting: none\n")
        (chart / "templates" / "configmap.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
            "data:\n  greeting: {{ .Values.greeting | quote }}\n")
        self.node.helm("package", chart, "--destination", self.directory)
        return self.directory / f"{name}-{version}.tgz"

    # --- a power cut --------------------------------------------------------------------------------------------

    def power_cut(self):
        """the container runtime is killed in the middle of an install: afterwards everything ends Ready"""
        node, site = self.node, self.site
        before = {name: release["revision"] for name, release in site.releases().items() if name in EVERYTHING}
        node.apply(component("logging-stack"), component("nats"))

        # as Helm labels it: the installs that wait for nothing take a second, in which `helm list` answers once
        pending = ("--all-namespaces", "--selector", "owner=helm,status=pending-install", "--output", "name")
        interrupted = until("an install under way",
                            lambda: node.kubectl("get", "secrets", *pending).split(), 60, every=0.02)
        node.kill_runtime()
        check(not site.containers(), "containers survived the power cut")
        node.start_runtime()
        until(f"all Ready after the power cut during {interrupted}",
              lambda: self.pod() and site.ready(*EVERYTHING), 300)
        self.assert_deployed(EVERYTHING)
        # loki before fluent-bit holds for first installs, interrupted or not
        self.assert_order(LOGGING)
        for name, revision in before.items():
            equal(site.releases()[name]["revision"], revision, f"revision of {name}, which was not being installed")
        stuck = [r["name"] for r in site.releases().values() if r["status"].startswith("pending")]
        equal(stuck, [], "releases left pending")
        equal(site.versions("late", self.base), ["1.0.0"], "uploads after the power cut")

    # --- upgrade and rollback -----------------------------------------------------------------------------------

    def upgrade_and_roll_back(self):
        """an upgrade of chartroom's own chart keeps uploads, credentials and Components; going back does too"""
        node = self.node
        known = self.state()
        self.site.tag_image(f"chartroom:{self.version()}", f"chartroom:{UPGRADE_TAG}")
        node.helm("upgrade", "chartroom", ROOT / "chart", "--namespace", NAMESPACE, "--reuse-values",
                  "--set", f"image.tag={UPGRADE_TAG}", "--wait", "--timeout", "120s")
        pod = until("the upgraded pod", self.pod, 60)
        check(pod["spec"]["containers"][0]["image"].endswith(f":{UPGRADE_TAG}"), "the pod does not run the new image")
        self.assert_kept(known, "after the upgrade")

        node.helm("rollback", "chartroom", "1", "--namespace", NAMESPACE, "--wait", "--timeout", "120s")
        pod = until("the pod of before", self.pod, 60)
        check(not pod["spec"]["containers"][0]["image"].endswith(f":{UPGRADE_TAG}"), "the pod still runs the new image")
        self.assert_kept(known, "after the rollback")

        status, _ = self.site.push(self.package("kept", "1.0.0"), self.base, "--user", ":".join(self.user))
        equal(status, 201, "a push with the password of before")

    def version(self):
        lines = (ROOT / "Cargo.toml").read_text().splitlines()
        return next(line.split('"')[1] for line in lines if line.startswith("version"))

    def state(self):
        site = self.site
        return {
            "password": site.password(),
            "uploads": site.versions("late", self.base),
            "Components": {name: c["metadata"]["uid"] for name, c in site.components().items()},
            "revisions": {n: r["revision"] for n, r in site.releases().items() if n != "chartroom"},
        }

    def assert_kept(self, known, when):
        """All as before, once the controller has looked at every Component again."""
        until("the repository", lambda: self.node.curl(f"{self.base}/readyz"), 30)
        stamp = f"e2e {when}"
        self.node.kubectl("annotate", "components", "--all", "--all-namespaces", "--overwrite",
                          f"{GROUP}/requestedAt={stamp}")

        def looked_at():
            return all(c["status"].get("lastHandledReconcileAt") == stamp and is_ready(c)
                       for c in self.site.components().values())

        until(f"every Component looked at {when}", looked_at, 60)
        for what, value in self.state().items():
            equal(value, known[what], f"{what} {when}")

    # --- uninstall ----------------------------------------------------------------------------------------------

    def uninstall(self):
        """`helm uninstall` takes the Components down in reverse order and leaves nothing behind but the volume"""
        node, site = self.node, self.site
        with Watch(node, "components") as watch:
            node.helm("uninstall", "chartroom", "--namespace", NAMESPACE, "--timeout", "300s")
            until("as many deletions as there were Components", lambda: len(watch.deleted()) >= len(EVERYTHING), 30)
            gone = watch.deleted()
        equal(sorted(gone), sorted(EVERYTHING), "Components that went")
        for before, after in EDGES:
            check(gone.index(after) < gone.index(before), f"{before} went before {after}, which needs it: {gone}")

        equal(site.releases(), {}, "releases in `helm list -A`")
        left = [f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"
                for secret in site.items("secrets", "--all-namespaces")]
        equal(left, [], "Secrets left")
        equal(site.components(), {}, "Components left")
        until("no pod left but the node's own", lambda: not site.items(
            "pods", "--all-namespaces", "--field-selector", "metadata.namespace!=kube-system"), 60)
        kinds = ("deployments,statefulsets,daemonsets,jobs,services,serviceaccounts,configmaps,"
                 "clusterroles,clusterrolebindings,ingressclasses,apiservices")
        ours = site.items(kinds, "--all-namespaces", "--selector", "app.kubernetes.io/managed-by=Helm")
        equal([f"{o['kind']} {o['metadata']['name']}" for o in ours], [], "objects of the charts left")
        finalizers = [
            f"{o['kind']} {o['metadata']['name']}"
            for o in site.items("namespaces,configmaps,secrets", "--all-namespaces")
            if any(GROUP in finalizer for finalizer in o["metadata"].get("finalizers", []))
        ]
        equal(finalizers, [], "finalizers left")
        claim = node.get("persistentvolumeclaim", "chartroom-data", "--namespace", NAMESPACE)
        equal(claim["status"]["phase"], "Bound", "the claim of the uploads")

    # --- ChartMuseum's users ------------------------------------------------------------------------------------

    def chartmuseum_deployment(self):
        """a ChartMuseum user's Deployment with only the image changed serves the charts in its volume"""
        node, site = self.node, self.site
        volume = self.directory / "museum"
        volume.mkdir()
        volume.chmod(0o777)
        package = self.package("exhibit", "2.1.0")
        stored = volume / package.name
        stored.write_bytes(package.read_bytes())
        stored.chmod(0o644)
        node.apply(*museum(f"chartroom:{self.version()}", volume))

        def available():
            return node.get("deployment", "museum", "--namespace", "museum")["status"].get("availableReplicas") == 1

        until("the Deployment available", available, 60)
        base = site.address("museum", "museum")
        # kube-proxy hears of the pod a moment after the Deployment does
        until("the Service", lambda: node.curl(f"{base}/health"), 30)
        node.helm("repo", "add", "museum", base)
        listed = json.loads(node.helm("search", "repo", "museum/exhibit", "--output", "json"))
        equal([(c["name"], c["version"]) for c in listed], [("museum/exhibit", "2.1.0")], "`helm search repo`")
        pulled = self.directory / "pulled"
        pulled.mkdir()
        node.helm("pull", "museum/exhibit", "--destination", pulled)
        equal(digest(pulled / package.name), digest(package), "digest of the pulled package")
        for _ in range(2):  # ALLOW_OVERWRITE: the second is as welcome as the first
            status, _ = site.push(self.package_once("acquisition", "0.1.0"), base)
            equal(status, 201, "a push")
        check((volume / "acquisition-0.1.0.tgz").exists(), "the pushed package is not in the volume")

    def package_once(self, name, version):
        made = self.directory / f"{name}-{version}.tgz"
        return made if made.exists() else self.package(name, version)

    # --- the network --------------------------------------------------------------------------------------------

    def no_packet_left(self):
        """through all of this, no packet left the site"""
        equal(self.node.outside_packets(), (0, 0), "packets out of, and into, the node's network")
        check(self.site.packets_inside() > 100, "such counters count nothing: none on the inside either")


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, required=True, help="chartroom's image archive")
    parser.add_argument("--name", default="e2e", help="the node's name; nodes of different names can run side by side")
    parser.add_argument("--keep", action="store_true", help="wait for Enter after a failure, before the node ends")
    arguments = parser.parse_args()
    clear_up_when_asked_to_end()
    with tempfile.TemporaryDirectory(prefix="chartroom-e2e-") as directory, Node(arguments.name) as node:
        held = images.load_images(node, ROOT / "builtin-charts")
        site = Site(node)
        steps = Steps(site.diagnose)
        steps.content("Images of the charts", [
            (image, what if what == images.STAND_IN else f"real program, {what}") for image, what in held.items()])
        steps.run(Scenario(site, arguments.image, steps, Path(directory), Software(site, held)).steps_in_order())
        good = steps.summary()
        if not good:
            node.keep_logs()
        if not good and arguments.keep:
            input(f"tests/e2e/node.py exec {arguments.name} kubectl get pods -A   talks to the node; Enter ends it ")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
