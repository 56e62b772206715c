//! `chart/`, the chart that installs chartroom: what it renders, what a real API server says to that, and its life from
//! install to uninstall.

mod jobs;
mod life;
mod notes;
mod pods;
mod rendering;
mod rights;
mod values;

use std::path::PathBuf;

use chartroom::yaml::{self, Limits};
use serde_json::Value;

use crate::support::helm::{HELMS, Helm, objects};
use crate::support::version::{Program, version};

/// Values that differ from the defaults as far as they can, by what they are for.
const PROFILES: [(&str, &[&str]); 10] = [
    ("the defaults", &[]),
    (
        "everything on",
        &[
            "--set=ingress.enabled=true,ingress.className=traefik,networkPolicy.enabled=true",
            "--set=podDisruptionBudget.enabled=true,serviceMonitor.enabled=true,service.type=NodePort",
            "--set=service.nodePort=30080,service.name=charts,controller.watchNamespace=default",
            "--set=env.open.ALLOW_OVERWRITE=true,env.open.CONTEXT_PATH=/charts,env.open.STORAGE=local",
            "--set=extraEnv[0].name=RUST_BACKTRACE,extraEnv[0].value=full,extraArgs={--debug}",
            "--set=builtinCharts.directory=/elsewhere,image.registry=quay.io,imagePullSecrets[0].name=pull",
            "--set=components.grafana.spec.version=^1,components.loki.spec.enabled=false",
            "--set=persistence.storageClass=-,priorityClassName=system-cluster-critical",
        ],
    ),
    (
        "before there is a network",
        &[
            "--set=hostNetwork.enabled=true,apiServer.host=$(HOST_IP)",
            "--set=tolerations[0].key=edge,tolerations[0].operator=Exists",
        ],
    ),
    (
        "few rights",
        &[
            "--set=rbac.clusterAdmin=false,rbac.clusterRoles={view,system:node-proxier}",
            "--set=rbac.namespaceRoles[0].namespace=default,rbac.namespaceRoles[0].clusterRole=admin",
            "--set=rbac.extraRules[0].apiGroups={apps},rbac.extraRules[0].resources={deployments}",
            "--set=rbac.extraRules[0].verbs={get}",
        ],
    ),
    (
        "tenants in their namespaces",
        &["--set=tenancy=namespaced,allowedRepositories={cluster,charts.example.com}"],
    ),
    (
        "tenants with accounts of their own",
        &["--set=tenancy=impersonate,tenantServiceAccount=installer,env.open.ALLOWED_NAMESPACES="],
    ),
    (
        "a repository alone",
        &[
            "--set=controller.enabled=false,auth.enabled=false,persistence.enabled=false",
            "--set=builtinCharts.enabled=false,metrics.enabled=false",
        ],
    ),
    (
        "what is there already",
        &[
            "--set=persistence.existingClaim=museum,auth.existingSecret=push,serviceAccount.create=false",
            "--set=serviceAccount.name=installer,rbac.create=false,auth.passwordKey=pass",
        ],
    ),
    (
        "a directory of the node, behind a balancer",
        &["--set=persistence.hostPath=/var/lib/chartroom,service.type=LoadBalancer"],
    ),
    (
        "without hooks, pinned",
        &[
            "--set=crd.upgrade=false,teardown.enabled=false,global.imageRegistry=mirror.site:5000/all",
            "--set=image.digest=sha256:0123456789012345678901234567890123456789012345678901234567890123",
        ],
    ),
];

/// Where the chart is.
fn chart() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("chart");
    path.display().to_string()
}

/// A file of the chart.
#[track_caller]
fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", chart())).expect("a file of the chart")
}

/// The first document of a file of the chart.
#[track_caller]
fn document(name: &str) -> Value {
    let text = file(name);
    yaml::parse(text.as_bytes(), Limits::default())
        .expect("YAML")
        .to_json()
}

/// For `helm template`, which some Helms do for a Kubernetes older than any that is promised when there is no cluster.
fn kube_version() -> String {
    format!("--kube-version={}", version(Program::OldestKubernetes))
}

/// What helm renders as release `chartroom` in this namespace.
#[track_caller]
fn render(helm: &Helm, namespace: &str, more: &[&str]) -> Vec<Value> {
    let chart = chart();
    let oldest = kube_version();
    // as every cluster says
    let cluster = "--api-versions=apiregistration.k8s.io/v1";
    let template = [
        "template",
        "chartroom",
        &chart,
        "--namespace",
        namespace,
        &oldest,
        cluster,
    ];
    objects(&helm.ok(&[&template[..], more].concat()))
}

/// The object of this kind and name.
#[track_caller]
fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects
        .iter()
        .find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The names of the objects of this kind.
fn names(objects: &[Value], kind: &str) -> Vec<String> {
    let of_kind = objects.iter().filter(|one| one["kind"] == kind);
    let mut names: Vec<String> = of_kind
        .map(|one| one["metadata"]["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// The container of a Deployment or Job.
fn container(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"][0]
}
