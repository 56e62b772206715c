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
        (
            "http://room/a?sig=b%2Bc",
            "http://room/a/index.yaml?sig=b%2Bc",
        ),
        ("http://room/a/?sig=b", "http://room/a/index.yaml?sig=b"),
        (
            "http://room/a/index.yaml?sig=b",
            "http://room/a/index.yaml?sig=b",
        ),
        ("http://room/a//#top", "http://room/a//index.yaml"),
        ("http://room/a/./b/../c", "http://room/a/c/index.yaml"),
        (" http://room/a ", "http://room/a/index.yaml"),
        ("HTTPS://Room:443/A", "https://room/A/index.yaml"),
        (
            "https://карты.example/склад",
            "https://xn--80atti9b.example/%D1%81%D0%BA%D0%BB%D0%B0%D0%B4/index.yaml",
        ),
        (
            "http://room/a b/c%20d",
            "http://room/a%20b/c%20d/index.yaml",
        ),
        ("http://[::1]:8080/x/", "http://[::1]:8080/x/index.yaml"),
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
        "http:///a",
        "http:room",
        "http:/room",
        "http://room:65536",
        "http://[::1",
        "http://ro\tom",
        "http://room\\a",
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
        ("http://ROOM:8080/x.tgz", "http://room:8080/x.tgz", true),
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
    for other in [
        "ftp://room/x.tgz",
        "data:x",
        "app:1.tgz",
        "http:x.tgz",
        "http:///x",
        "a\nb.tgz",
        "//",
    ] {
        assert_eq!(plain.join(other), Err(AddressError::NotHttp), "{other:?}");
    }
}

#[test]
fn the_api_is_looked_for_below_every_context_path() {
    let paths = |url: &str| -> Vec<String> {
        let candidates = address(url).api_candidates("a/b");
        candidates
            .iter()
            .map(|candidate| candidate.url.path().to_owned())
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

/// As `helm pull --repo` resolves them (`ResolveReferenceURL`); the query of the repository never goes to another host.
#[test]
fn the_query_of_a_repository_goes_along_to_its_packages() {
    let base = address("http://me:pass@room/a/b?sig=c%2Fd&se=1");
    for (reference, found, with_credentials) in [
        ("x.tgz", "http://room/a/b/x.tgz?sig=c%2Fd&se=1", true),
        ("./x.tgz", "http://room/a/b/x.tgz?sig=c%2Fd&se=1", true),
        ("../x.tgz", "http://room/a/x.tgz?sig=c%2Fd&se=1", true),
        ("../../../x.tgz", "http://room/x.tgz?sig=c%2Fd&se=1", true),
        ("/x.tgz", "http://room/x.tgz?sig=c%2Fd&se=1", true),
        ("x.tgz?v=1", "http://room/a/b/x.tgz?sig=c%2Fd&se=1", true),
        ("//room/x.tgz", "http://room/x.tgz?sig=c%2Fd&se=1", true),
        ("//other/x.tgz", "http://other/x.tgz", false),
        ("http://room/x.tgz", "http://room/x.tgz", true),
        ("http://room/x.tgz?v=1", "http://room/x.tgz?v=1", true),
        ("https://room/x.tgz", "https://room/x.tgz", false),
        ("http://room:81/x.tgz", "http://room:81/x.tgz", false),
        ("http://you:p@other/x.tgz", "http://other/x.tgz", true),
    ] {
        let joined = base.join(reference).unwrap();
        assert_eq!(joined.without_credentials(), found, "{reference}");
        let sent = authorization(&joined).is_some();
        assert_eq!(sent, with_credentials, "{reference}");
        assert!(!joined.to_string().contains("sig"), "{joined}");
    }
}

#[test]
fn names_of_files_are_references() {
    let base = address("http://[::1]:8080/a");
    for (reference, found) in [
        ("x y.tgz", "http://[::1]:8080/a/x%20y.tgz"),
        ("x%20y+z.tgz", "http://[::1]:8080/a/x%20y+z.tgz"),
        (
            "чарт-1.0.0.tgz",
            "http://[::1]:8080/a/%D1%87%D0%B0%D1%80%D1%82-1.0.0.tgz",
        ),
        ("x#y.tgz", "http://[::1]:8080/a/x"),
        ("x%23y%3Fz.tgz", "http://[::1]:8080/a/x%23y%3Fz.tgz"),
        ("x.tgz?u=http://y", "http://[::1]:8080/a/x.tgz?u=http://y"),
        ("b\\c.tgz", "http://[::1]:8080/a/b%5Cc.tgz"),
        ("./b:c.tgz", "http://[::1]:8080/a/b:c.tgz"),
        ("b//c.tgz", "http://[::1]:8080/a/b//c.tgz"),
        (" x.tgz\n", "http://[::1]:8080/a/x.tgz"),
        ("{x}[1]|^.tgz", "http://[::1]:8080/a/%7Bx%7D[1]|^.tgz"),
    ] {
        let joined = base.join(reference).unwrap();
        assert_eq!(joined.without_credentials(), found, "{reference}");
        assert_eq!(joined.uri().unwrap().to_string(), found, "{reference}");
    }
}

#[test]
fn a_redirect_is_relative_to_what_was_asked_for() {
    let asked = address("http://me:pass@room/a/x.tgz?sig=b");
    for (location, found, with_credentials) in [
        ("y.tgz", "http://room/a/y.tgz", true),
        ("x.tgz/", "http://room/a/x.tgz/", true),
        ("/y.tgz?t=1", "http://room/y.tgz?t=1", true),
        ("?t=1", "http://room/a/x.tgz?t=1", true),
        (
            "https://cdn.example/y.tgz?t=1",
            "https://cdn.example/y.tgz?t=1",
            false,
        ),
    ] {
        let target = asked.redirected(location).unwrap();
        assert_eq!(target.without_credentials(), found, "{location}");
        let sent = authorization(&target).is_some();
        assert_eq!(sent, with_credentials, "{location}");
    }
}

#[test]
fn what_is_no_address_is_shown_without_its_secrets_too() {
    for (text, expected) in [
        ("http://me:pa?ss@room/a", "http://room/a"),
        ("http://me:pa/ss@room/a?t=hidden", "http://room/a"),
        ("ftp://me:pass@room/a?t=hidden", "ftp://room/a"),
        ("me:pass@room", "room"),
        ("x.tgz?t=hidden", "x.tgz"),
    ] {
        assert_eq!(shown(text), expected);
    }
}
