use super::*;

fn address(url: &str) -> Address {
    Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn authorization(address: &Address) -> Option<&str> {
    address.authorization().map(|value| value.to_str().unwrap())
}

#[test]
fn addresses_are_those_that_helm_repo_add_takes() {
    for (url, index) in [
        ("http://room", "http://room/index.yaml"),
        ("http://room:8080/", "http://room:8080/index.yaml"),
        ("https://room/a/b", "https://room/a/b/index.yaml"),
        ("http://room/a/index.yaml", "http://room/a/index.yaml"),
        ("http://[::1]:80/x/", "http://[::1]:80/x/index.yaml"),
        ("http://me:p%40ss@room/", "http://room/index.yaml"),
    ] {
        let read = address(url).index();
        assert_eq!(read.uri().unwrap().to_string(), index, "{url}");
    }
    assert_eq!(
        address("http://room/a/index.yaml").repository(),
        address("http://room/a")
    );
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let read = address("http://me:p%40ss@room/a?token=hidden");
    assert_eq!(authorization(&read), Some("Basic bWU6cEBzcw=="));
    for shown in [
        read.to_string(),
        format!("{read:?}"),
        shown("http://me:p%40ss@room/a?token=hidden"),
    ] {
        for secret in ["me", "p%40ss", "hidden", "bWU6"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let lonely = address("http://me@room");
    assert_eq!(authorization(&lonely), Some("Basic bWU6"));
}

#[test]
fn what_is_no_http_address_is_refused() {
    for url in [
        "room",
        "room:8080",
        "/a",
        "ftp://room",
        "http://",
        "",
        "http://a b",
    ] {
        assert_eq!(Address::parse(url), Err(AddressError::NotHttp), "{url}");
    }
    assert_eq!(Address::parse("oci://room/charts"), Err(AddressError::Oci));
}

#[test]
fn an_index_may_name_its_files_in_every_way() {
    let base = address("http://me:pass@room:8080/a");
    for (reference, found, with_credentials) in [
        (
            "charts/demo-1.0.0.tgz",
            "http://room:8080/a/charts/demo-1.0.0.tgz",
            true,
        ),
        (
            "./demo-1.0.0+b.tgz",
            "http://room:8080/a/demo-1.0.0+b.tgz",
            true,
        ),
        ("/charts/demo.tgz", "http://room:8080/charts/demo.tgz", true),
        ("//other/demo.tgz", "http://other/demo.tgz", false),
        ("http://ROOM:8080/x.tgz", "http://ROOM:8080/x.tgz", true),
        ("http://room/x.tgz", "http://room/x.tgz", false),
        (
            "https://room:8080/x.tgz?s=1",
            "https://room:8080/x.tgz?s=1",
            false,
        ),
    ] {
        let joined = base.join(reference).unwrap();
        assert_eq!(joined.without_credentials(), found, "{reference}");
        assert_eq!(
            authorization(&joined).is_some(),
            with_credentials,
            "{reference}"
        );
    }
    let plain = address("https://u:p@room");
    assert!(
        plain
            .join("https://room:443/x")
            .unwrap()
            .authorization()
            .is_some()
    );
    assert!(
        plain
            .join("http://room/x")
            .unwrap()
            .authorization()
            .is_none()
    );
    assert!(plain.join("a b.tgz").is_err());
    assert!(plain.join("ftp://room/x.tgz").is_err());
}

#[test]
fn the_api_is_looked_for_below_every_context_path() {
    let paths = |url: &str| -> Vec<String> {
        let candidates = address(url).api_candidates("a/b");
        candidates
            .iter()
            .map(|candidate| candidate.path.clone())
            .collect()
    };
    assert_eq!(paths("http://room"), ["/api/charts/a%2Fb"]);
    assert_eq!(
        paths("http://room/x/org"),
        [
            "/x/org/api/charts/a%2Fb",
            "/x/api/org/charts/a%2Fb",
            "/api/x/org/charts/a%2Fb"
        ]
    );
    assert_eq!(
        paths(&format!("http://room{}", "/a".repeat(50))).len(),
        MOST_CANDIDATES
    );
}
