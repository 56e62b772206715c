use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use http::Request;
use tokio::sync::watch;

use super::*;
use crate::chart::archive::Limits;
use crate::config::{Depth, IndexFormat, Overwrite};
use crate::listener::ResponseBudget;
use crate::metrics::Metrics;
use crate::repository::store::ChartStore;
use crate::repository::{ChartRepository, Settings};
use crate::server::auth::{Action, Authorizer, BasicAuth};
use crate::server::readers::Readers;
use crate::server::request_log::RequestLog;
use crate::server::tenancy::{self, PathRules};
use crate::server::upload::slots::UploadSlots;
use crate::server::upload::{FormFields, UploadRules};
use crate::server::welcome::Welcome;
use crate::server::{Door, Site};

/// What the configuration says about routes.
#[derive(Clone, Debug)]
struct RouteRules {
    paths: PathRules,
    delete: bool,
    artifact_hub: bool,
    users: Option<BasicAuth>,
}

fn rules(depth: Depth) -> RouteRules {
    RouteRules {
        paths: PathRules {
            context_path: String::new(),
            depth,
            api: true,
            static_files: false,
            metrics: true,
        },
        delete: true,
        artifact_hub: true,
        users: None,
    }
}

/// The server with these rules over an empty storage.
struct Asked {
    door: Door,
    _storage: tempfile::TempDir,
}

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Answer {
    /// As a row of a table spells it: the route's name and its parameters, or `404`.
    spelled: String,
    /// For the metrics; empty where nothing is counted.
    label: String,
    status: StatusCode,
    /// Of a `404`.
    hint: Option<String>,
}

impl Asked {
    fn with(rules: &RouteRules) -> Self {
        let storage = tempfile::tempdir().expect("a directory");
        let store = ChartStore::local(storage.path()).expect("a storage");
        let settings = Settings {
            format: IndexFormat::Yaml,
            chart_url: String::new(),
            context_path: rules.paths.context_path.clone(),
            builtin_charts: None,
            limits: Limits::default(),
            entry_limit: None,
            index_limit: None,
            peek_from: usize::MAX,
            per_chart_limit: None,
            max_storage_objects: None,
            scan_parallelism: 1,
            timestamp_tolerance: std::time::Duration::ZERO,
            always_regenerate: false,
            statefiles: false,
            sweep: false,
            shared: false,
        };
        let state = ServerState {
            oci: None,
            repository: Arc::new(ChartRepository::new(store, settings)),
            paths: rules.paths.clone(),
            authorizer: rules
                .users
                .clone()
                .map_or(Authorizer::Open, Authorizer::Basic),
            uploads: UploadRules {
                max_size: 1,
                overwrite: Overwrite::Never,
                delete: rules.delete,
                form_fields: FormFields {
                    chart: "chart".to_owned(),
                    provenance: "prov".to_owned(),
                },
                slots: UploadSlots::new(0, 1, 0),
            },
            budget: ResponseBudget::new(0),
            readers: Readers::new(1),
            site: Site {
                cors_allow_origin: None,
                welcome: Welcome::default(),
                artifact_hub_ids: match rules.artifact_hub {
                    true => BTreeMap::from([("nobody".to_owned(), "id".to_owned())]),
                    false => BTreeMap::new(),
                },
                ready: watch::channel(true).1,
                helm: watch::channel(None).1,
                metrics: Some(Arc::new(Metrics::new())),
            },
        };
        Self {
            door: Door::new(state, RequestLog::new(false, false)),
            _storage: storage,
        }
    }

    /// A line is a method and a path.
    fn ask(&self, line: &str) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(self.answer(line))
    }

    async fn answer(&self, line: &str) -> Answer {
        let (method, path) = line
            .split_once(' ')
            .expect("a row starts with `METHOD /path`");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "x")
            .body(Body::empty());
        let not_found = |hint| Answer {
            spelled: "404".to_owned(),
            label: String::new(),
            status: StatusCode::NOT_FOUND,
            hint,
        };
        let (request, tenant) = match self.door.enter(request.expect("a request")) {
            Ok(entered) => entered,
            Err(HttpError::NotFound(refused)) => return not_found(refused.hint),
            Err(other) => panic!("{line}: {other}"),
        };
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.door.route(request).await;
        let status = response.status();
        let route = response.extensions().get::<MatchedPath>().cloned();
        let length = response
            .headers()
            .get(http::header::CONTENT_LENGTH)
            .cloned();
        let body = to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body");
        if method == Method::HEAD && length.is_some_and(|length| length == "21") {
            return not_found(None);
        }
        if body.starts_with(br#"{"error":"not found""#) {
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            return not_found(body["hint"].as_str().map(str::to_owned));
        }
        let route = route.as_ref().map_or("/metrics", MatchedPath::as_str);
        Answer {
            spelled: spell(&method, route, &tenant, &path),
            label: url_label(&method, route, &tenant).into_owned(),
            status,
            hint: None,
        }
    }
}

