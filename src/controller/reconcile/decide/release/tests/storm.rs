//! Whatever failed and died, the release comes to rest when things work again.

use proptest::prelude::*;

use super::model::{Event, Fate, Model, Step};
use super::*;

const DEATHS: [Fate; 6] = [
    Fate::DiesBefore,
    Fate::DiesDuring,
    Fate::Lingers,
    Fate::DiesAfterSuccess,
    Fate::DiesAfterFailure,
    Fate::Stopped,
];

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Works),
        4 => Just(Fate::Refused),
        2 => Just(Fate::Unreachable),
        1 => Just(Fate::Unrenderable),
        6 => prop::sample::select(&DEATHS[..]),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => Just(Event::Nothing),
        2 => prop::sample::select(&["a", "b", "c"][..]).prop_map(Event::Want),
        1 => prop::sample::select(&[
            Event::UpgradedOutside,
            Event::FailedOutside,
            Event::PendingOutside,
            Event::RolledBackOutside,
            Event::Removed,
            Event::StatusLost,
            Event::Forced,
        ][..]),
    ]
}

fn policies() -> impl Strategy<Value = (bool, u32, bool, InstallFailure)> {
    let installs = [
        InstallFailure::Auto,
        InstallFailure::Keep,
        InstallFailure::Reinstall,
    ];
    (
        any::<bool>(),
        0..4u32,
        any::<bool>(),
        prop::sample::select(installs.to_vec()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The model itself checks each step: nothing runs or is unlocked while somebody works, no cause is lost, no
    /// failures follow each other without a pause, nothing is called in sync that is not.
    #[test]
    fn it_comes_to_rest(
        (hooks, retries, keep, install) in policies(),
        steps in prop::collection::vec((events(), fates()), 0..60),
    ) {
        let mut model = Model::new(|wanted| {
            wanted.has_install_hooks = hooks;
            wanted.upgrade_retries = retries;
            wanted.install_on_failure = install;
            if keep {
                wanted.upgrade_on_failure = UpgradeFailure::Keep;
            }
        });
        for (event, fate) in steps {
            model.event(event);
            model.step(fate);
        }
        let (rest, _) = model.settle();
        match &rest {
            Decision::InSync { .. } => prop_assert!(model.is_as_wanted()),
            Decision::Hold { reason, .. } => {
                prop_assert!(
                    [Reason::RetriesExceeded, Reason::ChartInvalid].contains(reason),
                    "{rest:?}"
                );
                let can_go_back = !keep
                    && *reason == Reason::RetriesExceeded
                    && last_known_good(&model.case.revisions, &model.case.status).is_some();
                let newest = model.newest().map(|newest| newest.status);
                prop_assert!(
                    !can_go_back || newest == Some(ReleaseStatus::Deployed),
                    "held at {newest:?}"
                );
            }
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert_eq!(model.step(Fate::Works), Step::Settled(rest));
    }

    #[test]
    fn what_is_wanted_anew_is_always_reached(
        steps in prop::collection::vec((events(), fates()), 0..60),
    ) {
        let mut model = Model::new(|_| {});
        for (event, fate) in steps {
            model.event(event);
            model.step(fate);
        }
        model.event(Event::Want("z"));
        let (rest, _) = model.settle();
        prop_assert_eq!(rest, Decision::InSync { how: InSync::Ours });
        prop_assert!(model.is_as_wanted());
    }
}

fn installed() -> Model {
    let mut model = Model::new(|_| {});
    model.settle();
    model
}

#[test]
fn in_a_quiet_world_helm_runs_once() {
    let mut model = Model::new(|_| {});
    let first = model.step(Fate::Works);
    assert_eq!(first, Step::Acted(run(Action::Install, Why::NotInstalled)));
    for _ in 0..10 {
        let rest = Decision::InSync { how: InSync::Ours };
        assert_eq!(model.step(Fate::Works), Step::Settled(rest));
    }
    assert_eq!(model.newest().map(|newest| newest.revision), Some(1));
}

#[test]
fn one_death_costs_at_most_one_revision() {
    for death in DEATHS {
        let mut model = installed();
        model.event(Event::Want("b"));
        model.step(death);
        model.settle();
        assert!(model.is_as_wanted(), "{death:?}");
        let revision = model.newest().map_or(0, |newest| newest.revision);
        // one whose failure counted is rolled back in between
        let most = if death == Fate::DiesAfterFailure {
            4
        } else {
            3
        };
        assert!(revision <= most, "{death:?}: revision {revision}");
    }
}

/// Runs until at rest, with every action but a way back refused; the actions.
fn refuse(model: &mut Model, ways_back: Fate, most: usize) -> (Vec<Action>, Option<Decision>) {
    let mut actions = Vec::new();
    for _ in 0..most {
        let fate = match model.decision() {
            Decision::Run {
                action: Action::Rollback { .. } | Action::Reapply { .. },
                ..
            } => ways_back,
            _ => Fate::Refused,
        };
        match model.step(fate) {
            Step::Acted(Decision::Run { action, .. }) => actions.push(action),
            Step::Settled(decision) => return (actions, Some(decision)),
            Step::Acted(_) | Step::Waited => {}
        }
    }
    (actions, None)
}

#[test]
fn an_upgrade_that_never_works_is_tried_and_undone_four_times() {
    let mut model = installed();
    model.event(Event::Want("b"));
    let (actions, rest) = refuse(&mut model, Fate::Works, 100);
    let expected: Vec<Action> = [1, 3, 5, 7]
        .into_iter()
        .flat_map(|to| [Action::Upgrade, Action::Rollback { to }])
        .collect();
    assert_eq!(actions, expected);
    let Some(Decision::Hold { reason, .. }) = rest else {
        panic!("{rest:?}");
    };
    assert_eq!(reason, Reason::RetriesExceeded);
    // one forced attempt, and no more
    model.event(Event::Forced);
    let (actions, rest) = refuse(&mut model, Fate::Works, 100);
    assert_eq!(actions, [Action::Upgrade, Action::Rollback { to: 9 }]);
    assert!(matches!(rest, Some(Decision::Hold { .. })));
}

#[test]
fn when_no_way_back_works_either_each_is_tried_in_its_time() {
    let mut model = installed();
    model.event(Event::Want("b"));
    let start = model.case.now;
    let (actions, _) = refuse(&mut model, Fate::Refused, 200);
    let ways_back = |action: &&Action| !matches!(action, Action::Upgrade);
    assert_eq!(actions.len() - actions.iter().filter(ways_back).count(), 4);
    let minutes = model.case.now.duration_since(start).as_secs() / 60;
    let most = 20 + usize::try_from(minutes / 4).unwrap();
    assert!(
        actions.len() <= most,
        "{} in {minutes} minutes",
        actions.len()
    );
    let (rest, _) = model.settle();
    assert!(matches!(
        rest,
        Decision::Hold {
            reason: Reason::RetriesExceeded,
            ..
        }
    ));
    assert_eq!(model.newest().unwrap().status, ReleaseStatus::Deployed);
}

#[test]
fn an_install_that_never_works_is_never_given_up() {
    let mut model = Model::new(|wanted| wanted.has_install_hooks = true);
    for round in 0..300 {
        // the uninstall between two attempts works
        let fate = if model.newest().is_some() {
            Fate::Works
        } else {
            Fate::Refused
        };
        let step = model.step(fate);
        assert!(!matches!(step, Step::Settled(_)), "round {round}: {step:?}");
    }
    let (rest, _) = model.settle();
    assert_eq!(rest, Decision::InSync { how: InSync::Ours });
}
