"""What a platform engineer does on a site: charts, releases, Components, asked for through kubectl, helm and curl."""

import base64
import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from programs import until

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "chartroom"
GROUP = "ext.theriseunion.io"
# what the Component monitoring-stack brings up
MONITORING = ["node-exporter", "kube-state-metrics", "prometheus", "alertmanager", "grafana", "monitoring-stack"]


class Site:
    """chartroom on one node; every call goes through the clients that its users have."""

    def __init__(self, node):
        self.node = node

    # --- Kubernetes -------------------------------------------------------------------------------------------

    def items(self, *arguments):
        return self.node.get(*arguments)["items"]

    def component(self, name):
        return self.node.get("component", name, "--namespace", NAMESPACE)

    def components(self):
        return {item["metadata"]["name"]: item for item in self.items("components", "--all-namespaces")}

    def ready(self, *names):
        """Whether Components of these names exist and are Ready for what their spec says now."""
        components = self.components()
        return all(name in components and is_ready(components[name]) for name in names)

    def password(self):
        """User name and password for pushing, out of the Secret that chartroom's chart made."""
        data = self.node.get("secret", "chartroom-push", "--namespace", NAMESPACE)["data"]
        return tuple(base64.b64decode(data[key]).decode() for key in ("username", "password"))

    # --- Helm ---------------------------------------------------------------------------------------------------

    def install(self, *more):
        """Installs chartroom's own chart, on a volume that the node has."""
        self.node.helm("install", "chartroom", ROOT / "chart", "--namespace", NAMESPACE, "--create-namespace",
                       "--set", "persistence.storageClass=-", *more)

    def releases(self):
        """Every release by name, as `helm list` shows it."""
        listed = json.loads(self.node.helm("list", "--all-namespaces", "--output", "json"))
        return {release["name"]: release for release in listed}

    def record(self, release):
        """Helm's own record of a release, in seconds: when its first revision began, when it was found deployed."""
        secrets = self.items("secrets", "--all-namespaces", "--selector", f"owner=helm,name={release}")
        newest = max(secrets, key=lambda secret: int(secret["metadata"]["labels"]["version"]))
        status = json.loads(self.node.helm(
            "status", release, "--namespace", newest["metadata"]["namespace"], "--output", "json"))
        begun = datetime.fromisoformat(status["info"]["first_deployed"]).timestamp()
        return begun, int(newest["metadata"]["labels"]["modifiedAt"])

    # --- the repository -------------------------------------------------------------------------------------------

    def address(self, service="chartroom", namespace=NAMESPACE):
        """The Service's address on the cluster's network: the node itself asks no name server."""
        spec = self.node.get("service", service, "--namespace", namespace)["spec"]
        return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def push(self, package, base, *arguments):
        """HTTP status and body of a push with curl."""
        answer = self.node.run("curl", "--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}",
                               *arguments, "--data-binary", f"@{package}", f"{base}/api/charts")
        body, _, status = answer.rpartition("\n")
        return int(status), body

    def versions(self, chart, base):
        """Versions of a chart that the repository lists."""
        return [entry["version"] for entry in json.loads(self.node.curl(f"{base}/api/charts/{chart}"))]

    # --- the node -------------------------------------------------------------------------------------------------

    def tag_image(self, image, other):
        """One more name for an image that the node has."""
        self.node.ctr("images", "tag", f"docker.io/library/{image}", f"docker.io/library/{other}")

    def pull(self, image, seconds):
        """Whether the node has the image now: fetched over the machine's network, as the node itself has none."""
        init = self.node.enclosure.init
        command = ["nsenter", f"--target={init}", "--mount", "--",
                   self.node.tools["ctr"], "--namespace", "k8s.io", "images", "pull", full_name(image)]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return answer.returncode == 0

    def containers(self):
        """Ids of the processes in containers, as the machine counts them."""
        return self.node.enclosure.processes("kubepods")

    def resident_mib(self):
        """Resident memory of the chartroom process in the pod; helm's are counted by themselves."""
        kib = 0
        for process in self.containers():
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            if fields["Name"].strip() == "chartroom":
                kib += int(fields["VmRSS"].split()[0])
        return kib / 1024

    def packets_inside(self):
        """Packets that pods which run now sent to the node: what shows that such counters count."""
        links = json.loads(self.node.run("ip", "-json", "-statistics", "link"))
        of_pods = (link for link in links if link["ifname"] not in ("lo", "node", "outside"))
        return sum(link["stats64"]["rx"]["packets"] for link in of_pods)

    def diagnose(self):
        """What whoever reads a failed run asks first."""
        for command in (
            ["get", "components", "--all-namespaces", "--output", "wide"],
            ["get", "pods", "--all-namespaces", "--output", "wide"],
            ["get", "events", "--all-namespaces", "--sort-by", ".lastTimestamp"],
            ["logs", "--namespace", NAMESPACE, "--selector", "app.kubernetes.io/name=chartroom", "--tail", "500"],
        ):
            print(f"--- kubectl {' '.join(command)}", file=sys.stderr)
            lines = self.node.kubectl(*command, check=False).splitlines()
            lines = [line for line in lines if "Request served" not in line][-40:]
            print("\n".join(lines), file=sys.stderr, flush=True)


