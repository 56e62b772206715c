use std::time::Duration;

use super::*;
use crate::component::ServerSideApply;
use crate::operation_kind::OperationKind;
use crate::release::operation::Proof;

fn upgrade() -> UpgradeCall {
    UpgradeCall {
        package: "/cache/grafana-1.0.0.tgz".into(),
        values: br#"{"a":1}"#.to_vec(),
        wait: Wait::Watcher,
        wait_for_jobs: false,
        disable_hooks: false,
        history_limit: 5,
        token: "op=5f0c hash=ab gen=7".to_owned(),
        hash_label: "ab".repeat(20),
        owner: Some("shop.web".to_owned()),
        take_ownership: false,
        skip_schema_validation: false,
        server_side_apply: ServerSideApply::Enabled,
        force_replace: false,
        dry_run: None,
    }
}

fn rollback() -> RollbackCall {
    RollbackCall {
        revision: 3,
        wait: Wait::Watcher,
        wait_for_jobs: false,
        disable_hooks: false,
        history_limit: 5,
        server_side_apply: ServerSideApply::Enabled,
    }
}

fn uninstall() -> UninstallCall {
    UninstallCall {
        wait: Wait::Watcher,
        disable_hooks: false,
        cascade: Cascade::Background,
        keep_history: false,
        description: None,
    }
}

fn call(action: Call) -> Operation {
    Operation {
        id: "5f0c".to_owned(),
        kind: OperationKind::Upgrade,
        call: action,
        proof: Proof::DryRun,
        release: "grafana".to_owned(),
        namespace: "monitoring".to_owned(),
        as_user: None,
        api_server: None,
        timeout: Duration::from_secs(300),
        deadline: Duration::from_secs(900),
    }
}

/// The command line, one argument a line.
fn lines(call: &Operation) -> String {
    let arguments = arguments(call);
    let lines: Vec<&str> = arguments
        .iter()
        .map(|argument| argument.to_str().expect("UTF-8"))
        .collect();
    lines.join("\n")
}

#[test]
fn an_install_or_upgrade_resets_values_and_is_server_side() {
    let expected = "upgrade\ngrafana\n/cache/grafana-1.0.0.tgz\n--install\n--values=-\n--reset-values\n\
        --server-side=true\n--force-conflicts\n--skip-crds\n--history-max=5\n--wait=watcher\n\
        --labels=ext.theriseunion.io/op=5f0c,ext.theriseunion.io/hash=abababababababababababababababababababab,ext.theriseunion.io/owner=shop.web\n\
        --description=op=5f0c hash=ab gen=7\n--namespace=monitoring\n--timeout=300s";
    assert_eq!(lines(&call(Call::Upgrade(upgrade()))), expected);
}

#[test]
fn an_upgrade_says_all_that_is_asked_of_it() {
    let mut asked = call(Call::Upgrade(UpgradeCall {
        wait: Wait::HookOnly,
        wait_for_jobs: true,
        disable_hooks: true,
        history_limit: 0,
        take_ownership: true,
        skip_schema_validation: true,
        force_replace: true,
        ..upgrade()
    }));
    asked.as_user = Some("system:serviceaccount:edge:installer".to_owned());
    asked.timeout = Duration::from_millis(1500);
    let expected = "upgrade\ngrafana\n/cache/grafana-1.0.0.tgz\n--install\n--values=-\n--reset-values\n\
        --server-side=false\n--force-replace\n--skip-crds\n--history-max=0\n--wait=hookOnly\n--wait-for-jobs\n\
        --no-hooks\n--skip-schema-validation\n--take-ownership\n\
        --labels=ext.theriseunion.io/op=5f0c,ext.theriseunion.io/hash=abababababababababababababababababababab,ext.theriseunion.io/owner=shop.web\n\
        --description=op=5f0c hash=ab gen=7\n--namespace=monitoring\n--timeout=1500ms\n\
        --kube-as-user=system:serviceaccount:edge:installer";
    assert_eq!(lines(&asked), expected);
}

