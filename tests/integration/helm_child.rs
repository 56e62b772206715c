//! Helm as a child process, for real: the program's own launcher, the real helm, a real API server.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use chartroom::component::conditions::Reason;
use chartroom::component::{Cascade, ServerSideApply, Wait};
use chartroom::operation_kind::OperationKind;
use chartroom::release::helm::{
    Ending, Failure, FailureClass, Helm, HelmOutcome, HelmSettings, judge,
};
use chartroom::release::operation::{
    Call, Operation, Proof, RollbackCall, UninstallCall, UpgradeCall,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::chart_builder::ChartBuilder;
use crate::support::control_plane::ControlPlane;
use crate::support::helm::HELM;
use crate::support::kubectl::Kubectl;
use crate::support::process::{self, Finished};
use crate::support::server;
use crate::support::tools;

const DEADLINE: Duration = Duration::from_secs(30);
const HASH: &str = "0123456789012345678901234567890123456789";

/// Helm with a home of its own, and charts in it.
struct Stage {
    home: TempDir,
    helm: Helm,
    namespace: String,
}

impl Stage {
    fn new(version: &str, kubeconfig: &Path, namespace: &str) -> Stage {
        let home = TempDir::new().expect("a temporary directory");
        let helm = Helm::new(HelmSettings {
            binary: tools::helm(version),
            home: home.path().join("home"),
            environment: vec![("KUBECONFIG".into(), kubeconfig.into())],
            grace: Duration::from_secs(30),
            memory_limit: Some(100 << 20),
            gogc: Some(50),
            launcher: Some(server::binary()),
        });
        Stage {
            home,
            helm,
            namespace: namespace.to_owned(),
        }
    }

    fn package(&self, chart: &ChartBuilder) -> PathBuf {
        let path = self.home.path().join(chart.file_name());
        fs::write(&path, chart.package()).expect("a package");
        path
    }

    fn call(&self, release: &str, action: Call) -> Operation {
        Operation {
            id: "5f0c".to_owned(),
            kind: OperationKind::Upgrade,
            call: action,
            proof: Proof::DryRun,
            release: release.to_owned(),
            namespace: self.namespace.clone(),
            as_user: None,
            api_server: None,
            timeout: Duration::from_secs(120),
            deadline: Duration::from_secs(240),
        }
    }

    fn upgrade(&self, release: &str, chart: &ChartBuilder, values: &str) -> Operation {
        let upgrade = UpgradeCall {
            package: self.package(chart),
            values: values.as_bytes().to_vec(),
            wait: Wait::Watcher,
            wait_for_jobs: false,
            disable_hooks: false,
            history_limit: 5,
            token: format!("op=5f0c hash={HASH} gen=7"),
            hash_label: HASH.to_owned(),
            owner: Some("shop.web".to_owned()),
            take_ownership: false,
            skip_schema_validation: false,
            server_side_apply: ServerSideApply::Enabled,
            force_replace: false,
            dry_run: None,
        };
        self.call(release, Call::Upgrade(upgrade))
    }

    async fn run(&self, call: &Operation) -> HelmOutcome {
        self.helm.run(call, &CancellationToken::new()).await
    }

    async fn ok(&self, call: &Operation) -> HelmOutcome {
        let outcome = self.run(call).await;
        assert_eq!(outcome.ending, Ending::Succeeded, "{}", outcome.stderr);
        outcome
    }

    async fn fails(&self, action: OperationKind, call: &Operation) -> Failure {
        judge(action, &self.run(call).await).expect("a failure")
    }
}

/// A chart whose one Deployment is never ready where there is no controller manager.
fn never_ready() -> ChartBuilder {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: '{{ .Release.Name }}'}\nspec:\n  \
        selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    \
        spec: {containers: [{name: c, image: 'example/image:1'}]}\n";
    ChartBuilder::new("slow", "1.0.0").file("templates/deployment.yaml", deployment)
}

