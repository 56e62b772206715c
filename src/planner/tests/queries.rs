use super::*;

#[test]
fn dependents_are_all_who_look_at_it() {
    let planner = planner(&[
        "db ready",
        "web ready: db",
        "shop ready | db",
        "stats: db?",
        "far: web",
        "other/x: default/db",
        "by-chart: postgres",
        "pg chart=postgres",
        "unsure: redis",
        "r1 chart=redis",
        "r2 chart=redis",
        "waiting: nothing",
        "self: self",
    ]);
    for (of, expected) in [
        ("db", "shop stats web other/x"),
        ("web", "far"),
        ("pg", "by-chart"),
        // it would be found by name, should it come
        ("postgres", "by-chart"),
        ("r1", "unsure"),
        ("r2", "unsure"),
        ("nothing", "waiting"),
        ("self", ""),
        ("far", ""),
    ] {
        assert_eq!(names(&planner.dependents(&key(of))), expected, "{of}");
    }
}

#[test]
fn a_change_concerns_dependents_and_those_that_waited_for_it() {
    let planner = planner(&[
        "going deleting",
        "kept implicit",
        "plain ready",
        "off disabled ready",
        "a: going, kept, plain, off",
        "up: a",
        "rival conflict: kept",
        "content: kept",
        "older release=a age=9",
    ]);
    assert_eq!(
        names(&planner.concerned(&key("a"))),
        "going kept off older rival up"
    );
    assert_eq!(names(&planner.concerned(&key("nobody"))), "");
}

#[test]
fn required_by_names_those_that_cannot_do_without_it() {
    let planner = planner(&[
        "db",
        "web: db",
        "shop deleting | db",
        "stats: db?",
        "old gone: db",
        "other/x: default/db",
        "self: self",
    ]);
    assert_eq!(
        planner.required_by(&key("db")),
        ["default/shop", "default/web", "other/x"]
    );
    assert_eq!(planner.required_by(&key("self")), [""; 0]);
    assert_eq!(planner.required_by(&key("nobody")), [""; 0]);
}

#[test]
fn depth_counts_what_must_come_before() {
    let planner = planner(&["a: b, c", "b: c", "c", "d: a?", "x: y, c", "y: x", "z: x"]);
    for (name, depth) in [("c", 0), ("b", 1), ("a", 2), ("d", 3), ("nobody", 0)] {
        assert_eq!(planner.depth(&key(name)), depth, "{name}");
    }
    assert!(planner.depth(&key("z")) > planner.depth(&key("x")));
}

#[test]
fn the_oldest_owns_a_release() {
    let planner = planner(&[
        "a release=x age=1",
        "b release=x age=3",
        "c release=x age=3",
        "new release=x",
        "alone age=1",
    ]);
    let owner = |name: &str| planner.release_owner(&key(name)).map(|key| key.name);
    for name in ["a", "c", "new"] {
        assert_eq!(owner(name).as_deref(), Some("b"), "{name}");
    }
    for name in ["b", "alone", "nobody"] {
        assert_eq!(owner(name), None, "{name}");
    }
}

#[test]
fn what_was_recorded_is_refined_by_the_spec() {
    // the spec leaves the range open, which the chart narrows; the spec makes optional what the chart requires
    let planner = planner(&[
        "b ready: lib, soft? | lib ^1, soft",
        "a: lib >=2",
        "lib implicit ready 1.5.0",
        "soft deleting",
    ]);
    let gate = check(&planner, "a", &[], &["lib 2.0.0 1.5.0"]);
    assert_eq!(states(&gate), "lib Installing");
    assert_eq!(deeds(&gate), ["~lib >=2"], "a comes first by its key");
    let younger = Planner::of([
        node("b age=2 ready: lib | lib ^1"),
        node("a age=1: lib >=2"),
        node("lib implicit ready 1.5.0"),
    ]);
    let gate = check(&younger, "a", &[], &["lib 2.0.0 1.5.0"]);
    assert_eq!(states(&gate), "lib VersionConflict");
    assert_eq!(planner.removal(&key("soft")), Removal::Free);
}
