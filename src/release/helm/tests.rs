//! Shell scripts stand in for Helm. A committed launcher runs them with `sh`: a file that is executed while another test
//! still writes one would be refused as busy.

use std::future::Future;
use std::task::Poll;

use tempfile::TempDir;

use super::*;
use crate::operation_kind::OperationKind;
use crate::release::operation::{Call, Proof, UninstallCall, UpgradeCall};

/// How long something that must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a script for Helm, which is Helm's home too.
struct Stage {
    home: TempDir,
    settings: HelmSettings,
}

impl Stage {
    fn new(script: &str) -> Stage {
        let home = TempDir::new().expect("a temporary directory");
        fs::write(home.path().join("helm"), script).expect("a script");
        let launcher =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src/release/helm/testdata/launcher.sh");
        let settings = HelmSettings {
            binary: home.path().join("helm"),
            home: home.path().to_owned(),
            environment: Vec::new(),
            grace: Duration::from_millis(200),
            memory_limit: None,
            gogc: None,
            launcher: Some(launcher),
        };
        Stage { home, settings }
    }

    fn helm(&self) -> Helm {
        Helm::new(self.settings.clone())
    }

    /// What the script has written to a file in its home, trimmed; empty if there is none.
    fn read(&self, name: &str) -> String {
        let text = fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
        text.trim().to_owned()
    }

    /// Waits until the script has written a whole line to a file in its home.
    async fn written(&self, name: &str) -> String {
        let path = self.home.path().join(name);
        eventually(name, || {
            fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))
        })
        .await;
        self.read(name)
    }

    async fn run(&self, call: &Operation) -> HelmOutcome {
        within(self.helm().run(call, &CancellationToken::new())).await
    }

    /// Runs the script and stops it when it has written `ready`.
    async fn run_and_stop(&self) -> HelmOutcome {
        let (helm, call, stop) = (self.helm(), uninstall(), CancellationToken::new());
        let run = helm.run(&call, &stop);
        let at_ready = async {
            self.written("ready").await;
            stop.cancel();
        };
        within(async { tokio::join!(run, at_ready).0 }).await
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it ends in time")
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let result = tokio::time::timeout(PATIENCE, poll).await;
    assert!(result.is_ok(), "it did not happen in time: {what}");
}

/// Whether a process runs; one that waits to be reaped by a stranger does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
    state.is_some_and(|state| state != "Z" && state != "X")
}

fn uninstall() -> Operation {
    Operation {
        id: "5f0c".to_owned(),
        kind: OperationKind::Uninstall,
        proof: Proof::Gone,
        call: Call::Uninstall(UninstallCall {
            wait: crate::component::Wait::Watcher,
            disable_hooks: false,
            cascade: crate::component::Cascade::Background,
            keep_history: false,
            description: None,
        }),
        release: "grafana".to_owned(),
        namespace: "monitoring".to_owned(),
        as_user: None,
        api_server: None,
        timeout: Duration::from_secs(300),
        deadline: Duration::from_secs(600),
    }
}

fn upgrade(values: Vec<u8>) -> Operation {
    Operation {
        kind: OperationKind::Upgrade,
        proof: Proof::DryRun,
        call: Call::Upgrade(UpgradeCall {
            package: "/cache/grafana-1.0.0.tgz".into(),
            values,
            wait: crate::component::Wait::Watcher,
            wait_for_jobs: false,
            disable_hooks: false,
            history_limit: 5,
            token: "op=5f0c hash=ab gen=7".to_owned(),
            hash_label: "ab".to_owned(),
            owner: None,
            take_ownership: false,
            skip_schema_validation: false,
            server_side_apply: crate::component::ServerSideApply::Enabled,
            force_replace: false,
            dry_run: None,
        }),
        ..uninstall()
    }
}

