//! Walks of three Components that need each other: they come in order and go in the reverse order.

use proptest::prelude::*;

use crate::controller::reconcile::tests::installer::End;
use crate::controller::reconcile::tests::site::{Death, Site, release};

/// Each needs the one before it.
const NAMES: [&str; 3] = ["base", "middle", "top"];

/// What happens next, to the Component at this place.
#[derive(Clone, Copy, Debug)]
enum Event {
    Applied(usize, u8),
    Deleted(usize),
    Enabled(usize, bool),
    Next(usize, End),
    Ready(usize, bool),
    DiesIn(usize),
    Dies(Death),
    Passes(i64),
}

fn events() -> impl Strategy<Value = Event> {
    let place = || 0..NAMES.len();
    let ends = [
        End::Fails("it is green"),
        End::Hangs,
        End::Killed,
        End::LeavesObjects("context deadline exceeded"),
    ];
    prop_oneof![
        3 => (place(), 0..3u8).prop_map(|(at, letter)| Event::Applied(at, letter)),
        2 => place().prop_map(Event::Deleted),
        1 => (place(), any::<bool>()).prop_map(|(at, enabled)| Event::Enabled(at, enabled)),
        3 => (place(), prop::sample::select(ends.to_vec())).prop_map(|(at, end)| Event::Next(at, end)),
        2 => (place(), any::<bool>()).prop_map(|(at, ready)| Event::Ready(at, ready)),
        2 => (0..20usize).prop_map(Event::DiesIn),
        1 => prop::sample::select(&[
            Death::OfBoth,
            Death::StopsHelm,
            Death::HelmGoesOn(20, End::Works),
        ][..]).prop_map(Event::Dies),
        3 => (1..400i64).prop_map(Event::Passes),
    ]
}

fn apply(site: &mut Site, at: usize, letter: u8, enabled: bool) {
    let needs = match at {
        0 => String::new(),
        at => format!(", dependsOn: [{{name: {}}}]", NAMES[at - 1]),
    };
    let spec = format!(
        "version: 1.0.0, chart: {{name: web}}, values: {{a: {letter}}}, enabled: {enabled}"
    );
    site.apply(NAMES[at], &format!("{{{spec}{needs}}}"));
}

fn happens(site: &mut Site, event: Event) {
    match event {
        Event::Applied(at, letter) => apply(site, at, letter, true),
        Event::Deleted(at) | Event::Enabled(at, _) if !site.is_there(NAMES[at]) => {}
        Event::Deleted(at) => site.delete(NAMES[at]),
        Event::Enabled(at, enabled) => apply(site, at, 0, enabled),
        Event::Next(at, end) => site.helm_ends(NAMES[at], &[end]),
        Event::Ready(at, is_ready) => {
            site.objects(NAMES[at]).unready = (!is_ready).then(|| "pod: not ready".to_owned());
        }
        Event::DiesIn(steps) => site.dies_in = Some(steps),
        Event::Dies(death) => site.controller_dies(death),
        Event::Passes(seconds) => site.pass(seconds),
    }
    site.settle();
}

/// Nothing fails any more, and time passes.
fn comes_to_rest(site: &mut Site) {
    site.helm.forget_ends();
    site.dies_in = None;
    for name in NAMES {
        site.helm_goes_on(name, End::Works);
        site.objects(name).unready = None;
    }
    // the longest pause between two attempts is ten minutes
    site.pass(1500);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(ProptestConfig::default().cases / 16)
    })]

    #[test]
    fn they_come_in_order_and_go_in_the_reverse_order(
        events in prop::collection::vec(events(), 0..30),
    ) {
        let mut site = Site::new();
        for event in events {
            happens(&mut site, event);
        }
        comes_to_rest(&mut site);
        for name in NAMES {
            if site.is_there(name) {
                site.delete(name);
            }
        }
        comes_to_rest(&mut site);
        for name in NAMES {
            prop_assert!(!site.is_there(name), "{}", site.told(name));
        }
        site.helm.forget_starts();
        for at in [2, 1, 0] {
            apply(&mut site, at, 0, true);
        }
        site.pass(120);
        prop_assert_eq!(site.helm.starts(), NAMES.map(release));
        site.helm.forget_starts();
        NAMES.iter().for_each(|name| site.delete(name));
        site.pass(120);
        let reversed = ["top", "middle", "base"].map(release);
        prop_assert_eq!(site.helm.starts(), reversed);
        prop_assert_eq!(site.slots_in_use(), 0);
        prop_assert!(site.helm.most_at_once() <= 3);
    }
}
