//! Cycles, and who waits for them (contract scenario 34).

use super::*;

#[track_caller]
fn assert_told(network: &Network, requires: &[(&str, &str)], expected: &[(&str, &str)]) {
    for (name, verdict) in expected {
        let theirs = requires.iter().find(|(of, _)| of == name);
        let theirs = requirements(theirs.map_or("", |(_, text)| text));
        let gate = network.gate(&key(name), &theirs, &World::default());
        assert_eq!(told(&gate.verdict), *verdict, "{name}");
    }
}

#[test]
fn every_member_tells_the_same_path_and_outsiders_name_it() {
    const CYCLE: &str = "Stalled DependencyCycle: a → b → c → a";
    let network = network(&["c: a", "a: b", "d: a", "b: c", "e blocked: d", "d2: d", "f"]);
    assert_told(
        &network,
        &[],
        &[
            ("a", CYCLE),
            ("b", CYCLE),
            ("c", CYCLE),
            (
                "d",
                "Waiting DependencyNotReady: waits for a: DependencyCycle (a → b → c → a)",
            ),
            ("f", "Open NoDependencies: depends on nothing"),
        ],
    );
    let gate = network.gate(&key("b"), &[], &World::default());
    assert_eq!(states(&gate), "c Cycle");
}

#[test]
fn those_further_out_name_the_cycle_at_the_bottom() {
    let network = network(&["a: b", "b: a", "d blocked: a", "e: d"]);
    assert_told(
        &network,
        &[],
        &[(
            "e",
            "Waiting DependencyNotReady: waits for d, held up by a: DependencyCycle (a → b → a)",
        )],
    );
}

#[test]
fn a_chart_that_closes_a_cycle_is_found_before_anything_is_recorded() {
    const CYCLE: &str = "Stalled DependencyCycle: a → b → c → a";
    let before = network(&["a | b", "b | c", "c"]);
    assert_told(&before, &[("c", "a")], &[("c", CYCLE)]);
    let after = network(&["a | b", "b | c", "c | a"]);
    assert_told(
        &after,
        &[("a", "b"), ("b", "c"), ("c", "a")],
        &[("a", CYCLE), ("b", CYCLE), ("c", CYCLE)],
    );
}

#[test]
fn fixing_one_edge_frees_all_without_a_restart() {
    // c has given up a; an earlier pass had recorded it
    let fixed = network(&["a blocked: b | b", "b blocked: c | c", "c changed | a"]);
    let gate = fixed.gate(&key("c"), &[], &World::default());
    assert_eq!(
        told(&gate.verdict),
        "Open NoDependencies: depends on nothing"
    );
    assert_eq!(gate.dependencies, []);
    // whoever changes is followed by those that depend on it
    assert_eq!(names(&fixed.dependents(&key("c"))), "b");
    let next = network(&["a blocked: b | b", "b blocked: c | c", "c ready"]);
    assert_told(&next, &[], &[("b", "Open DependenciesReady: c is ready")]);
    let last = network(&["a blocked: b | b", "b ready: c | c", "c ready"]);
    assert_told(&last, &[], &[("a", "Open DependenciesReady: b is ready")]);
}

#[test]
fn itself() {
    let network = network(&["a: a", "b"]);
    assert_told(
        &network,
        &[("b", "b")],
        &[
            ("a", "Stalled DependencyCycle: a → a"),
            ("b", "Stalled DependencyCycle: b → b"),
        ],
    );
}

#[test]
fn optional_edges_give_way() {
    let network = network(&["a: b", "b installing: a?", "c: d?", "d: c?", "e", "f | e"]);
    assert_told(
        &network,
        &[("e", "f?")],
        &[
            ("a", "Waiting DependencyInstalling: waits for b: Installing"),
            ("b", "Open NoDependencies: depends on nothing"),
            ("c", "Open NoDependencies: depends on nothing"),
            ("d", "Open NoDependencies: depends on nothing"),
            ("e", "Open NoDependencies: depends on nothing"),
        ],
    );
}

#[test]
fn a_recorded_optional_edge_stays_optional() {
    let network = network(&["a", "b ready | a?"]);
    assert_told(
        &network,
        &[("a", "b")],
        &[("a", "Open DependenciesReady: b is ready")],
    );
    let world = World::default();
    let gate = network.gate(&key("b"), &requirements("a? ^1"), &world);
    assert_eq!(
        gate.dependencies[0].wanted.as_deref(),
        Some("^1 (optional)")
    );
}

#[test]
fn members_that_are_installed_hold_nobody_up() {
    let network = network(&["a ready: b", "b ready: a", "c: a"]);
    assert_told(
        &network,
        &[],
        &[("c", "Open DependenciesReady: a is ready")],
    );
}
