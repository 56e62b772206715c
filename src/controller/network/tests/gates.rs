//! Ready or not, there or not (contract scenarios 31, 32, 36, 67).

use super::*;

#[test]
fn what_is_ready_opens_the_gate() {
    assert_rows(&[
        Row {
            case: "nothing is required",
            members: &["a", "b failed"],
            requires: "",
            world: &[],
            verdict: "Open NoDependencies: depends on nothing",
            deeds: &[],
            states: "",
        },
        Row {
            case: "all that spec and chart require is ready",
            members: &["a: b", "b ready 1.2.0", "c ready 2.0.0"],
            requires: "c ^2",
            world: &[],
            verdict: "Open DependenciesReady: b 1.2.0 and c 2.0.0 are ready",
            deeds: &[],
            states: "b Ready, c Ready",
        },
        Row {
            case: "a Component with another name has the chart",
            members: &["a", "prom ready 25.1.0 chart=prometheus"],
            requires: "prometheus ^25",
            world: &[],
            verdict: "Open DependenciesReady: prom 25.1.0 is ready",
            deeds: &[],
            states: "prom Ready",
        },
        Row {
            case: "the name counts before the chart",
            members: &["a: lib", "lib ready chart=other", "x failed chart=lib"],
            requires: "",
            world: &[],
            verdict: "Open DependenciesReady: lib is ready",
            deeds: &[],
            states: "lib Ready",
        },
        Row {
            case: "of two with the chart, the disabled one does not count",
            members: &["a: lib", "x ready chart=lib", "y gone chart=lib"],
            requires: "",
            world: &[],
            verdict: "Open DependenciesReady: x is ready",
            deeds: &[],
            states: "x Ready",
        },
        Row {
            case: "another namespace",
            members: &["a: other/b", "other/b ready", "b failed"],
            requires: "",
            world: &[],
            verdict: "Open DependenciesReady: b is ready",
            deeds: &[],
            states: "b Ready",
        },
        Row {
            case: "a release without a Component",
            members: &["a"],
            requires: "lib ^1",
            world: &["edge-system/lib 1.4.0", "lib 1.5.0"],
            verdict: "Open DependenciesReady: lib 1.4.0 is ready",
            deeds: &[],
            states: "lib External",
        },
        Row {
            case: "a pre-installed Component is good as a dependency, whatever was observed of its spec",
            members: &["a: b ^1", "b ready 1.0.0 suspended changed"],
            requires: "",
            world: &[],
            verdict: "Open DependenciesReady: b 1.0.0 is ready",
            deeds: &[],
            states: "b Ready",
        },
        Row {
            case: "the user overrules the chart",
            members: &["a: b ^2", "b ready 2.0.0"],
            requires: "b ^1",
            world: &[],
            verdict: "Open DependenciesReady: b 2.0.0 is ready",
            deeds: &[],
            states: "b Ready",
        },
        Row {
            case: "what was recorded of it earlier does not count any more",
            members: &["a changed | old", "old failed"],
            requires: "",
            world: &[],
            verdict: "Open NoDependencies: depends on nothing",
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
            members: &["a: prometheus", "prometheus installing"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for prometheus: Installing",
            deeds: &[],
            states: "prometheus Installing",
        },
        Row {
            case: "it has no conditions",
            members: &["a: b", "b"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: nothing was done for it yet",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "its generation was not observed",
            members: &["a: b", "b ready changed"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: Deployed, and its spec has changed since",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is ready, but not released",
            members: &["a: b", "b ready unreleased"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: Deployed, but its release is not deployed",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it failed: the cause is told, its first line only",
            members: &["a: b", "b failed"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: Failed (InstallFailed: no image)",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is held up by one that failed, further down",
            members: &[
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
            members: &["a: b", "b blocked: c", "c installing"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b, held up by c",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is being deleted",
            members: &["a: b", "b ready deleting"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: it is being deleted",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is suspended before it was installed",
            members: &["a: b", "b suspended"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyNotReady: waits for b: it is not ready, and left alone (suspended, skipped or pre-installed)",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "it is disabled: its user's word, which nobody overrules",
            members: &["a", "b gone"],
            requires: "b",
            world: &["b 1.0.0"],
            verdict: "Stalled DependencyDisabled: b is disabled, but a needs it; set spec.enabled of b to true",
            deeds: &[],
            states: "b Disabled",
        },
        Row {
            case: "the worst comes first",
            members: &["a: b, c, d", "b installing", "c failed", "d gone"],
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
            members: &["a: b?"],
            requires: "",
            world: &["b 1.0.0"],
            verdict: "Open NoDependencies: depends on nothing",
            deeds: &[],
            states: "b Skipped",
        },
        Row {
            case: "on its way",
            members: &["a", "b installing"],
            requires: "b?",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for b: Installing",
            deeds: &[],
            states: "b Installing",
        },
        Row {
            case: "just applied",
            members: &["a: b?", "b"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for b: nothing was done for it yet",
            deeds: &[],
            states: "b Installing",
        },
        Row {
            case: "held up by one that is on its way",
            members: &["a: b?", "b blocked: c", "c installing"],
            requires: "",
            world: &[],
            verdict: "Waiting DependencyInstalling: waits for b, held up by c",
            deeds: &[],
            states: "b Installing",
        },
        Row {
            case: "held up by one that failed",
            members: &["a: b?", "b blocked: c", "c failed"],
            requires: "",
            world: &[],
            verdict: "Open NoDependencies: depends on nothing",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "without a chart in the repository",
            members: &["a: b?", "b unfound"],
            requires: "",
            world: &[],
            verdict: "Open NoDependencies: depends on nothing",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "failed, disabled or going: all the same",
            members: &["a: b?, c?, d?", "b failed", "c gone", "d ready deleting"],
            requires: "",
            world: &[],
            verdict: "Open DependenciesReady: d is ready",
            deeds: &[],
            states: "b NotReady, c Disabled, d Ready",
        },
        Row {
            case: "ready in another version",
            members: &["a: b? ^2", "b ready 1.0.0"],
            requires: "",
            world: &["b 2.0.0"],
            verdict: "Open NoDependencies: depends on nothing",
            deeds: &[],
            states: "b VersionMismatch",
        },
        Row {
            case: "ready",
            members: &["a: b?", "b ready 1.0.0"],
            requires: "",
            world: &[],
            verdict: "Open DependenciesReady: b 1.0.0 is ready",
            deeds: &[],
            states: "b Ready",
        },
    ]);
}

#[test]
fn questions_are_those_that_the_gate_asks() {
    let network = network(&[
        "a: here ^2, fine ^1",
        "here ready 1.0.0 chart=there",
        "fine ready 1.0.0",
    ]);
    let asked: Vec<String> = network
        .questions(&key("a"), &requirements("gone, other/far, maybe?"))
        .iter()
        .map(|asked| format!("{}:{}/{}", asked.chart, asked.namespace, asked.name))
        .collect();
    assert_eq!(
        asked,
        [
            ":edge-system/maybe",
            "far:edge-system/far",
            "far:other/far",
            "gone:edge-system/gone",
            "there:/",
        ]
    );
    assert_eq!(network.questions(&key("nobody"), &[]), []);
}

#[test]
fn a_component_that_is_no_member_waits() {
    let gate = network(&[]).gate(&key("a"), &[], &World::default());
    assert_eq!(
        told(&gate.verdict),
        "Waiting DependencyNotReady: waits for the news of Component default/a"
    );
}
