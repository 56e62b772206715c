//! Values as Go's standard library reads and prints them: how flags, environment variables and config files
//! (docs/chartmuseum.md 8.1), the durations of a Component and those in the request log are written. Each function that
//! reads is `None` for what Go refuses.

use std::fmt;
use std::time::Duration;

/// Nanoseconds of the units that `time.ParseDuration` knows, longest names first where one is a prefix of another.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5, micro sign
    ("μs", 1_000), // U+03BC, Greek letter mu
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// `strconv.ParseInt` with base 0: decimal, `0x`, `0o` or `0` octal, `0b`.
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (2, binary)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (8, octal)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    // from_str_radix would take a second sign
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// `time.ParseDuration`, in nanoseconds: signed numbers with units, or a bare `0`.
pub fn parse_duration(text: &str) -> Option<i64> {
    i64::try_from(nanoseconds(text)?).ok()
}

/// True for what is written as a duration is and is longer than one can be: 64 bits of nanoseconds are 292 years.
pub fn is_too_long(text: &str) -> bool {
    nanoseconds(text).is_some_and(|nanoseconds| nanoseconds > i64::MAX.into())
}

/// What is said of those.
pub const TOO_LONG: &str = "is longer than a duration can be; write 2562047h or less";

fn nanoseconds(text: &str) -> Option<i128> {
    let (negative, mut rest) = split_sign(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit = &after[..after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len())];
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            // of digits alone: what does not fit is too large
            whole.parse().unwrap_or(i128::MAX)
        };
        nanoseconds = nanoseconds
            .saturating_add(whole.saturating_mul(*size))
            .saturating_add(part_of(fraction, *size));
        rest = &after[unit.len()..];
    }
    Some(if negative { -nanoseconds } else { nanoseconds })
}

/// `size` times the decimal fraction with these digits, rounded down. Digits beyond a nanosecond do not count.
fn part_of(fraction: &str, size: i128) -> i128 {
    let mut scale = 1;
    let mut digits = 0;
    for digit in fraction.bytes().take(18) {
        digits = digits * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    digits * size / scale
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// A duration that displays as Go's `time.Duration` does: `92.409µs`, `1.5s`, `1m2.5s`.
#[derive(Clone, Copy, Debug)]
pub struct FormatDuration(pub Duration);

impl fmt::Display for FormatDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let (unit, name) = match nanoseconds {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let (mut whole, fraction) = (nanoseconds / unit, nanoseconds % unit);
        if name == "s" && whole >= 60 {
            let minutes = whole / 60;
            if minutes >= 60 {
                write!(f, "{}h", minutes / 60)?;
            }
            write!(f, "{}m", minutes % 60)?;
            whole %= 60;
        }
        write!(f, "{whole}")?;
        if fraction > 0 {
            let digits = unit.ilog10() as usize;
            let padded = format!("{fraction:0digits$}");
            write!(f, ".{}", padded.trim_end_matches('0'))?;
        }
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_gos_twelve_spellings() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(parse_bool(text), Some(true), "{text}");
        }
        for text in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(parse_bool(text), Some(false), "{text}");
        }
        for text in ["", "yes", "on", "tRUE", " true", "2", "truefalse"] {
            assert_eq!(parse_bool(text), None, "{text:?}");
        }
    }

    #[test]
    fn integers() {
        let rows = [
            ("0", Some(0)),
            ("8080", Some(8080)),
            ("+7", Some(7)),
            ("-7", Some(-7)),
            ("0x1F90", Some(8080)),
            ("0X1f90", Some(8080)),
            ("-0x10", Some(-16)),
            ("010", Some(8)),
            ("0o10", Some(8)),
            ("0b11", Some(3)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("99999999999999999999999", None),
            ("", None),
            ("-", None),
            ("0x", None),
            ("0x-1", None),
            ("--1", None),
            ("+-1", None),
            ("08", None),
            ("8080.0", None),
            ("1e3", None),
            (" 1", None),
            ("eight", None),
            ("１", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_int(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations() {
        const SECOND: i64 = 1_000_000_000;
        let rows = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0s", Some(0)),
            ("5m", Some(300 * SECOND)),
            ("300ms", Some(300_000_000)),
            ("1.5h", Some(5400 * SECOND)),
            ("1h2m3s", Some(3723 * SECOND)),
            ("1h2m3.5s", Some(3723 * SECOND + SECOND / 2)),
            (".5s", Some(SECOND / 2)),
            ("5.s", Some(5 * SECOND)),
            ("-1.5h", Some(-5400 * SECOND)),
            ("+2s", Some(2 * SECOND)),
            ("7ns", Some(7)),
            ("7us", Some(7_000)),
            ("7µs", Some(7_000)),
            ("7μs", Some(7_000)),
            ("0.3333333333333333333h", Some(1_199_999_999_999)),
            ("2540400h", Some(2_540_400 * 3600 * SECOND)),
            ("2562048h", None),
            ("9999999999999999999h", None),
            ("", None),
            ("5", None),
            ("300", None),
            ("-", None),
            (".s", None),
            ("s", None),
            ("5 m", None),
            ("5d", None),
            ("5M", None),
            ("1h5", None),
            ("1-h", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_duration(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations_read_as_in_go() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (999, "999ns"),
            (1_000, "1µs"),
            (92_409, "92.409µs"),
            (1_100_000, "1.1ms"),
            (999_999_999, "999.999999ms"),
            (1_000_000_000, "1s"),
            (2_050_000_000, "2.05s"),
            (60_000_000_000, "1m0s"),
            (62_500_000_000, "1m2.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (7_384_000_000_001, "2h3m4.000000001s"),
        ] {
            assert_eq!(
                FormatDuration(Duration::from_nanos(nanoseconds)).to_string(),
                text
            );
        }
    }

    #[test]
    fn a_duration_that_does_not_fit_is_told_from_what_is_none() {
        for (text, too_long) in [
            ("2562047h", false),
            ("2562047h48m", true),
            ("9999999999999999999h", true),
            (
                "99999999999999999999999999999999999999999999999999h1s",
                true,
            ),
            ("-2562047h48m", false),
            ("0s", false),
            ("soon", false),
            ("99999999999999999999", false),
        ] {
            assert_eq!(is_too_long(text), too_long, "{text:?}");
        }
    }
}
