//! Whether an event is new, or repeats one that was sent.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long after its last occurrence a repeated event is still the same one.
const SAME: Duration = Duration::from_mins(10);
/// How often the count of a repeated event is written.
const WRITTEN: Duration = Duration::from_mins(1);
/// How many events are remembered; others are new when they recur.
const REMEMBERED: usize = 1024;

/// What makes two events the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// The object's UID, or else its kind, namespace and name.
    pub object: String,
    /// Normal or Warning.
    pub kind: &'static str,
    /// The reason.
    pub reason: &'static str,
    /// The action.
    pub action: String,
    /// The note.
    pub note: String,
}

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folded {
    /// A new event.
    New,
    /// The event of this name occurred for the `count`th time.
    Again {
        /// The event's name.
        name: String,
        /// How often it has occurred.
        count: i32,
    },
    /// Nothing now: the occurrence is counted and written with a later one.
    Counted,
}

/// The events that were sent recently.
#[derive(Debug, Default)]
pub struct Sent(HashMap<EventKey, Series>);

#[derive(Debug)]
struct Series {
    name: String,
    count: i32,
    last: Instant,
    written: Instant,
}

impl Sent {
    /// What to send for an event that occurs now.
    pub fn fold(&mut self, key: &EventKey, now: Instant) -> Folded {
        let age = |since: Instant| now.saturating_duration_since(since);
        self.0.retain(|_, series| age(series.last) < SAME);
        let Some(series) = self.0.get_mut(key) else {
            return Folded::New;
        };
        series.last = now;
        series.count = series.count.saturating_add(1);
        if age(series.written) < WRITTEN {
            return Folded::Counted;
        }
        series.written = now;
        Folded::Again {
            name: series.name.clone(),
            count: series.count,
        }
    }

    /// Remembers the name under which the event was sent.
    pub fn remember(&mut self, key: EventKey, name: String, now: Instant) {
        if self.0.len() >= REMEMBERED {
            let oldest = self.0.iter().min_by_key(|(_, series)| series.last);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&oldest);
            }
        }
        let series = Series {
            name,
            count: 1,
            last: now,
            written: now,
        };
        self.0.insert(key, series);
    }

    /// Forgets an event that no longer exists.
    pub fn forget(&mut self, key: &EventKey) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(note: &str) -> EventKey {
        EventKey {
            object: "uid".to_owned(),
            kind: "Normal",
            reason: "InstallSucceeded",
            action: "Install".to_owned(),
            note: note.to_owned(),
        }
    }

    #[test]
    fn what_comes_again_is_counted_and_written_once_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let again = |count| Folded::Again {
            name: "e".to_owned(),
            count,
        };
        let mut sent = Sent::default();
        assert_eq!(sent.fold(&key("a"), at(0)), Folded::New);
        sent.remember(key("a"), "e".to_owned(), at(0));
        for (seconds, expected) in [
            (1, Folded::Counted),
            (59, Folded::Counted),
            (60, again(4)),
            (61, Folded::Counted),
            (659, again(6)),
            // ten minutes after the last time, not after the first
            (1258, again(7)),
            (1858, Folded::New),
        ] {
            assert_eq!(
                sent.fold(&key("a"), at(seconds)),
                expected,
                "after {seconds} s"
            );
        }
    }

    #[test]
    fn another_sentence_is_another_event() {
        let start = Instant::now();
        let mut sent = Sent::default();
        sent.remember(key("a"), "e".to_owned(), start);
        assert_eq!(sent.fold(&key("b"), start), Folded::New);
        let warning = EventKey {
            kind: "Warning",
            ..key("a")
        };
        assert_eq!(sent.fold(&warning, start), Folded::New);
        sent.forget(&key("a"));
        assert_eq!(sent.fold(&key("a"), start), Folded::New);
    }

    #[test]
    fn only_so_many_are_remembered_and_the_oldest_goes_first() {
        let start = Instant::now();
        let mut sent = Sent::default();
        for number in 0..=REMEMBERED {
            let now = start + Duration::from_millis(number as u64);
            sent.remember(key(&number.to_string()), number.to_string(), now);
        }
        assert_eq!(sent.0.len(), REMEMBERED);
        let now = start + Duration::from_secs(2);
        assert_eq!(sent.fold(&key("0"), now), Folded::New);
        assert_eq!(sent.fold(&key("1"), now), Folded::Counted);
    }
}
