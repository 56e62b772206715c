"""A control plane for measurements: etcd and kube-apiserver on loopback ports, in a directory of their own."""

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

TOKEN = "bench-administrator"
DEADLINE_S = 90


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


class Cluster:
    """Started by a `with` block and killed at its end."""

    def __init__(self, tools, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        self.tools = tools
        self.processes = []

    def __enter__(self):
        client, peer, self.port = free_ports(3)
        self.credentials()
        etcd = f"http://127.0.0.1:{client}"
        self.run("etcd", {
            "data-dir": self.directory / "etcd",
            "listen-client-urls": etcd,
            "advertise-client-urls": etcd,
            "listen-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-cluster": f"default=http://127.0.0.1:{peer}",
        })
        key = self.directory / "server.key"
        self.run("kube-apiserver", {
            "etcd-servers": etcd,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "endpoint-reconciler-type": "none",
            "secure-port": self.port,
            "cert-dir": self.directory / "certs",
            "tls-cert-file": self.directory / "server.crt",
            "tls-private-key-file": key,
            "token-auth-file": self.directory / "tokens.csv",
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.96.0.0/16",
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-signing-key-file": key,
            "service-account-key-file": key,
            "disable-admission-plugins": "ServiceAccount",
        })
        self.wait_until_ready()
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def credentials(self):
        (self.directory / "certs").mkdir()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bench",
             "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
             "-keyout", "server.key", "-out", "server.crt"],
            cwd=self.directory, check=True, capture_output=True)
        (self.directory / "tokens.csv").write_text(f"{TOKEN},administrator,administrator,system:masters\n")
        self.kubeconfig = self.directory / "kubeconfig"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "bench",
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "administrator"}}],
            "users": [{"name": "administrator", "user": {"token": TOKEN}}],
            "clusters": [{"name": "bench", "cluster": {
                "server": f"https://127.0.0.1:{self.port}",
                "certificate-authority": str(self.directory / "server.crt"),
            }}],
        }))

    def run(self, program, flags):
        log = open(self.directory / f"{program}.log", "wb")
        command = [str(self.tools[program])] + [f"--{name}={value}" for name, value in flags.items()]
        environment = {"HOME": str(self.directory)}
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))

    def connect(self):
        context = ssl.create_default_context(cafile=self.directory / "server.crt")
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)

    def request(self, method, path, body=None, kind="application/json", connection=None):
        """The answer's status and JSON; the connection, if given, stays open."""
        own = connection or self.connect()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        own.request(method, path, None if body is None else json.dumps(body), headers)
        response = own.getresponse()
        text = response.read()
        if connection is None:
            own.close()
        return response.status, json.loads(text) if text[:1] == b"{" else text.decode()

    def wait_until_ready(self):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            try:
                if self.request("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"the API server was not ready within {DEADLINE_S} s; see {self.directory}")
