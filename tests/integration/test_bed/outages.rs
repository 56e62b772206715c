//! A control plane whose parts go away and come back.

use crate::support::control_plane::ControlPlane;

#[test]
fn the_api_server_comes_back_with_what_it_had() {
    let plane = ControlPlane::start();
    let kubectl = plane.namespace();
    kubectl.ok(&["create", "configmap", "kept", "--from-literal=a=b"]);
    let path = format!("/api/v1/namespaces/{}/configmaps/kept", kubectl.namespace());
    let kept = || plane.api().get(&path).expect("it is kept")["data"]["a"].clone();
    assert_eq!(kept(), "b");

    plane.stop_api_server();
    let refusal = plane
        .api()
        .send("GET", &path, None)
        .expect_err("nobody listens");
    assert_eq!(refusal.code, 0, "{refusal:?}");
    plane.start_api_server_again();
    assert_eq!(kept(), "b", "the port is the same");

    plane.freeze_api_server();
    let get = ["get", "configmap", "kept", "--request-timeout=1s"];
    let said = kubectl.run(&get, "").failed().stderr();
    assert!(!said.contains("refused"), "it listens still: {said}");
    plane.thaw_api_server();
    assert_eq!(kept(), "b");

    plane.stop_etcd();
    kubectl.run(&get, "").failed();
    plane.start_etcd_again();
    assert_eq!(kept(), "b", "etcd wrote it to its disk");
}

#[test]
fn a_namespace_ends_where_there_is_a_controller_manager() {
    let plane = ControlPlane::shared_with_controller_manager();
    let kubectl = plane.namespace();
    kubectl.ok(&["create", "configmap", "inside"]);
    kubectl.ok(&["delete", "namespace", kubectl.namespace(), "--timeout=30s"]);
    let path = format!("/api/v1/namespaces/{}", kubectl.namespace());
    assert_eq!(plane.api().get(&path), None);
}
