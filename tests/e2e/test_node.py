#!/usr/bin/env python3
"""What the other tests take for granted of the node: `python3 tests/e2e/test_node.py` (root; about two minutes)."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import cluster_dns
import images
import kubernetes
import steps
from enclosure import CGROUPS
from node import Node
from programs import run, until

IMAGE = "probe/answers:v1"


def pod(name, labels=None, **spec):
    container = {"name": "answers", "image": IMAGE, "imagePullPolicy": "IfNotPresent", **spec.pop("container", {})}
    return {"metadata": {"name": name, "labels": labels or {"app": name}}, "spec": {"containers": [container], **spec}}


def deployment(name, **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}}, "template": pod(name, **spec)}}


def service(name, port):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": port}]}}


class StandInTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [listener.getsockname()[1] for listener in held]
        for listener in held:
            listener.close()
        program = kubernetes.compile_stand_in(Path(folder.name) / "stand-in")
        command = [program, "--name=loki", f"--ports={self.ports[0]},{self.ports[1]}", "--", "-x"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.process.communicate)
        self.addCleanup(self.process.kill)
        self.said = self.process.stdout.readline()

    def ask(self, port, request):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(request)
            answer = b""
            while piece := client.recv(4096):
                answer += piece
            return answer

    def test_it_answers_on_each_port_and_says_what_it_is(self):
        self.assertEqual(self.said, f"stand-in for loki: answers probes only, on {self.ports[0]},{self.ports[1]}\n")
        for port in self.ports:
            answer = self.ask(port, b"GET /any/path?x HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nstand-in for loki: answers probes only\n"), answer)
            self.assertTrue(self.ask(port, b"HEAD / HTTP/1.1\r\n\r\n").endswith(b"\r\n\r\n"))

    def test_clients_that_are_slow_silent_many_or_talk_nonsense_keep_nobody_waiting(self):
        port = self.ports[0]
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        for client in idle:
            self.addCleanup(client.close)
        for client in idle[200:250]:
            client.sendall(b"GET / HT")
        self.assertIn(b"405", self.ask(port, b"POST / HTTP/1.1\r\n\r\n"))
        self.assertIn(b"405", self.ask(port, b"\0\xff nonsense\r\n\r\n"))
        self.assertIn(b"431", self.ask(port, b"x" * 8192))
        start = time.monotonic()
        self.assertIn(b"200 OK", self.ask(port, b"GET / HTTP/1.0\r\n\r\n"))
        self.assertLess(time.monotonic() - start, 1)

    def test_it_ends_at_once_when_it_is_told_to(self):
        start = time.monotonic()
        self.process.terminate()
        self.assertEqual(self.process.wait(5), 0)
        self.assertLess(time.monotonic() - start, 1)


class MachineTest(unittest.TestCase):
    def test_what_a_user_is_told_to_type_is_a_program(self):
        node = Node("told")
        with mock.patch.dict(os.environ):
            os.environ.pop("SUDO_USER", None)
            program, *words = node.how_to("kubectl get pods").split()
            self.assertTrue(os.access(program, os.X_OK), program)
            self.assertEqual(words, ["exec", "told", "kubectl", "get", "pods"])
            os.environ["SUDO_USER"] = "somebody"
            self.assertEqual(node.how_to("true").split()[:2], ["sudo", program])

    def test_to_try_the_machine_leaves_nothing_on_it(self):
        node = Node("tried")
        node.check_machine()
        groups = [hierarchy / node.state.name for hierarchy in node.enclosure.hierarchies()]
        self.assertEqual([group for group in groups if group.exists()], [])


class NodeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node("check").up()
        cls.addClassCleanup(cls.take_down)
        archive = cls.node.state / "answers.tar"
        images.stand_in_image(cls.node.state / "stand-in", IMAGE, [9090, 8080], archive)
        cls.node.load_image(archive)

    @classmethod
    def take_down(cls):
        cls.node.down()
        if left := run("find", CGROUPS, "-maxdepth", "2", "-name", cls.node.enclosure.name):
            raise AssertionError(f"control groups left: {left}")

    def wait_available(self, *names):
        names = (f"deployment/{name}" for name in names)
        self.node.kubectl("wait", "--for=condition=Available", "--timeout=60s", *names)

    def container(self, name):
        """Process id and rights of the one container of a Deployment's pod, as the machine sees it."""
        uid = self.node.get("pods", "-l", f"app={name}")["items"][0]["metadata"]["uid"]
        groups = [group for group in self.node.enclosure.group().glob(f"kubepods/**/pod{uid}/*/") if group.is_dir()]
        for group in groups:
            for process in (group / "cgroup.procs").read_text().split():
                if b"--name=answers" in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0"):
                    return int(process), group.relative_to(self.node.enclosure.group())
        raise AssertionError(f"no container of {name} in {groups}")

    def test_a_pod_of_a_plain_user_with_probes_limits_and_a_writable_empty_dir(self):
        probe = {"httpGet": {"path": "/anything", "port": 9090}, "periodSeconds": 1}
        self.node.apply(deployment(
            "plain", securityContext={"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True, "fsGroup": 2000},
            volumes=[{"name": "scratch", "emptyDir": {}}],
            container={
                "args": ["--ignored"], "readinessProbe": probe, "livenessProbe": probe,
                "resources": {"limits": {"memory": "32Mi", "cpu": "200m"}, "requests": {"memory": "8Mi"}},
                "securityContext": {"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}))
        self.wait_available("plain")
        process, group = self.container("plain")
        self.assertEqual(self.node.enclosure.memory_limit(group), 32 << 20)
        status = Path(f"/proc/{process}/status").read_text()
        self.assertRegex(status, r"Uid:\t1000\t1000\t1000\t1000\n")
        self.assertRegex(status, r"Groups:\t.*2000")
        self.assertRegex(status, r"CapEff:\t0+\n")
        mounts = [line.split() for line in Path(f"/proc/{process}/mounts").read_text().splitlines()]
        mounts = {fields[1]: fields[3].split(",") for fields in mounts}
        self.assertIn("ro", mounts["/"])
        self.assertIn("rw", mounts["/scratch"])
        scratch = os.stat(f"/proc/{process}/root/scratch")
        self.assertEqual((scratch.st_gid, scratch.st_mode & 0o2070), (2000, 0o2070))
        said = self.node.kubectl("logs", "deployment/plain")
        self.assertIn("stand-in for answers: answers probes only, on 8080,9090", said)

    def test_a_failing_liveness_probe_restarts_the_container(self):
        probe = {"httpGet": {"path": "/", "port": 1}, "periodSeconds": 1, "failureThreshold": 1}
        self.node.apply(deployment("sick", container={"livenessProbe": probe}, terminationGracePeriodSeconds=1))

        def restarts():
            pods = self.node.get("pods", "-l", "app=sick")["items"]
            return sum(status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"])

        until("a restart", restarts)
        self.node.kubectl("delete", "deployment", "sick")

    def test_services_are_reached_from_the_node_and_from_pods_and_the_api_from_pods(self):
        self.node.apply(deployment("served"), service("served", 8080),
                        deployment("host", hostNetwork=True), service("host", 9090))
        self.wait_available("served", "host")
        for name, port in (("served", 8080), ("host", 9090)):
            address = self.node.get("service", name)["spec"]["clusterIP"]
            answer = until(name, lambda: self.node.curl(f"http://{address}:{port}/"), 30)
            self.assertEqual(answer, "stand-in for answers: answers probes only\n")
            # a pod's own Service is the hairpin, when it is the only one behind it
            process, _ = self.container("served")
            self.assertEqual(self.from_pod(process, f"http://{address}:{port}/"), answer)
        words = Path(f"/proc/{process}/environ").read_text().split("\0")
        environment = dict(word.split("=", 1) for word in words if "=" in word)
        api = f"https://{environment['KUBERNETES_SERVICE_HOST']}:{environment['KUBERNETES_SERVICE_PORT']}"
        account = f"/proc/{process}/root/var/run/secrets/kubernetes.io/serviceaccount"
        answer = self.from_pod(process, f"{api}/api/v1/namespaces/default/pods", "--cacert", f"{account}/ca.crt",
                               "-H", "Authorization: Bearer " + Path(f"{account}/token").read_text(), check=False)
        self.assertEqual(json.loads(answer)["reason"], "Forbidden")
        self.assertIn("system:serviceaccount:default:default", answer)

    def test_a_pod_finds_a_service_by_its_name_and_nothing_that_is_not_there(self):
        self.node.apply(service("named", 8080))
        address = self.node.get("service", "named")["spec"]["clusterIP"]
        for name in ("named", "named.default.svc", "named.default.svc.cluster.local"):
            self.assertEqual(cluster_dns.resolve(self.node, name), [address])
        with self.assertRaises(LookupError):
            cluster_dns.resolve(self.node, "unnamed")

    def from_pod(self, process, url, *words, check=True):
        return run("nsenter", f"--target={process}", "--net", "--", "curl", "-sS", "--max-time", "10",
                   *(["--fail"] if check else []), *words, url)

    def test_a_claim_is_bound_to_a_folder_of_the_node(self):
        folder = self.node.persistent_volume("disk", "1Gi", claim=("default", "disk"))
        self.node.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
            deployment("stored", volumes=[{"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}],
                       container={"volumeMounts": [{"name": "disk", "mountPath": "/disk"}]}))
        self.wait_available("stored")
        (folder / "written").write_text("on the node")
        process, _ = self.container("stored")
        self.assertEqual(Path(f"/proc/{process}/root/disk/written").read_text(), "on the node")

    def test_everything_runs_again_after_the_runtime_was_killed(self):
        folder = self.node.folder("kept")
        (folder / "upload").write_text("still there")
        self.node.apply(service("survivor", 8080), deployment(
            "survivor", volumes=[{"name": "kept", "hostPath": {"path": str(folder)}}],
            container={"volumeMounts": [{"name": "kept", "mountPath": "/kept"}]}))
        self.wait_available("survivor")
        for kubelet_too in (False, True):
            before, _ = self.container("survivor")
            pod_before = self.node.get("pods", "-l", "app=survivor")["items"][0]["metadata"]["uid"]
            if kubelet_too:
                self.node.kill_kubelet()
            self.node.kill_runtime()
            self.assertFalse(Path(f"/proc/{before}").exists())
            self.node.start_runtime()
            if kubelet_too:
                self.node.start_kubelet()
            self.node.wait_ready()
            address = self.node.get("service", "survivor")["spec"]["clusterIP"]
            until("the pod's answer", lambda: self.node.curl(f"http://{address}:8080/"), 90)
            after, _ = self.container("survivor")
            self.assertNotEqual(after, before)
            self.assertEqual(self.node.get("pods", "-l", "app=survivor")["items"][0]["metadata"]["uid"], pod_before)
            self.assertEqual(Path(f"/proc/{after}/root/kept/upload").read_text(), "still there")

    def test_zz_no_packet_left(self):
        with self.assertRaises(RuntimeError):
            self.node.curl("http://192.0.2.1/")
        self.assertEqual(self.node.outside_packets(), (0, 0))
        # the counters do count
        run(*self.node.enclosure.inside("--net"), "ip", "address", "add", "203.0.113.1/24", "dev", "outside")
        run(*self.node.enclosure.inside("--net"), "curl", "--max-time", "1", "http://203.0.113.2/", check=False)
        self.assertGreater(self.node.outside_packets()[0], 0)
        run(*self.node.enclosure.inside("--net"), "ip", "address", "flush", "dev", "outside")


class RemainsTest(unittest.TestCase):
    def test_what_a_killed_run_left_is_cleared_away(self):
        script = Path(__file__).with_name("node.py")
        for end in (signal.SIGKILL, signal.SIGINT):
            victim = subprocess.Popen([sys.executable, script, "up", "victim"], stderr=subprocess.PIPE, text=True)
            node = Node("victim")
            for line in victim.stderr:
                if "scheduler" in line:
                    break
            victim.send_signal(end)
            victim.communicate()
            if end == signal.SIGKILL:
                self.assertTrue(node.enclosure.processes("apiserver"))
                subprocess.run([sys.executable, script, "down", "victim"], check=True, capture_output=True)
            self.assertFalse(node.state.exists())
            self.assertFalse(node.enclosure.namespace.exists())
            self.assertNotIn("chartroom-victim", run("find", CGROUPS, "-maxdepth", "2", "-name", "chartroom-victim"))
            self.assertNotIn("chartroom-victim", Path("/proc/mounts").read_text())
            self.assertNotIn("chartroom-victim", run("ps", "-eo", "args").replace(" ".join(sys.argv), ""))


if __name__ == "__main__":
    outcome = unittest.main(verbosity=2, exit=False).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(steps.result(outcome.testsRun - failed, failed, "the node"), flush=True)
    sys.exit(0 if outcome.wasSuccessful() else 1)