#[test]
fn a_dry_run_asks_the_server_and_prints_no_secrets() {
    let tried = lines(&call(Call::Upgrade(UpgradeCall {
        dry_run: Some(DryRun::Tried),
        ..upgrade()
    })));
    assert!(
        tried.contains("\n--dry-run=server\n--hide-secret\n"),
        "{tried}"
    );
}

#[test]
fn a_rollback_has_no_description_and_no_labels() {
    let expected = "rollback\ngrafana\n3\n--server-side=true\n--force-conflicts\n--history-max=5\n--wait=watcher\n\
        --namespace=monitoring\n--timeout=300s";
    assert_eq!(lines(&call(Call::Rollback(rollback()))), expected);
    let asked = call(Call::Rollback(RollbackCall {
        wait: Wait::Legacy,
        wait_for_jobs: true,
        disable_hooks: true,
        ..rollback()
    }));
    let expected = "rollback\ngrafana\n3\n--server-side=true\n--force-conflicts\n--history-max=5\n--wait=legacy\n\
        --wait-for-jobs\n--no-hooks\n--namespace=monitoring\n--timeout=300s";
    assert_eq!(lines(&asked), expected);
}

#[test]
fn an_uninstall_does_not_mind_what_is_gone() {
    let expected = "uninstall\ngrafana\n--ignore-not-found\n--cascade=background\n--wait=watcher\n\
        --namespace=monitoring\n--timeout=300s";
    assert_eq!(lines(&call(Call::Uninstall(uninstall()))), expected);
    let asked = call(Call::Uninstall(UninstallCall {
        disable_hooks: true,
        cascade: Cascade::Foreground,
        keep_history: true,
        description: Some("op=5f0c".to_owned()),
        ..uninstall()
    }));
    let expected = "uninstall\ngrafana\n--ignore-not-found\n--cascade=foreground\n--wait=watcher\n--no-hooks\n\
        --keep-history\n--description=op=5f0c\n--namespace=monitoring\n--timeout=300s";
    assert_eq!(lines(&asked), expected);
    let orphan = call(Call::Uninstall(UninstallCall {
        cascade: Cascade::Orphan,
        ..uninstall()
    }));
    assert!(lines(&orphan).contains("\n--cascade=orphan\n"));
}

#[test]
fn what_undoes_the_controllers_work_is_never_asked_for() {
    for action in [
        Call::Upgrade(upgrade()),
        Call::Rollback(rollback()),
        Call::Uninstall(uninstall()),
    ] {
        let lines = lines(&call(action));
        for never in [
            "--rollback-on-failure",
            "--atomic",
            "--create-namespace",
            "--output",
            "-o",
            "auto",
        ] {
            assert!(
                !lines.lines().any(|line| line.contains(never)),
                "{never} in {lines}"
            );
        }
    }
}

#[test]
fn only_values_are_read_from_standard_input() {
    assert_eq!(Call::Upgrade(upgrade()).input(), Some(&br#"{"a":1}"#[..]));
    assert_eq!(Call::Rollback(rollback()).input(), None);
    assert_eq!(Call::Uninstall(uninstall()).input(), None);
}

#[test]
fn durations_are_gos_and_never_zero() {
    let rows = [
        (Duration::from_secs(1), "1s"),
        (Duration::from_secs(3600), "3600s"),
        (Duration::from_millis(2500), "2500ms"),
        (Duration::from_nanos(1), "1ms"),
        (Duration::from_nanos(1_000_000_001), "1001ms"),
    ];
    for (duration, expected) in rows {
        assert_eq!(go_duration(duration), expected, "{duration:?}");
    }
}

#[test]
fn without_server_side_apply_helm_finds_the_differences() {
    let upgraded = lines(&call(Call::Upgrade(UpgradeCall {
        server_side_apply: ServerSideApply::Disabled,
        ..upgrade()
    })));
    let back = lines(&call(Call::Rollback(RollbackCall {
        server_side_apply: ServerSideApply::Disabled,
        ..rollback()
    })));
    for line in [upgraded, back] {
        assert!(line.contains("\n--server-side=false\n"), "{line}");
        // Helm refuses it there
        assert!(!line.contains("--force-conflicts"), "{line}");
    }
}
