//! Every Helm that people have, over `oci://`.

use std::fs;

use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::gpg::{SIGNER, SigningKey};
use crate::support::helm::{HELMS, Helm};
use crate::support::server::TestServer;

/// Helm from 3.13 on has to be told; before, it takes loopback for plain HTTP by itself.
fn plain(helm: &Helm) -> &'static [&'static str] {
    if helm.is_at_least(3, 13) {
        &["--plain-http"]
    } else {
        &[]
    }
}

fn ok(helm: &Helm, arguments: &[&str]) -> String {
    helm.ok(&[arguments, plain(helm)].concat())
}

/// What is not written in JSON as in YAML, or not by every encoder.
const METADATA: &str = "description: \"<x> & y \\u2028 \\x7f ü\"
home: https://site.example/?a=1&b=2
sources: [https://one.example, https://two.example]
keywords: [b, a]
maintainers:
  - name: Ann <a>
    email: ann@site.example
annotations:
  z/last: '1'
  a/first: <&>
kubeVersion: '>=1.20.0'
icon: https://site.example/i.svg
";

#[tokio::test]
async fn what_one_helm_pushes_every_helm_pulls() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let base = format!("oci://{}/charts", server.address());
    for (n, pusher) in HELMS.into_iter().enumerate() {
        let helm = Helm::new(pusher);
        // 3.18.0 cannot push a version with a plus: it looks its own artifact up under another tag
        let version = if pusher == "3.18.0" {
            format!("1.0.{n}")
        } else {
            format!("1.0.{n}+b.{n}")
        };
        let chart = ChartBuilder::new("app", &version).more_yaml(METADATA);
        let (file, package) = (chart.file_name(), chart.package());
        fs::write(helm.directory().join(&file), &package).expect("a package");
        ok(&helm, &["push", &file, &base]);
        let entry = http
            .get(&format!("/api/charts/app/{version}"))
            .await
            .expect(200)
            .json();
        assert_eq!(entry["digest"], sha256_hex(&package), "pushed by {pusher}");
        // what is made of the package under its other name is what Helm made of it
        let tag = version.replace('+', "_");
        let mut configs = Vec::new();
        for name in ["charts/app", "app"] {
            let path = format!("/v2/{name}/manifests/{tag}");
            configs.push(http.get(&path).await.expect(200).json()["config"].clone());
        }
        assert_eq!(configs[0], configs[1], "pushed by {pusher}");
        // and again
        ok(&helm, &["push", &file, &base]);
        for puller in HELMS {
            let helm = Helm::new(puller);
            for from in [
                format!("{base}/app"),
                format!("oci://{}/app", server.address()),
            ] {
                ok(&helm, &["pull", &from, "--version", &version]);
                assert!(helm.read(&file) == package, "{pusher} to {puller}");
                fs::remove_file(helm.directory().join(&file)).expect("it was pulled");
            }
        }
    }
}

#[tokio::test]
async fn charts_that_came_otherwise_are_pulled_by_range_digest_and_name() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for version in ["1.0.0", "1.2.0", "2.0.0-rc.1"] {
        let package = ChartBuilder::new("app", version).package();
        let request = http.request("POST", "/api/charts").body(package);
        request.send().await.expect(201);
    }
    let manifest = http.get("/v2/app/manifests/1.0.0").await.expect(200);
    let by_digest = manifest
        .header("docker-content-digest")
        .expect("a digest")
        .to_owned();
    let url = format!("oci://{}/app", server.address());
    for version in HELMS {
        let helm = Helm::new(version);
        if helm.is_at_least(3, 13) {
            // before, listing tags insisted on HTTPS
            ok(&helm, &["pull", &url]);
            helm.read("app-1.2.0.tgz");
            ok(&helm, &["pull", &url, "--version", "~1.0"]);
            helm.read("app-1.0.0.tgz");
        }
        if helm.is_at_least(3, 17) {
            ok(
                &helm,
                &["pull", &format!("{url}@{by_digest}"), "--destination", "."],
            );
        }
        let shown = ok(&helm, &["show", "chart", &url, "--version", "1.2.0"]);
        assert!(shown.contains("version: 1.2.0"), "{shown}");
        let rendered = ok(&helm, &["template", "x", &url, "--version", "1.2.0"]);
        assert!(rendered.contains("kind:"), "{rendered}");
        let missing = [&["pull", &url, "--version", "9.9.9"][..], plain(&helm)].concat();
        let said = helm.fails(&missing);
        assert!(said.contains("not found"), "{version}: {said}");
    }
}

