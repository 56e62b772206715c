//! `chartroom crd --apply`: what the chart runs before each upgrade.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::control_plane::{ControlPlane, without_rules};
use crate::support::process::{self, Finished};
use crate::support::server::binary;
use crate::support::version::kubernetes_minor;

const PATH: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/components.ext.theriseunion.io";
const NAME: &str = "components.ext.theriseunion.io";

#[track_caller]
fn apply(kubeconfig: &Path) -> Finished {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .args(["crd", "--apply", "--timeout=30s", "--kubeconfig"])
        .arg(kubeconfig);
    process::run(command, b"", Duration::from_secs(60))
}

#[track_caller]
fn applied(plane: &ControlPlane) -> String {
    apply(&plane.kubeconfig()).succeeded().stdout()
}

/// The schema of a field of the spec.
fn field(definition: &Value, name: &str) -> Value {
    let version = &definition["spec"]["versions"][0];
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][name].clone()
}

#[test]
fn the_definition_is_made_brought_up_to_date_and_never_made_older() {
    let plane = ControlPlane::start();
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(
        applied(&plane),
        format!("{NAME} is created: version {own}, served\n")
    );
    // served means served
    plane.kubectl("default").ok(&["get", "components", "-A"]);
    assert_eq!(
        applied(&plane),
        format!("{NAME} was up to date: version {own}, served\n")
    );

    // an older one, as helm's first install leaves it: another owner of the fields, and fields missing
    let api = plane.api();
    api.delete(PATH);
    let gone = crate::support::api::poll(Duration::from_secs(30), || {
        api.get(PATH).is_none().then_some(())
    });
    assert!(gone.is_some(), "the definition did not go");
    let printed = process::run_ok(env!("CARGO_BIN_EXE_chartroom"), &["crd"]).stdout();
    let mut older: Value = serde_json::from_str(&without_rules(&printed)).expect("JSON");
    older["metadata"]["annotations"] = json!({"ext.theriseunion.io/definition-version": "0.0.1"});
    let fields = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let fields = older.pointer_mut(fields).expect("fields").as_object_mut();
    fields.expect("an object").remove("dependsOn");
    let collection = PATH.rsplit_once('/').expect("a path").0;
    api.create(&format!("{collection}?fieldManager=helm"), &older);
    assert_eq!(field(&api.get(PATH).expect("it"), "dependsOn"), Value::Null);
    assert_eq!(
        applied(&plane),
        format!("{NAME} is updated: version {own}, served\n")
    );
    assert_eq!(
        field(&api.get(PATH).expect("it"), "dependsOn")["type"],
        "array"
    );

    // a newer one, whose fields Components may have
    let mut newer = api.get(PATH).expect("it");
    newer["metadata"]["annotations"]["ext.theriseunion.io/definition-version"] = "99.1.0".into();
    newer["metadata"]["managedFields"] = json!(null);
    let fields = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    newer.pointer_mut(fields).expect("fields")["later"] = json!({"type": "string"});
    api.replace(PATH, &newer);
    let said = applied(&plane);
    assert!(
        said.starts_with(&format!("{NAME} is left as it is: it is of version 99.1.0")),
        "{said}"
    );
    assert_eq!(
        field(&api.get(PATH).expect("it"), "later")["type"],
        "string"
    );
}

/// Where the API server can, Components are found by their phase; printed for any server, the definition says nothing of
/// it.
#[test]
fn components_are_selected_by_phase_where_the_server_can() {
    let plane = ControlPlane::start();
    applied(&plane);
    let kubectl = plane.namespace();
    for (name, phase) in [("good", "Deployed"), ("bad", "Failed")] {
        let manifest = super::component(name, "{enabled: true}");
        kubectl.apply_server_side(&manifest).succeeded();
        let status = json!({"status": {"phase": phase}}).to_string();
        super::columns::set_status(&kubectl, name, &status);
    }
    let failed = [
        "get",
        "components",
        "--field-selector=status.phase=Failed",
        "--output=name",
    ];
    if kubernetes_minor() >= 31 {
        let found = kubectl.eventually(&failed, |text| !text.is_empty());
        assert_eq!(found.trim(), "component.ext.theriseunion.io/bad");
    } else {
        let said = kubectl.run(&failed, "").failed().stderr();
        assert!(said.contains("field label not supported"), "{said}");
    }
    assert!(
        applied(&plane).contains("was up to date"),
        "it is applied again and again"
    );
}

#[test]
fn who_may_not_is_told_what_to_allow_and_who_is_nowhere_why() {
    let plane = ControlPlane::shared();
    let nobody = plane.limited_user();
    let refused = apply(nobody.kubeconfig()).failed();
    assert_eq!(refused.code(), Some(1));
    let said = refused.stderr();
    assert!(
        said.contains("allow get, create and patch of customresourcedefinitions"),
        "{said}"
    );

    let nowhere = apply(Path::new("/nowhere/kubeconfig")).failed().stderr();
    assert!(
        nowhere.contains("the kubeconfig /nowhere/kubeconfig cannot be used"),
        "{nowhere}"
    );
}