fn secret(kubectl: &Kubectl, release: &str, revision: u32) -> Value {
    let name = format!("sh.helm.release.v1.{release}.v{revision}");
    kubectl.json(&["get", "secret", &name])
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_installs_upgrades_rolls_back_and_uninstalls() {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let stage = Stage::new(HELM, &plane.kubeconfig(), kubectl.namespace());
    assert_eq!(
        stage.helm.version().await.expect("a version"),
        format!("v{HELM}")
    );
    let chart = ChartBuilder::new("web", "1.0.0");
    let greeting = || kubectl.json(&["get", "configmap", "one-web"])["data"]["greeting"].clone();

    let outcome = stage
        .ok(&stage.upgrade("one", &chart, r#"{"greeting":"from stdin"}"#))
        .await;
    assert_eq!(greeting(), "from stdin");
    assert!(
        outcome.max_rss_bytes.is_some_and(|bytes| bytes > 10 << 20),
        "{outcome:?}"
    );
    let labels = &secret(&kubectl, "one", 1)["metadata"]["labels"];
    assert_eq!(labels["ext.theriseunion.io/op"], "5f0c");
    assert_eq!(labels["ext.theriseunion.io/hash"], HASH);
    assert_eq!(labels["status"], "deployed");

    // an empty document means no values, not those of before
    stage.ok(&stage.upgrade("one", &chart, "{}")).await;
    assert_eq!(greeting(), "hello");
    // neither kind of replacement gets in the way of the next call
    let mut replace = stage.upgrade("one", &chart, r#"{"greeting":"replaced"}"#);
    if let Call::Upgrade(upgrade) = &mut replace.call {
        upgrade.force_replace = true;
    }
    stage.ok(&replace).await;
    assert_eq!(greeting(), "replaced");
    stage
        .ok(&stage.upgrade("one", &chart, r#"{"greeting":"patched"}"#))
        .await;
    assert_eq!(greeting(), "patched");

    let rollback = |revision| {
        Call::Rollback(RollbackCall {
            revision,
            wait: Wait::Watcher,
            wait_for_jobs: false,
            disable_hooks: false,
            history_limit: 5,
            server_side_apply: ServerSideApply::Enabled,
        })
    };
    stage.ok(&stage.call("one", rollback(1))).await;
    assert_eq!(greeting(), "from stdin");
    let missing = stage
        .fails(OperationKind::Rollback, &stage.call("one", rollback(99)))
        .await;
    assert_eq!(
        missing.class,
        FailureClass::DecideAgain,
        "{}",
        missing.message
    );

    let uninstall = Call::Uninstall(UninstallCall {
        wait: Wait::Watcher,
        disable_hooks: false,
        cascade: Cascade::Foreground,
        keep_history: false,
        description: Some("op=5f0d".to_owned()),
    });
    let background = Call::Uninstall(UninstallCall {
        wait: Wait::HookOnly,
        disable_hooks: true,
        cascade: Cascade::Background,
        keep_history: true,
        description: None,
    });
    stage.ok(&stage.call("one", background)).await;
    kubectl.run(&["get", "configmap", "one-web"], "").failed();
    assert_eq!(
        secret(&kubectl, "one", 5)["metadata"]["labels"]["status"],
        "uninstalled"
    );
    // what is gone is gone
    stage.ok(&stage.call("nobody", uninstall.clone())).await;
    let again = stage.run(&stage.call("one", uninstall)).await;
    assert_eq!(
        judge(OperationKind::Uninstall, &again),
        None,
        "{}",
        again.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_helm_says_is_understood() {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let stage = Stage::new(HELM, &plane.kubeconfig(), kubectl.namespace());
    let chart = |name: &str| ChartBuilder::new(name, "1.0.0");
    let schema = r#"{"type":"object","properties":{"port":{"type":"integer"}}}"#;
    let (schema, values) = (
        chart("a").file("values.schema.json", schema),
        r#"{"port":"x"}"#,
    );
    let kube = chart("b").more_yaml("kubeVersion: '>=1.99'");
    let required = chart("c").file("templates/x.yaml", "{{ required \"say a\" .Values.a }}");
    let template = chart("d").file("templates/x.yaml", "{{ .Values.a.b.c }}");
    let crd = chart("e").file(
        "templates/x.yaml",
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: x}\n",
    );
    let rows = [
        (
            &schema,
            values,
            FailureClass::Terminal,
            Reason::SchemaInvalid,
            "got string, want integer",
        ),
        (
            &kube,
            "{}",
            FailureClass::Terminal,
            Reason::KubeVersionMismatch,
            ">=1.99",
        ),
        (
            &required,
            "{}",
            FailureClass::Terminal,
            Reason::ValuesError,
            "say a",
        ),
        (
            &template,
            "{}",
            FailureClass::Terminal,
            Reason::ChartInvalid,
            "nil pointer",
        ),
        (
            &crd,
            "{}",
            FailureClass::Attempt,
            Reason::MissingCRDs,
            "ServiceMonitor (monitoring.coreos.com/v1)",
        ),
    ];
    for (chart, values, class, reason, said) in rows {
        let failure = stage
            .fails(OperationKind::Install, &stage.upgrade("bad", chart, values))
            .await;
        assert_eq!(
            (failure.class, failure.reason),
            (class, reason),
            "{}",
            failure.message
        );
        assert!(failure.message.contains(said), "{}", failure.message);
    }
    let mut slow = stage.upgrade("slow", &never_ready(), "{}");
    slow.timeout = Duration::from_secs(2);
    let failure = stage.fails(OperationKind::Install, &slow).await;
    assert_eq!(
        (failure.class, failure.reason),
        (FailureClass::Attempt, Reason::Timeout)
    );
    let object = format!("Deployment/{}/slow", kubectl.namespace());
    assert!(failure.message.contains(&object), "{}", failure.message);

    let mut foreign = stage.upgrade("other", &chart("f"), "{}");
    foreign.as_user = Some(format!(
        "system:serviceaccount:{}:nobody",
        kubectl.namespace()
    ));
    let failure = stage.fails(OperationKind::Install, &foreign).await;
    assert_eq!(
        (failure.class, failure.reason),
        (FailureClass::Attempt, Reason::Forbidden)
    );
    assert!(failure.message.contains(":nobody"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_install_is_recorded_as_failed() {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let stage = Stage::new(HELM, &plane.kubeconfig(), kubectl.namespace());
    let call = stage.upgrade("slow", &never_ready(), "{}");
    let stop = CancellationToken::new();
    let at_install = async {
        let kubectl = plane.kubectl(kubectl.namespace());
        let seen = tokio::task::spawn_blocking(move || {
            kubectl.eventually(&["get", "deployments", "--output=name"], |names| {
                names.contains("slow")
            });
        });
        seen.await.expect("the Deployment is made");
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(stage.helm.run(&call, &stop), at_install);
    assert_eq!(outcome.ending, Ending::Stopped);
    assert!(
        outcome.stderr.contains("context canceled"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.duration < Duration::from_secs(100),
        "it did not wait: {outcome:?}"
    );
    assert_eq!(
        secret(&kubectl, "slow", 1)["metadata"]["labels"]["status"],
        "failed"
    );
}

#[tokio::test]
async fn without_a_cluster_helm_is_transiently_unable() {
    let home = TempDir::new().expect("a temporary directory");
    let kubeconfig = home.path().join("kubeconfig");
    // nobody listens on port 1
    fs::write(
        &kubeconfig,
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n\
         users: [{name: u, user: {token: t}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n",
    )
    .expect("a kubeconfig");
    let stage = Stage::new(HELM, &kubeconfig, "default");
    let call = stage.upgrade("web", &ChartBuilder::new("web", "1.0.0"), "{}");
    let failure = stage.fails(OperationKind::Install, &call).await;
    assert_eq!(
        (failure.class, failure.reason),
        (FailureClass::Transient, Reason::ClusterUnreachable)
    );
}

#[tokio::test]
async fn helm_3_is_refused_by_name() {
    let stage = Stage::new("3.18.0", Path::new("/nowhere"), "default");
    let refusal = stage
        .helm
        .version()
        .await
        .expect_err("it is too old")
        .to_string();
    assert!(
        refusal.contains("is Helm v3.18.0, and Helm 4.1 or a later 4 is needed"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_helm_that_is_not_there_was_not_started() {
    let home = TempDir::new().expect("a temporary directory");
    let helm = Helm::new(HelmSettings {
        binary: "/nowhere/helm".into(),
        home: home.path().to_owned(),
        environment: Vec::new(),
        grace: Duration::from_secs(1),
        memory_limit: None,
        gogc: None,
        launcher: Some(server::binary()),
    });
    let refusal = helm
        .version()
        .await
        .expect_err("it is not there")
        .to_string();
    assert!(
        refusal.starts_with("/nowhere/helm does not start: /nowhere/helm cannot be executed"),
        "{refusal}"
    );
}

#[test]
fn the_launcher_is_not_for_people() {
    let directory = TempDir::new().expect("a temporary directory");
    let launch = |arguments: &[&str]| server::chartroom(arguments, directory.path()).failed();
    let refused = |finished: Finished, words: &str| {
        assert_eq!(finished.code(), Some(127));
        assert!(finished.stderr().contains(words), "{finished}");
    };
    refused(launch(&["exec-helm"]), "it is not for people to use");
    refused(
        launch(&["exec-helm", "1", "/bin/true"]),
        "its parent has ended",
    );
}

#[test]
fn helm_ends_when_its_parent_dies() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(
        path("helm"),
        "trap 'echo >ended; exit 1' TERM; echo $$ >pid; while :; do sleep 0.02; done",
    )
    .expect("a script");
    // a parent that starts the launcher as the controller does, and waits
    let mut parent = Command::new("sh");
    parent
        .args(["-c", "\"$0\" exec-helm $$ /bin/sh helm & wait"])
        .arg(server::binary())
        .current_dir(directory.path())
        .stdin(Stdio::null());
    let mut parent = parent.spawn().expect("sh runs");
    await_file(&path("pid"));
    assert!(!path("ended").exists());
    parent.kill().expect("it still runs");
    let status = parent.wait().expect("it can be waited for");
    assert_eq!(status.signal(), Some(9));
    await_file(&path("ended"));
}

fn await_file(path: &Path) {
    let end = Instant::now() + DEADLINE;
    while !fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n')) {
        assert!(
            Instant::now() < end,
            "nobody has written {}",
            path.display()
        );
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_launcher_leaves_the_other_arguments_alone() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut command = Command::new(server::binary());
    command.arg("--version").current_dir(directory.path());
    process::run(command, b"", DEADLINE).succeeded();
}
