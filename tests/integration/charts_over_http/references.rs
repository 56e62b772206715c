//! The URLs of repositories and packages are references (RFC 3986): a query goes along as with Helm, and is never told.

use super::*;
use crate::support::liar::{Answer, Liar};

const SIGNATURE: &str = "?sig=hush%2Fhush&se=1";

/// A repository below `/store` that wants the signature in every request, and whose index says that `demo` 1.0.0 is at
/// `url`.
async fn signed(url: &str, package: Vec<u8>) -> Liar {
    let digest = Sha256Hex::of(&package);
    let index = format!(
        "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    digest: {digest}\n    urls: ['{url}']\n"
    );
    Liar::start(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path.strip_suffix(SIGNATURE) {
            None => Answer::new("403 Forbidden", "", b"no signature"),
            Some("/store/index.yaml") => Answer::ok(&index),
            Some(path) if path.ends_with(".tgz") => Answer::ok(&package),
            Some(_) => Answer::not_found(),
        }
    })
    .await
}

/// https://github.com/helm/helm/issues/4419: Helm takes the query of the repository along to what its index names.
#[tokio::test]
async fn the_query_of_a_repository_opens_its_packages() {
    for (listed, asked) in [
        ("demo-1.0.0.tgz", "/store/demo-1.0.0.tgz"),
        ("../charts/./demo.tgz", "/charts/demo.tgz"),
        ("/demo.tgz", "/demo.tgz"),
        (
            "чарт 1%2B2.tgz",
            "/store/%D1%87%D0%B0%D1%80%D1%82%201%2B2.tgz",
        ),
    ] {
        let server = signed(listed, demo("1.0.0").package()).await;
        let default = format!("{}/store{SIGNATURE}", server.url());
        let chart = Room::new(&default).newest().await;
        chart.unwrap_or_else(|error| panic!("{listed}: {}", error.message()));
        assert_eq!(
            server.requests(&format!("{asked}{SIGNATURE} ")).len(),
            1,
            "{listed}"
        );
    }
}

/// Two Components may name one repository with and without what opens it.
#[tokio::test]
async fn repositories_that_differ_in_their_query_are_two() {
    let server = signed("demo-1.0.0.tgz", demo("1.0.0").package()).await;
    let bare = format!("{}/store", server.url());
    let room = Room::new(&bare);
    let refused = room.versions().await.expect_err("it wants a signature");
    assert!(
        refused.message().contains("answers 403 Forbidden"),
        "{}",
        refused.message()
    );
    let open = format!("{bare}{SIGNATURE}");
    let versions = room.charts.versions(Some(&open), "demo").await;
    let versions = versions.expect("the signature is there");
    (room.charts.fetch(Some(&open), &versions[0], None).await).expect("a package");
}

#[tokio::test]
async fn what_is_secret_in_an_address_is_in_no_message() {
    let server = signed("demo-1.0.0.tgz?x=hush", demo("1.0.0").package()).await;
    let at = |url: &str| format!("{url}/store?token=hush");
    let nobody = "http://127.0.0.1:1";
    for url in [at(&server.url()), at(nobody), at("http://no such host")] {
        let place = TempDir::new().expect("a temporary directory");
        let charts = match Charts::new(settings(&url, place.path())) {
            Ok(charts) => charts,
            Err(error) => {
                assert!(!error.message().contains("hush"), "{}", error.message());
                continue;
            }
        };
        let error = charts
            .versions(None, "demo")
            .await
            .expect_err("no signature");
        assert!(!error.message().contains("hush"), "{}", error.message());
    }
    let elsewhere = "ftp://me:hush@host/demo.tgz?token=hush";
    let server = signed(elsewhere, demo("1.0.0").package()).await;
    let room = Room::new(&format!("{}/store{SIGNATURE}", server.url()));
    let (reason, _, message) = told(&room.newest().await.expect_err("no address"));
    assert_eq!(reason, "ChartInvalid");
    assert!(
        message.contains("\"ftp://host/demo.tgz\"") && !message.contains("hush"),
        "{message}"
    );
}