fn spell(method: &Method, route: &str, tenant: &Tenant, path: &str) -> String {
    let changes = *method == Method::POST || *method == Method::DELETE;
    let (name, skipped) = match (route, changes) {
        _ if *method == Method::OPTIONS => return "preflight".to_owned(),
        ("/", false) => ("welcome", 2),
        ("/info", false) => return "info".to_owned(),
        ("/health", false) => return "health".to_owned(),
        ("/readyz", false) => return "ready".to_owned(),
        ("/metrics", false) => return "metrics".to_owned(),
        ("/index.yaml", false) => ("index", 2),
        ("/charts/{filename}", false) => ("download", 2),
        ("/artifacthub-repo.yml", false) => ("artifacthub", 2),
        ("/static/{*path}", false) => {
            return format!("static {}", path.strip_prefix("/static").expect("a prefix"));
        }
        ("/api/charts", false) => ("list", 3),
        ("/api/charts/{name}", false) => ("chart", 3),
        ("/api/charts/{name}/{version}", false) => ("version", 3),
        ("/api/charts/{name}/{version}/templates", false) => ("templates", 3),
        ("/api/charts/{name}/{version}/values", false) => ("values", 3),
        ("/api/charts/{name}/{version}/files/{*path}", false) => ("file", 3),
        ("/api/charts", true) => ("upload", 3),
        ("/api/prov", true) => ("prov", 3),
        ("/api/charts/{name}", true) => ("delete-chart", 3),
        ("/api/charts/{name}/{version}", true) => ("delete", 3),
        other => panic!("an unknown route: {other:?}"),
    };
    let tenant = if tenant.is_root() {
        "-"
    } else {
        tenant.as_str()
    };
    let path = tenancy::decode(path).expect("a path");
    let mut words = vec![name, tenant];
    let parameters: Vec<&str> = path.split('/').skip(skipped).collect();
    let file = parameters.get(3..).filter(|path| !path.is_empty());
    let file = file.map(|path| path.join("/"));
    words.extend(parameters.iter().take(2));
    words.extend(file.as_deref());
    words.join(" ")
}

fn ask(line: &str, rules: &RouteRules) -> Answer {
    Asked::with(rules).ask(line)
}

fn check(rules: &RouteRules, rows: &[(&str, &str)]) {
    let asked = Asked::with(rules);
    for (line, expected) in rows {
        assert_eq!(&asked.ask(line).spelled, expected, "{line} with {rules:?}");
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
            ("GET /api/charts/x/", "version - x latest"),
            ("GET /api/charts/x/%5E0.1.0", "version - x ^0.1.0"),
            ("GET /api/charts/x%2F1.0.0", "404"),
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
    let asked = Asked::with(&rules(Depth::Fixed(0)));
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
        assert_eq!(asked.ask(line).spelled, "404", "{line}");
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
            ("GET /org1%2Findex.yaml", "404"),
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
            ("GET /api/charts/x/", "version - x latest"),
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
            let [fixed, dynamic] = [Depth::Fixed(depth), Depth::Dynamic].map(|depth| {
                let mut rules = rules(depth);
                rules.paths.context_path = context_path.to_owned();
                Asked::with(&rules)
            });
            for (method, before, after) in tails {
                let line = format!("{method} {context_path}{before}{tenant}{after}");
                let found = fixed.ask(&line);
                assert_ne!(found.spelled, "404", "{line} at depth {depth}");
                assert_eq!(found, dynamic.ask(&line), "{line}");
            }
            for path in ["/", "", "/health"] {
                let line = format!(
                    "GET {context_path}{}",
                    if context_path.is_empty() { "/" } else { path }
                );
                let found = fixed.ask(&line);
                assert_ne!(found.spelled, "404", "{line} at depth {depth}");
                assert_eq!(found, dynamic.ask(&line), "{line}");
            }
        }
    }
}

