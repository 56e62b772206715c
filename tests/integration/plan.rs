//! `chartroom plan` as its user sees it: manifests and charts in, the printed plan and the exit code out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::chart_builder::ChartBuilder;
use crate::support::process::{self, Finished};
use crate::support::server::{self, TestServer};
use crate::support::tls::TestCa;

/// A directory with `charts/` and `components.yaml`.
struct World {
    directory: TempDir,
}

impl World {
    /// Charts as `grafana 7.0.1` with the text of their annotation, and Components with the YAML of their spec.
    fn new(charts: &[(&str, &str)], components: &[(&str, &str)]) -> World {
        let directory = TempDir::new().expect("a temporary directory");
        fs::create_dir(directory.path().join("charts")).expect("a writable directory");
        let world = World { directory };
        for (chart, requires) in charts {
            let file = world
                .path()
                .join("charts")
                .join(chart.replace(' ', "-") + ".tgz");
            fs::write(file, package(chart, requires)).expect("a writable directory");
        }
        let manifests: String = (components.iter())
            .map(|(name, spec)| manifest(name, spec))
            .collect();
        world.write("components.yaml", &manifests);
        world
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a writable directory");
    }

    #[track_caller]
    fn plan(&self, arguments: &[&str]) -> Finished {
        server::chartroom(&[&["plan"], arguments].concat(), self.path())
    }

    /// The plan of `components.yaml` with the charts of the world.
    #[track_caller]
    fn plan_all(&self) -> Finished {
        self.plan(&["components.yaml", "--storage-local-rootdir=charts"])
    }
}

fn package(chart: &str, requires: &str) -> Vec<u8> {
    let (name, version) = chart.split_once(' ').expect("a name and a version");
    let annotation = format!("annotations:\n  ext.theriseunion.io/requires: {requires:?}");
    ChartBuilder::new(name, version)
        .more_yaml(&annotation)
        .package()
}

