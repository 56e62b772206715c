//! What helm prints after an install: the way in that the values make, and the way out where there is no storage. And the
//! README's examples, as the files that a user makes of them.

use std::fs;

use serde_json::json;

use super::{HELMS, chart, container, file, find, kube_version, names, render};
use crate::support::control_plane::ControlPlane;
use crate::support::helm::{HELM, Helm};

/// What helm would print, without a cluster.
#[track_caller]
fn notes(helm: &Helm, values: &[&str]) -> String {
    let chart = chart();
    let words = [
        "install",
        "chartroom",
        &chart,
        "--namespace=edge",
        "--dry-run=client",
    ];
    let said = helm.ok(&[&words[..], values].concat());
    let (_, notes) = said.split_once("\nNOTES:\n").expect("notes");
    notes.to_owned()
}

#[test]
fn notes_lead_to_the_repository_by_the_way_that_the_values_open() {
    let helm = Helm::new(HELM);
    for (values, expected) in [
        (
            "service.port=80",
            &[
                "port-forward service/chartroom 8080:80 &",
                "helm repo add chartroom http://localhost:8080\n",
            ][..],
        ),
        (
            "ingress.enabled=true,env.open.CONTEXT_PATH=/c",
            &[
                "helm repo add chartroom http://charts.example.com/c\n",
                "@mychart-0.1.0.tgz http://charts.example.com/c/api/charts\n",
            ],
        ),
        (
            "ingress.enabled=true,ingress.hosts[0].host=charts.site,ingress.tls[0].secretName=tls",
            &["helm repo add chartroom https://charts.site\n"],
        ),
        (
            "service.type=NodePort",
            &[
                "PORT=$(kubectl -n edge get service chartroom",
                "helm repo add chartroom http://$NODE:$PORT\n",
            ],
        ),
        (
            "service.type=LoadBalancer,env.open.TLS_CERT=/a,env.open.TLS_KEY=/b",
            &[
                "ADDRESS=$(kubectl -n edge get service chartroom",
                "helm repo add chartroom https://$ADDRESS:8080\n",
            ],
        ),
        (
            "hostNetwork.enabled=true",
            &[
                "{.items[0].status.hostIP}",
                "helm repo add chartroom http://$NODE:18080\n",
            ],
        ),
    ] {
        let notes = notes(&helm, &[&format!("--set={values}")]);
        for text in expected {
            assert!(notes.contains(text), "{values}: {text:?} is not in {notes}");
        }
        let forwards = notes.contains("port-forward");
        assert_eq!(
            forwards,
            values.starts_with("service.port"),
            "{values}: {notes}"
        );
    }
    // credentials are asked for before they are used
    let notes = notes(&helm, &["--set=auth.anonymousGet=false"]);
    let place = |text: &str| {
        notes
            .find(text)
            .unwrap_or_else(|| panic!("{text:?} is not in {notes}"))
    };
    assert!(place("PASSWORD=$(") < place("helm repo add"), "{notes}");
}

#[test]
fn a_node_without_a_storage_class_is_told_the_ways_out() {
    let plane = ControlPlane::start();
    plane.define_components();
    let helm = Helm::new(HELM).on_cluster(&plane.kubeconfig());
    let chart = chart();
    let notes = |values: &str| {
        let set = format!("--set={values}");
        let words = [
            "install",
            "chartroom",
            &chart,
            "--namespace=default",
            "--dry-run=server",
            &set,
        ];
        helm.ok(&words)
    };
    let warning = "this cluster has no default StorageClass";
    let told = notes("mode=all");
    for text in [
        warning,
        "--set persistence.hostPath=/var/lib/chartroom",
        "--set persistence.enabled=false",
    ] {
        assert!(told.contains(text), "{text:?} is not in {told}");
    }
    for values in [
        "persistence.enabled=false",
        "persistence.hostPath=/data",
        "persistence.existingClaim=mine",
        "persistence.storageClass=slow",
    ] {
        assert!(!notes(values).contains(warning), "{values}");
    }
    assert!(notes("persistence.hostPath=/data").contains("install -d -o 1000 -g 1000 /data\n"));

    let class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: slow}\nprovisioner: none\n";
    let kubectl = plane.namespace();
    kubectl.apply(class).succeeded();
    assert!(notes("mode=all").contains(warning), "it is not the default");
    kubectl.ok(&[
        "annotate",
        "storageclass/slow",
        "storageclass.kubernetes.io/is-default-class=true",
    ]);
    assert!(!notes("mode=all").contains(warning));
}

#[test]
fn a_directory_of_the_node_takes_the_place_of_the_claim() {
    for version in HELMS {
        let helm = Helm::new(version);
        let objects = render(
            &helm,
            "edge",
            &["--set=persistence.hostPath=/var/lib/chartroom"],
        );
        assert!(
            names(&objects, "PersistentVolumeClaim").is_empty(),
            "{version}"
        );
        let deployment = find(&objects, "Deployment", "chartroom");
        let pod = &deployment["spec"]["template"]["spec"];
        let expected = json!({"name": "host", "hostPath": {"path": "/var/lib/chartroom", "type": "Directory"}});
        assert_eq!(pod["volumes"][0], expected, "{version}");
        let mount = &container(deployment)["volumeMounts"][0];
        assert_eq!(
            *mount,
            json!({"name": "host", "mountPath": "/storage"}),
            "{version}"
        );
        let both = "--set=persistence.hostPath=/a,persistence.existingClaim=b";
        let said = helm.fails(&["template", "chartroom", &chart(), both, &kube_version()]);
        assert!(said.contains("two places: name one"), "{version}: {said}");
    }
}

#[test]
fn the_pod_knows_the_service_that_people_push_to() {
    let objects = render(
        &Helm::new(HELMS[0]),
        "edge",
        &["--set=service.name=charts,env.open.CONTEXT_PATH=/c/"],
    );
    let deployment = find(&objects, "Deployment", "chartroom");
    let variables = container(deployment)["env"].as_array().expect("variables");
    let url = variables
        .iter()
        .find(|variable| variable["name"] == "SERVICE_URL");
    assert_eq!(
        url.expect("SERVICE_URL")["value"],
        "http://charts.edge:8080/c"
    );
}

#[test]
fn the_values_in_the_readme_are_values() {
    let readme = file("README.md");
    let blocks: Vec<&str> = readme
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(blocks.len() >= 2, "the README has examples");
    for version in HELMS {
        let helm = Helm::new(version);
        for (number, block) in blocks.iter().enumerate() {
            let values = helm.directory().join(format!("values-{number}.yaml"));
            fs::write(&values, block).expect("a writable directory");
            let values = format!("--values={}", values.display());
            let objects = render(&helm, "edge", &[&values]);
            if block.contains("components:") {
                assert_eq!(
                    names(&objects, "Component"),
                    ["monitoring-stack", "traefik"],
                    "{version}"
                );
                let member = render(&helm, "edge", &[&values, "--set=mode=member"]);
                assert_eq!(
                    names(&member, "Component"),
                    ["monitoring-stack"],
                    "{version}"
                );
            }
        }
    }
}
