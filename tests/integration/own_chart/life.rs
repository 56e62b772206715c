//! A release from install to uninstall, with each helm on a real API server. There is no node: the test runs what the
//! hooks' Jobs would, and a controller at work on the same namespace does the pod's part.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::jobs::Jobs;
use super::{HELMS, chart, container, document};
use crate::support::api::Api;
use crate::support::chart_builder::ChartBuilder;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm::Helm;
use crate::support::kubectl::Kubectl;
use crate::support::process::{self, Finished};
use crate::support::server::binary;

/// How long something may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A namespace, and a helm for it.
struct Site<'a> {
    plane: &'a ControlPlane,
    kubectl: Kubectl,
    helm: Helm,
}

impl Site<'_> {
    fn namespace(&self) -> &str {
        self.kubectl.namespace()
    }

    fn api(&self) -> &Api {
        self.plane.api()
    }

    /// Runs helm on the release; a Job that it makes is run as the node would, with `jobs` looking after the outcome.
    #[track_caller]
    fn helm(&self, arguments: &[&str], jobs: &Jobs) -> Finished {
        let _node = jobs.run_on(self.plane, self.namespace());
        self.helm
            .run(&[arguments, &["--namespace", self.namespace()]].concat())
    }

    #[track_caller]
    fn install_or_upgrade(&self, verb: &str, more: &[&str], jobs: &Jobs) -> Finished {
        let chart = chart();
        let namespace = self.namespace();
        let target = format!("chart.namespace={namespace}");
        let values = [
            format!("--set=controller.watchNamespace={namespace}"),
            format!("--set=components.base.spec.{target},components.top.spec.{target}"),
            "--set=components.top.spec.dependsOn[0].name=base".to_owned(),
        ];
        let mut arguments = vec![verb, "chartroom", &chart];
        arguments.extend(values.iter().map(String::as_str));
        arguments.extend(more);
        self.helm(&arguments, jobs)
    }

    #[track_caller]
    fn object(&self, path: &str) -> Option<Value> {
        let (version, rest) = path.split_once(' ').expect("a version and a path");
        let root = if version == "v1" { "/api" } else { "/apis" };
        let namespace = self.namespace();
        self.api()
            .get(&format!("{root}/{version}/namespaces/{namespace}/{rest}"))
    }

    #[track_caller]
    fn deployment(&self) -> Value {
        self.object("apps/v1 deployments/chartroom")
            .expect("the Deployment")
    }

    #[track_caller]
    fn password(&self) -> String {
        let secret = self
            .object("v1 secrets/chartroom-push")
            .expect("the Secret");
        secret["data"]["password"]
            .as_str()
            .expect("a password")
            .to_owned()
    }

    /// What has the release's label, by kind and name.
    #[track_caller]
    fn left(&self) -> Vec<String> {
        let kinds = "deployments,jobs,services,secrets,configmaps,persistentvolumeclaims,serviceaccounts,leases,roles,\
                     rolebindings,components";
        let of_release = "--selector=app.kubernetes.io/instance=chartroom";
        let listed = self
            .kubectl
            .ok(&["get", kinds, of_release, "--output=name"]);
        listed.lines().map(str::to_owned).collect()
    }
}

#[test]
fn from_install_to_uninstall() {
    // no other test's: whether the definition is there is what this begins with
    let plane = ControlPlane::start();
    for version in HELMS {
        let site = Site {
            plane: &plane,
            kubectl: plane.namespace(),
            helm: Helm::new(version).on_cluster(&plane.kubeconfig()),
        };
        installs(&site);
        brings_a_new_field(&site);
        let mut controller = Controller::start(&plane, site.namespace());
        for name in ["base", "top"] {
            controller.upload(&ChartBuilder::new(name, "1.0.0"));
        }
        for name in ["base", "top"] {
            let path = format!("ext.theriseunion.io/v1alpha1 components/{name}");
            let ready = crate::support::api::poll(DEADLINE, || {
                site.object(&path).filter(component::is_ready)
            });
            assert!(
                ready.is_some(),
                "{name} did not become ready: {:?}",
                site.object(&path)
            );
        }
        upgrades(&site);
        rolls_back(&site);
        uninstalls(&site, &controller);
        controller.terminate();
        comes_again(&site);
    }
}

fn installs(site: &Site<'_>) {
    let jobs = Jobs::default();
    let installed = site.install_or_upgrade("install", &[], &jobs).succeeded();
    assert!(jobs.said().is_empty(), "an install waits for no hook");
    let notes = installed.stdout();
    for command in [
        "helm repo add",
        "get secret chartroom-push",
        "kubectl apply -f -",
    ] {
        assert!(notes.contains(command), "{notes}");
    }
    assert_eq!(site.deployment()["spec"]["strategy"]["type"], "Recreate");
    let claim = site
        .object("v1 persistentvolumeclaims/chartroom-data")
        .expect("the claim");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "20Gi");
    assert_eq!(site.password().len(), 44, "32 characters in base64");
    site.kubectl.ok(&["get", "components", "base", "top"]);
}

