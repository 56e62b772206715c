use proptest::prelude::*;

use super::*;

fn rules(depth: Depth) -> PathRules {
    PathRules {
        context_path: String::new(),
        depth,
        api: true,
        static_files: false,
        metrics: true,
    }
}

#[test]
fn a_path_is_split_into_tenant_and_rest() {
    for (depth, method, path, expected) in [
        (
            Depth::Fixed(0),
            Method::GET,
            "/index.yaml",
            ["", "/index.yaml"],
        ),
        (
            Depth::Fixed(0),
            Method::GET,
            "/api/charts/a/1",
            ["", "/api/charts/a/1"],
        ),
        (Depth::Fixed(1), Method::GET, "/org", ["org", "/"]),
        (Depth::Fixed(1), Method::GET, "/org/health", ["", "/health"]),
        (
            Depth::Fixed(1),
            Method::POST,
            "/api/org/charts",
            ["org", "/api/charts"],
        ),
        (
            Depth::Fixed(1),
            Method::GET,
            "/api/charts/x.tgz",
            ["api", "/charts/x.tgz"],
        ),
        (
            Depth::Fixed(2),
            Method::GET,
            "/a/b/charts/x.tgz",
            ["a/b", "/charts/x.tgz"],
        ),
        (
            Depth::Dynamic,
            Method::GET,
            "/a/b/c/index.yaml",
            ["a/b/c", "/index.yaml"],
        ),
        (
            Depth::Dynamic,
            Method::DELETE,
            "/api/a/charts/x/1",
            ["a", "/api/charts/x/1"],
        ),
        (
            Depth::Dynamic,
            Method::GET,
            "/api/charts/x/",
            ["", "/api/charts/x/latest"],
        ),
    ] {
        let split = split(&method, path, &rules(depth)).expect(path);
        assert_eq!([split.tenant.as_str(), &*split.path], expected, "{path}");
    }
}

#[test]
fn a_path_of_the_root_tenant_is_not_copied() {
    for path in ["/index.yaml", "/charts/x-1.tgz", "/api/charts/x/1"] {
        for depth in [Depth::Fixed(0), Depth::Dynamic] {
            let decoded = decode(path).expect(path);
            assert!(matches!(decoded, Cow::Borrowed(_)), "{path}");
            let split = split(&Method::GET, &decoded, &rules(depth)).expect(path);
            assert!(matches!(split.path, Cow::Borrowed(_)), "{path}");
        }
    }
}

proptest! {
    #[test]
    fn no_path_panics_or_yields_an_unsafe_tenant(path in "/(api|a|\\.\\.|charts|files|index.yaml|%2e%2e|%2F|%5C|/|[ -~]){0,8}", depth in 0usize..4) {
        for depth in [Depth::Fixed(depth), Depth::Dynamic] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
                let Ok(path) = decode(&path) else { continue };
                if let Ok(Split { tenant, .. }) = split(&method, &path, &rules(depth)) {
                    prop_assert_eq!(Tenant::parse(tenant.as_str()), Some(tenant));
                }
            }
        }
    }
}
