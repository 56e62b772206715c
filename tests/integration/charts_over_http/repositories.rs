//! The real server: what it has, what it has not, in every way that it can be asked.

use std::fs;
use std::time::Duration;

use chartroom::chart::version::Version;

use super::*;
use crate::support::server::TestServer;
use crate::support::tls::TestCa;

#[tokio::test]
async fn a_chart_that_is_uploaded_later_is_found_then() {
    let server = TestServer::start(&[]);
    let room = Room::new(&server.url());
    let (reason, class, message) = told(&room.versions().await.expect_err("nothing is there"));
    assert_eq!((reason, class), ("ChartNotFound", ErrorClass::Blocked));
    let url = server.url();
    assert_eq!(
        message,
        format!(
            "chart demo is not in {url}; push it there, with helm cm-push or by curl to /api/charts"
        )
    );

    // in a pod, this process's own address is no place for people
    let place = TempDir::new().expect("a temporary directory");
    let named = ChartsSettings {
        named: Some("http://chartroom.edge:8080".to_owned()),
        ..settings(&url, place.path())
    };
    let refused = Charts::new(named)
        .expect("settings")
        .versions(None, "demo")
        .await;
    let (_, _, message) = told(&refused.expect_err("nothing is there"));
    assert!(
        message.starts_with("chart demo is not in http://chartroom.edge:8080; push it there"),
        "{message}"
    );

    let requires =
        "annotations:\n  ext.theriseunion.io/requires: |\n    - prometheus ^25\n  other: x";
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n";
    let hook = "metadata:\n  annotations:\n    \"helm.sh/hook\": pre-install\n";
    let sub = ChartBuilder::new("sub", "1.0.0").file("crds/sub.yaml", "kind: X\n");
    let package = demo("1.0.0")
        .more_yaml(requires)
        .more_yaml("kubeVersion: \">=1.20.0\"")
        .file("charts/sub-1.0.0.tgz", sub.package())
        .file("crds/own.yaml", crd)
        .file("crds/README.md", "no definition")
        .file("templates/job.yaml", hook)
        .file("values.schema.json", "{}")
        .package();
    let http = server.http();
    http.post("/api/charts", package.clone()).await.expect(201);
    http.post("/api/charts", demo("0.9.0").package())
        .await
        .expect(201);

    let versions = room.versions().await.expect("two versions");
    let texts: Vec<&str> = versions.iter().map(|version| &*version.text).collect();
    assert_eq!(texts, ["1.0.0", "0.9.0"]);
    assert_eq!(versions[0].digest, Some(Sha256Hex::of(&package)));
    assert_eq!(versions[0].url, format!("{url}/charts/demo-1.0.0.tgz"));
    assert_eq!(versions[0].requires.as_deref(), Some("- prometheus ^25\n"));
    assert_eq!(versions[0].kube_version, ">=1.20.0");

    let chart = room
        .charts
        .fetch(None, &versions[0], None)
        .await
        .expect("a package");
    assert_eq!(
        (&*chart.name, &*chart.version, &*chart.app_version),
        ("demo", "1.0.0", "2.0")
    );
    assert_eq!(fs::read(&chart.path).expect("a file"), package);
    assert_eq!(
        (chart.digest, chart.size),
        (Sha256Hex::of(&package), package.len() as u64)
    );
    let crds: Vec<(&str, usize)> =
        (chart.crds.iter().map(|(path, file)| (&**path, file.len()))).collect();
    assert_eq!(
        crds,
        [
            ("crds/own.yaml", crd.len()),
            ("charts/sub-1.0.0.tgz/crds/sub.yaml", 8)
        ]
    );
    assert!(chart.has_install_hooks && chart.schema && !chart.is_library);
    assert_eq!(
        (chart.requires.len(), &*chart.requires[0].name),
        (1, "prometheus")
    );
    assert_eq!(chart.annotations["other"], "x");
    assert_eq!(chart.is_too_large_for_a_release(), None);
    let check = |server: &str| chart.check(&Version::parse(server).expect("a version"));
    check("v1.20.2+k3s1").expect("it is for this one");
    let (reason, class, message) = told(&check("v1.19.0").expect_err("it is not for this one"));
    assert_eq!(
        (reason, class),
        ("KubeVersionMismatch", ErrorClass::Terminal)
    );
    assert!(
        message.contains("\">=1.20.0\", and this is 1.19.0"),
        "{message}"
    );

    let plain = room
        .charts
        .fetch(None, &versions[1], None)
        .await
        .expect("a package");
    assert!(plain.crds.is_empty() && !plain.has_install_hooks && !plain.schema);
}

