//! Cycles, and who waits for them (docs/components.md 19, scenario 34).

use super::*;

#[track_caller]
fn assert_told(planner: &Planner, requires: &[(&str, &str)], expected: &[(&str, &str)]) {
    for (name, verdict) in expected {
        let theirs = requires.iter().find(|(of, _)| of == name);
        let theirs = requirements(theirs.map_or("", |(_, text)| text));
        let gate = check(planner, name, &theirs, &[]);
        assert_eq!(told(&gate.verdict), *verdict, "{name}");
    }
}

#[test]
fn every_member_tells_the_same_path_and_outsiders_name_it() {
    const CYCLE: &str = "Stalled DependencyCycle: dependency cycle: a → b → c → a";
    let planner = planner(&["c: a", "a: b", "d: a", "b: c", "e blocked: d", "d2: d", "f"]);
    assert_told(
        &planner,
        &[],
        &[
            ("a", CYCLE),
            ("b", CYCLE),
            ("c", CYCLE),
            (
                "d",
                "Waiting DependencyNotReady: waits for a: DependencyCycle (a → b → c → a)",
            ),
            ("f", "Ready NoDependencies: depends on nothing"),
        ],
    );
    let gate = check(&planner, "b", &[], &[]);
    assert_eq!(states(&gate), "c Cycle");
}

#[test]
fn those_further_out_name_the_cycle_at_the_bottom() {
    let planner = planner(&["a: b", "b: a", "d blocked: a", "e: d"]);
    assert_told(
        &planner,
        &[],
        &[(
            "e",
            "Waiting DependencyNotReady: waits for d, held up by a: DependencyCycle (a → b → a)",
        )],
    );
}

#[test]
fn a_chart_that_closes_a_cycle_is_found_before_anything_is_recorded() {
    const CYCLE: &str = "Stalled DependencyCycle: dependency cycle: a → b → c → a";
    let before = planner(&["a | b", "b | c", "c"]);
    assert_told(&before, &[("c", "a")], &[("c", CYCLE)]);
    let after = planner(&["a | b", "b | c", "c | a"]);
    assert_told(
        &after,
        &[("a", "b"), ("b", "c"), ("c", "a")],
        &[("a", CYCLE), ("b", CYCLE), ("c", CYCLE)],
    );
}

#[test]
fn fixing_one_edge_frees_all_without_a_restart() {
    // c has given up a; an earlier pass had recorded it
    let fixed = planner(&["a blocked: b | b", "b blocked: c | c", "c changed | a"]);
    let gate = check(&fixed, "c", &[], &[]);
    assert_eq!(
        told(&gate.verdict),
        "Ready NoDependencies: depends on nothing"
    );
    assert_eq!(gate.dependencies, []);
    // whoever changes is followed by those that depend on it
    assert_eq!(names(&fixed.dependents(&key("c"))), "b");
    let next = planner(&["a blocked: b | b", "b blocked: c | c", "c ready"]);
    assert_told(&next, &[], &[("b", "Ready DependenciesReady: c is ready")]);
    let last = planner(&["a blocked: b | b", "b ready: c | c", "c ready"]);
    assert_told(&last, &[], &[("a", "Ready DependenciesReady: b is ready")]);
}

#[test]
fn itself() {
    let planner = planner(&["a: a", "b"]);
    assert_told(
        &planner,
        &[("b", "b")],
        &[
            ("a", "Stalled DependencyCycle: dependency cycle: a → a"),
            ("b", "Stalled DependencyCycle: dependency cycle: b → b"),
        ],
    );
}

#[test]
fn optional_edges_give_way() {
    let planner = planner(&["a: b", "b installing: a?", "c: d?", "d: c?", "e", "f | e"]);
    assert_told(
        &planner,
        &[("e", "f?")],
        &[
            ("a", "Waiting DependencyInstalling: waits for b: Installing"),
            ("b", "Ready NoDependencies: depends on nothing"),
            ("c", "Ready NoDependencies: depends on nothing"),
            ("d", "Ready NoDependencies: depends on nothing"),
            ("e", "Ready NoDependencies: depends on nothing"),
        ],
    );
}

#[test]
fn a_recorded_optional_edge_stays_optional() {
    let planner = planner(&["a", "b ready | a?"]);
    assert_told(
        &planner,
        &[("a", "b")],
        &[("a", "Ready DependenciesReady: b is ready")],
    );
    let gate = check(&planner, "b", &requirements("a? ^1"), &[]);
    let line = &gate.dependencies[0];
    assert_eq!((line.wanted.as_deref(), line.optional), (Some("^1"), true));
}

#[test]
fn members_that_are_installed_hold_nobody_up() {
    let planner = planner(&["a ready: b", "b ready: a", "c: a"]);
    assert_told(
        &planner,
        &[],
        &[("c", "Ready DependenciesReady: a is ready")],
    );
}
