"""The programs that `tests/tools/install.sh --node` keeps on the machine, each in a folder named by its version."""

import os
import shutil
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
# what a site runs in pods; their versions are those of the modules below tests/tools/go
SITE = ("metrics-server", "node_exporter", "nats-server", "prometheus", "coredns")
DEBIAN = ("runc", "iptables", "conntrack", "ip", "sysctl", "curl", "gcc", "openssl")
SYSTEM_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def versions():
    """tests/tools/versions; KUBERNETES in the environment takes another Kubernetes."""
    lines = (TESTS / "tools" / "versions").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {**found, "KUBERNETES": os.environ.get("KUBERNETES") or found["KUBERNETES"]}


class Tools:
    def __init__(self, folder=None):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.folder = Path(folder or os.environ.get("CHARTROOM_TOOLS") or cache / "chartroom" / "tools")
        version = versions()
        folders = {
            **dict.fromkeys(KUBERNETES, f"kubernetes-{version['KUBERNETES']}"),
            **dict.fromkeys(CONTAINERD, f"containerd-{version['CONTAINERD']}"),
            "etcd": f"etcd-{version['ETCD']}", "helm": f"helm-{version['HELM']}",
            # of the version that Debian has
            "alertmanager": max((path.name for path in self.folder.glob("alertmanager-*")), default="alertmanager"),
        }
        for name in SITE:
            module, = (TESTS / "tools" / "go").glob(f"{name}-*")
            folders[name] = module.name
        self.programs = {name: self.folder / folder / name for name, folder in folders.items()}

    def __getitem__(self, name):
        return self.programs[name]

    def path(self, *names):
        """A PATH in which the programs of these names come first."""
        return ":".join([*dict.fromkeys(str(self[name].parent) for name in names), SYSTEM_PATH])

    def missing(self):
        """Names of the programs that are neither kept here nor installed."""
        return ([name for name, program in self.programs.items() if not program.exists()]
                + [name for name in DEBIAN if not shutil.which(name, path=SYSTEM_PATH)])
