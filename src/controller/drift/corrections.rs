//! Counts corrections: an object that is corrected again and again is contested, and left alone for a while
//! (docs/components.md 8, item 4). Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::release::manifest::ObjectKey;

/// The most corrections of one object within [`WINDOW`].
const ROUNDS: usize = 5;
/// See [`ROUNDS`].
const WINDOW: Duration = Duration::from_secs(600);

/// The recent corrections of a release's objects.
#[derive(Clone, Debug, Default)]
pub struct Corrections(HashMap<ObjectKey, Vec<Instant>>);

impl Corrections {
    /// Notes the correction of an object.
    pub fn note(&mut self, key: &ObjectKey, now: Instant) {
        // objects without recent corrections are forgotten
        self.0.retain(|_, times| {
            times.retain(|time| is_recent(*time, now));
            !times.is_empty()
        });
        self.0.entry(key.clone()).or_default().push(now);
    }

    /// How often an object was corrected in the last ten minutes, if that is too often to do it again: five times.
    pub fn fought_over(&self, key: &ObjectKey, now: Instant) -> Option<usize> {
        let times = self.0.get(key)?.iter();
        let rounds = times.filter(|time| is_recent(**time, now)).count();
        (rounds >= ROUNDS).then_some(rounds)
    }

    /// Forgets all corrections: the release was installed again.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn is_recent(time: Instant, now: Instant) -> bool {
    now.saturating_duration_since(time) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: None,
            name: name.to_owned(),
        }
    }

    #[test]
    fn five_times_in_ten_minutes_is_a_fight() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        let rows: [(&str, &[u64], u64, Option<usize>); 6] = [
            ("never", &[], 0, None),
            ("four times", &[0, 5, 10, 15], 20, None),
            ("five times", &[0, 5, 10, 15, 20], 25, Some(5)),
            (
                "five times, just inside of the time",
                &[0, 5, 10, 15, 20],
                599,
                Some(5),
            ),
            (
                "the first is ten minutes ago",
                &[0, 5, 10, 15, 20],
                600,
                None,
            ),
            (
                "one more, and the next is recent still",
                &[0, 5, 10, 15, 20, 600],
                604,
                Some(5),
            ),
        ];
        for (case, times, now, expected) in rows {
            let mut corrections = Corrections::default();
            for second in times {
                corrections.note(&key("a"), at(*second));
            }
            assert_eq!(
                corrections.fought_over(&key("a"), at(now)),
                expected,
                "{case}"
            );
            assert_eq!(corrections.fought_over(&key("b"), at(now)), None, "{case}");
            corrections.clear();
            assert_eq!(corrections.fought_over(&key("a"), at(now)), None, "{case}");
        }
    }

    #[test]
    fn what_is_long_past_takes_no_room() {
        let start = Instant::now();
        let mut corrections = Corrections::default();
        corrections.note(&key("a"), start);
        corrections.note(&key("b"), start + WINDOW);
        assert_eq!(corrections.0.len(), 1);
    }
}
