//! Charts signed by helm with a gpg key, and what `--verify` makes of them.
//!
//! Without a cluster `install` can only go so far: helm 4 renders with `--dry-run=client`; helm 3 verifies the chart
//! first and then asks for the cluster, so its refusal must be about the cluster and not about the signature.

use std::fs;

use super::{add, plain_server, upload};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::form::Form;
use crate::support::gpg::{SIGNER, SigningKey};
use crate::support::helm::Helm;

pub async fn a_signed_chart_is_verified(helm: Helm) {
    let server = plain_server();
    let http = server.http();
    let key = SigningKey::new();
    let (package, provenance) = sign(&helm, &key, &ChartBuilder::new("sealed", "1.0.0+signed"));
    let file_name = "sealed-1.0.0+signed.tgz";
    let form =
        Form::new()
            .file("chart", file_name, &package)
            .file("prov", "sealed.prov", &provenance);
    http.post_form_chunked("/api/charts", &form)
        .await
        .expect(201);
    add(&helm, &server.url());
    for file in [file_name, "sealed-1.0.0+signed.tgz.prov"] {
        fs::remove_file(helm.directory().join(file)).expect("what helm package made");
    }
    let keyring = format!("--keyring={}", key.public_keyring());
    helm.ok(&["pull", "room/sealed", "--verify", &keyring]);
    assert!(
        helm.read(file_name) == package,
        "the package was changed on its way"
    );
    assert!(
        helm.read("sealed-1.0.0+signed.tgz.prov") == provenance,
        "the provenance was changed on its way"
    );
    helm.ok(&["verify", file_name, &keyring]);
    let rendered = helm.ok(&["template", "mine", "room/sealed", "--verify", &keyring]);
    assert!(rendered.contains("mine-sealed"), "{rendered}");
    if helm.is_at_least(4, 0) {
        helm.ok(&[
            "install",
            "mine",
            "room/sealed",
            "--dry-run=client",
            "--verify",
            &keyring,
        ]);
    } else {
        let refusal = helm.fails(&[
            "install",
            "mine",
            "room/sealed",
            "--dry-run",
            "--verify",
            &keyring,
        ]);
        assert!(refusal.contains("cluster unreachable"), "{refusal}");
    }
}

pub async fn a_signed_chart_whose_name_or_version_needs_quotes_is_verified(helm: Helm) {
    let server = plain_server();
    let http = server.http();
    let key = SigningKey::new();
    let keyring = format!("--keyring={}", key.public_keyring());
    // helm writes a name or a version that is no text to YAML with quotes into the provenance file
    let quoted = [
        ("sealed", "1.0"),
        ("sealed", "2"),
        ("on", "1.0.0"),
        ("1234", "1.0.0"),
    ];
    for (name, version) in quoted {
        let chart_yaml = format!("apiVersion: v2\nname: \"{name}\"\nversion: \"{version}\"\n");
        let chart = ChartBuilder::new(name, version).chart_yaml(chart_yaml);
        let (package, provenance) = sign(&helm, &key, &chart);
        let file_name = chart.file_name();
        let form = Form::new().file("chart", &file_name, &package).file(
            "prov",
            "sealed.prov",
            &provenance,
        );
        http.post_form_chunked("/api/charts", &form)
            .await
            .expect(201);
        for file in [file_name.clone(), format!("{file_name}.prov")] {
            fs::remove_file(helm.directory().join(file)).expect("what helm package made");
        }
    }
    add(&helm, &server.url());
    for (name, version) in quoted {
        let chart = format!("room/{name}");
        helm.ok(&["pull", &chart, "--version", version, "--verify", &keyring]);
    }
}

pub async fn verification_refuses_what_is_not_signed(helm: Helm) {
    let server = plain_server();
    let http = server.http();
    let key = SigningKey::new();
    let keyring = format!("--keyring={}", key.public_keyring());
    upload(&http, "/api/charts", &ChartBuilder::new("plain", "1.0.0")).await;
    let (signed, provenance) = sign(&helm, &key, &ChartBuilder::new("sealed", "1.0.0"));
    // the signature of one package beside the bytes of another
    let other = ChartBuilder::new("sealed", "1.0.0")
        .file("values.yaml", "greeting: forged\n")
        .package();
    assert!(other != signed);
    http.post("/api/charts", other).await.expect(201);
    http.post("/api/prov", provenance).await.expect(201);
    let forged = ChartBuilder::new("forged", "1.0.0");
    let package = upload(&http, "/api/charts", &forged).await;
    http.post(
        "/api/prov",
        unsigned_provenance("forged", "1.0.0", &package),
    )
    .await
    .expect(201);
    add(&helm, &server.url());
    for chart in ["room/plain", "room/sealed", "room/forged"] {
        helm.fails(&["pull", chart, "--verify", &keyring]);
        let refusal = helm.fails(&["install", "mine", chart, "--dry-run", "--verify", &keyring]);
        assert!(
            !refusal.contains("cluster unreachable"),
            "{chart} passed the verification: {refusal}"
        );
    }
}

/// Packages and signs with helm itself; returns the package and its provenance file.
#[track_caller]
fn sign(helm: &Helm, key: &SigningKey, chart: &ChartBuilder) -> (Vec<u8>, Vec<u8>) {
    let directory = chart.write_directory(helm.directory());
    let keyring = format!("--keyring={}", key.secret_keyring());
    helm.ok(&[
        "package",
        &directory.display().to_string(),
        "--sign",
        "--key",
        SIGNER,
        &keyring,
    ]);
    let file_name = chart.file_name();
    (
        helm.read(&file_name),
        helm.read(&format!("{file_name}.prov")),
    )
}