#[tokio::test]
async fn a_version_that_is_uploaded_anew_is_another_package() {
    let server = TestServer::start(&["--allow-overwrite"]);
    let room = Room::new(&server.url());
    let (old, new) = (
        demo("1.0.0").package(),
        demo("1.0.0").file("new", "x").package(),
    );
    let (old_digest, new_digest) = (Sha256Hex::of(&old), Sha256Hex::of(&new));
    server.http().post("/api/charts", old).await.expect(201);
    let before = room.versions().await.expect("a version").remove(0);
    let pinned = room.charts.fetch(None, &before, Some(old_digest)).await;
    assert_eq!(pinned.expect("the pinned package").digest, old_digest);

    server.http().post("/api/charts", new).await.expect(201);
    let after = room.versions().await.expect("a version").remove(0);
    assert_eq!(after.digest, Some(new_digest));
    let refused = room.charts.fetch(None, &after, Some(old_digest)).await;
    let (reason, class, message) = told(&refused.expect_err("another package"));
    assert_eq!((reason, class), ("DigestMismatch", ErrorClass::Terminal));
    let digests =
        format!("has the digest {new_digest}, not {old_digest} that spec.chart.digest names");
    assert!(message.contains(&digests), "{message}");
    assert_eq!(room.newest().await.expect("the new one").digest, new_digest);
    // the list was read before the upload, the package is fetched after it
    let late = Room::new(&server.url());
    let raced = late.charts.fetch(None, &before, None).await;
    let (reason, class, _) = told(&raced.expect_err("the list is old"));
    assert_eq!((reason, class), ("DigestMismatch", ErrorClass::Transient));
    assert_eq!(late.files(), [""; 0]);
    // what runs is still there for the way back
    assert!(room.charts.cached(old_digest).await.is_some());
    assert!(late.charts.cached(old_digest).await.is_none());
}

#[tokio::test]
async fn without_the_api_the_index_tells_what_there_is() {
    let world = TempDir::new().expect("a temporary directory");
    let put = |version: &str| {
        fs::write(
            world.path().join(demo(version).file_name()),
            demo(version).package(),
        )
        .expect("a file");
    };
    put("1.0.0");
    for format in ["--json-index=true", "--json-index=false"] {
        let options = TestServer::options().args(["--disable-api", format]);
        let server = options.storage(world.path()).start();
        let room = Room::new(&server.url());
        let chart = room.newest().await.expect("a package");
        assert_eq!(
            (&*chart.version, chart.digest),
            ("1.0.0", Sha256Hex::of(&demo("1.0.0").package()))
        );
        let (reason, class, _) = told(
            &room
                .charts
                .versions(None, "other")
                .await
                .expect_err("no such chart"),
        );
        assert_eq!((reason, class), ("ChartNotFound", ErrorClass::Blocked));
    }
}

#[tokio::test]
async fn tenants_and_context_paths_are_found_by_the_address_that_helm_takes() {
    let package = demo("1.0.0").package();
    for (arguments, path, api) in [
        (&["--depth=2"][..], "/org/repo", "/api/org/repo/charts"),
        (&["--context-path=/x"], "/x", "/x/api/charts"),
        (
            &["--context-path=/x", "--depth=1"],
            "/x/org",
            "/x/api/org/charts",
        ),
        (&["--depth-dynamic"], "/a/b/c", "/api/a/b/c/charts"),
        (&["--depth-dynamic"], "/", "/api/charts"),
    ] {
        let server = TestServer::start(arguments);
        let room = Room::new(&server.url_of(path));
        let missing = room.versions().await.expect_err("nothing is there");
        assert_eq!(
            missing.reason().as_str(),
            "ChartNotFound",
            "{arguments:?} {path}"
        );
        server.http().post(api, package.clone()).await.expect(201);
        let chart = room.newest().await;
        assert_eq!(
            chart.expect("a package").name,
            "demo",
            "{arguments:?} {path}"
        );
        let log = server.log();
        assert!(!log.contains("index.yaml"), "the API suffices: {log}");
    }
}

