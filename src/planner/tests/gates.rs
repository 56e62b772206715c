//! Ready or not, there or not (docs/components.md 19, scenarios 31, 32, 36, 67).

use super::*;

#[test]
fn what_is_ready_lets_it_go_ahead() {
    assert_rows(&[
        Row {
            case: "nothing is required",
            nodes: &["a", "b failed"],
            requires: "",
            world: &[],
            verdict: "Ready NoDependencies: depends on nothing",
            deeds: &[],
            states: "",
        },
        Row {
            case: "all that spec and chart require is ready",
            nodes: &["a: b", "b ready 1.2.0", "c ready 2.0.0"],
            requires: "c ^2",
            world: &[],
            verdict: "Ready DependenciesReady: b 1.2.0 and c 2.0.0 are ready",
            deeds: &[],
            states: "b Ready, c Ready",
        },
        Row {
            case: "a Component with another name has the chart",
            nodes: &["a", "prom ready 25.1.0 chart=prometheus"],
            requires: "prometheus ^25",
            world: &[],
            verdict: "Ready DependenciesReady: prom 25.1.0 is ready",
            deeds: &[],
            states: "prom Ready",
        },
        Row {
            case: "the name counts before the chart",
            nodes: &["a: lib", "lib ready chart=other", "x failed chart=lib"],
            requires: "",
            world: &[],
            verdict: "Ready DependenciesReady: lib is ready",
            deeds: &[],
            states: "lib Ready",
        },
        Row {
            case: "of two with the chart, the disabled one does not count",
            nodes: &["a: lib", "x ready chart=lib", "y gone chart=lib"],
            requires: "",
            world: &[],
            verdict: "Ready DependenciesReady: x is ready",
            deeds: &[],
            states: "x Ready",
        },
        Row {
            case: "another namespace",
            nodes: &["a: other/b", "other/b ready", "b failed"],
            requires: "",
            world: &[],
            verdict: "Ready DependenciesReady: b is ready",
            deeds: &[],
            states: "b Ready",
        },
        Row {
            case: "a release without a Component",
            nodes: &["a"],
            requires: "lib ^1",
            world: &["edge-system/lib 1.4.0", "lib 1.5.0"],
            verdict: "Ready DependenciesReady: lib 1.4.0 is ready",
            deeds: &[],
            states: "lib External",
        },
        Row {
            case: "a pre-installed Component is good as a dependency, whatever was observed of its spec",
            nodes: &["a: b ^1", "b ready 1.0.0 suspended changed"],
            requires: "",
            world: &[],
            verdict: "Ready DependenciesReady: b 1.0.0 is ready",
            deeds: &[],
            states: "b Ready",
        },
        Row {
            case: "the user overrules the chart",
            nodes: &["a: b ^2", "b ready 2.0.0"],
            requires: "b ^1",
            world: &[],
            verdict: "Ready DependenciesReady: b 2.0.0 is ready",
            deeds: &[],
            states: "b Ready",
        },
        Row {
            case: "what was recorded of it earlier does not count any more",
            nodes: &["a changed | old", "old failed"],
            requires: "",
            world: &[],
            verdict: "Ready NoDependencies: depends on nothing",
            deeds: &[],
            states: "",
        },
    ]);
}