const DEFINITION: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/components.ext.theriseunion.io";
const FIELDS: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";

/// Puts the definition into the cluster as an earlier version would have that knew no `spec.interval`.
fn make_definition_older(site: &Site<'_>) {
    // first the present one: that of the last helm's turn, made older too, may be published still
    await_published(site, Value::is_object);
    let mut older = document("crds/components.ext.theriseunion.io.yaml");
    older["metadata"]["annotations"]["ext.theriseunion.io/definition-version"] = "0.0.1".into();
    let fields = older.pointer_mut(FIELDS).expect("fields").as_object_mut();
    fields.expect("an object").remove("interval");
    // rules about it came later than the field
    let schema = older.pointer_mut("/spec/versions/0/schema/openAPIV3Schema");
    let schema = schema.and_then(Value::as_object_mut).expect("a schema");
    schema.remove("x-kubernetes-validations");
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=helm",
        "--filename=-",
    ];
    site.kubectl.run(&apply, &older.to_string()).succeeded();
    let lacks = site.api().get(DEFINITION).expect("the definition");
    assert_eq!(
        lacks.pointer(FIELDS).expect("fields")["interval"],
        Value::Null
    );
    await_published(site, |interval| interval.is_null());
}

/// Waits until what helm checks objects against, which follows the definition by seconds, has a `spec.interval` that
/// `holds`.
fn await_published(site: &Site<'_>, holds: impl Fn(&Value) -> bool) {
    site.kubectl
        .await_answer(&["get", "--raw=/openapi/v2"], |answer| {
            let schemas: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
            let component = &schemas["definitions"]["io.theriseunion.ext.v1alpha1.Component"];
            let fields = &component["properties"]["spec"]["properties"];
            fields.is_object() && holds(&fields["interval"])
        });
}

/// What an upgrade is the first to write, into a cluster whose definition does not know it yet.
fn brings_a_new_field(site: &Site<'_>) {
    make_definition_older(site);
    let more = ["--set=components.base.spec.interval=7m"];
    let jobs = Jobs::default();
    site.install_or_upgrade("upgrade", &more, &jobs).succeeded();
    assert!(jobs.said()[0].1.contains("is updated"), "{:?}", jobs.said());
    let base = site.object("ext.theriseunion.io/v1alpha1 components/base");
    assert_eq!(
        base.expect("it")["spec"]["interval"],
        "7m",
        "it was dropped"
    );
}

fn upgrades(site: &Site<'_>) {
    let (password, before) = (site.password(), site.deployment());
    let jobs = Jobs::default();
    site.install_or_upgrade("upgrade", &[], &jobs).succeeded();
    let said = jobs.said();
    let [(name, line)] = said.as_slice() else {
        panic!("one Job: {said:?}");
    };
    assert_eq!(name, "chartroom-crd");
    assert!(
        line.starts_with("components.ext.theriseunion.io "),
        "{line}"
    );
    assert_eq!(site.password(), password);
    let template = |deployment: &Value| deployment["spec"]["template"].clone();
    assert_eq!(
        template(&site.deployment()),
        template(&before),
        "nothing restarts"
    );
    let accounts = site
        .kubectl
        .ok(&["get", "serviceaccounts,jobs", "--output=name"]);
    assert!(
        !accounts.contains("chartroom-crd"),
        "hooks clean up: {accounts}"
    );

    // a hook that cannot run stops an upgrade before the pod is touched
    let changed = ["--set=env.open.LOG_LEVEL=debug", "--timeout=60s"];
    site.install_or_upgrade("upgrade", &changed, &Jobs::failing())
        .failed();
    assert_eq!(template(&site.deployment()), template(&before));

    site.install_or_upgrade("upgrade", &changed[..1], &Jobs::default())
        .succeeded();
    let after = site.deployment();
    assert_ne!(template(&after), template(&before));
    assert_eq!(site.password(), password);
    let push = |deployment: &Value| {
        template(deployment)["metadata"]["annotations"]["checksum/push"].clone()
    };
    assert_eq!(push(&after), push(&before));
}

fn rolls_back(site: &Site<'_>) {
    let password = site.password();
    let jobs = Jobs::default();
    site.helm(&["rollback", "chartroom", "1"], &jobs)
        .succeeded();
    assert_eq!(jobs.said().len(), 1, "the definition is looked at");
    assert_eq!(site.password(), password);
    let env = container(&site.deployment())["env"].clone();
    let variables = env.as_array().expect("variables");
    assert!(!variables.iter().any(|one| one["name"] == "LOG_LEVEL"));
}

