#!/usr/bin/env python3
"""Makes chartroom's image without a container engine: what the last stage of the Dockerfile makes, as a docker archive.

  assemble.py --chartroom BINARY --helm BINARY --charts DIR [--out FILE] [--reference NAME:TAG] [--packager BINARY]
  assemble.py --json          print what the image is made of, and nothing else: a test compares it with the Dockerfile

The archive can be loaded by `docker load`, `ctr images import` or `podman load`. The same inputs give the same bytes;
SOURCE_DATE_EPOCH is the time written into it. The architecture is the binaries' own: to assemble one for a machine
other than this, name a chartroom that runs here as the packager of the built-in charts.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import archive

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
USER = "1000:1000"
ENTRYPOINT = ["/chartroom"]
ENVIRONMENT = {"HELM_BINARY": "/usr/bin/helm", "BUILTIN_CHARTS": "/usr/share/chartroom/charts"}
PORTS = [8080, 8081, 8082, 8083]
# what an ELF header calls the machine
MACHINES = {0x3E: "amd64", 0xB7: "arm64"}
# what is copied, its place, its owner: as in the Dockerfile, what changes least first
COPIES = [
    ("helm", "/usr/bin/helm", None),
    ("skeleton", "/", USER),
    ("charts", "/usr/share/chartroom/charts", None),
    ("chartroom", "/chartroom", None),
]
# the skeleton: /tmp for helm, /chartstorage for uploads if nobody says where, and ChartMuseum's name for the program
FOLDERS = {"tmp": 0o1777, "chartstorage": 0o755}
LINKS = {"chartmuseum": "chartroom"}
MOST = {"helm": 65 * MIB, "chartroom": 20 * MIB, "all of it": 85 * MIB}


def manifest():
    """What Cargo.toml says of the package."""
    text = (ROOT / "Cargo.toml").read_text()
    fields = ("version", "description", "license")
    return {field: re.search(rf'^{field} = "(.*)"$', text, re.MULTILINE)[1] for field in fields}


def labels():
    crate = manifest()
    return {
        "org.opencontainers.image.title": "chartroom",
        "org.opencontainers.image.description": crate["description"],
        "org.opencontainers.image.licenses": crate["license"],
        "org.opencontainers.image.version": crate["version"],
    }


def architecture(*binaries):
    """The one that all the binaries are for."""
    found = {}
    for binary in binaries:
        head = Path(binary).read_bytes()[:20]
        if head[:4] != b"\x7fELF" or head[18] not in MACHINES:
            raise SystemExit(f"{binary} is no program for Linux on amd64 or arm64")
        found[MACHINES[head[18]]] = binary
    if len(found) > 1:
        raise SystemExit("not for one architecture: " + ", ".join(f"{path} ({name})" for name, path in found.items()))
    return next(iter(found))


def layers(binaries, packages):
    for name, target, owner in COPIES:
        layer = archive.Layer(f"COPY {name} {target}")
        number = int(owner.split(":")[0]) if owner else 0
        if name == "skeleton":
            for folder, mode in sorted(FOLDERS.items()):
                layer.folder(folder, mode, number)
            for link, to in sorted(LINKS.items()):
                layer.link(link, to, number)
        elif name == "charts":
            layer.folder(target)
            for package in sorted(Path(packages).glob("*.tgz")):
                layer.file(f"{target}/{package.name}", package)
        else:
            layer.file(target, binaries[name], 0o755)
        yield name, layer


def assemble(arguments):
    binaries = {"helm": arguments.helm, "chartroom": arguments.chartroom}
    machine = architecture(*binaries.values())
    reference = arguments.reference or f"chartroom:{manifest()['version']}"
    out = Path(arguments.out or f"chartroom-{manifest()['version']}-{machine}.tar")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as packages:
        charts = sorted(path.parent for path in Path(arguments.charts).glob("*/Chart.yaml"))
        if not charts:
            raise SystemExit(f"{arguments.charts} has no charts")
        packager = os.path.abspath(arguments.packager or arguments.chartroom)
        subprocess.run([packager, "package", *charts, "--destination", packages], check=True, stdout=subprocess.DEVNULL)
        parts = dict(layers(binaries, packages))
    identity = archive.write(out, reference, list(parts.values()), {
        "User": USER,
        "Entrypoint": ENTRYPOINT,
        "Env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
        "ExposedPorts": {f"{port}/tcp": {} for port in PORTS},
        "Labels": labels(),
        "WorkingDir": "/",
    }, machine)
    sizes = {name: len(layer.finish()) for name, layer in parts.items()}
    return out, reference, machine, identity, {**sizes, "all of it": sum(sizes.values())}


def report(out, reference, machine, identity, sizes):
    """Says what was made; returns whether it is as small as it has to be."""
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    bold, dim, red, off = ("", "", "", "") if plain else ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m")
    print(f"{bold}{reference}{off} {machine}  {dim}{identity}{off}")
    for name, size in sizes.items():
        most = MOST.get(name)
        over = most is not None and size > most
        bound = f"at most {most // MIB} MiB" if most else ""
        line = f"  {name:<10} {red if over else ''}{size / MIB:7.2f} MiB{off}  {dim}{bound}{off}"
        print(line.rstrip() + ("  too large" if over else ""))
    print(f"  {out}")
    return all(size <= MOST.get(name, size) for name, size in sizes.items())


def description():
    return {"copies": [{"from": name, "to": target, "owner": owner} for name, target, owner in COPIES],
            "user": USER, "entrypoint": ENTRYPOINT, "environment": ENVIRONMENT, "ports": PORTS, "labels": labels(),
            "folders": {name: f"{mode:o}" for name, mode in FOLDERS.items()}, "links": LINKS}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    for name in ("chartroom", "helm", "charts", "out", "reference", "packager"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--any-size", action="store_true", help="do not fail if it is larger than it may be")
    arguments = parser.parse_args()
    if arguments.json:
        print(json.dumps(description(), indent=2))
        return 0
    if missing := [name for name in ("chartroom", "helm", "charts") if not getattr(arguments, name)]:
        parser.error("missing " + ", ".join(f"--{name}" for name in missing))
    fits = report(*assemble(arguments))
    return 0 if fits or arguments.any_size else 1


if __name__ == "__main__":
    sys.exit(main())