fn manifest(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

/// What stands on standard output is exactly this (without the indentation of the test).
#[track_caller]
fn assert_prints(finished: &Finished, expected: &str) {
    let lines = expected
        .strip_prefix('\n')
        .expect("a line end first")
        .lines();
    let expected: String = lines
        .map(|line| {
            line.strip_prefix("        ")
                .unwrap_or(line.trim_start())
                .to_owned()
                + "\n"
        })
        .collect();
    let expected = expected.trim_end().to_owned() + "\n";
    let stdout = finished.stdout();
    assert!(stdout == expected, "expected\n{expected}\n{finished}");
}

#[test]
fn grafana_brings_prometheus_and_comes_after_it() {
    let world = World::new(
        &[
            (
                "grafana 7.0.1",
                "[prometheus ^25, {name: loki, version: '>=2', optional: true}]",
            ),
            ("prometheus 25.8.2", "[{name: node-exporter}]"),
            ("prometheus 26.0.0", ""),
            ("node-exporter 1.2.0", "[]"),
        ],
        &[("grafana", "{enabled: true}")],
    );
    let plan = world.plan_all().succeeded();
    assert_prints(
        &plan,
        "
        Install order: 3 Components in 3 steps
        STEP  NO  COMPONENT      CHART          VERSION
        1     1   node-exporter  node-exporter  1.2.0    added for prometheus
        2     2   prometheus     prometheus     25.8.2   added for grafana (^25)
        3     3   grafana        grafana        7.0.1

        Tree
        grafana 7.0.1  #3
        ├─ prometheus 25.8.2 (^25)  #2 added
        │  └─ node-exporter 1.2.0  #1 added
        └─ loki (>=2, optional)  not there
        ",
    );
    assert_eq!(plan.stderr(), "");
}

#[test]
fn the_ranges_of_a_diamond_meet_in_one_version() {
    let world = World::new(
        &[
            ("top 1.0.0", "[left, right]"),
            ("left 1.0.0", "[base >=1.2]"),
            ("right 1.0.0", "[base <2]"),
            ("base 1.0.0", "[]"),
            ("base 1.5.0", "[]"),
            ("base 2.0.0", "[]"),
        ],
        &[("top", "{}")],
    );
    assert_prints(
        &world.plan_all().succeeded(),
        "
        Install order: 4 Components in 3 steps
        STEP  NO  COMPONENT  CHART  VERSION
        1     1   base       base   1.5.0    added for left (>=1.2), right (<2)
        2     2   left       left   1.0.0    added for top
        2     3   right      right  1.0.0    added for top
        3     4   top        top    1.0.0

        Tree
        top 1.0.0  #4
        ├─ left 1.0.0  #2 added
        │  └─ base 1.5.0 (>=1.2)  #1 added
        └─ right 1.0.0  #3 added
           └─ base 1.5.0 (<2)  #1 added
        ",
    );
}

#[test]
fn a_cycle_is_printed_with_its_path_and_the_rest_still_planned() {
    let world = World::new(
        &[
            ("a 1.0.0", "[b]"),
            ("b 1.0.0", "[c]"),
            ("c 1.0.0", "[a]"),
            ("d 1.0.0", "[a]"),
            ("e 1.0.0", ""),
        ],
        &[
            ("a", "{}"),
            ("b", "{}"),
            ("c", "{}"),
            ("d", "{}"),
            ("e", "{}"),
        ],
    );
    let plan = world.plan_all().failed();
    assert_prints(
        &plan,
        "
        Install order: 1 Component in 1 step
        STEP  NO  COMPONENT  CHART  VERSION
        1     1   e          e      1.0.0

        Tree
        d 1.0.0  waits for a, b, c
        └─ a 1.0.0  DependencyCycle
           └─ b 1.0.0  DependencyCycle
              └─ c 1.0.0  DependencyCycle
                 └─ a 1.0.0  DependencyCycle, see above
        e 1.0.0  #1

        Problems
          DependencyCycle: a → b → c → a
            remove one of these dependencies, or make it optional
        ",
    );
    assert_eq!(plan.code(), Some(1));
    assert_eq!(
        plan.stderr(),
        "chartroom: the plan does not work: there is a problem, see above\n"
    );
}

#[test]
fn requirers_that_cannot_agree_on_a_version_are_both_named() {
    let world = World::new(
        &[
            ("a 1.0.0", "[lib ^1]"),
            ("b 1.0.0", "[lib >=2]"),
            ("lib 1.5.0", ""),
            ("lib 2.1.0", ""),
        ],
        &[("a", "{}"), ("b", "{}")],
    );
    assert_prints(
        &world.plan_all().failed(),
        "
        Nothing can be installed.

        Tree
        a 1.0.0  waits for lib
        └─ lib (^1)  DependencyVersionConflict
        b 1.0.0  waits for lib
        └─ lib (>=2)  DependencyVersionConflict

        Problems
          DependencyVersionConflict: a wants lib ^1 and b wants lib >=2: no version is good for all, there are 2.1.0, 1.5.0
            change the version of one of them, or upload one of the chart that all accept
        ",
    );
}

#[test]
fn what_is_missing_mismatched_or_disabled_is_told_with_what_to_do() {
    let world = World::new(
        &[
            ("a 1.0.0", "[loki >=2]"),
            ("b 1.0.0", "[old ^1]"),
            ("c 1.0.0", ""),
            ("old 1.0.0", ""),
            ("old 2.0.0", ""),
        ],
        &[
            ("a", "{}"),
            ("b", "{}"),
            ("c", "{dependsOn: [{name: idle}]}"),
            ("idle", "{enabled: false}"),
            ("old", "{version: latest}"),
        ],
    );
    assert_prints(
        &world.plan_all().failed(),
        "
        Install order: 1 Component in 1 step
        STEP  NO  COMPONENT  CHART  VERSION
        1     1   old        old    2.0.0

        Tree
        a 1.0.0  waits for loki
        └─ loki (>=2)  ChartNotFound
        b 1.0.0  DependencyVersionMismatch
        └─ old 2.0.0 (^1)  #1
        c 1.0.0  DependencyDisabled
        └─ idle  disabled

        Problems
          DependencyVersionMismatch: b wants old ^1, but old is 2.0.0 (by its spec.version \"latest\")
            set spec.version of old to 1.0.0, which is good for all who require it
          DependencyDisabled: c requires idle, which has enabled: false
            set spec.enabled of idle to true, or that of c to false
          ChartNotFound: loki is required by a (>=2); it needs the chart loki, which no source has
            upload the chart loki, or name the source that has it
        ",
    );
}

#[test]
fn without_charts_the_order_is_planned_and_versions_stay_open() {
    let world = World::new(
        &[],
        &[("a", "{dependsOn: [{name: b}]}"), ("b", "{version: 1.0.0}")],
    );
    assert_prints(
        &world.plan(&["components.yaml"]).succeeded(),
        "
        Install order: 2 Components in 2 steps
        STEP  NO  COMPONENT  CHART  VERSION
        1     1   b          b      1.0.0
        2     2   a          a      ?

        Tree
        a  #2
        └─ b 1.0.0  #1

        Notes
          no charts are given: versions are open and what charts require is not known; name charts with --repository, --builtin-charts or --storage-local-rootdir
        ",
    );
}

#[test]
fn json_is_the_same_plan_for_scripts() {
    let world = World::new(
        &[("a 1.0.0", "[b ^1]"), ("b 1.1.0", "")],
        &[("a", "{}"), ("c", "{dependsOn: [{name: nobody}]}")],
    );
    let plan = world.plan(&[
        "-o",
        "json",
        "components.yaml",
        "--storage-local-rootdir=charts",
    ]);
    assert_eq!(plan.code(), Some(1));
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("JSON");
    assert_eq!(plan["works"], false);
    assert_eq!(
        plan["steps"],
        serde_json::json!([["default/b"], ["default/a"]])
    );
    let components = plan["components"].as_array().expect("a list");
    let b = &components[1];
    assert_eq!((&b["name"], &b["version"]), (&"b".into(), &"1.1.0".into()));
    assert_eq!((&b["added"], &b["step"]), (&true.into(), &1.into()));
    assert_eq!(b["requiredBy"], serde_json::json!(["default/a"]));
    let reasons: Vec<&Value> = (plan["problems"].as_array().expect("a list").iter())
        .map(|problem| &problem["reason"])
        .collect();
    assert_eq!(reasons, ["ChartNotFound", "ChartNotFound"]);
}

#[tokio::test]
async fn charts_come_from_a_repository_by_http() {
    let server = TestServer::start(&["--basic-auth-user=me", "--basic-auth-pass=p@ss"]);
    let world = World::new(&[], &[("a", "{}")]);
    let http = server.http().with_basic_auth("me", "p@ss");
    for (chart, requires) in [("a 1.0.0", "[b]"), ("b 2.0.0", "")] {
        http.post("/api/charts", package(chart, requires))
            .await
            .expect(201);
    }
    let url = format!("http://me:p%40ss@{}", server.address());
    let plan = world
        .plan(&["components.yaml", "--repository", &url, "-o=json"])
        .succeeded();
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("JSON");
    assert_eq!(
        plan["steps"],
        serde_json::json!([["default/b"], ["default/a"]])
    );
    let refused = world
        .plan(&["components.yaml", "--repository", &server.url()])
        .failed();
    let expected = format!(
        "chartroom: cannot read the index of {}: it answers 401 Unauthorized; it wants credentials: write \
         http://USER:PASSWORD@HOST\n",
        server.url()
    );
    assert_eq!(refused.stderr(), expected);
    assert_eq!(refused.stdout(), "");
}

#[tokio::test]
async fn charts_come_from_a_repository_by_https() {
    let ca = TestCa::new();
    let world = World::new(&[], &[("a", "{}")]);
    fs::copy(ca.ca_cert(), world.path().join("ca.pem")).expect("a writable directory");
    let server = TestServer::options().tls(ca).start();
    (server
        .http()
        .post("/api/charts", package("a 1.0.0", ""))
        .await)
        .expect(201);
    let plan = |ca_file: Option<&str>| {
        let mut command = Command::new(server::binary());
        command.env_clear().current_dir(world.path());
        command.envs(ca_file.map(|file| ("SSL_CERT_FILE", world.path().join(file))));
        command.args(["plan", "components.yaml", "--repository", &server.url()]);
        process::run(command, b"", Duration::from_secs(60))
    };
    let planned = plan(Some("ca.pem")).succeeded().stdout();
    assert!(planned.contains("1.0.0"), "{planned}");
    // nobody here trusts the test's authority
    let refused = plan(None).failed().stderr();
    assert!(
        refused.contains(&format!("cannot read the index of {}: ", server.url())),
        "{refused}"
    );
}

#[test]
fn directories_lists_and_standard_input_are_read_and_chart_directories_too() {
    let world = World::new(&[], &[]);
    fs::create_dir(world.path().join("manifests")).expect("a writable directory");
    world.write(
        "manifests/1.yaml",
        &manifest("a", "{dependsOn: [{name: b}]}"),
    );
    world.write(
        "manifests/2.json",
        r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"ext.theriseunion.io/v1alpha1","kind":"Component",
           "metadata":{"name":"b"},"spec":{"enabled":true}}]}"#,
    );
    world.write("manifests/README.md", "not a manifest");
    let charts = world.path().join("built-in");
    for name in ["a", "b", "c"] {
        ChartBuilder::new(name, "1.0.0").write_directory(&charts);
    }
    let mut command = Command::new(server::binary());
    command.env_clear().current_dir(world.path());
    command.args([
        "plan",
        "manifests",
        "-",
        "--builtin-charts=built-in",
        "-o=json",
    ]);
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    let input = format!("{deployment}{}", manifest("c", "{dependsOn: [{name: a}]}"));
    let plan = process::run(command, input.as_bytes(), Duration::from_secs(30)).succeeded();
    let plan: Value = serde_json::from_slice(&plan.stdout).expect("JSON");
    assert_eq!(
        plan["steps"],
        serde_json::json!([["default/b"], ["default/a"], ["default/c"]])
    );
    assert_eq!(
        plan["notes"],
        serde_json::json!(["standard input: Deployment web is not a Component and is left out"])
    );
}