fn uninstalls(site: &Site<'_>, controller: &Controller) {
    let jobs = Jobs::default();
    site.helm(&["uninstall", "chartroom"], &jobs).succeeded();
    let said = jobs.said();
    assert_eq!(
        said,
        [(
            "chartroom-teardown".to_owned(),
            "2 Components are gone\n".to_owned()
        )]
    );
    let uninstalls: Vec<String> = (controller.helm().calls().into_iter())
        .filter(|call| call.verb == "uninstall")
        .map(|call| call.release)
        .collect();
    assert_eq!(uninstalls, ["top", "base"]);
    assert_eq!(site.left(), ["persistentvolumeclaim/chartroom-data"]);
    let secrets = site
        .kubectl
        .ok(&["get", "secrets,configmaps", "--output=name"]);
    assert_eq!(secrets, "", "neither releases nor notes about them");
    let name = format!("{}-chartroom", site.namespace());
    let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}");
    assert!(site.api().get(&path).is_none());
}

/// The claim that stayed is taken over, and the definition brought up to date; nobody is there to take Components down.
fn comes_again(site: &Site<'_>) {
    make_definition_older(site);
    let jobs = Jobs::default();
    site.install_or_upgrade("install", &["--set=mode=none"], &jobs)
        .succeeded();
    // Helm 4 has brought the definition itself, before it looked whether the Job is needed
    let expected = if site.helm.is_at_least(4, 0) { 0 } else { 1 };
    assert_eq!(jobs.said().len(), expected, "{:?}", jobs.said());
    let definition = site.api().get(DEFINITION).expect("the definition");
    assert_eq!(
        definition.pointer(FIELDS).expect("fields")["interval"]["type"],
        "string"
    );
    let claim = site
        .object("v1 persistentvolumeclaims/chartroom-data")
        .expect("the claim");
    assert_eq!(
        claim["metadata"]["annotations"]["meta.helm.sh/release-name"],
        "chartroom"
    );
    let jobs = Jobs::default();
    // without Components there is nothing to wait for, controller or not
    site.helm(&["uninstall", "chartroom"], &jobs).succeeded();
    let none = "there are no Components: nothing to take down\n".to_owned();
    assert_eq!(jobs.said(), [("chartroom-teardown".to_owned(), none)]);
}

#[test]
fn a_second_controller_of_the_same_components_is_refused() {
    let plane = ControlPlane::start();
    let [first, second] = [(), ()].map(|()| Site {
        plane: &plane,
        kubectl: plane.namespace(),
        helm: Helm::new(HELMS[0]).on_cluster(&plane.kubeconfig()),
    });
    let none = Jobs::default();
    first
        .install_or_upgrade("install", &["--set=mode=none"], &none)
        .succeeded();
    // all namespaces: those of the first too
    let all = ["--set=mode=none,controller.watchNamespace="];
    let refused = second.install_or_upgrade("install", &all, &none).failed();
    let said = refused.stderr();
    let sentence = format!(
        "deployment chartroom in namespace {} is a controller of the Components in {0} already",
        first.namespace()
    );
    assert!(said.contains(&sentence), "{said}");
    assert!(second.left().is_empty());
    // one of its own, and a repository alone
    second
        .install_or_upgrade("install", &["--set=mode=none"], &none)
        .succeeded();
    let alone = ["--set=mode=none,controller.enabled=false"];
    second
        .install_or_upgrade("upgrade", &alone, &none)
        .succeeded();
    let wider = ["--set=mode=none,controller.watchNamespace="];
    first
        .install_or_upgrade("upgrade", &wider, &none)
        .succeeded();
}

#[test]
fn an_uninstall_that_cannot_take_components_down_stops_and_says_why() {
    let plane = ControlPlane::start();
    let site = Site {
        plane: &plane,
        kubectl: plane.namespace(),
        helm: Helm::new(HELMS[0]).on_cluster(&plane.kubeconfig()),
    };
    let more = ["--set=teardown.timeout=3s"];
    site.install_or_upgrade("install", &more, &Jobs::default())
        .succeeded();
    // held as if the controller had begun and vanished
    let finalizer =
        serde_json::json!({"metadata": {"finalizers": ["ext.theriseunion.io/component"]}});
    let path = format!(
        "/apis/ext.theriseunion.io/v1alpha1/namespaces/{}/components/base",
        site.namespace()
    );
    site.api().merge(&path, &finalizer);
    let jobs = Jobs::default();
    site.helm(&["uninstall", "chartroom", "--timeout=60s"], &jobs)
        .failed();
    {
        let record = jobs.record();
        let said = record[0].1.stderr();
        assert!(said.contains("1 Component is left after 3 s:"), "{said}");
        assert!(said.contains("add --force"), "{said}");
    }
    assert!(
        site.left()
            .contains(&"deployment.apps/chartroom".to_owned())
    );

    // what the sentence advises
    let mut force = Command::new(binary());
    force.env_clear().env("KUBECONFIG", plane.kubeconfig());
    force.args(["teardown", "--force", "--namespace", site.namespace()]);
    let forced = process::run(force, b"", DEADLINE).succeeded();
    assert_eq!(forced.stdout(), "1 Component is gone\n");
    site.helm(&["uninstall", "chartroom"], &jobs).succeeded();
    assert_eq!(site.left(), ["persistentvolumeclaim/chartroom-data"]);
}