#[test]
fn what_is_not_ready_is_waited_for_with_its_reason() {
    assert_rows(&[
        Row {
            case: "it is being installed",
            nodes: &["a: prometheus", "prometheus installing"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for prometheus: Installing",
            deeds: &[],
            states: "prometheus Installing",
        },
        Row {
            case: "it has no conditions",
            nodes: &["a: b", "b"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: nothing was done for it yet",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "its generation was not observed",
            nodes: &["a: b", "b ready changed"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: Deployed, and its spec has changed since",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is ready, but not released",
            nodes: &["a: b", "b ready unreleased"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: Deployed, but its release is not deployed",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it failed: the cause is told, its first line only",
            nodes: &["a: b", "b failed"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: Failed (InstallFailed: no image)",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is held up by one that failed, further down",
            nodes: &[
                "a: b",
                "b blocked: c",
                "c blocked: d",
                "d failed",
                "e ready",
            ],
            requires: "e",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b, held up by d: Failed (InstallFailed: no image)",
            deeds: &[],
            states: "b NotReady, e Ready",
        },
        Row {
            case: "it is held up by one that is on its way",
            nodes: &["a: b", "b blocked: c", "c installing"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b, held up by c",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is being deleted",
            nodes: &["a: b", "b ready deleting"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: it is being deleted",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is suspended before it was installed",
            nodes: &["a: b", "b suspended"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: it is not ready, and left alone (suspended, skipped or pre-installed)",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is disabled: its user's word, which nobody overrules",
            nodes: &["a", "b gone"],
            requires: "b",
            world: &["b 1.0.0"],
            verdict: "Stalled DependencyDisabled: b is disabled, but a needs it; set spec.enabled of b to true",
            deeds: &[],
            states: "b Disabled",
        },
        Row {
            case: "the worst comes first",
            nodes: &["a: b, c, d", "b installing", "c failed", "d gone"],
            requires: "",
            world: &[],
            verdict: "Stalled DependencyDisabled: d is disabled, but a needs it; set spec.enabled of d to true; waits for \
                      c: Failed (InstallFailed: no image); waits for b: Installing",
            deeds: &[],
            states: "b Installing, c NotReady, d Disabled",
        },
    ]);
}

#[test]
fn an_optional_dependency_only_orders() {
    assert_rows(&[
        Row {
            case: "missing, and never created",
            nodes: &["a: b?"],
            requires: "",
            world: &["b 1.0.0"],
            verdict: "Ready NoDependencies: depends on nothing",
            deeds: &[],
            states: "b Skipped",
        },
        Row {
            case: "on its way",
            nodes: &["a", "b installing"],
            requires: "b?",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for b: Installing",
            deeds: &[],
            states: "b Installing",
        },
        Row {
            case: "just applied",
            nodes: &["a: b?", "b"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for b: nothing was done for it yet",
            deeds: &[],
            states: "b Installing",
        },
        Row {
            case: "held up by one that is on its way",
            nodes: &["a: b?", "b blocked: c", "c installing"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for b, held up by c",
            deeds: &[],
            states: "b Installing",
        },
        Row {
            case: "held up by one that failed",
            nodes: &["a: b?", "b blocked: c", "c failed"],
            requires: "",
            world: &[],
            verdict: "Ready NoDependencies: depends on nothing",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "without a chart in the repository",
            nodes: &["a: b?", "b unfound"],
            requires: "",
            world: &[],
            verdict: "Ready NoDependencies: depends on nothing",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "failed, disabled or going: all the same",
            nodes: &["a: b?, c?, d?", "b failed", "c gone", "d ready deleting"],
            requires: "",
            world: &[],
            verdict: "Ready DependenciesReady: d is ready",
            deeds: &[],
            states: "b NotReady, c Disabled, d Ready",
        },
        Row {
            case: "ready in another version",
            nodes: &["a: b? ^2", "b ready 1.0.0"],
            requires: "",
            world: &["b 2.0.0"],
            verdict: "Ready NoDependencies: depends on nothing",
            deeds: &[],
            states: "b VersionMismatch",
        },
        Row {
            case: "ready",
            nodes: &["a: b?", "b ready 1.0.0"],
            requires: "",
            world: &[],
            verdict: "Ready DependenciesReady: b 1.0.0 is ready",
            deeds: &[],
            states: "b Ready",
        },
    ]);
}

#[test]
fn what_is_looked_up_is_what_the_check_asks_for() {
    let planner = planner(&[
        "a: here ^2, fine ^1",
        "here ready 1.0.0 chart=there",
        "fine ready 1.0.0",
    ]);
    let lookups = planner.lookups(&key("a"), &requirements("gone, other/far, maybe?"));
    let release = |namespace: &str, name: &str| Lookup::Release(namespace.into(), name.into());
    let expected = BTreeSet::from([
        Lookup::Chart("far".to_owned()),
        Lookup::Chart("gone".to_owned()),
        Lookup::Chart("there".to_owned()),
        release("edge-system", "far"),
        release("edge-system", "gone"),
        release("edge-system", "maybe"),
        release("other", "far"),
    ]);
    assert_eq!(lookups, expected);
    assert!(planner.lookups(&key("nobody"), &[]).is_empty());
}

#[test]
fn a_component_that_is_not_there_waits() {
    let gate = check(&planner(&[]), "a", &[], &[]);
    assert_eq!(
        told(&gate.verdict),
        "Waiting DependencyNotReady: waits for the news of Component default/a"
    );
}