class Watch:
    """`with Watch(node, kind) as watch:` runs `kubectl get --watch` and keeps what happened to objects of the kind."""

    def __init__(self, node, kind):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            node.command(node.tools["kubectl"], "get", kind, "--all-namespaces", "--watch",
                         "--output-watch-events", "--output", "json"),
            stdout=self.output, env=node.environment())

    def __enter__(self):
        until("the watch's first list", self.read, 20)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def deleted(self):
        """Names of what went, in the order of its going."""
        return [event["object"]["metadata"]["name"] for event in self.read() if event["type"] == "DELETED"]

    def read(self):
        """The events so far."""
        self.output.seek(0)
        text, found, at = self.output.read(), [], 0
        decoder = json.JSONDecoder()
        while at < len(text):
            try:
                event, at = decoder.raw_decode(text, at)
            except ValueError:
                break  # it is being written
            found.append(event)
            at += len(text[at:]) - len(text[at:].lstrip())
        return found


def full_name(image):
    """An image's name with its registry, as a container runtime spells it."""
    first, _, rest = image.partition("/")
    if not rest:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first else f"docker.io/{image}"


def is_ready(component):
    status = component.get("status", {})
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        and condition.get("observedGeneration") == component["metadata"]["generation"]
        for condition in status.get("conditions", []))


def component(name, **spec):
    return {
        "apiVersion": f"{GROUP}/v1alpha1", "kind": "Component",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"enabled": True, **spec},
    }


def museum(image, volume):
    """The objects of a ChartMuseum user; nothing in them knows of chartroom but the image."""
    labels = {"app": "museum"}
    probe = {"httpGet": {"path": "/health", "port": 8080}}
    environment = {
        "STORAGE": "local", "STORAGE_LOCAL_ROOTDIR": "/charts", "DISABLE_API": "false", "ALLOW_OVERWRITE": "true",
    }
    metadata = {"name": "museum", "namespace": "museum"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "museum"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "containers": [{
                    "name": "chartmuseum", "image": image, "imagePullPolicy": "IfNotPresent",
                    "env": [{"name": name, "value": value} for name, value in environment.items()],
                    "ports": [{"containerPort": 8080}], "livenessProbe": probe, "readinessProbe": probe,
                    "volumeMounts": [{"name": "charts", "mountPath": "/charts"}],
                }],
                "volumes": [{"name": "charts", "hostPath": {"path": str(volume)}}],
            }},
        }},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {
            "selector": labels, "ports": [{"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080}],
        }},
    ]
