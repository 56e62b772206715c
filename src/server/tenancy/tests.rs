use proptest::prelude::*;

use super::*;

fn rules(depth: Depth) -> RouteRules {
    RouteRules {
        context_path: String::new(),
        depth,
        api: true,
        delete: true,
        artifact_hub: true,
        static_files: false,
        metrics: true,
    }
}

fn ask(line: &str, rules: &RouteRules) -> Result<Route, NotFound> {
    let (method, path) = line
        .split_once(' ')
        .expect("a row starts with `METHOD /path`");
    resolve(&method.parse().expect("a method"), path, rules)
}

/// A route as a row of a table spells it: its name and its parameters.
fn spell(found: &Result<Route, NotFound>) -> String {
    let Ok(route) = found else {
        return "404".to_owned();
    };
    let words: Vec<&str> = match route {
        Route::Welcome { tenant } => vec!["welcome", tenant.as_str()],
        Route::Info => vec!["info"],
        Route::Health => vec!["health"],
        Route::Ready => vec!["ready"],
        Route::Metrics => vec!["metrics"],
        Route::Index { tenant } => vec!["index", tenant.as_str()],
        Route::Download { tenant, file_name } => vec!["download", tenant.as_str(), file_name],
        Route::ArtifactHub { tenant } => vec!["artifacthub", tenant.as_str()],
        Route::Static { path } => vec!["static", path],
        Route::ListCharts { tenant } => vec!["list", tenant.as_str()],
        Route::GetChart { tenant, name } => vec!["chart", tenant.as_str(), name],
        Route::GetVersion {
            tenant,
            name,
            version,
        } => vec!["version", tenant.as_str(), name, version],
        Route::Templates {
            tenant,
            name,
            version,
        } => vec!["templates", tenant.as_str(), name, version],
        Route::Values {
            tenant,
            name,
            version,
        } => vec!["values", tenant.as_str(), name, version],
        Route::File {
            tenant,
            name,
            version,
            path,
        } => vec!["file", tenant.as_str(), name, version, path],
        Route::UploadChart { tenant } => vec!["upload", tenant.as_str()],
        Route::UploadProvenance { tenant } => vec!["prov", tenant.as_str()],
        Route::DeleteVersion {
            tenant,
            name,
            version,
        } => vec!["delete", tenant.as_str(), name, version],
        Route::DeleteChart { tenant, name } => vec!["delete-chart", tenant.as_str(), name],
        Route::Preflight => vec!["preflight"],
    };
    words
        .iter()
        .map(|word| if word.is_empty() { "-" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

fn check(rules: &RouteRules, rows: &[(&str, &str)]) {
    for (line, expected) in rows {
        assert_eq!(&spell(&ask(line, rules)), expected, "{line} with {rules:?}");
    }
}

#[test]
fn depth_0_serves_the_root_tenant() {
    check(
        &rules(Depth::Fixed(0)),
        &[
            ("GET /", "welcome -"),
            ("HEAD /", "welcome -"),
            ("GET /info", "info"),
            ("GET /health", "health"),
            ("HEAD /health", "health"),
            ("GET /readyz", "ready"),
            ("GET /metrics", "metrics"),
            ("GET /index.yaml", "index -"),
            ("HEAD /index.yaml", "index -"),
            ("GET /charts/a-1.tgz", "download - a-1.tgz"),
            ("HEAD /charts/a-1.tgz.prov", "download - a-1.tgz.prov"),
            ("GET /charts/a-1+b.tgz", "download - a-1+b.tgz"),
            ("GET /charts/a-1%2Bb.tgz", "download - a-1+b.tgz"),
            ("GET /artifacthub-repo.yml", "artifacthub -"),
            ("GET /api/charts", "list -"),
            ("GET /api/charts/x", "chart - x"),
            ("HEAD /api/charts/x", "chart - x"),
            ("GET /api/charts/x/", "version - x -"),
            ("GET /api/charts/x/%5E0.1.0", "version - x ^0.1.0"),
            ("GET /api/charts/x%2F1.0.0", "version - x 1.0.0"),
            ("GET /api/charts/x/1.0.0/templates", "templates - x 1.0.0"),
            ("HEAD /api/charts/x/1.0.0/values", "values - x 1.0.0"),
            (
                "GET /api/charts/x/1.0.0/files/README.md",
                "file - x 1.0.0 README.md",
            ),
            (
                "GET /api/charts/x/1.0.0/files/crds/values.yaml",
                "file - x 1.0.0 crds/values.yaml",
            ),
            ("GET /api/charts/x.tgz", "chart - x.tgz"),
            ("GET /api/charts/x/1.0.0-a.yaml", "version - x 1.0.0-a.yaml"),
            ("POST /api/charts", "upload -"),
            ("POST /api/prov", "prov -"),
            ("DELETE /api/charts/x/1.0.0", "delete - x 1.0.0"),
            ("DELETE /api/charts/x", "delete-chart - x"),
            ("OPTIONS /api/charts", "preflight"),
            ("OPTIONS /api/prov", "preflight"),
        ],
    );
}

#[test]
fn whatever_is_not_in_the_table_is_not_found() {
    let rules = rules(Depth::Fixed(0));
    for line in [
        "GET /a/index.yaml",
        "GET /index.yaml/",
        "GET //index.yaml",
        "GET /health/",
        "GET /api",
        "GET /api/",
        "GET /api/charts/",
        "GET /api/charts//1.0.0",
        "GET /api/charts/x/1.0.0/",
        "GET /api/charts/x//values",
        "GET /api/charts/x/1.0.0/readme",
        "GET /api/charts/x/1.0.0/files",
        "GET /api/charts/x/1.0.0/files/",
        "GET /api/charts/x/1.0.0/files/a//b",
        "GET /api/charts/x/1.0.0/files/../b",
        "GET /api/charts/x/1.0.0/files/%2e%2e/b",
        "POST /api/charts/x/1.0.0/files/b",
        "GET /api/prov",
        "GET /charts/",
        "GET /charts",
        "GET /charts/a/b.tgz",
        "GET /favicon.ico",
        "GET /static/a.css",
        "POST /",
        "POST /index.yaml",
        "POST /health",
        "POST /metrics",
        "POST /api/charts/x",
        "PUT /api/charts",
        "PATCH /api/charts/x/1.0.0",
        "DELETE /api/charts",
        "DELETE /api/charts/x/",
        "DELETE /index.yaml",
        "OPTIONS /index.yaml",
        "OPTIONS /api/nothing",
        "OPTIONS *",
        "GET /charts/%ff.tgz",
        "GET /charts/a%00.tgz",
        "GET /charts/a%0a.tgz",
        "GET /charts/a%.tgz",
        "GET /charts/a%2",
        "GET /charts/a%zz.tgz",
    ] {
        assert_eq!(spell(&ask(line, &rules)), "404", "{line}");
    }
}

#[test]
fn a_fixed_depth_takes_that_many_segments_for_the_tenant() {
    check(
        &rules(Depth::Fixed(1)),
        &[
            ("GET /", "welcome -"),
            ("GET /health", "health"),
            ("GET /info", "info"),
            ("GET /org1", "welcome org1"),
            ("GET /org1/", "welcome org1"),
            ("GET /org1/info", "info"),
            ("GET /org1/health", "health"),
            ("GET /org1/index.yaml", "index org1"),
            ("GET /org1/charts/f.tgz", "download org1 f.tgz"),
            ("GET /org1/artifacthub-repo.yml", "artifacthub org1"),
            ("GET /api/org1/charts", "list org1"),
            ("GET /api/charts/charts", "list charts"),
            ("GET /api/org1/charts/charts", "chart org1 charts"),
            (
                "GET /api/org1/charts/x/1/files/values.yaml",
                "file org1 x 1 values.yaml",
            ),
            ("POST /api/org1/prov", "prov org1"),
            ("DELETE /api/org1/charts/x/1", "delete org1 x 1"),
            ("GET /api/index.yaml", "index api"),
            ("GET /api/charts/x-1.tgz", "download api x-1.tgz"),
            ("GET /apix/index.yaml", "index apix"),
            ("GET /health/index.yaml", "index health"),
            ("GET /org1%2Findex.yaml", "index org1"),
            ("GET /org1/team/index.yaml", "404"),
            ("GET /api/charts", "404"),
            ("GET /index.yaml", "404"),
            ("GET /index.yaml/", "404"),
            ("GET /api", "404"),
            ("GET /charts", "404"),
            ("GET /charts/x.tgz", "404"),
            ("GET /artifacthub-repo.yml", "404"),
            ("GET /favicon.ico", "404"),
        ],
    );
    check(
        &rules(Depth::Fixed(2)),
        &[
            ("GET /", "welcome -"),
            ("GET /health", "health"),
            ("GET /a/b/index.yaml", "index a/b"),
            ("GET /api/x/index.yaml", "index api/x"),
            ("GET /api/xyz/charts/f.tgz", "download api/xyz f.tgz"),
            ("GET /api/a/b/charts/x/latest", "version a/b x latest"),
            ("GET /a/b", "welcome a/b"),
            ("GET /a", "404"),
            ("GET /a/index.yaml", "404"),
            ("GET /api/index.yaml", "404"),
            ("GET /api/charts", "404"),
            ("GET /a/charts", "404"),
        ],
    );
}

#[test]
fn a_dynamic_depth_follows_the_path() {
    check(
        &rules(Depth::Dynamic),
        &[
            ("GET /", "welcome -"),
            ("GET /health", "health"),
            ("GET /x/health", "health"),
            ("GET /info", "info"),
            ("GET /x/info", "info"),
            ("GET /index.yaml", "index -"),
            ("GET /a/b/c/index.yaml", "index a/b/c"),
            ("GET /a/charts/index.yaml", "index a/charts"),
            ("GET /charts/f.tgz", "download - f.tgz"),
            ("GET /a/b/charts/f.tgz", "download a/b f.tgz"),
            ("GET /artifacthub-repo.yml", "artifacthub -"),
            ("GET /x/artifacthub-repo.yml", "artifacthub x"),
            ("GET /api/index.yaml", "index api"),
            ("GET /api/charts/f.tgz", "download api f.tgz"),
            ("GET /api/charts", "list -"),
            ("POST /api/a/charts", "upload a"),
            ("POST /api/prov", "prov -"),
            ("POST /api/a/b/prov", "prov a/b"),
            ("GET /api/charts/charts", "list charts"),
            ("GET /api/a/charts/b/charts", "list a/charts/b"),
            ("GET /api/charts/x/", "version - x -"),
            ("GET /api/a/b/charts/x", "chart a/b x"),
            ("GET /api/a/b/charts/x/1.0.0", "version a/b x 1.0.0"),
            ("GET /api/a/charts/x/1.0.0/values", "values a x 1.0.0"),
            ("GET /api/a/charts/x/1.0.0/templates", "templates a x 1.0.0"),
            (
                "GET /api/a/charts/x/1/files/charts/y/values.yaml",
                "file a x 1 charts/y/values.yaml",
            ),
            (
                "GET /api/charts/x/1/files/index.yaml",
                "file - x 1 index.yaml",
            ),
            ("DELETE /api/a/charts/x/1.0.0", "delete a x 1.0.0"),
            ("DELETE /api/a/charts/charts", "404"),
            ("GET /api/prov", "404"),
            ("GET /a", "404"),
            ("GET /a/", "404"),
            ("GET /charts/", "404"),
            ("GET /favicon", "404"),
            ("GET /favicon.ico", "404"),
            ("GET /../index.yaml", "404"),
        ],
    );
}

#[test]
fn fixed_and_dynamic_depths_agree_below_every_context_path() {
    let tails = [
        ("GET", "", "/index.yaml"),
        ("HEAD", "", "/index.yaml"),
        ("GET", "", "/charts/foo-1.2.3.tgz"),
        ("GET", "", "/charts/foo-1.2.3.tgz.prov"),
        ("GET", "", "/info"),
        ("GET", "", "/artifacthub-repo.yml"),
        ("GET", "/api", "/charts"),
        ("GET", "/api", "/charts/foo"),
        ("HEAD", "/api", "/charts/foo/1.2.3"),
        ("GET", "/api", "/charts/foo/1.2.3/templates"),
        ("GET", "/api", "/charts/foo/1.2.3/values"),
        ("GET", "/api", "/charts/foo/1.2.3/files/values.yaml"),
        ("POST", "/api", "/charts"),
        ("POST", "/api", "/prov"),
        ("DELETE", "/api", "/charts/foo/1.2.3"),
        ("OPTIONS", "/api", "/charts"),
    ];
    for (depth, tenant) in ["", "/org", "/org/team", "/org/team/repo"]
        .iter()
        .enumerate()
    {
        for context_path in ["", "/x", "/x/y", "/x/y/z"] {
            let fixed = RouteRules {
                context_path: context_path.to_owned(),
                ..rules(Depth::Fixed(depth))
            };
            let dynamic = RouteRules {
                depth: Depth::Dynamic,
                ..fixed.clone()
            };
            for (method, before, after) in tails {
                let line = format!("{method} {context_path}{before}{tenant}{after}");
                let found = ask(&line, &fixed);
                assert!(found.is_ok(), "{line} at depth {depth}");
                assert_eq!(found, ask(&line, &dynamic), "{line}");
            }
            for path in ["/", "", "/health"] {
                let line = format!(
                    "GET {context_path}{}",
                    if context_path.is_empty() { "/" } else { path }
                );
                assert!(ask(&line, &fixed).is_ok(), "{line} at depth {depth}");
                assert_eq!(ask(&line, &fixed), ask(&line, &dynamic), "{line}");
            }
        }
    }
}

#[test]
fn the_context_path_ends_at_a_slash() {
    let rules = RouteRules {
        context_path: "/x/y".to_owned(),
        ..rules(Depth::Fixed(0))
    };
    check(
        &rules,
        &[
            ("GET /x/y", "welcome -"),
            ("GET /x/y/", "welcome -"),
            ("GET /x/y/index.yaml", "index -"),
            ("GET /x%2Fy/index.yaml", "index -"),
            ("GET /x/y/health", "health"),
            ("GET /x/y/api/charts", "list -"),
            ("GET /metrics", "metrics"),
            ("GET /x/y/metrics", "404"),
            ("GET /x/yy/index.yaml", "404"),
            ("GET /x/yindex.yaml", "404"),
            ("GET /index.yaml", "404"),
            ("GET /", "404"),
            ("GET /x", "404"),
        ],
    );
    let hint = Some("the repository is served under /x/y".to_owned());
    assert_eq!(ask("GET /index.yaml", &rules), Err(NotFound { hint }));
}

#[test]
fn no_tenant_leads_out_of_the_storage() {
    for (depth, path) in [
        (1, "/../index.yaml"),
        (1, "/./index.yaml"),
        (1, "/%2e%2e/charts/x.tgz"),
        (1, "/api/../charts"),
        (1, "/..%5Cx/index.yaml"),
        (1, "//index.yaml"),
        (1, "/a%00/index.yaml"),
        (1, "/../"),
        (2, "/a%2F..%2Findex.yaml"),
        (2, "/a/../charts/x.tgz"),
        (2, "/api/a/../charts/x/1.0.0"),
    ] {
        for depth in [Depth::Fixed(depth), Depth::Dynamic] {
            let found = resolve(&Method::GET, path, &rules(depth));
            assert!(found.is_err(), "{path} at {depth:?}: {found:?}");
        }
    }
}

#[test]
fn a_wrong_depth_is_answered_with_the_right_address() {
    let no_tenants = Some("this repository has no tenants (depth 0): ask for /index.yaml");
    let one = Some("this repository is multitenant with depth 1: ask for /{tenant}/index.yaml");
    let one_api = Some("this repository is multitenant with depth 1: ask for /api/{tenant}/charts");
    let two = Some(
        "this repository is multitenant with depth 2: ask for /{tenant1}/{tenant2}/index.yaml",
    );
    for (depth, line, hint) in [
        (0, "GET /a/index.yaml", no_tenants),
        (0, "GET /a/b/charts/x.tgz", no_tenants),
        (
            0,
            "POST /api/a/charts",
            Some("this repository has no tenants (depth 0): ask for /api/charts"),
        ),
        (1, "GET /index.yaml", one),
        (1, "GET /charts/x.tgz", one),
        (1, "GET /a/b/index.yaml", one),
        (1, "GET /api/charts", one_api),
        (1, "POST /api/charts", one_api),
        (1, "GET /api/charts/x/1.0.0", one_api),
        (2, "GET /a/index.yaml", two),
        (0, "PUT /api/charts", None),
        (0, "POST /api/charts/x", None),
        (0, "GET /favicon.ico", None),
        (1, "GET /favicon.ico", None),
        (1, "DELETE /api/a/charts", None),
    ] {
        let refused = ask(line, &rules(Depth::Fixed(depth))).expect_err(line);
        assert_eq!(refused.hint.as_deref(), hint, "{line} at depth {depth}");
    }
}

#[test]
fn what_is_switched_off_is_not_found() {
    let on = RouteRules {
        static_files: true,
        ..rules(Depth::Fixed(0))
    };
    let no_api = RouteRules {
        api: false,
        ..on.clone()
    };
    for line in [
        "GET /api/charts",
        "POST /api/charts",
        "GET /api/charts/x",
        "OPTIONS /api/charts",
        "DELETE /api/charts/x/1",
    ] {
        assert!(ask(line, &on).is_ok(), "{line}");
        let hint = ask(line, &no_api).expect_err(line).hint.expect(line);
        assert!(hint.contains("--disable-api"), "{line}: {hint}");
    }
    assert_eq!(spell(&ask("GET /api/nothing", &no_api)), "404");
    assert_eq!(spell(&ask("GET /index.yaml", &no_api)), "index -");

    let no_delete = RouteRules {
        delete: false,
        ..on.clone()
    };
    check(
        &no_delete,
        &[
            ("DELETE /api/charts/x/1", "404"),
            ("DELETE /api/charts/x", "404"),
            ("GET /api/charts/x/1", "version - x 1"),
        ],
    );
    check(
        &RouteRules {
            artifact_hub: false,
            ..on.clone()
        },
        &[("GET /artifacthub-repo.yml", "404")],
    );
    check(
        &RouteRules {
            metrics: false,
            ..on
        },
        &[("GET /metrics", "404")],
    );
    check(
        &RouteRules {
            metrics: false,
            ..rules(Depth::Fixed(1))
        },
        &[("GET /metrics/index.yaml", "index metrics")],
    );
}

#[test]
fn static_files_keep_their_path() {
    for depth in [Depth::Fixed(0), Depth::Fixed(1), Depth::Dynamic] {
        check(
            &RouteRules {
                static_files: true,
                ..rules(depth)
            },
            &[
                ("GET /static/main.css", "static /static/main.css"),
                ("HEAD /static/a/b.js", "static /static/a/b.js"),
                ("GET /static/../secret", "static /static/../secret"),
                ("GET /static.css", "static /static.css"),
                ("GET /static-files/a.css", "static /static-files/a.css"),
                ("POST /static/main.css", "404"),
            ],
        );
    }
    let tenants = RouteRules {
        static_files: true,
        ..rules(Depth::Fixed(1))
    };
    check(
        &tenants,
        &[("GET /staticorg/index.yaml", "index staticorg")],
    );
}

#[test]
fn the_metrics_label_has_the_names_of_the_parameters() {
    for (depth, line, template) in [
        (0, "GET /", "/"),
        (0, "GET /health", "/health"),
        (0, "GET /index.yaml", "/index.yaml"),
        (0, "GET /charts/foo-1.2.3.tgz", "/charts/:filename"),
        (0, "GET /api/charts", "/api/charts"),
        (0, "GET /api/charts/charts-repo", "/api/charts/:name"),
        (
            0,
            "GET /api/charts/chart/1.2.3",
            "/api/charts/:name/:version",
        ),
        (
            0,
            "DELETE /api/charts/foo/1.2.3+x",
            "/api/charts/:name/:version",
        ),
        (
            0,
            "GET /api/charts/foo/1.2.3/files/a/b",
            "/api/charts/:name/:version/files/:path",
        ),
        (1, "GET /", "/"),
        (1, "GET /org1/", "/:repo"),
        (1, "GET /org1/index.yaml", "/:repo/index.yaml"),
        (
            2,
            "GET /org1/a/charts/foo-1.2.3.tgz",
            "/:repo/charts/:filename",
        ),
        (1, "GET /api/org1/charts", "/api/:repo/charts"),
        (
            1,
            "GET /api/org1/charts/foo/1.2.3",
            "/api/:repo/charts/:name/:version",
        ),
    ] {
        let route = ask(line, &rules(Depth::Fixed(depth))).expect(line);
        assert_eq!(route.template(), template, "{line}");
    }
}

#[test]
fn reading_is_pull_and_changing_is_push() {
    let rules = RouteRules {
        static_files: true,
        ..rules(Depth::Fixed(0))
    };
    for (line, action) in [
        ("GET /", Some(Action::Pull)),
        ("GET /index.yaml", Some(Action::Pull)),
        ("HEAD /charts/a.tgz", Some(Action::Pull)),
        ("GET /artifacthub-repo.yml", Some(Action::Pull)),
        ("GET /static/a", Some(Action::Pull)),
        ("GET /api/charts", Some(Action::Pull)),
        ("GET /api/charts/x/1/files/a", Some(Action::Pull)),
        ("POST /api/charts", Some(Action::Push)),
        ("POST /api/prov", Some(Action::Push)),
        ("DELETE /api/charts/x", Some(Action::Push)),
        ("DELETE /api/charts/x/1", Some(Action::Push)),
        ("GET /health", None),
        ("GET /readyz", None),
        ("GET /info", None),
        ("GET /metrics", None),
        ("OPTIONS /api/charts", None),
    ] {
        assert_eq!(ask(line, &rules).expect(line).action(), action, "{line}");
    }
}

proptest! {
    #[test]
    fn no_path_panics_or_yields_an_unsafe_tenant(path in "/(api|a|\\.\\.|charts|files|index.yaml|%2e%2e|%2F|%5C|/|[ -~]){0,8}", depth in 0usize..4) {
        for depth in [Depth::Fixed(depth), Depth::Dynamic] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
                if let Ok(Route::Index { tenant } | Route::Download { tenant, .. } | Route::UploadChart { tenant }) =
                    resolve(&method, &path, &rules(depth))
                {
                    prop_assert_eq!(Tenant::parse(tenant.as_str()), Some(tenant));
                }
            }
        }
    }
}