#[test]
fn what_cannot_be_read_is_said_with_what_to_do() {
    let world = World::new(&[], &[("a", "{version: 1.10}")]);
    world.write("empty.yaml", "# nothing\n");
    fs::create_dir(world.path().join("nothing")).expect("a writable directory");
    for (arguments, message) in [
        (
            &["components.yaml"][..],
            "components.yaml: document 1: spec.version must be a text: put it in quotes",
        ),
        (
            &["absent.yaml"],
            "cannot read absent.yaml: No such file or directory (os error 2)",
        ),
        (&["nothing"], "nothing has no .yaml, .yml or .json file"),
        (
            &["empty.yaml"],
            "there is no Component in empty.yaml; its apiVersion is ext.theriseunion.io/v1alpha1",
        ),
        (
            &[],
            "plan needs a manifest; write chartroom plan [--repository URL] FILE…, or - for standard input",
        ),
    ] {
        let refused = world.plan(arguments).failed();
        assert_eq!(refused.code(), Some(1));
        assert_eq!(
            refused.stderr(),
            format!("chartroom: {message}\n"),
            "{arguments:?}"
        );
    }
    world.write("good.yaml", &manifest("a", "{}"));
    for (arguments, message) in [
        (
            &["good.yaml", "--builtin-charts=absent"][..],
            "cannot read the charts in absent: No such file or directory (os error 2)",
        ),
        (
            &["good.yaml", "--repository=oci://room/charts"],
            "cannot read the index of oci://room/charts: oci:// registries are not supported; ",
        ),
        (
            &["good.yaml", "--repository=https://127.0.0.1:1"],
            "cannot read the index of https://127.0.0.1:1: cannot connect to ",
        ),
        (
            &["good.yaml", "--repository=room"],
            "cannot read the index of room: it is not an address; write http://HOST:PORT or https://HOST/PATH",
        ),
    ] {
        let stderr = world.plan(arguments).failed().stderr();
        assert!(
            stderr.starts_with(&format!("chartroom: {message}")),
            "{stderr}"
        );
    }
}

#[tokio::test]
async fn https_to_a_port_that_speaks_http_is_told_on_both_sides() {
    let server = TestServer::start(&[]);
    let world = World::new(&[], &[("a", "{}")]);
    let url = format!("https://{}", server.address());
    for _ in 0..2 {
        let refused = world
            .plan(&["components.yaml", "--repository", &url])
            .failed();
        assert_eq!(
            refused.stderr(),
            format!(
                "chartroom: cannot read the index of {url}: {url}/index.yaml does not speak HTTPS; write http:// if that \
                 is what is served there\n"
            )
        );
    }
    let told = "A client speaks HTTPS to this port, which serves HTTP";
    server
        .eventually("it is told", || async { server.log().contains(told) })
        .await;
    assert_eq!(server.log().matches(told).count(), 1, "once is enough");
    server.http().get("/health").await.expect(200);
    assert_eq!(server.log().matches(told).count(), 1);
}

#[test]
fn a_directory_of_charts_without_any_is_noted() {
    let world = World::new(&[], &[("a", "{enabled: false}")]);
    let plan = world.plan_all().succeeded().stdout();
    let note = "charts has no chart: name a directory that holds chart directories or packages";
    assert!(plan.contains(note), "{plan}");
}
