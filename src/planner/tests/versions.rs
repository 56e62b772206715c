//! Ranges and diamonds (docs/components.md 19, scenario 35).

use super::*;

#[test]
fn an_explicit_dependency_is_never_touched() {
    assert_rows(&[
        Row {
            case: "the repository has a version that would do",
            nodes: &["a", "prometheus ready 24.0.0"],
            requires: "prometheus ^25",
            world: &["prometheus 25.1.0 24.0.0"],
            verdict: "Waiting DependencyVersionMismatch: prometheus 24.0.0 is installed, but a needs ^25; set spec.version \
                      of prometheus to 25.1.0",
            deeds: &[],
            states: "prometheus VersionMismatch",
        },
        Row {
            case: "the repository has none",
            nodes: &["a", "prometheus ready 24.0.0"],
            requires: "prometheus ^25",
            world: &["prometheus 24.0.0"],
            verdict: "Waiting DependencyVersionMismatch: prometheus 24.0.0 is installed, but a needs ^25; the repository has \
                      prometheus 24.0.0 only: push one in ^25",
            deeds: &[],
            states: "prometheus VersionMismatch",
        },
        Row {
            case: "the repository does not answer",
            nodes: &["a", "prometheus ready 24.0.0"],
            requires: "prometheus ^25",
            world: &["prometheus unknown"],
            verdict: "Waiting DependencyVersionMismatch: prometheus 24.0.0 is installed, but a needs ^25; change \
                      spec.version of prometheus",
            deeds: &[],
            states: "prometheus VersionMismatch",
        },
        Row {
            case: "pre-installed",
            nodes: &["a: b ^2", "b ready implicit suspended 1.0.0"],
            requires: "",
            world: &["b 2.0.0"],
            verdict: "Waiting DependencyVersionMismatch: b 1.0.0 is installed, but a needs ^2; set spec.version of b to 2.0.0",
            deeds: &[],
            states: "b VersionMismatch",
        },
        Row {
            case: "its spec has just changed: the version that is there says nothing",
            nodes: &["a: b ^2", "b ready changed 1.0.0"],
            requires: "",
            world: &["b 2.0.0"],
            verdict: "Waiting DependencyNotReady: waits for b: Deployed, and its spec has changed since",
            deeds: &[],
            states: "b NotReady",
        },
        Row {
            case: "its version is unknown",
            nodes: &["a: b ^2", "b ready"],
            requires: "",
            world: &["b 2.0.0"],
            verdict: "Waiting DependencyVersionMismatch: b is installed in an unknown version, but a needs ^2",
            deeds: &[],
            states: "b VersionMismatch",
        },
        Row {
            case: "an older requirer wants what excludes it",
            nodes: &[
                "a age=1: lib >=2",
                "b age=2 ready: lib ^1",
                "lib ready 1.5.0",
            ],
            requires: "",
            world: &["lib 2.0.0 1.5.0"],
            verdict: "Stalled DependencyVersionConflict: no version of lib suits all: a needs >=2 and b needs ^1 (there are \
                      2.0.0, 1.5.0); change one of these ranges",
            deeds: &[],
            states: "lib VersionConflict",
        },
        Row {
            case: "a release without a Component",
            nodes: &["a"],
            requires: "lib ^2",
            world: &["edge-system/lib 1.4.0", "lib 2.0.0"],
            verdict: "Waiting DependencyVersionMismatch: lib 1.4.0 is installed as a release without a Component, but a \
                      needs ^2; upgrade it, or write a Component lib",
            deeds: &[],
            states: "lib VersionMismatch",
        },
    ]);
}

#[test]
fn an_implicit_dependency_moves_to_where_all_are_satisfied() {
    assert_rows(&[
        Row {
            case: "down into the intersection",
            nodes: &["a: lib <1.6", "b ready: lib ^1", "lib implicit ready 1.9.0"],
            requires: "",
            world: &["lib 1.9.0 1.5.0 1.4.0"],
            verdict: "Waiting DependencyInstalling: lib 1.9.0 is installed, but a needs <1.6; it moves to 1.5.0",
            deeds: &["~lib <1.6, ^1"],
            states: "lib Installing",
        },
        Row {
            case: "what is there is kept if it will do",
            nodes: &["a: lib >=1", "b ready: lib ^1", "lib implicit ready 1.5.0"],
            requires: "",
            world: &["lib 2.0.0 1.9.0 1.5.0"],
            verdict: "Ready DependenciesReady: lib 1.5.0 is ready",
            deeds: &[],
            states: "lib Ready",
        },
        Row {
            case: "demands of others that were only recorded count",
            nodes: &[
                "a: lib >=1",
                "b ready | lib <1.2",
                "lib implicit ready 0.9.0",
            ],
            requires: "",
            world: &["lib 2.0.0 1.1.0 0.9.0"],
            verdict: "Waiting DependencyInstalling: lib 0.9.0 is installed, but a needs >=1; it moves to 1.1.0",
            deeds: &["~lib <1.2, >=1"],
            states: "lib Installing",
        },
        Row {
            case: "demands of those that are disabled or going do not count",
            nodes: &[
                "a: lib >=2",
                "b gone: lib ^1",
                "c deleting: lib ^1",
                "lib implicit ready 1.0.0",
            ],
            requires: "",
            world: &["lib 2.0.0 1.0.0"],
            verdict: "Waiting DependencyInstalling: lib 1.0.0 is installed, but a needs >=2; it moves to 2.0.0",
            deeds: &["~lib >=2"],
            states: "lib Installing",
        },
        Row {
            case: "optional ones neither",
            nodes: &["a: lib >=2", "b ready: lib? ^1", "lib implicit ready 1.0.0"],
            requires: "",
            world: &["lib 2.0.0 1.0.0"],
            verdict: "Waiting DependencyInstalling: lib 1.0.0 is installed, but a needs >=2; it moves to 2.0.0",
            deeds: &["~lib >=2"],
            states: "lib Installing",
        },
        Row {
            case: "it is on its way there",
            nodes: &["a: lib >=2", "lib implicit installing 1.0.0"],
            requires: "",
            world: &["lib 2.0.0 1.0.0"],
            verdict: "Waiting DependencyInstalling: waits for lib: Installing",
            deeds: &[],
            states: "lib Installing",
        },
        Row {
            case: "it failed on the way there",
            nodes: &["a: lib >=2", "lib implicit failed 1.0.0"],
            requires: "",
            world: &["lib 2.0.0 1.0.0"],
            verdict: "Waiting DependencyNotReady: waits for lib: Failed (InstallFailed: no image)",
            deeds: &["~lib >=2"],
            states: "lib NotReady",
        },
        Row {
            case: "it was created for a narrower range, which has no version any more",
            nodes: &["a: lib ^1", "lib implicit unfound"],
            requires: "",
            world: &["lib 1.5.0"],
            verdict: "Waiting DependencyNotReady: waits for lib: Blocked (ChartNotFound: no such chart)",
            deeds: &["~lib ^1"],
            states: "lib NotReady",
        },
    ]);
}

