"""Images for a node that cannot pull any: under the real names, the real programs where they are to be had, and where
not, one that answers probes and does nothing else."""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "image"))

import archive  # noqa: E402
from programs import run  # noqa: E402

# an image's name without its tag: the program that tests/tools keeps, its place in the image
REAL = {
    "docker.io/nats": ("nats-server", "/usr/local/bin/nats-server"),
    "quay.io/prometheus/alertmanager": ("alertmanager", "/bin/alertmanager"),
    "quay.io/prometheus/node-exporter": ("node_exporter", "/bin/node_exporter"),
    "quay.io/prometheus/prometheus": ("prometheus", "/bin/prometheus"),
    "registry.k8s.io/metrics-server/metrics-server": ("metrics-server", "/metrics-server"),
}
STAND_IN = "stand-in"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob", "Pod")


def program_image(program, reference, entrypoint, out):
    """An archive of the image REFERENCE: a program, the libraries it is linked with, and what it reads in /usr/share,
    which is kept in `share` beside it."""
    layer = archive.Layer(entrypoint[0])
    layer.folder("tmp", 0o1777)
    layer.file(entrypoint[0], program, 0o755)
    # what ldd says of a static program has no path in it
    for library in re.findall(r"(/\S+) \(0x", run("ldd", program, check=False)):
        layer.file(library, library, 0o755)
    share = Path(program).parent / "share"
    for file in sorted(path for path in share.rglob("*") if path.is_file()):
        layer.file(f"/usr/share/{file.relative_to(share)}", file)
    return archive.write(out, reference, [layer], {"Entrypoint": entrypoint})


def stand_in_image(program, reference, ports, out):
    """An archive of the image REFERENCE that holds only the program; all of them share the one layer."""
    if "@" in reference or ":" not in reference.rpartition("/")[2]:
        raise ValueError(f"{reference}: a stand-in needs a tag, and cannot have a digest of its own choice")
    layer = archive.Layer("stand-in")
    layer.folder("tmp", 0o1777)
    layer.file("stand-in", program, 0o755)
    name = reference.rpartition("/")[2].partition(":")[0]
    return archive.write(out, reference, [layer], {
        "Entrypoint": ["/stand-in", f"--name={name}", "--ports=" + ",".join(map(str, sorted(ports)))],
        "Labels": {"stand-in": "true", "org.opencontainers.image.title": f"stand-in for {name}"},
    })


def annotated_images(charts, only=None):
    """Every image that the charts in a folder, or those of these names, say they run: the `image:` lines of their
    helm.sh/images annotation."""
    found = set()
    for chart in sorted(Path(charts).glob("*/Chart.yaml")):
        if only is not None and chart.parent.name not in only:
            continue
        annotation = re.search(r"^  helm\.sh/images: \|\n((?:    .*\n|\n)+)", chart.read_text() + "\n", re.MULTILINE)
        found.update(re.findall(r"\bimage:\s*[\"']?([^\s\"']+)", annotation[1]) if annotation else [])
    return found


def pod_specs(node, rendered):
    """The pod templates in rendered manifests; kubectl turns the YAML into JSON."""
    text = node.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", input=rendered)
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        manifest, end = decoder.raw_decode(text[at:].lstrip())
        at = len(text) - len(text[at:].lstrip()) + end
        for one in manifest.get("items", [manifest]):
            if one["kind"] in WORKLOADS:
                spec = one["spec"]
                spec = spec.get("jobTemplate", {}).get("spec", spec)
                yield f"{one['kind']} {one['metadata']['name']}", spec.get("template", one)["spec"]


def rendered_ports(node, charts):
    """Image reference → the ports its containers declare, or are probed on, with each chart's own values."""
    ports = {}
    for chart in sorted(path.parent for path in Path(charts).glob("*/Chart.yaml")):
        if not (chart / "templates").is_dir():
            continue
        rendered = node.helm("template", chart.name, chart, "--namespace", "default")
        if not re.search(r"^kind:", rendered, re.MULTILINE):
            continue
        for owner, spec in pod_specs(node, rendered):
            where = f"{chart.name}: {owner}"
            if spec.get("initContainers"):
                raise ValueError(f"{where} has init containers: a stand-in never ends, so its pod would never start")
            for container in spec["containers"]:
                ports.setdefault(container["image"], set()).update(container_ports(where, container))
    return ports


def container_ports(where, container):
    if container.get("command"):
        raise ValueError(f"{where} sets a command, {container['command'][0]}: a stand-in's image has no such program; "
                         "use the image's own entry point and args")
    found = {port["containerPort"] for port in container.get("ports", []) if port.get("protocol", "TCP") == "TCP"}
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind, {})
        if "exec" in probe:
            raise ValueError(f"{where} has a {kind} that runs a command: a stand-in's image has none to run")
        port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
        found.update({port} if isinstance(port, int) else set())
    return found


def load_images(node, charts, only=None):
    """Loads an image for every one that the charts run with their own values, under its real name; returns reference
    → what is in it: STAND_IN, or the real program and its version.

    An image that is rendered and not annotated is an error: whoever fills a site's registry would miss it.
    """
    ports = rendered_ports(node, charts)
    if missing := set(ports) - annotated_images(charts):
        raise ValueError("images that no helm.sh/images annotation names: " + ", ".join(sorted(missing)))
    folder = node.state / "images"
    folder.mkdir(exist_ok=True)
    held = {}
    for reference in sorted(ports if only is None else set(ports) & set(only)):
        out = folder / (re.sub(r"[^A-Za-z0-9.-]", "_", reference) + ".tar")
        name, place = REAL.get(reference.rpartition(":")[0], (None, None))
        if name:
            program_image(node.tools[name], reference, [place], out)
            held[reference] = node.tools[name].parent.name
        else:
            stand_in_image(node.state / "stand-in", reference, ports[reference], out)
            held[reference] = STAND_IN
        node.load_image(out)
        node.say(f"{reference}: {held[reference]}")
    return held