#[tokio::test]
async fn helm_gets_its_arguments_its_input_and_a_clean_environment() {
    let mut stage = Stage::new(
        r#"cat >"$HOME/input"; for word; do echo "$word"; done >"$HOME/arguments"; /usr/bin/env >"$HOME/environment""#,
    );
    stage.settings.environment = vec![("KUBECONFIG".into(), "/etc/kubeconfig".into())];
    let values = format!(r#"{{"a":"{}"}}"#, "x".repeat(300_000));
    let call = upgrade(values.clone().into_bytes());
    let outcome = stage.run(&call).await;
    assert_eq!(outcome.ending, Ending::Succeeded, "{}", outcome.stderr);
    assert_eq!(outcome.stderr, "");
    assert_eq!(stage.read("input"), values);
    let expected: Vec<String> = arguments::arguments(&call)
        .into_iter()
        .map(|argument| argument.into_string().expect("UTF-8"))
        .collect();
    assert_eq!(
        stage.read("arguments").lines().collect::<Vec<_>>(),
        expected
    );
    let environment = stage.read("environment");
    assert!(
        environment.contains("\nKUBECONFIG=/etc/kubeconfig")
            && environment.contains("HELM_NO_PLUGINS=1")
    );
    for ours in ["CARGO", "PATH="] {
        assert!(!environment.contains(ours), "{ours} in {environment}");
    }
}

#[tokio::test]
async fn a_failure_is_its_exit_code_and_its_words() {
    let stage = Stage::new("echo 'Error: release: not found' >&2; exit 3");
    let outcome = stage.run(&upgrade(b"{}".to_vec())).await;
    assert_eq!(outcome.ending, Ending::Failed(3));
    assert_eq!(outcome.stderr, "Error: release: not found\n");
    let killed = Stage::new("kill -KILL $$").run(&uninstall()).await;
    assert_eq!(killed.ending, Ending::Killed(9));
}

#[tokio::test]
async fn of_much_talk_the_end_is_kept() {
    let stage = Stage::new(
        "i=0; while [ $i -lt 20000 ]; do echo \"line $i to nobody\"; echo \"line $i\" >&2; i=$((i+1)); done; exit 1",
    );
    let outcome = stage.run(&uninstall()).await;
    assert_eq!(outcome.ending, Ending::Failed(1));
    assert!(outcome.stderr.ends_with("\nline 19999\n") && outcome.stderr.starts_with("line "));
    assert!(!outcome.stderr.contains("to nobody"));
    assert!(
        (60_000..=64 * 1024).contains(&outcome.stderr.len()),
        "{}",
        outcome.stderr.len()
    );
}

#[tokio::test]
async fn input_that_is_not_read_does_no_harm() {
    for script in ["exec <&-; exit 0", "exit 0", "head -c 1 >/dev/null; exit 0"] {
        let outcome = Stage::new(script).run(&upgrade(vec![b' '; 1 << 20])).await;
        assert_eq!(
            outcome.ending,
            Ending::Succeeded,
            "{script}: {}",
            outcome.stderr
        );
    }
}

#[tokio::test]
async fn what_does_not_end_by_its_deadline_is_ended() {
    for script in [
        "exec sleep 300",
        "trap '' TERM; while :; do sleep 0.1; done",
    ] {
        let stage = Stage::new(&format!("echo $$ >$HOME/pid; {script}"));
        let mut call = uninstall();
        call.deadline = Duration::from_secs(2);
        let outcome = stage.run(&call).await;
        assert_eq!(outcome.ending, Ending::DeadlineExceeded, "{script}");
        assert!(
            outcome.duration >= call.deadline,
            "{script}: {:?}",
            outcome.duration
        );
        assert!(!runs(&stage.read("pid")), "{script}");
    }
}

#[tokio::test]
async fn a_stop_lets_helm_write_down_what_became_of_it() {
    let stage = Stage::new(
        "trap 'echo \"Error: context canceled\" >&2; exit 1' TERM; echo >$HOME/ready; while :; do sleep 0.02; done",
    );
    let outcome = stage.run_and_stop().await;
    assert_eq!(outcome.ending, Ending::Stopped);
    assert_eq!(outcome.stderr, "Error: context canceled\n");
}

#[tokio::test]
async fn an_end_that_was_good_is_good_even_after_a_stop() {
    let stage = Stage::new("trap 'exit 0' TERM; echo >$HOME/ready; while :; do sleep 0.02; done");
    assert_eq!(stage.run_and_stop().await.ending, Ending::Succeeded);
}

#[tokio::test]
async fn whoever_stops_before_the_start_starts_nothing() {
    let stage = Stage::new("echo >$HOME/ready");
    let stop = CancellationToken::new();
    stop.cancel();
    let outcome = stage.helm().run(&uninstall(), &stop).await;
    assert_eq!(outcome.ending, Ending::Stopped);
    assert!(!stage.home.path().join("ready").exists());
}

#[tokio::test]
async fn what_helm_leaves_behind_goes_with_it() {
    let stage = Stage::new("sleep 300 & echo $! >$HOME/pid; echo 'Error: x' >&2; exit 1");
    let outcome = stage.run(&uninstall()).await;
    assert_eq!(outcome.ending, Ending::Failed(1));
    assert_eq!(outcome.stderr, "Error: x\n");
    let pid = stage.written("pid").await;
    eventually("the process that was left ends", || !runs(&pid)).await;
}

#[tokio::test]
async fn what_escapes_with_an_open_pipe_is_not_waited_for() {
    let stage = Stage::new("setsid sleep 120 & echo 'Error: x' >&2; exit 1");
    let outcome = stage.run(&uninstall()).await;
    assert_eq!(
        (outcome.ending, &*outcome.stderr),
        (Ending::Failed(1), "Error: x\n")
    );
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_ends() {
    let stage = Stage::new("echo $$ >$HOME/pid; exec sleep 300");
    let helm = stage.helm();
    let run = tokio::spawn(async move { helm.run(&uninstall(), &CancellationToken::new()).await });
    let pid = stage.written("pid").await;
    assert!(runs(&pid));
    run.abort();
    eventually("the process ends", || !runs(&pid)).await;
}

#[tokio::test]
async fn a_process_that_nobody_was_told_of_ends() {
    let stage = Stage::new("echo $$ >$HOME/pid; exec sleep 300");
    let command = launcher::command(&stage.settings, []);
    let mut start = Box::pin(child::fork::start(command));
    // it is asked for, and the answer is not looked at, whenever it comes
    let asked = std::future::poll_fn(|context| Poll::Ready(start.as_mut().poll(context)));
    let answer = asked.await;
    let pid = stage.written("pid").await;
    drop((start, answer));
    eventually("the process ends", || !runs(&pid)).await;
}

#[test]
fn a_runtime_that_ends_takes_helm_with_it() {
    let stage = Stage::new("echo $$ >$HOME/pid; exec sleep 300");
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let (first, second) = (runtime(), runtime());
    let helm = stage.helm();
    first.spawn(async move { helm.run(&uninstall(), &CancellationToken::new()).await });
    let pid = second.block_on(stage.written("pid"));
    drop(first);
    second.block_on(eventually("the process ends", || !runs(&pid)));
}

#[tokio::test]
async fn what_does_not_start_says_why() {
    let mut stage = Stage::new("exit 0");
    stage.settings.launcher = Some("/nowhere/chartroom".into());
    let outcome = stage.run(&uninstall()).await;
    let Ending::NotStarted(why) = &outcome.ending else {
        panic!("{:?}", outcome.ending);
    };
    assert!(why.contains("No such file"), "{why}");
    let outcome = Stage::new("echo 'cannot be executed' >&2; exit 127")
        .run(&uninstall())
        .await;
    assert_eq!(
        outcome.ending,
        Ending::NotStarted("cannot be executed".to_owned())
    );
}

#[tokio::test]
async fn memory_is_watched() {
    // a line of 32 MiB, which sh keeps in memory
    let stage = Stage::new("x=$(head -c 33554432 /dev/zero | tr '\\0' x); sleep 1; exit 0");
    let outcome = stage.run(&uninstall()).await;
    let peak = outcome.max_rss_bytes.expect("it was looked at");
    assert!((32 << 20..4 << 30).contains(&peak), "{peak}");
}

#[tokio::test]
async fn only_a_helm_4_that_is_known_is_used() {
    let version = async |script: &str| within(Stage::new(script).helm().version()).await;
    let ask = r#"[ "$*" = "version --template {{.Version}}" ] && printf v4.1.4"#;
    assert_eq!(version(ask).await.expect("a version"), "v4.1.4");
    let rows = [
        (
            "printf v3.18.0",
            "is Helm v3.18.0, and Helm 4.1 or a later 4 is needed",
        ),
        ("printf v5.0.0", "is Helm v5.0.0, and Helm 4.1"),
        (
            "echo hello",
            "does not say its version, is it Helm? it said \"hello\"",
        ),
        (
            "echo 'Error: unknown flag: --template' >&2; exit 1",
            "it said \"unknown flag: --template\"",
        ),
        (
            "echo 'no such file' >&2; exit 127",
            "does not start: no such file",
        ),
    ];
    for (script, expected) in rows {
        let refusal = version(script).await.expect_err(script).to_string();
        assert!(refusal.contains(expected), "{script}: {refusal}");
    }
}

#[test]
fn helm_is_found_by_name_or_on_the_path() {
    let directory = TempDir::new().expect("a temporary directory");
    let place = |name: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, "").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        path
    };
    let plain = place("plain/helm", 0o644);
    let program = place("bin/helm", 0o755);
    let other = place("bin/helm4", 0o755);
    let path = |names: &[&str]| {
        let names = names.iter().map(|name| directory.path().join(name));
        std::env::join_paths(names).expect("a search path")
    };
    let both = path(&["nowhere", "plain", "bin"]);
    assert_eq!(find(None, Some(&both)).expect("found"), program);
    assert_eq!(
        find(Some(Path::new("helm4")), Some(&both)).expect("found"),
        other
    );
    assert_eq!(find(Some(&program), None).expect("found"), program);
    let refusal = |name: Option<&Path>, path: Option<&OsStr>| {
        find(name, path).expect_err("refused").to_string()
    };
    let nowhere = "helm is not in any directory of PATH: install Helm 4, or say where it is with --helm-binary";
    assert_eq!(refusal(None, Some(&path(&["nowhere"]))), nowhere);
    assert_eq!(refusal(None, None), nowhere);
    assert_eq!(
        refusal(None, Some(OsStr::new("bin:."))),
        nowhere,
        "relative directories are not searched"
    );
    let no_program = format!("{} is not a program that may be executed", plain.display());
    assert!(refusal(None, Some(&path(&["plain"]))).starts_with(&no_program));
    assert!(refusal(Some(&plain), None).starts_with(&no_program));
    assert!(refusal(Some(directory.path()), None).contains("is not a program"));
    let missing = refusal(Some(Path::new("/nowhere/helm")), None);
    assert!(
        missing.starts_with("helm cannot be used at /nowhere/helm: No such file"),
        "{missing}"
    );
}

#[tokio::test]
async fn each_run_logs_its_start_and_its_end() {
    let stage = Stage::new("echo $$ >$HOME/pid; exit 4");
    let file = fs::File::create(stage.home.path().join("log")).expect("a log file");
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(Arc::new(file))
        .finish();
    // with one subscriber alone, another test's thread that has none may turn our lines off for all threads
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    stage.run(&upgrade(b"{}".to_vec())).await;
    let log = stage.read("log");
    let lines: Vec<&str> = log.lines().collect();
    let names = r#"operation="5f0c" action="upgrade" release="grafana" namespace="monitoring""#;
    let start = format!("Helm starts {names} pid={}", stage.read("pid"));
    let end = format!("Helm ended {names} duration_ms=");
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].ends_with(&start), "{log}");
    assert!(lines[1].contains(&end), "{log}");
    assert!(lines[1].contains("ending=failed with exit code 4"), "{log}");
}
