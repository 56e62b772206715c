//! The record of a commit, as text: one step a line, fields separated by tabs, and a last line with the checksum of all
//! before it.

use chrono::DateTime;

use crate::repository::entry::Stamp;
use crate::repository::key::ObjectKey;

const HEADER: &str = "chartroom-commit 1";

/// What is to be done, in order.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    pub(super) steps: Vec<Step>,
}

/// One step. The state before it keeps a record that outlived its commit from undoing later work.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// A staged object becomes another one.
    Put {
        from: ObjectKey,
        to: ObjectKey,
        /// What was there, if anything.
        before: Option<Stamp>,
        /// Nothing may be there; only for the process that made the record, and not in it.
        create: bool,
    },
    /// An object goes.
    Delete { key: ObjectKey, before: Stamp },
}

/// Whether an object is still as it was: by size and time, since what happens to a volume between two starts (owners set
/// anew, a copy to another disk) changes the rest of a stamp.
pub(super) fn is_as_before(now: Option<Stamp>, before: Option<Stamp>) -> bool {
    let known = |stamp: Stamp| (stamp.size, stamp.modified);
    now.map(known) == before.map(known)
}

impl Record {
    pub(super) fn render(steps: &[Step]) -> String {
        let mut text = format!("{HEADER}\n");
        for step in steps {
            let line = match step {
                Step::Put {
                    from, to, before, ..
                } => format!("put\t{from}\t{to}\t{}\n", render_state(*before)),
                Step::Delete { key, before } => {
                    format!("delete\t{key}\t{}\n", render_state(Some(*before)))
                }
            };
            text.push_str(&line);
        }
        let checksum = crc32fast::hash(text.as_bytes());
        text + &format!("end {checksum:08x}\n")
    }

    /// `None` if it is damaged, or of a later version.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let end = text.strip_suffix('\n')?.rfind('\n')? + 1;
        let (checked, last) = text.split_at(end);
        let checksum = crc32fast::hash(checked.as_bytes());
        if last != format!("end {checksum:08x}\n") {
            return None;
        }
        let lines = checked.strip_prefix(HEADER)?.strip_prefix('\n')?.lines();
        let steps = lines.map(parse_step).collect::<Option<_>>()?;
        Some(Self { steps })
    }
}

fn parse_step(line: &str) -> Option<Step> {
    match line.split('\t').collect::<Vec<_>>()[..] {
        ["put", from, to, before] => Some(Step::Put {
            from: ObjectKey::parse(from)?,
            to: ObjectKey::parse(to)?,
            before: parse_state(before)?,
            create: false,
        }),
        ["delete", key, before] => Some(Step::Delete {
            key: ObjectKey::parse(key)?,
            before: parse_state(before)??,
        }),
        _ => None,
    }
}

/// Size and nanoseconds since the epoch, or `-` for nothing.
fn render_state(stamp: Option<Stamp>) -> String {
    let Some(stamp) = stamp else {
        return "-".to_owned();
    };
    let time = stamp.modified;
    format!(
        "{} {} {}",
        stamp.size,
        time.timestamp(),
        time.timestamp_subsec_nanos()
    )
}

fn parse_state(text: &str) -> Option<Option<Stamp>> {
    if text == "-" {
        return Some(None);
    }
    let (size, time) = text.split_once(' ')?;
    let (seconds, nanos) = time.split_once(' ')?;
    let modified = DateTime::from_timestamp(seconds.parse().ok()?, nanos.parse().ok()?)?;
    Some(Some(Stamp::new(size.parse().ok()?, modified, b"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str) -> ObjectKey {
        ObjectKey::parse(path).unwrap()
    }

    fn steps() -> Vec<Step> {
        let before = Stamp::new(7, DateTime::from_timestamp(1_900_000_000, 5).unwrap(), b"");
        vec![
            Step::Put {
                from: key("org/.chartroom-staged-1-package"),
                to: key("org/ünïcode chart-1.0.0+b.tgz"),
                before: None,
                create: false,
            },
            Step::Put {
                from: key(".chartroom-staged-1-provenance"),
                to: key("a-1.0.0.tgz.prov"),
                before: Some(before),
                create: false,
            },
            Step::Delete {
                key: key("a/b/c-1.tgz"),
                before,
            },
        ]
    }

    #[test]
    fn what_is_written_is_read_again() {
        let steps = steps();
        let parsed = Record::parse(Record::render(&steps).as_bytes());
        assert_eq!(parsed, Some(Record { steps }));
    }

    #[test]
    fn a_damaged_record_is_none() {
        let whole = Record::render(&steps()).into_bytes();
        for len in 0..whole.len() {
            assert_eq!(Record::parse(&whole[..len]), None, "cut at {len}");
            let mut garbled = whole.clone();
            garbled[len] ^= 1;
            assert_eq!(Record::parse(&garbled), None, "wrong at {len}");
        }
    }
}
