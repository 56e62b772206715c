"""A site to look at: a real node with chartroom on it, and monitoring-stack coming up. What `make demo` runs.

demo.py --image IMAGE.tar [--once]

Leaves the node running until Ctrl-C; `--once` ends when all is Ready. Needs root.
"""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

import images
from node import Node
from programs import clear_up_when_asked_to_end, until
from steps import BOLD, CYAN, DIM, GREEN, OFF, RED, colours, paint
from users import GROUP, MONITORING, ROOT, Site, component, is_ready

YELLOW = "\033[33m"
COLOUR_OF = {"Deployed": GREEN, "Failed": RED, "Stalled": RED, "Degraded": YELLOW, "Blocked": YELLOW}
DEADLINE_S = 600


def say(text):
    print(paint(BOLD, text), flush=True)


def load_images(site):
    """The charts' images: the real ones if their registries can be reached, made here otherwise; which, is said."""
    charts = ROOT / "builtin-charts"
    wanted = sorted(images.annotated_images(charts, only=MONITORING) & set(images.rendered_ports(site.node, charts)))
    pulled = []
    for number, image in enumerate(wanted, 1):
        print(f"  {paint(CYAN, '…')} pulling {number} of {len(wanted)}: {image}", flush=True)
        if not site.pull(image, seconds=20 if not pulled else 600):
            break
        pulled.append(image)
    if len(pulled) == len(wanted):
        return
    print(paint(YELLOW, f"  {wanted[len(pulled)]} cannot be pulled from here."))
    held = images.load_images(site.node, charts, only=wanted)
    stand_ins = [image for image, what in held.items() if what == images.STAND_IN]
    print(paint(YELLOW, f"  STAND-INS: below, {' and '.join(stand_ins)} are a program that answers its probes and "
                        "does nothing else."))
    print("  Everything else is real: charts, Kubernetes, helm, chartroom and the other programs.", flush=True)


class Board:
    """`kubectl get components` as it changes: drawn in place on a terminal, a line a change otherwise."""

    HEAD = ("COMPONENT", "PHASE", "VERSION", "READY", "MESSAGE")

    def __init__(self, start):
        self.start, self.lines, self.seen = start, 0, {}

    def show(self, components):
        by_age = sorted(components.values(), key=lambda item: item["metadata"]["creationTimestamp"])
        rows = [row(item) for item in by_age]
        done, total = sum(r[3] == "True" for r in rows), len(rows)
        if not colours():
            for r in rows:
                if self.seen.get(r[0]) != r[1:]:
                    print(line(r, (22, 12, 10, 6)).rstrip(), flush=True)
                    self.seen[r[0]] = r[1:]
            return
        widths = [max(len(r[i]) for r in [self.HEAD, *rows]) for i in range(4)]
        # a line that wraps would not be drawn over
        room = shutil.get_terminal_size().columns - sum(widths) - 11
        rows = [(*r[:4], r[4][:max(room, 0)]) for r in rows]
        text = [paint(DIM, line(self.HEAD, widths))]
        text += [line(r, widths, COLOUR_OF.get(r[1], CYAN)) for r in rows]
        bar = "█" * (24 * done // max(total, 1))
        rest = "░" * (24 - len(bar))
        seconds = time.monotonic() - self.start
        text.append(f"  {GREEN}{bar}{DIM}{rest}{OFF}  {done} of {total} Ready  {seconds:.0f} s")
        print(f"\033[{self.lines}A" * bool(self.lines) + "\n".join(f"\033[2K{t}" for t in text), flush=True)
        self.lines = len(text)


def row(item):
    status = item.get("status", {})
    implicit = "" if f"{GROUP}/implicit" not in item["metadata"].get("labels", {}) else " +"
    return (item["metadata"]["name"] + implicit, status.get("phase", "Pending"), status.get("resolvedVersion", ""),
            "True" if is_ready(item) else "False", status.get("message", ""))


def line(cells, widths, colour=None):
    padded = [cell.ljust(width) for cell, width in zip(cells, widths)] + [cells[4]]
    if colour:
        padded[1] = f"{colour}{padded[1]}{OFF}"
    return "  " + "  ".join(padded)


def demo(node, arguments):
    site = Site(node)
    say("Images")
    load_images(site)
    node.load_image(arguments.image)
    node.persistent_volume("chartroom-data")

    say("helm install chartroom ./chart --namespace chartroom --create-namespace")
    site.install("--wait", "--timeout", "120s")
    base = site.address()
    print(f"  chartroom is Ready at {base}")

    say("kubectl apply: one Component, monitoring-stack")
    node.apply(component("monitoring-stack"))
    start = time.monotonic()
    board = Board(start)

    def all_ready():
        components = site.components()
        board.show(components)
        return len(components) > 1 and all(is_ready(item) for item in components.values())

    until("all Components Ready", all_ready, DEADLINE_S)
    print(f"  {paint(GREEN, '✓')} all Ready after {time.monotonic() - start:.0f} s; "
          "those with + were added because something needs them\n")
    print(node.helm("list", "--all-namespaces"))
    if arguments.once:
        return
    say("The site runs until Ctrl-C. In another terminal (root):")
    for command in ("kubectl get components -A -o wide", "helm list -A", f"curl {base}/index.yaml"):
        print(f"  {paint(CYAN, node.how_to(command))}", flush=True)
    signal.pause()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, required=True, help="chartroom's image archive")
    parser.add_argument("--once", action="store_true", help="end when all is Ready")
    arguments = parser.parse_args()
    clear_up_when_asked_to_end()
    try:
        with Node("demo", progress=lambda line: print(f"  {line}", flush=True)) as node:
            try:
                demo(node, arguments)
            except (RuntimeError, TimeoutError) as error:
                print(paint(RED, f"  ✗ {error}"))
                Site(node).diagnose()
                sys.exit(1)
    except KeyboardInterrupt:
        print("\nThe node is taken down.")


if __name__ == "__main__":
    main()