#[test]
fn a_conflict_is_that_of_the_requirer_that_came_last() {
    const WORLD: &[&str] = &["lib 2.0.0 1.5.0"];
    const CONFLICT: &str = "Stalled DependencyVersionConflict: no version of lib suits all: a needs >=2 and b needs ^1 (there \
                            are 2.0.0, 1.5.0); change one of these ranges";
    assert_rows(&[
        Row {
            case: "it is there for the older one",
            nodes: &[
                "a age=1: lib >=2",
                "b age=2 ready: lib ^1",
                "lib implicit ready 1.5.0",
            ],
            requires: "",
            world: WORLD,
            verdict: CONFLICT,
            deeds: &[],
            states: "lib VersionConflict",
        },
        Row {
            case: "it is not resolved yet",
            nodes: &["a age=1: lib >=2", "b age=2: lib ^1", "lib implicit"],
            requires: "",
            world: WORLD,
            verdict: CONFLICT,
            deeds: &[],
            states: "lib VersionConflict",
        },
        Row {
            case: "it is not there yet",
            nodes: &["a age=1", "b age=2: lib ^1"],
            requires: "lib >=2",
            world: WORLD,
            verdict: CONFLICT,
            deeds: &[],
            states: "lib VersionConflict",
        },
        Row {
            case: "of the same age: the larger key came last",
            nodes: &["a age=1: lib >=2", "b age=1: lib ^1"],
            requires: "",
            world: WORLD,
            verdict: "Waiting DependencyInstalling: waits for lib: being created for lib 2.0.0",
            deeds: &["+lib >=2"],
            states: "lib Installing",
        },
        Row {
            case: "the older one gets what it wants, though the younger one was served first",
            nodes: &[
                "a age=2: lib >=2",
                "b age=1 ready: lib ^1",
                "lib implicit ready 1.5.0",
            ],
            requires: "",
            world: WORLD,
            verdict: "Waiting DependencyInstalling: lib 1.5.0 is installed, but a needs >=2; it moves to 2.0.0",
            deeds: &["~lib >=2"],
            states: "lib Installing",
        },
        Row {
            case: "only those that it is at odds with are named",
            nodes: &[
                "a age=1: lib >=2",
                "b age=3: lib ^1",
                "c age=4: lib >=1",
                "d age=2: lib",
            ],
            requires: "",
            world: WORLD,
            verdict: CONFLICT,
            deeds: &[],
            states: "lib VersionConflict",
        },
        Row {
            case: "one that nothing can satisfy is in nobody's way",
            nodes: &["a age=1: lib >=2", "b age=3: lib ^9"],
            requires: "",
            world: WORLD,
            verdict: "Waiting DependencyInstalling: waits for lib: being created for lib 2.0.0",
            deeds: &["+lib >=2"],
            states: "lib Installing",
        },
        Row {
            case: "its own two ranges",
            nodes: &["a: lib ^1, lib >=2"],
            requires: "",
            world: WORLD,
            verdict: "Stalled DependencyVersionConflict: no version of lib suits all: a needs >=2 and a needs ^1 (there are \
                      2.0.0, 1.5.0); change one of these ranges; waits for lib: being created for lib 1.5.0",
            deeds: &[],
            states: "lib Installing, lib VersionConflict",
        },
    ]);
}

#[test]
fn what_others_demand_is_taken_into_account_from_the_start() {
    assert_rows(&[Row {
        case: "both ranges stand in the version of what is created",
        nodes: &["a", "b: lib <2"],
        requires: "lib >=1 || 0.5.x",
        world: &["lib 2.0.0 1.5.0 0.5.1"],
        verdict: "Waiting DependencyInstalling: waits for lib: being created for lib 1.5.0",
        deeds: &["+lib <2, >=1 || <2, 0.5.x"],
        states: "lib Installing",
    }]);
}
