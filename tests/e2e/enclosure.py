"""A place for a whole node: namespaces for network, mounts and processes, and a control group for every part.

The network namespace has no route out. Its only way to the machine's own network is a pair of interfaces without
address or route, whose counters tell whether a packet ever left. Mounts and processes end with the place's process 1,
so nothing of a node outlives it, however its run ended.
"""

import os
import signal
import subprocess
from pathlib import Path

from programs import run, until
from tools import SYSTEM_PATH

ADDRESS = "10.99.0.1"
SERVICES = "10.96.0.0/16"
CGROUPS = Path("/sys/fs/cgroup")
# what the kubelet sets on the machine's kernel, to be set back
KERNEL = [Path("/proc/sys/vm/overcommit_memory"), Path("/proc/sys/vm/panic_on_oom"), Path("/proc/sys/kernel/panic"),
          Path("/proc/sys/kernel/panic_on_oops"), Path("/proc/sys/kernel/keys/root_maxkeys"),
          Path("/proc/sys/kernel/keys/root_maxbytes")]

# the node's own /run, /var/lib and /var/log: the programs in it keep their usual paths
MOUNTS = """
mount --make-rshared /
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/netns /run/lock
mount --bind "$1/lib" /var/lib
mount --bind "$1/log" /var/log
exec "$2" --name="node $3"
"""


