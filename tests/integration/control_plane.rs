//! The test bed itself.

use crate::support::control_plane::ControlPlane;

#[test]
fn objects_go_with_their_owner_and_namespaces_end() {
    let plane = ControlPlane::shared_with_controller_manager();
    let kubectl = plane.namespace();
    kubectl.ok(&["create", "configmap", "owner"]);
    let owner = kubectl.json(&["get", "configmap", "owner"]);
    let uid = owner["metadata"]["uid"].as_str().expect("a uid");
    let owned = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: owned, ownerReferences: \
         [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]}}}}"
    );
    kubectl.apply(&owned).succeeded();

    kubectl.ok(&["delete", "configmap", "owner"]);
    let gone = |answer: &crate::support::process::Finished| answer.stderr().contains("not found");
    kubectl.await_answer(&["get", "configmap", "owned"], gone);

    let namespace = ["get", "namespace", kubectl.namespace()];
    kubectl.ok(&["delete", "namespace", kubectl.namespace(), "--wait=false"]);
    kubectl.await_answer(&namespace, gone);
}