#[test]
fn the_context_path_ends_at_a_slash() {
    let mut rules = rules(Depth::Fixed(0));
    rules.paths.context_path = "/x/y".to_owned();
    check(
        &rules,
        &[
            ("GET /x/y", "welcome -"),
            ("GET /x/y/", "welcome -"),
            ("GET /x/y/index.yaml", "index -"),
            ("GET /x%2Fy/index.yaml", "404"),
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
    let hint = ask("GET /index.yaml", &rules).hint;
    assert_eq!(hint.as_deref(), Some("the repository is served under /x/y"));
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
            let found = ask(&format!("GET {path}"), &rules(depth));
            assert_eq!(found.spelled, "404", "{path} at {depth:?}");
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
        let refused = ask(line, &rules(Depth::Fixed(depth)));
        assert_eq!(refused.spelled, "404", "{line} at depth {depth}");
        assert_eq!(refused.hint.as_deref(), hint, "{line} at depth {depth}");
    }
}

#[test]
fn what_is_switched_off_is_not_found() {
    let on = rules(Depth::Fixed(0));
    let mut no_api = on.clone();
    no_api.paths.api = false;
    for line in [
        "GET /api/charts",
        "POST /api/charts",
        "GET /api/charts/x",
        "OPTIONS /api/charts",
        "DELETE /api/charts/x/1",
    ] {
        assert_ne!(ask(line, &on).spelled, "404", "{line}");
        let hint = ask(line, &no_api).hint.expect(line);
        assert!(hint.contains("--disable-api"), "{line}: {hint}");
    }
    check(
        &no_api,
        &[("GET /api/nothing", "404"), ("GET /index.yaml", "index -")],
    );

    let mut no_delete = on.clone();
    no_delete.delete = false;
    for line in ["DELETE /api/charts/x/1", "DELETE /api/charts/x"] {
        let hint = ask(line, &no_delete).hint.expect(line);
        assert!(hint.contains("--disable-delete"), "{line}: {hint}");
    }
    check(&no_delete, &[("GET /api/charts/x/1", "version - x 1")]);

    let mut no_artifact_hub = on.clone();
    no_artifact_hub.artifact_hub = false;
    check(&no_artifact_hub, &[("GET /artifacthub-repo.yml", "404")]);

    let mut no_metrics = on.clone();
    no_metrics.paths.metrics = false;
    check(&no_metrics, &[("GET /metrics", "404")]);
    no_metrics.paths.depth = Depth::Fixed(1);
    check(&no_metrics, &[("GET /metrics/index.yaml", "index metrics")]);
}

#[test]
fn static_files_keep_their_path() {
    for depth in [Depth::Fixed(0), Depth::Fixed(1), Depth::Dynamic] {
        let mut rules = rules(depth);
        rules.paths.static_files = true;
        check(
            &rules,
            &[
                ("GET /static/main.css", "static /static/main.css"),
                ("HEAD /static/a/b.js", "static /static/a/b.js"),
                ("GET /static/../secret", "static /static/../secret"),
                ("GET /static/a%20b", "static /static/a%20b"),
                ("GET /static/", "static /static/"),
                ("GET /static.css", "static /static.css"),
                ("GET /static-files/a.css", "static /static-files/a.css"),
                ("POST /static/main.css", "404"),
            ],
        );
        if depth == Depth::Fixed(1) {
            let tenant = [("GET /staticorg/index.yaml", "index staticorg")];
            check(&rules, &tenant);
        }
    }
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
        (0, "GET /api/charts/foo/", "/api/charts/:name/:version"),
        (0, "OPTIONS /api/charts/foo", "/api"),
        (1, "GET /", "/"),
        (1, "GET /org1/", "/:repo"),
        (1, "GET /org1/info", "/info"),
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
        let found = ask(line, &rules(Depth::Fixed(depth)));
        assert_eq!(found.label, template, "{line}");
    }
}

#[test]
fn reading_is_pull_and_changing_is_push() {
    let mut rules = rules(Depth::Fixed(0));
    rules.paths.static_files = true;
    let lines = [
        ("GET /", Some(Action::Pull)),
        ("GET /index.yaml", Some(Action::Pull)),
        ("HEAD /charts/a.tgz", Some(Action::Pull)),
        ("GET /artifacthub-repo.yml", Some(Action::Pull)),
        ("GET /static/a", Some(Action::Pull)),
        ("GET /api/charts", Some(Action::Pull)),
        ("GET /api/charts/x", Some(Action::Pull)),
        ("GET /api/charts/x/1", Some(Action::Pull)),
        ("GET /api/charts/x/1/templates", Some(Action::Pull)),
        ("GET /api/charts/x/1/values", Some(Action::Pull)),
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
    ];
    for anonymous_pull in [false, true] {
        rules.users = Some(BasicAuth::new("user", "pass", anonymous_pull));
        let asked = Asked::with(&rules);
        for (line, action) in lines {
            let is_denied = match action {
                None => false,
                Some(Action::Pull) => !anonymous_pull,
                Some(Action::Push) => true,
            };
            let status = asked.ask(line).status;
            assert_eq!(
                status == StatusCode::UNAUTHORIZED,
                is_denied,
                "{line}: {status}"
            );
        }
    }
}
