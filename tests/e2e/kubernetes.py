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
DNS = "10.96.0.10"
DOMAIN = "cluster.local"

EXTENSIONS = f"""
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[server]
basicConstraints=critical,CA:FALSE
extendedKeyUsage=serverAuth
subjectAltName=IP:{ADDRESS},IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
[client]
basicConstraints=critical,CA:FALSE
extendedKeyUsage=clientAuth
"""
# file name, subject, section of the extensions
CERTIFICATES = [
    ("server", "/CN=kube-apiserver", "server"),
    # the API server as the kubelet knows it, and as the API servers behind it do
    ("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "client"),
    ("front-proxy", "/CN=front-proxy", "client"),
]


def credentials(state):
    """An authority, the API server's certificates, the key of service accounts, the administrator's kubeconfig."""
    certs = state / "certs"
    certs.mkdir()
    (certs / "extensions").write_text(EXTENSIONS)

    def openssl(*words):
        run("openssl", *words, cwd=certs)

    for name in ("authority", "accounts", *(name for name, _, _ in CERTIFICATES)):
        openssl("genrsa", "-out", f"{name}.key", "2048")
    by_authority = ["-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial"]
    for name, subject, section, signer in (
            ("authority", "/CN=node authority", "authority", ["-signkey", "authority.key"]),
            *((*certificate, by_authority) for certificate in CERTIFICATES)):
        openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-days", "30", "-extfile", "extensions", "-extensions", section,
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
        "cniVersion": "1.0.0", "name": "pods", "plugins": [
            {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True,
             "ipam": {"type": "host-local", "subnet": PODS, "routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ]}))
    (state / "containerd.toml").write_text(f"""version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
# a container or a small machine may not lower a process's oom_score_adj, and then runc refuses to start it
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{state}/cni"
""")
    (state / "resolv.conf").write_text("# no name server: who does not ask the cluster's own finds nothing, at once\n")
    (state / "kubelet.yaml").write_text(json.dumps({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        # who may read a kubelet's metrics is the cluster's to say: what the charts' roles allow is tried
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": str(state / "certs" / "authority.crt")}},
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [DNS], "clusterDomain": DOMAIN,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.name}",
        # the machine's control groups are what they are
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        # the machine's disk is not the node's to judge, and an image that is thrown away cannot be pulled again
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "failSwapOn": False,
        # a sign of life every two seconds: whether the node is ready is known soon
        "nodeStatusUpdateFrequency": "2s",
        "nodeLeaseDurationSeconds": 8,
        "resolvConf": str(state / "resolv.conf"),
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }))


def commands(state, tools):
    """The command line of every part, in the order in which they start."""
    kubeconfig, certs = state / "kubeconfig", state / "certs"

    def flags(program, **values):
        return [tools[program], *(f"--{name.replace('_', '-')}={value}" for name, value in values.items())]

    return {
        "etcd": flags("etcd", data_dir="/var/lib/etcd", unsafe_no_fsync="true"),
        "apiserver": flags(
            "kube-apiserver", etcd_servers="http://127.0.0.1:2379", bind_address="0.0.0.0", secure_port=6443,
            advertise_address=ADDRESS, cert_dir="/var/lib/kube-apiserver",
            tls_cert_file=certs / "server.crt", tls_private_key_file=certs / "server.key",
            token_auth_file=state / "tokens.csv", authorization_mode="RBAC", allow_privileged="true",
            kubelet_preferred_address_types="InternalIP",
            kubelet_client_certificate=certs / "kubelet-client.crt", kubelet_client_key=certs / "kubelet-client.key",
            # how it speaks for others to what serves a part of the API, which is metrics-server
            requestheader_client_ca_file=certs / "authority.crt", requestheader_allowed_names="front-proxy",
            requestheader_username_headers="X-Remote-User", requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            proxy_client_cert_file=certs / "front-proxy.crt", proxy_client_key_file=certs / "front-proxy.key",
            service_cluster_ip_range=SERVICES, service_account_issuer="https://kubernetes.default.svc",
            service_account_signing_key_file=certs / "accounts.key", service_account_key_file=certs / "accounts.key"),
        "controller-manager": flags(
            "kube-controller-manager", kubeconfig=kubeconfig, leader_elect="false", bind_address="127.0.0.1",
            cluster_cidr=PODS, node_monitor_period="1s", use_service_account_credentials="true",
            service_account_private_key_file=certs / "accounts.key", root_ca_file=certs / "authority.crt"),
        "scheduler": flags("kube-scheduler", kubeconfig=kubeconfig, leader_elect="false", bind_address="127.0.0.1"),
        "containerd": [tools["containerd"], "--config", state / "containerd.toml"],
        "kubelet": flags("kubelet", kubeconfig=kubeconfig, config=state / "kubelet.yaml", hostname_override=NODE,
                         node_ip=ADDRESS),
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