#[tokio::test]
async fn credentials_open_the_repository_and_are_never_told() {
    let server = TestServer::start(&["--basic-auth-user=me", "--basic-auth-pass=p@ssword"]);
    let http = server.http().with_basic_auth("me", "p@ssword");
    http.post("/api/charts", demo("1.0.0").package())
        .await
        .expect(201);
    let with = |user: &str| format!("http://{user}{}", server.address());
    let room = Room::new(&with("me:p%40ssword@"));
    room.newest().await.expect("a package");
    // a Component names the same repository
    room.charts
        .versions(Some(&server.url()), "demo")
        .await
        .expect("a version");

    for repository in [with(""), with("me:hushhush@")] {
        let room = Room::new(&repository);
        let (reason, class, message) = told(&room.versions().await.expect_err("not let in"));
        assert_eq!(
            (reason, class),
            ("RepositoryUnavailable", ErrorClass::Blocked)
        );
        let url = server.url();
        let expected = format!(
            "the repository {url} answers 401 Unauthorized (unauthorized); give credentials"
        );
        assert!(message.starts_with(&expected), "{message}");
    }
    let settings = settings(&with("me:hushhush@"), Path::new("/nowhere"));
    assert!(!format!("{settings:?}").contains("hushhush"));
}

#[tokio::test]
async fn a_repository_that_is_down_is_told_apart_and_the_cache_goes_on() {
    let mut server = TestServer::start(&[]);
    server
        .http()
        .post("/api/charts", demo("1.0.0").package())
        .await
        .expect(201);
    let room = Room::new(&server.url());
    let versions = room.versions().await.expect("a version");
    let digest = room.newest().await.expect("a package").digest;
    server.kill9();
    let (reason, class, message) = told(&room.versions().await.expect_err("it is down"));
    assert_eq!(
        (reason, class),
        ("RepositoryUnavailable", ErrorClass::Transient)
    );
    assert!(
        message.contains("cannot connect to") && message.contains("refused"),
        "{message}"
    );
    let cached = room.charts.cached(digest).await.expect("it was fetched");
    let again = room
        .charts
        .fetch(None, &versions[0], None)
        .await
        .expect("it was fetched");
    assert!(Arc::ptr_eq(&cached, &again));
}

#[tokio::test]
async fn https_works_with_an_authority_of_the_site_s_own() {
    let ca = TestCa::new();
    let authority = TempDir::new().expect("a temporary directory");
    let ca_file = authority.path().join("ca.pem");
    fs::copy(ca.ca_cert(), &ca_file).expect("a writable directory");
    let server = TestServer::options().tls(ca).start();
    server
        .http()
        .post("/api/charts", demo("1.0.0").package())
        .await
        .expect(201);
    let room = Room::with(&server.url(), |settings| {
        settings.ca_file = Some(ca_file.clone())
    });
    room.newest().await.expect("a package");

    fs::write(authority.path().join("none.pem"), "nothing").expect("a writable directory");
    let mut wrong = settings(&server.url(), authority.path());
    wrong.ca_file = Some(authority.path().join("none.pem"));
    let error = Charts::new(wrong)
        .err()
        .expect("a file without a certificate");
    assert!(
        error.message().contains("it holds no certificate"),
        "{}",
        error.message()
    );
}

#[tokio::test]
async fn a_change_in_a_repository_elsewhere_is_noticed() {
    let server = TestServer::start(&[]);
    let room = Arc::new(Room::new(&server.url()));
    let watching = Arc::clone(&room);
    let (send, mut changes) = tokio::sync::mpsc::channel(10);
    tokio::spawn(async move {
        loop {
            watching.charts.changes(Duration::from_millis(20)).await;
            if send.send(()).await.is_err() {
                return;
            }
        }
    });
    // it has looked at least twice, and nothing has changed
    server
        .eventually("the index is asked for again", async || {
            server.log().matches("index.yaml").count() >= 2
        })
        .await;
    assert!(changes.try_recv().is_err());
    server
        .http()
        .post("/api/charts", demo("1.0.0").package())
        .await
        .expect(201);
    let change = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await;
    assert_eq!(change.expect("the upload is noticed"), Some(()));
}
