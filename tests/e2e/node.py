#!/usr/bin/env python3
"""A real Kubernetes node without a network: etcd, control plane, kubelet, containerd and kube-proxy in an enclosure.

  node.py up [NAME]              start a node and leave it running; prints how to talk to it
  node.py exec NAME COMMAND…     run a command in its network, with KUBECONFIG set
  node.py kill-runtime [NAME]    a power cut for pods: SIGKILL for containerd, its shims and all containers
  node.py start-runtime [NAME]   start containerd again, wait until the node is ready
  node.py check                  say whether this machine can run one, before anything is built for it
  node.py down [NAME]            stop it and clear everything away, also what a killed run left behind

NAME defaults to "e2e"; nodes with different names can run side by side. Needs root, Linux with cgroup v1 or v2, and
what `tests/tools/install.sh --node` installs.
"""

import fcntl
import json
import os
import re
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "image"))

import archive  # noqa: E402
import cluster_dns  # noqa: E402
import kubernetes  # noqa: E402
from enclosure import Enclosure, missing_controllers  # noqa: E402
from programs import clear_up_when_asked_to_end, run, until  # noqa: E402
from tools import Tools  # noqa: E402


class Node:
    """`with Node() as node:` starts a node and clears it away at the end, also after a failure or Ctrl-C."""

    def __init__(self, name="e2e", progress=None):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,10}", name):
            raise ValueError(f"a node's name is of lower-case letters, digits and dashes, at most 11, not {name!r}")
        self.name = name
        self.tools = Tools()
        # short: a Unix socket's path has at most 107 characters
        self.state = Path("/var/tmp") / f"chartroom-{name}"
        self.kubeconfig = self.state / "kubeconfig"
        self.enclosure = Enclosure(self.state.name, self.state)
        self.say = progress or (lambda line: print(f"node: {line}", file=sys.stderr, flush=True))

    # --- its life --------------------------------------------------------------------------------------------------
    def up(self):
        start = time.monotonic()
        self.check_machine()
        self.check_tools()
        self.hold()
        self.sweep()
        try:
            self.state.mkdir(mode=0o755)
            self.say(f"{self.name}: a network namespace without a route out")
            init = kubernetes.compile_stand_in(self.state / "stand-in")
            kubernetes.credentials(self.state)
            kubernetes.settings(self.state)
            self.enclosure.create(init)
            self.commands = kubernetes.commands(self.state, self.tools)
            self.say("etcd, kube-apiserver, containerd")
            for part in ("etcd", "apiserver", "containerd"):
                self.start(part)
            until("kube-apiserver", lambda: self.kubectl("get", "--raw", "/readyz") == "ok", 90)
            self.load_pause()
            self.say("controller-manager, scheduler, kubelet, kube-proxy")
            for part in ("controller-manager", "scheduler", "kubelet", "proxy"):
                self.start(part)
            self.wait_ready()
            until("the default ServiceAccount", lambda: self.kubectl("get", "serviceaccount", "default"), 60)
            self.say("cluster DNS")
            cluster_dns.install(self)
            self.say(f"ready after {time.monotonic() - start:.1f} s")
        except BaseException as error:
            if isinstance(error, Exception):
                self.keep_logs()
            self.down()
            raise
        return self

    def attach(self):
        """The node that `node.py up` left running."""
        self.check_machine()
        self.check_tools()
        if not self.kubeconfig.exists():
            raise SystemExit(f"no node {self.name} is running: start it with `node.py up {self.name}`")
        self.enclosure.attach()
        self.commands = kubernetes.commands(self.state, self.tools)
        return self

    def down(self):
        self.say(f"{self.name}: stopping")
        self.sweep()

    def sweep(self):
        self.enclosure.destroy()
        if self.state.exists():
            shutil.rmtree(self.state)

    def __enter__(self):
        return self.up()

    def __exit__(self, failure, *_):
        if failure and issubclass(failure, Exception):
            self.keep_logs()
        self.down()

    def keep_logs(self):
        """Logs outlive the node when something went wrong; the next failure's take their place."""
        kept = Path(f"{self.state}-logs")
        shutil.rmtree(kept, ignore_errors=True)
        if (self.state / "log").exists():
            shutil.copytree(self.state / "log", kept, symlinks=True)
            self.say(f"logs of the node and its pods: {kept}")

    def check_machine(self):
        if os.geteuid() != 0:
            raise SystemExit("a node needs root, for namespaces, mounts, control groups and containers: "
                             "type the same as root, or with sudo")
        if missing := missing_controllers():
            raise SystemExit(f"a kubelet needs the control groups of {', '.join(missing)}, and this machine has none")
        try:
            self.enclosure.try_groups()
        except OSError as error:
            raise SystemExit(f"control groups cannot be made here ({error}): run this on the machine itself, or in a "
                             "container that may (--privileged --cgroupns=host)") from None

    def check_tools(self):
        if missing := self.tools.missing():
            raise SystemExit(f"missing {', '.join(missing)}: run tests/tools/install.sh --node")

    def how_to(self, command):
        """What a user types to run a command in the node's network, wherever the shell is; it needs root."""
        sudo = "sudo " if os.environ.get("SUDO_USER") else ""
        return f"{sudo}{Path(__file__).resolve()} exec {self.name} {command}"

    def hold(self):
        """One run at a time uses a node of this name; the lock ends with the process that has it."""
        self.lock = open(f"/run/{self.state.name}.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run is using the node {self.name}: wait for it, or choose another") from None

    # --- its parts -------------------------------------------------------------------------------------------------
    def start(self, part):
        # containerd looks for its shim in the PATH
        environment = {"KUBECONFIG": str(self.kubeconfig), "PATH": self.tools.path("containerd")}
        self.enclosure.spawn(part, self.commands[part], environment=environment)

    def kill_runtime(self):
        """A power cut for everything that runs in containers. The control plane and the kubelet go on."""
        self.enclosure.kill("containerd")
        self.enclosure.kill("kubepods")

    def start_runtime(self):
        self.start("containerd")
        until("containerd", lambda: self.ctr("version"), 30)

    def kill_kubelet(self):
        self.enclosure.kill("kubelet")

    def start_kubelet(self):
        self.start("kubelet")

    def wait_ready(self, seconds=120):
        """Until the kubelet itself has just said that it is ready, not until somebody remembers that it was."""
        since = time.time()

        def ready():
            node = self.get("node", kubernetes.NODE)
            lease = self.get("lease", "--namespace", "kube-node-lease", kubernetes.NODE)
            renewed = datetime.fromisoformat(lease["spec"]["renewTime"]).timestamp()
            conditions = {one["type"]: one["status"] for one in node["status"]["conditions"]}
            return renewed >= since - 1 and conditions["Ready"] == "True" and not node["spec"].get("taints")

        until("the node", ready, seconds)

    # --- talking to it ---------------------------------------------------------------------------------------------
    def run(self, *command, input=None, check=True):
        """Runs a command in the node's network; returns what it wrote to standard output."""
        return run(*self.command(*command), input=input, check=check, env=self.environment())

    def command(self, *command):
        return [str(word) for word in (*self.enclosure.inside("--net"), *command)]

    def environment(self):
        proxies = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
        inherited = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
        # helm's caches and repositories are the node's, not those of whoever runs this
        helm = {f"HELM_{kind}_HOME": str(self.state / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        return {**inherited, "KUBECONFIG": str(self.kubeconfig), **helm}

    def kubectl(self, *words, **options):
        return self.run(self.tools["kubectl"], *words, **options)

    def get(self, *words):
        """What `kubectl get` has, read."""
        return json.loads(self.kubectl("get", *words, "--output", "json"))

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def helm(self, *words, **options):
        return self.run(self.tools["helm"], *words, **options)

    def curl(self, *words, **options):
        return self.run("curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "20", *words, **options)

    def ctr(self, *words):
        return run(*self.enclosure.inside("--net", "--mount"), self.tools["ctr"], "--namespace", "k8s.io", *words)

    def load_image(self, path):
        """Imports a docker archive: pods find it under its references, spelled in full (docker.io/library/…)."""
        return self.ctr("images", "import", Path(path).resolve())

    def load_pause(self):
        until("containerd", lambda: self.ctr("version"), 30)
        layer = archive.Layer("pause")
        layer.file("stand-in", self.state / "stand-in", 0o755)
        archive.write(self.state / "pause.tar", kubernetes.PAUSE, [layer],
                      {"Entrypoint": ["/stand-in", "--name=pause"]})
        self.load_image(self.state / "pause.tar")

    def folder(self, name, owner=1000):
        """A folder of the node's disk, for hostPath volumes. It goes with the node."""
        folder = self.state / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, owner, owner)
        return folder

    def persistent_volume(self, name, size="20Gi", owner=1000, claim=None):
        """A volume on the node's disk for a claim without a storage class, (NAMESPACE, NAME) if for that one only."""
        reference = {"claimRef": {"namespace": claim[0], "name": claim[1]}} if claim else {}
        folder = self.folder(name, owner)
        self.apply({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"],
                     "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": str(folder)}, **reference}})
        return folder

    def outside_packets(self):
        """(left, arrived): packets over the interface towards the machine's own network; (0, 0) unless one escaped."""
        return self.enclosure.outside_packets()


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        raise SystemExit(__doc__.strip())
    clear_up_when_asked_to_end()
    action, name, rest = arguments[0], (arguments[1:2] or ["e2e"])[0], arguments[2:]
    node = Node(name)
    if action == "check":
        node.check_machine()
    elif action == "up":
        node.up()
        print(node.how_to("kubectl get pods -A"))
    elif action == "down":
        node.check_machine()
        node.hold()
        node.down()
    elif action == "exec" and rest:
        command = node.attach().command(*rest)
        os.execvpe(command[0], command, {**node.environment(), "PATH": node.tools.path("kubectl", "helm")})
    elif action == "kill-runtime":
        node.attach().kill_runtime()
    elif action == "start-runtime":
        node.attach().start_runtime()
        node.wait_ready()
    else:
        raise SystemExit(f"node.py: cannot {action}\n\n{__doc__.strip()}")


if __name__ == "__main__":
    main(sys.argv[1:])
