//! Objects that somebody else changes back as often as they are put right (contract section 2.15, item 4).

use std::collections::BTreeMap;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::release::manifest::ObjectKey;

/// How many corrections of one object in [`WITHIN`] make a fight.
const MOST: usize = 5;
/// How long a correction is remembered.
const WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// When the objects of one release were put right, as far back as matters.
#[derive(Clone, Debug, Default)]
pub struct Fights {
    corrected: BTreeMap<ObjectKey, Vec<Timestamp>>,
}

impl Fights {
    /// Remembers that the object was put right now, and forgets what is ten minutes old.
    pub fn remember(&mut self, key: &ObjectKey, now: Timestamp) {
        let times = self.corrected.entry(key.clone()).or_default();
        times.push(now);
        self.corrected.retain(|_, times| {
            times.retain(|time| is_recent(*time, now));
            !times.is_empty()
        });
    }

    /// True if the object was put right five times in the last ten minutes: it should be left alone for now, and
    /// [`Drifted::managers`](super::Drifted::managers) names who does it.
    pub fn is_fought_over(&self, key: &ObjectKey, now: Timestamp) -> bool {
        let times = self.corrected.get(key).into_iter().flatten();
        times.filter(|time| is_recent(**time, now)).count() >= MOST
    }
}

fn is_recent(time: Timestamp, now: Timestamp) -> bool {
    now.duration_since(time) < WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_corrections_in_ten_minutes_are_a_fight_until_they_are_old() {
        let key = |name: &str| ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: None,
            name: name.to_owned(),
        };
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let mut fights = Fights::default();
        for round in 0..4 {
            fights.remember(&key("a"), at(round * 60));
        }
        assert!(!fights.is_fought_over(&key("a"), at(240)));
        fights.remember(&key("a"), at(240));
        assert!(fights.is_fought_over(&key("a"), at(240)));
        assert!(!fights.is_fought_over(&key("b"), at(240)));
        assert!(fights.is_fought_over(&key("a"), at(599)));
        assert!(
            !fights.is_fought_over(&key("a"), at(600)),
            "the first is ten minutes old"
        );
        fights.remember(&key("b"), at(2000));
        assert_eq!(fights.corrected.len(), 1, "what is old is forgotten");
    }
}
