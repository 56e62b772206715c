//! Random walks: whatever fails, dies, flaps or is done by others, a release comes to rest, and nothing is lost on the
//! way. What a walk that fails was made of is printed, in its shortest form.

mod together;

use proptest::prelude::*;

use super::installer::End;
use super::site::{Death, Site, release};
use crate::controller::reconcile::decide::release::last_known_good;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// These values are wanted.
    Want(u8),
    /// The next run of Helm ends like this.
    Next(End),
    /// A Helm that hangs goes on, and ends like this.
    GoesOn(End),
    /// The controller dies after so many steps.
    DiesIn(usize),
    /// It dies now.
    Dies(Death),
    /// The objects are ready, or are not.
    Ready(bool),
    /// Somebody upgrades by hand; it works, fails, or is cut off.
    Upgraded(Option<bool>),
    /// Somebody deletes an object, whatever is in the way of the next version.
    Deleted,
    /// Somebody deletes the release's Secrets.
    Removed,
    Suspended(bool),
    Enabled(bool),
    /// So many writes conflict.
    Conflicts(usize),
    /// The API server does not answer, or does again.
    Away(bool),
    /// The Lease is lost, or there again.
    Leads(bool),
    Forced,
    Reset,
    /// So many seconds pass.
    Passes(i64),
}

const UNREACHABLE: &str = "Kubernetes cluster unreachable: connect: connection refused";

fn values(letter: u8) -> String {
    format!("{{\"a\":{letter}}}")
}

/// What interrupts, and is nobody's failure.
fn interruptions() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3u8).prop_map(Event::Want),
        3 => Just(Event::Next(End::Hangs)),
        1 => Just(Event::Next(End::Refuses(UNREACHABLE))),
        1 => Just(Event::Next(End::Lies)),
        1 => Just(Event::GoesOn(End::Works)),
        3 => (0..12usize).prop_map(Event::DiesIn),
        2 => prop::sample::select(&[
            Death::OfBoth,
            Death::StopsHelm,
            Death::HelmGoesOn(30, End::Works),
        ][..]).prop_map(Event::Dies),
        1 => Just(Event::Upgraded(Some(true))),
        1 => any::<bool>().prop_map(Event::Suspended),
        1 => any::<bool>().prop_map(Event::Enabled),
        1 => (1..4usize).prop_map(Event::Conflicts),
        1 => any::<bool>().prop_map(Event::Away),
        1 => any::<bool>().prop_map(Event::Leads),
        6 => (1..100i64).prop_map(Event::Passes),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let ends = [
        End::Fails("it is green"),
        End::Refuses("parse error at (web/templates/x.yaml:1): unclosed action"),
        End::Fails(
            "server-side apply failed for object edge-system/web /v1, Kind=ConfigMap: field is immutable",
        ),
        End::Killed,
        End::TooLong,
        End::DoesNotStart,
    ];
    prop_oneof![
        10 => interruptions(),
        5 => prop::sample::select(ends.to_vec()).prop_map(Event::Next),
        4 => any::<bool>().prop_map(Event::Ready),
        2 => Just(Event::Deleted),
        1 => prop::sample::select(&[Some(true), Some(false), None][..]).prop_map(Event::Upgraded),
        1 => prop::sample::select(&[Event::Removed, Event::Forced, Event::Reset][..]),
        1 => Just(Event::Dies(Death::HelmGoesOn(30, End::Fails("it is blue")))),
        1 => Just(Event::GoesOn(End::Fails("it is red"))),
        3 => (100..700i64).prop_map(Event::Passes),
    ]
}

/// What the spec says beside its values.
fn policies() -> impl Strategy<Value = (String, bool)> {
    (
        prop::sample::select(&["Auto", "Keep", "Reinstall"][..]),
        prop::sample::select(&["Rollback", "Keep"][..]),
        prop::sample::select(&["watcher", "hookOnly"][..]),
        0..4u8,
        2..5u8,
        any::<bool>(),
    )
        .prop_map(|(install, upgrade, wait, retries, limit, hooks)| {
            let spec = format!(
                "version: 1.0.0, historyLimit: {limit}, install: {{onFailure: {install}, wait: {wait}}}, \
                 upgrade: {{onFailure: {upgrade}, wait: {wait}, retries: {retries}}}"
            );
            (spec, hooks)
        })
}

/// A walk, and what is known of it.
struct Walk {
    site: Site,
    spec: String,
    letter: u8,
    is_suspended: bool,
    is_enabled: bool,
    forced: usize,
    /// A revision was told to be in order, and nobody has deleted the release since.
    was_good: bool,
}

impl Walk {
    fn new((spec, hooks): (String, bool)) -> Self {
        let mut site = Site::new();
        site.repository
            .change("web 1.0.0", |chart| chart.has_install_hooks = hooks);
        let mut walk = Self {
            site,
            spec,
            letter: 0,
            is_suspended: false,
            is_enabled: true,
            forced: 0,
            was_good: false,
        };
        walk.wants(0);
        walk
    }

    fn wants(&mut self, letter: u8) {
        self.letter = letter;
        let (spec, values) = (&self.spec, values(letter));
        let (suspend, enabled) = (self.is_suspended, self.is_enabled);
        let spec = format!("{{{spec}, values: {values}, suspend: {suspend}, enabled: {enabled}}}");
        self.site.apply("web", &spec);
    }

