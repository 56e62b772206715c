"""The cluster's own names: CoreDNS, where the kubelet tells pods to ask; and a pod that asks."""

import shutil

import images
import kubernetes
from programs import until

IMAGE = "localhost/coredns:1"
RESOLVER = "localhost/resolver:1"
COREFILE = f"""{kubernetes.DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {{
    errors
    health
    ready
    kubernetes
    cache 30
}}
"""
METADATA = {"name": "cluster-dns", "namespace": "kube-system"}
LABELS = {"k8s-app": "kube-dns"}


def install(node):
    """CoreDNS as a Deployment and a Service at the address that kubernetes.DNS names; returns when it answers."""
    out = node.state / "coredns.tar"
    images.program_image(node.tools["coredns"], IMAGE, ["/coredns", "-conf=/etc/coredns/Corefile"], out)
    node.load_image(out)
    node.apply(*objects())

    def available():
        deployment = node.get("deployment", METADATA["name"], "--namespace", METADATA["namespace"])
        return deployment["status"].get("availableReplicas")

    until("cluster DNS", available, 60)


def objects():
    role = {"kind": "ClusterRole", "name": METADATA["name"], "apiGroup": "rbac.authorization.k8s.io"}
    account = {"kind": "ServiceAccount", **METADATA}
    watched = {"": ["services", "pods", "namespaces"], "discovery.k8s.io": ["endpointslices"]}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": METADATA},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": METADATA["name"]},
         "rules": [{"apiGroups": [group], "resources": kinds, "verbs": ["list", "watch"]}
                   for group, kinds in watched.items()]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
         "metadata": {"name": METADATA["name"]}, "roleRef": role, "subjects": [account]},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": METADATA, "data": {"Corefile": COREFILE}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": METADATA, "spec": {
            "selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}, "spec": pod()}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": METADATA, "spec": {
            "clusterIP": kubernetes.DNS, "selector": LABELS,
            "ports": [{"name": f"dns-{protocol.lower()}", "port": 53, "protocol": protocol}
                      for protocol in ("UDP", "TCP")]}},
    ]


def pod():
    return {
        "serviceAccountName": METADATA["name"],
        # it asks nobody, least of all itself
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "containers": [{
            "name": "coredns", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
            "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
        }],
        "volumes": [{"name": "config", "configMap": {"name": METADATA["name"]}}],
    }


def resolve(node, name, namespace="default"):
    """The IPv4 addresses that a pod of this namespace finds for a name, by the C library's resolver."""
    if RESOLVER not in node.ctr("images", "list", "--quiet"):
        out = node.state / "resolver.tar"
        images.program_image(shutil.which("getent"), RESOLVER, ["/usr/bin/getent", "ahostsv4"], out)
        node.load_image(out)
    where = ["--namespace", namespace]
    node.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "resolver", "namespace": namespace}, "spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "getent", "image": RESOLVER, "imagePullPolicy": "IfNotPresent", "args": [name]}]}})

    def ended():
        phase = node.get("pod", "resolver", *where)["status"]["phase"]
        return phase if phase in ("Succeeded", "Failed") else None

    phase = until("the end of the pod that asks", ended, 30)
    said = node.kubectl("logs", "resolver", *where)
    node.kubectl("delete", "pod", "resolver", *where)
    if phase == "Failed":
        raise LookupError(f"{name} is not known in {namespace}")
    return sorted({line.split()[0] for line in said.splitlines()})