#[tokio::test]
async fn dependencies_come_from_oci() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("lib", "1.2.3").package();
    let request = http.request("POST", "/api/charts").body(package.clone());
    request.send().await.expect(201);
    let repository = format!("oci://{}/charts", server.address());
    for version in HELMS {
        let helm = Helm::new(version);
        let parent =
            ChartBuilder::new("parent", "1.0.0").dependencies(&[("lib", "1.2.3", &repository)]);
        let directory = parent.write_directory(helm.directory());
        let directory = directory.to_str().expect("a path in UTF-8");
        for verb in ["update", "build"] {
            ok(&helm, &["dependency", verb, directory]);
            let pulled =
                fs::read(format!("{directory}/charts/lib-1.2.3.tgz")).expect("the dependency");
            assert!(pulled == package, "{version} {verb}");
        }
    }
}

#[tokio::test]
async fn a_signed_chart_is_pushed_with_its_provenance_and_verified() {
    for version in HELMS {
        let server = TestServer::start(&[]);
        let helm = Helm::new(version);
        let key = SigningKey::new();
        let chart = ChartBuilder::new("sealed", "1.0.0");
        let directory = chart.write_directory(helm.directory());
        let directory = directory.to_str().expect("a path in UTF-8");
        let secret = format!("--keyring={}", key.secret_keyring());
        helm.ok(&["package", directory, "--sign", "--key", SIGNER, &secret]);
        let package = helm.read("sealed-1.0.0.tgz");
        let provenance = helm.read("sealed-1.0.0.tgz.prov");
        let base = format!("oci://{}/charts", server.address());
        ok(&helm, &["push", "sealed-1.0.0.tgz", &base]);
        let file = server
            .http()
            .get("/charts/sealed-1.0.0.tgz.prov")
            .await
            .expect(200);
        assert!(file.body == provenance, "{version}");
        fs::remove_file(helm.directory().join("sealed-1.0.0.tgz")).expect("it was packaged");
        fs::remove_file(helm.directory().join("sealed-1.0.0.tgz.prov")).expect("it was signed");
        let public = format!("--keyring={}", key.public_keyring());
        let url = format!("{base}/sealed");
        if version == "3.18.0" {
            // it refuses provenance layers that are listed before the chart's
            continue;
        }
        ok(
            &helm,
            &["pull", &url, "--version", "1.0.0", "--verify", &public],
        );
        assert!(helm.read("sealed-1.0.0.tgz") == package);
    }
}

#[tokio::test]
async fn a_login_opens_a_closed_registry() {
    logs_in("--oci-auth=basic");
}

#[tokio::test]
async fn a_login_opens_a_registry_that_wants_tokens() {
    logs_in("--oci-auth=token");
}

fn logs_in(how: &str) {
    let server = TestServer::start(&["--basic-auth-user=user", "--basic-auth-pass=secret", how]);
    let host = server.address().to_string();
    let base = format!("oci://{host}/charts");
    for (n, version) in HELMS.into_iter().enumerate() {
        let helm = Helm::new(version);
        let chart = ChartBuilder::new("app", &format!("1.0.{n}"));
        fs::write(helm.directory().join(chart.file_name()), chart.package()).expect("a package");
        let file = chart.file_name();
        let push = [&["push", &*file, &base][..], plain(&helm)].concat();
        helm.fails(&push);
        // login has --plain-http since 3.18; before, --insecure lets it try plain HTTP for loopback
        let how = if helm.is_at_least(3, 18) {
            "--plain-http"
        } else {
            "--insecure"
        };
        let login = |password| ["registry", "login", &host, "--username=user", password, how];
        helm.fails(&login("--password=wrong"));
        helm.ok(&login("--password=secret"));
        helm.ok(&push);
        let url = format!("{base}/app");
        ok(&helm, &["pull", &url, "--version", &format!("1.0.{n}")]);
        helm.ok(&["registry", "logout", &host]);
        helm.fails(&push);
    }
}