    fn happens(&mut self, event: Event) {
        let is_locked = self.site.is_locked("web");
        match event {
            Event::Want(letter) => self.wants(letter),
            Event::Next(end) => self.site.helm_ends("web", &[end]),
            Event::GoesOn(end) => self.site.helm_goes_on("web", end),
            Event::DiesIn(steps) => self.site.dies_in = Some(steps),
            Event::Dies(death) => self.site.controller_dies(death),
            Event::Ready(true) => self.site.objects("web").unready = None,
            Event::Ready(false) => {
                self.site.objects("web").unready = Some("pod web-0: not ready".to_owned());
            }
            Event::Deleted => self.site.objects("web").deleted = Some("ConfigMap web"),
            Event::Upgraded(_) | Event::Removed if self.site.api_is_away => {}
            // Helm lets nobody in
            Event::Upgraded(_) | Event::Removed if is_locked => {}
            Event::Upgraded(result) => {
                let result = result.map(|works| works.then_some(()).ok_or("by hand"));
                self.site.helm_upgrade_by_hand("web", "web 1.0.0", result);
                // a Helm without --history-max keeps ten revisions, whichever was good
                self.was_good &= self.has_good();
            }
            Event::Removed => {
                self.site.by_hand("web", |history| history.stored.clear());
                self.was_good = false;
            }
            Event::Suspended(suspended) => {
                self.is_suspended = suspended;
                self.wants(self.letter);
            }
            Event::Enabled(enabled) => {
                self.is_enabled = enabled;
                self.was_good &= enabled;
                self.wants(self.letter);
            }
            Event::Conflicts(writes) => self.site.conflicts = writes,
            Event::Away(is_away) => self.site.api_is_away = is_away,
            Event::Leads(is_leading) => self.site.is_leading = is_leading,
            Event::Forced => {
                self.forced += 1;
                self.site
                    .annotate("web", "forceAt", &self.forced.to_string());
            }
            Event::Reset => {
                self.forced += 1;
                self.site
                    .annotate("web", "resetAt", &self.forced.to_string());
            }
            Event::Passes(seconds) => self.site.pass(seconds),
        }
        self.site.settle();
        self.keeps_what_is_good();
    }

    /// Once a revision was in order, there is one to go back to.
    fn keeps_what_is_good(&mut self) {
        let history = release("web");
        let revisions = (self.site.helm).release(&history, |history, _| history.revisions());
        // a status may be older than what somebody did to the release
        let told = self.site.status("web").release_version;
        let newest = revisions
            .first()
            .filter(|newest| newest.operation.is_some());
        let is_told = newest.is_some_and(|newest| Some(newest.number) == told);
        self.was_good |= is_told && self.site.is_in_order("web");
        let told = || format!("nothing good is left: {}", self.site.told("web"));
        assert!(!self.was_good || self.has_good(), "{}", told());
    }

    /// True if there is a revision to go back to.
    fn has_good(&self) -> bool {
        let history = release("web");
        let revisions = (self.site.helm).release(&history, |history, _| history.revisions());
        last_known_good(&revisions, &self.site.status("web")).is_some()
    }

    /// Nothing fails any more, and time passes.
    fn comes_to_rest(&mut self) {
        self.site.helm.forget_ends();
        self.site.helm_goes_on("web", End::Works);
        self.site.objects("web").unready = None;
        self.site.dies_in = None;
        self.site.api_is_away = false;
        self.site.is_leading = true;
        (self.is_suspended, self.is_enabled) = (false, true);
        self.wants(self.letter);
        // what can only fail again is looked at in half an hour
        self.site.pass(4000);
    }

    /// Somebody deletes an object, whatever is in the way: within the interval it is back, or told to be gone.
    fn puts_back_what_is_deleted(&mut self) -> bool {
        self.site.objects("web").deleted = Some("ConfigMap web");
        self.site.pass(700);
        let conditions = self.site.status("web").conditions;
        let says = (conditions.iter()).any(|it| it.type_ == "Healthy" && it.status == "True");
        self.site.objects("web").deleted.is_none() || !says
    }

    fn is_as_wanted(&self) -> bool {
        self.site.is_in_order("web") && self.site.values("web") == values(self.letter)
    }

    /// True if it is told that nothing more is tried.
    fn is_given_up(&self) -> bool {
        let conditions = self.site.status("web").conditions;
        conditions
            .iter()
            .any(|it| it.type_ == "Stalled" && it.status == "True")
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // a quarter of what PROPTEST_CASES says: each takes some 20 ms
        ..ProptestConfig::with_cases(ProptestConfig::default().cases / 4)
    })]

    #[test]
    fn a_release_comes_to_rest_as_wanted_or_is_told_to_be_given_up(
        policies in policies(),
        events in prop::collection::vec(events(), 0..40),
    ) {
        let mut walk = Walk::new(policies);
        for event in events {
            walk.happens(event);
        }
        walk.comes_to_rest();
        prop_assert!(walk.is_as_wanted() || walk.is_given_up(), "{}", walk.site.told("web"));
        prop_assert_eq!(walk.site.slots_in_use(), 0);
        prop_assert!(walk.puts_back_what_is_deleted(), "{}", walk.site.told("web"));
        // what is wanted anew is always reached
        walk.wants(9);
        walk.site.pass(600);
        prop_assert!(walk.is_as_wanted(), "{}", walk.site.told("web"));
    }

    #[test]
    fn interruptions_never_count(
        policies in policies(),
        events in prop::collection::vec(interruptions(), 0..40),
    ) {
        // a Helm that takes longer than it may has failed
        let (spec, hooks) = policies;
        let mut walk = Walk::new((format!("{spec}, timeout: 10h"), hooks));
        for event in events {
            walk.happens(event);
            prop_assert_eq!(walk.site.counted("web"), (0, 0), "{}", walk.site.told("web"));
            prop_assert_eq!(walk.site.status("web").retry_count, None);
        }
        walk.comes_to_rest();
        prop_assert!(walk.is_as_wanted(), "{}", walk.site.told("web"));
    }
}
