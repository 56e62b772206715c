//! Durations as Kubernetes users write them: Go's `5m`, `1h30m`, `2.5s`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::component::sentence::Sentence;
use crate::go_syntax::{TOO_LONG, is_too_long, parse_duration};

/// The message about an invalid one.
pub(super) const NOT_POSITIVE: Sentence =
    Sentence("\"{}\" is not a duration above zero such as 90s, 5m or 1h30m");

/// The fields of the Component that are durations.
pub(super) const FIELDS: [&str; 7] = [
    "spec.interval",
    "spec.timeout",
    "spec.install.timeout",
    "spec.upgrade.timeout",
    "spec.rollback.timeout",
    "spec.uninstall.timeout",
    "spec.test.timeout",
];

/// The schema's pattern; the type itself also refuses zero and what does not fit 64 bits of nanoseconds.
pub(super) const PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// The API server's limit in characters, far above what anybody writes: it must know what a rule may cost.
const MAX_LENGTH: u32 = 1024;

/// A positive duration that keeps the user's spelling, so that writing an object back does not change it.
#[derive(Clone, Debug)]
pub struct GoDuration {
    text: String,
    value: Duration,
}

/// Why a text is not a valid duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DurationError {
    /// It is none, or none above zero.
    #[error("{}", NOT_POSITIVE.about(&[.0]))]
    NotPositive(String),
    /// It does not fit 64 bits of nanoseconds.
    #[error("{0:?} {TOO_LONG}")]
    TooLong(String),
}

impl GoDuration {
    /// The duration itself, above zero.
    pub fn get(&self) -> Duration {
        self.value
    }
}

/// `60s` and `1m` are equal.
impl PartialEq for GoDuration {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for GoDuration {}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse_duration(text)
            .and_then(|nanoseconds| u64::try_from(nanoseconds).ok())
            .filter(|nanoseconds| *nanoseconds > 0)
            .map(|nanoseconds| Self {
                text: text.to_owned(),
                value: Duration::from_nanos(nanoseconds),
            })
            .ok_or_else(|| {
                let text = text.to_owned();
                if is_too_long(&text) {
                    DurationError::TooLong(text)
                } else {
                    DurationError::NotPositive(text)
                }
            })
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN, "maxLength": MAX_LENGTH})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos_and_above_zero() {
        let rows = [
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("2.5s", Some(2_500)),
            ("100ms", Some(100)),
            ("0s", None),
            ("0", None),
            ("-5m", None),
            ("5", None),
            ("5 m", None),
            ("", None),
            ("9999999h", None),
        ];
        for (text, milliseconds) in rows {
            let read: Result<GoDuration, _> = serde_json::from_value(text.into());
            let read = read.ok().map(|duration| duration.get().as_millis());
            assert_eq!(read, milliseconds, "{text:?}");
        }
    }

    #[test]
    fn the_spelling_is_kept_and_does_not_count() {
        let read: GoDuration = serde_json::from_value("60s".into()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), "60s");
        assert_eq!(read, "1m".parse().unwrap());
        assert_eq!(
            "5".parse::<GoDuration>().unwrap_err().to_string(),
            "\"5\" is not a duration above zero such as 90s, 5m or 1h30m"
        );
        assert_eq!(
            "2562047h48m".parse::<GoDuration>().unwrap_err().to_string(),
            "\"2562047h48m\" is longer than a duration can be; write 2562047h or less"
        );
    }
}
