"""The programs of a single Kubernetes node: their certificates, their settings, the command line of each."""

import json
from pathlib import Path

from enclosure import ADDRESS, SERVICES
from programs import run

TOKEN = "node-administrator"
PODS = "10.244.0.0/24"
NODE = "edge"
PAUSE = "localhost/pause:1"
API = f"https://{ADDRESS}:6443"

EXTENSIONS = f"""
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[server]
basicConstraints=critical,CA:FALSE
extendedKeyUsage=serverAuth
subjectAltName=IP:{ADDRESS},IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
"""


def credentials(state):
    """An authority, the API server's certificate, the key of service accounts, the administrator's kubeconfig."""
    certs = state / "certs"
    certs.mkdir()
    (certs / "extensions").write_text(EXTENSIONS)

    def openssl(*words):
        run("openssl", *words, cwd=certs)

    for name in ("authority", "server", "accounts"):
        openssl("genrsa", "-out", f"{name}.key", "2048")
    for name, subject, signer in (
            ("authority", "/CN=node authority", ["-signkey", "authority.key"]),
            ("server", "/CN=kube-apiserver", ["-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial"])):
        openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-days", "30", "-extfile", "extensions", "-extensions", name,
                "-out", f"{name}.crt", *signer)
    (state / "tokens.csv").write_text(f"{TOKEN},administrator,administrator,system:masters\n")
    kubeconfig = state / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": NODE,
        "contexts": [{"name": NODE, "context": {"cluster": NODE, "user": "administrator"}}],
        "users": [{"name": "administrator", "user": {"token": TOKEN}}],
        "clusters": [{"name": NODE, "cluster": {"server": API, "certificate-authority": str(certs / "authority.crt")}}],
    }))
    kubeconfig.chmod(0o600)


def settings(state):
    """The files that containerd, its network plugins and the kubelet read."""
    (state / "cni").mkdir()
    (state / "cni" / "10-pods.conflist").write_text(json.dumps({
        "cniVersion": "0.4.0", "name": "pods", "plugins": [
            {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True,
             "ipam": {"type": "host-local", "subnet": PODS, "routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ]}))
    (state / "containerd.toml").write_text(f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# a container or a small machine may not lower a process's oom_score_adj, and then runc refuses to start it
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{state}/cni"
""")
    (state / "resolv.conf").write_text("# no name server: a name that is not known is not found, at once\n")
    (state / "kubelet.yaml").write_text(json.dumps({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.name}",
        "enforceNodeAllocatable": [],
        # the machine's disk is not the node's to judge, and an image that is thrown away cannot be pulled again
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        # a sign of life every two seconds: whether the node is ready is known soon
        "nodeStatusUpdateFrequency": "2s",
        "nodeLeaseDurationSeconds": 8,
        "resolvConf": str(state / "resolv.conf"),
    }))


def commands(state, binaries):
    """The command line of every part, in the order in which they start."""
    kubeconfig, certs = state / "kubeconfig", state / "certs"

    def flags(program, **values):
        words = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
        return [program if "/" in program else binaries / program, *words]

    return {
        "etcd": flags("etcd", data_dir="/var/lib/etcd", unsafe_no_fsync="true"),
        "apiserver": flags(
            "kube-apiserver", etcd_servers="http://127.0.0.1:2379", bind_address="0.0.0.0", secure_port=6443,
            advertise_address=ADDRESS, cert_dir="/var/lib/kube-apiserver",
            tls_cert_file=certs / "server.crt", tls_private_key_file=certs / "server.key",
            token_auth_file=state / "tokens.csv", authorization_mode="RBAC", allow_privileged="true",
            # there is no name server that knows the node by name
            kubelet_preferred_address_types="InternalIP",
            service_cluster_ip_range=SERVICES, service_account_issuer="https://kubernetes.default.svc",
            service_account_signing_key_file=certs / "accounts.key", service_account_key_file=certs / "accounts.key"),
        "controller-manager": flags(
            "kube-controller-manager", kubeconfig=kubeconfig, leader_elect="false", port=0, bind_address="127.0.0.1",
            cluster_cidr=PODS, node_monitor_period="1s", use_service_account_credentials="true",
            service_account_private_key_file=certs / "accounts.key", root_ca_file=certs / "authority.crt"),
        "scheduler": flags("kube-scheduler", kubeconfig=kubeconfig, leader_elect="false", port=0,
                           bind_address="127.0.0.1"),
        "containerd": ["containerd", "--config", state / "containerd.toml"],
        "kubelet": flags(
            "kubelet", kubeconfig=kubeconfig, config=state / "kubelet.yaml", hostname_override=NODE,
            node_ip=ADDRESS, container_runtime="remote",
            container_runtime_endpoint="unix:///run/containerd/containerd.sock",
            pod_infra_container_image=PAUSE, volume_plugin_dir="/var/lib/kubelet/volume-plugins"),
        "proxy": flags(
            "kube-proxy", kubeconfig=kubeconfig, hostname_override=NODE, proxy_mode="iptables", cluster_cidr=PODS,
            # a Service that has just got its pod should not refuse for another second
            iptables_min_sync_period="100ms",
            conntrack_max_per_core=0, conntrack_tcp_timeout_established=0, conntrack_tcp_timeout_close_wait=0),
    }


def compile_stand_in(out):
    """The program behind the pause container, the namespaces' first process, and every image that stands in."""
    source = Path(__file__).with_name("stand-in.c")
    run("gcc", "-static", "-Os", "-s", "-Wall", "-Wextra", "-o", out, source)
    return out