class Enclosure:
    def __init__(self, name, state):
        self.name, self.state = name, Path(state)
        self.namespace = Path("/run/netns") / name
        # an interface's name has at most 15 characters
        self.outside = f"{name.removeprefix('chartroom-')}-out"
        self.children = []

    # --- the place itself ------------------------------------------------------------------------------------------
    def create(self, init):
        for folder in ("lib", "log"):
            (self.state / folder).mkdir(parents=True)
        before = [f"{path} {path.read_text().strip()}" for path in KERNEL if path.exists()]
        (self.state / "kernel").write_text("\n".join(before))
        for hierarchy in self.hierarchies():
            self.make_group(hierarchy)
        self.create_network()
        self.spawn("init", ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "--propagation=private",
                            "sh", "-ec", MOUNTS, "sh", self.state, init, self.name], joins=["--net"])
        self.init = until("the node's first process", self.find_init, 10, 0.02)

    def attach(self):
        """The place that another run created and left."""
        self.init = self.find_init()
        return self

    def create_network(self):
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.outside, "type", "veth", "peer", "name", "outside", "netns", self.name)
        run("sysctl", "-qw", f"net.ipv6.conf.{self.outside}.disable_ipv6=1")
        for command in (
            # IPv6 greets its neighbours as soon as a link is up: that would count as leaving
            ["sysctl", "-qw", "net.ipv6.conf.outside.disable_ipv6=1", "net.ipv4.ip_forward=1",
             "net.bridge.bridge-nf-call-iptables=1"],
            ["ip", "link", "set", "lo", "up"],
            # the node's address is on a bridge that nothing is plugged into: not every kernel has dummy interfaces
            ["ip", "link", "add", "node", "type", "bridge"],
            ["ip", "address", "add", f"{ADDRESS}/24", "dev", "node"],
            ["ip", "link", "set", "node", "up"],
            # a connection to a Service needs some route before kube-proxy's rules can turn it to a pod
            ["ip", "route", "add", SERVICES, "dev", "node", "src", ADDRESS],
            ["ip", "link", "set", "outside", "up"],
        ):
            run(*self.inside("--net"), *command)
        run("ip", "link", "set", self.outside, "up")

    def outside_packets(self):
        """Packets that crossed the border: out of the namespace, and into it."""
        counters = Path("/sys/class/net") / self.outside / "statistics"
        return tuple(int((counters / counter).read_text()) for counter in ("rx_packets", "tx_packets"))

    def destroy(self):
        """Also clears what a killed run left: everything is found by name."""
        init = self.find_init()
        for part in self.parts():
            self.kill(part)
        if init:
            until("the end of the node's processes", lambda: not Path(f"/proc/{init}").exists(), 20, 0.02)
        if self.namespace.exists():
            run("ip", "netns", "delete", self.name)
        # the interface goes with the namespace, which the kernel clears away in its own time
        run("ip", "link", "delete", self.outside, check=False)
        for hierarchy in self.hierarchies():
            until(f"removing the control groups in {hierarchy}", lambda: self.remove_groups(hierarchy), 20, 0.05)
        if (self.state / "kernel").exists():
            for line in (self.state / "kernel").read_text().splitlines():
                path, _, value = line.partition(" ")
                if Path(path).read_text().strip() != value:
                    Path(path).write_text(value)
        self.reap()

    # --- processes -------------------------------------------------------------------------------------------------
    def inside(self, *joins):
        """The words before a command that make it run here: which namespaces it joins, by nsenter's names."""
        target = [f"--target={self.init}"] if set(joins) - {"--net"} else []
        return ["nsenter", *target, f"--net={self.namespace}", *(join for join in joins if join != "--net"), "--"]

    def spawn(self, part, command, joins=("--net", "--mount", "--pid"), environment=None):
        """Starts a program in the part's control group; its output goes to PART.log."""
        group = self.group() / part
        group.mkdir(exist_ok=True)
        log = open(self.state / "log" / f"{part}.log", "ab")
        enter = ["sh", "-c", 'echo $$ >"$0"; exec "$@"', group / "cgroup.procs", *self.inside(*joins), *command]
        self.children.append(subprocess.Popen(
            [str(word) for word in enter], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={"PATH": SYSTEM_PATH, "HOME": "/root", **(environment or {})}))
        log.close()

    def processes(self, part):
        """A part's processes, those in groups below it included; the ids are the machine's."""
        found = []
        for procs in sorted((self.group() / part).glob("**/cgroup.procs")):
            try:
                found += [int(line) for line in procs.read_text().split()]
            except OSError:
                pass  # the group went meanwhile
        return found

    def kill(self, part, seconds=20):
        """SIGKILL until nothing of the part is left."""
        def gone():
            for process in self.processes(part):
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.reap()
            return not self.processes(part)
        until(f"killing {part}", gone, seconds, 0.01)

    def parts(self):
        # what starts pods first, process 1 last
        names = [path.name for path in self.group().glob("*/") if path.is_dir()]
        order = ["kubelet", "containerd", "kubepods"]
        place = {name: number for number, name in enumerate(order)}
        return sorted(names, key=lambda name: (name == "init", place.get(name, len(order)), name))

    def find_init(self):
        for process in self.processes("init"):
            try:
                lines = Path(f"/proc/{process}/status").read_text().splitlines()
            except OSError:
                continue  # it ended meanwhile
            status = dict(line.split(":\t", 1) for line in lines)
            # it is a shell first, which makes the mounts
            if status["NSpid"].split()[1:] == ["1"] and status["Name"] == "stand-in":
                return process
        return None

    def reap(self):
        self.children = [child for child in self.children if child.poll() is None]

    # --- control groups --------------------------------------------------------------------------------------------
    def hierarchies(self):
        """The one of cgroup v2, or those of v1, one for each controller; runc keeps to a v2 beside these, too."""
        if unified():
            return [CGROUPS]
        return sorted(path.parent for path in CGROUPS.glob("*/cgroup.procs") if not path.parent.is_symlink())

    def group(self, controller="pids"):
        return (CGROUPS if unified() else CGROUPS / controller) / self.name

    def make_group(self, hierarchy):
        group = hierarchy / self.name
        group.mkdir(exist_ok=True)
        if unified():
            # a group has the controllers that the one above gives on: to the node's, and to the pods' in it
            for above in (hierarchy, group):
                given = " ".join(f"+{name}" for name in (above / "cgroup.controllers").read_text().split())
                (above / "cgroup.subtree_control").write_text(given)
            return
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (group / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())

    def try_groups(self):
        """Makes the node's groups and removes them again: OSError where that is not allowed."""
        for hierarchy in self.hierarchies():
            if (hierarchy / self.name).exists():
                continue
            try:
                self.make_group(hierarchy)
            finally:
                if (hierarchy / self.name).exists():
                    self.remove_groups(hierarchy)

    def memory_limit(self, group):
        """Bytes that a group below the node's may use."""
        file = "memory.max" if unified() else "memory.limit_in_bytes"
        return int((self.group("memory") / group / file).read_text())

    def remove_groups(self, hierarchy):
        for folder, _, _ in os.walk(hierarchy / self.name, topdown=False):
            os.rmdir(folder)
        return True


def unified():
    """Whether this machine has cgroup v2."""
    return (CGROUPS / "cgroup.controllers").exists()


def missing_controllers():
    """Controllers that a kubelet needs and this machine does not have."""
    needed = ("cpu", "cpuset", "memory", "pids")
    if unified():
        there = (CGROUPS / "cgroup.controllers").read_text().split()
        return [name for name in needed if name not in there]
    return [name for name in needed if not (CGROUPS / name).is_dir()]
