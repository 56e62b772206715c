//! What a scalar means: go-yaml v2's reading of YAML 1.1.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::yaml::YamlError;

/// A scalar after typing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    String(Cow<'a, str>),
}

/// What the text says about a scalar's type, besides its content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hint<'a> {
    /// Plain without a tag, or with the tag `!`.
    Guess,
    /// Quoted or a block, without a tag.
    Text,
    /// A tag in full, such as `tag:yaml.org,2002:int`.
    Tag(&'a str),
}

/// Tags of YAML's own types start so.
pub(super) const YAML_TAG: &str = "tag:yaml.org,2002:";

/// Types `text`. A tag that its content contradicts is an error; a tag that is not YAML's own makes a string, as in
/// go-yaml.
pub(super) fn resolve<'a>(hint: Hint<'_>, text: Cow<'a, str>) -> Result<Scalar<'a>, YamlError> {
    let tag = match hint {
        Hint::Guess => return Ok(guess(text)),
        Hint::Text => return Ok(Scalar::String(text)),
        Hint::Tag(tag) => tag,
    };
    match tag.strip_prefix(YAML_TAG) {
        Some(wanted @ ("null" | "bool" | "int" | "float")) => convert(wanted, text),
        Some("timestamp") if !begins_with_date(&text) => Err(fault(&guess(text), "timestamp")),
        Some("binary") => {
            // Go's decoder skips line breaks
            let base64: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let bytes = STANDARD
                .decode(base64)
                .map_err(|_| YamlError::syntax("!!binary value contains invalid base64 data"))?;
            Ok(Scalar::String(Cow::Owned(
                String::from_utf8_lossy(&bytes).into_owned(),
            )))
        }
        _ => Ok(Scalar::String(text)),
    }
}

fn convert<'a>(wanted: &str, text: Cow<'a, str>) -> Result<Scalar<'a>, YamlError> {
    match (wanted, guess(text)) {
        ("null", scalar @ Scalar::Null)
        | ("bool", scalar @ Scalar::Bool(_))
        | ("int", scalar @ (Scalar::Int(_) | Scalar::Uint(_)))
        | ("float", scalar @ Scalar::Float(_)) => Ok(scalar),
        #[expect(clippy::cast_precision_loss, reason = "that is what the tag asks for")]
        ("float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        (wanted, found) => Err(fault(&found, wanted)),
    }
}

fn fault(found: &Scalar<'_>, wanted: &str) -> YamlError {
    let (tag, text) = match found {
        Scalar::Null => ("null", String::new()),
        Scalar::Bool(value) => ("bool", value.to_string()),
        Scalar::Int(value) => ("int", value.to_string()),
        Scalar::Uint(value) => ("int", value.to_string()),
        Scalar::Float(value) => ("float", value.to_string()),
        Scalar::String(text) => ("str", excerpt(text).to_owned()),
    };
    YamlError::syntax(format!("cannot decode !!{tag} `{text}` as a !!{wanted}"))
}

/// What a timestamp in YAML begins with: `2001-2-3`.
fn begins_with_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut next = || parts.next().unwrap_or_default();
    let (year, month, day) = (next(), next(), next());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    year.len() == 4
        && is_number(year)
        && month.len() <= 2
        && is_number(month)
        && day.starts_with(|first: char| first.is_ascii_digit())
}

/// The start of a text that may be long.
fn excerpt(text: &str) -> &str {
    match text.char_indices().nth(40) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// The type that YAML 1.1, as go-yaml v2 reads it, gives to an untagged plain scalar. Times and sexagesimals stay text.
fn guess(text: Cow<'_, str>) -> Scalar<'_> {
    let typed = match text.as_bytes().first() {
        None => Some(Scalar::Null),
        Some(b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            word(&text)
        }
        Some(b'.') => special_float(&text).or_else(|| fraction(&text)),
        Some(b'+' | b'-' | b'0'..=b'9') => special_float(&text).or_else(|| number(&text)),
        Some(_) => None,
    };
    typed.unwrap_or(Scalar::String(text))
}

fn word(text: &str) -> Option<Scalar<'static>> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Scalar::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Scalar::Bool(false))
        }
        "~" | "null" | "Null" | "NULL" => Some(Scalar::Null),
        _ => None,
    }
}

fn special_float(text: &str) -> Option<Scalar<'static>> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            Some(Scalar::Float(f64::INFINITY))
        }
        "-.inf" | "-.Inf" | "-.INF" => Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

/// A number that begins with its point goes to Go's `ParseFloat` as it is: underscores stand between digits only.
fn fraction(text: &str) -> Option<Scalar<'static>> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let is_sound =
        |around: &[u8]| around[1] != b'_' || is_digit(&around[0]) && is_digit(&around[2]);
    let is_sound = !text.ends_with('_') && text.as_bytes().windows(3).all(is_sound);
    decimal_float(&text.replace('_', "")).filter(|_| is_sound)
}

fn number(text: &str) -> Option<Scalar<'static>> {
    let plain: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    integer(&plain).or_else(|| decimal_float(&plain))
}

/// Go's `ParseInt` with base 0, then `ParseUint`: `0x`, `0b`, `0o` and `0` say the base; a sign may stand before it.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (Some('-'), &text[1..]),
        b'+' => (Some('+'), &text[1..]),
        _ => (None, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // Rust would take a second sign here
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    match sign {
        Some('-') => 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int),
        Some(_) => i64::try_from(magnitude).ok().map(Scalar::Int),
        None => Some(i64::try_from(magnitude).map_or(Scalar::Uint(magnitude), Scalar::Int)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it fits 64 bits.
fn decimal_float(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction.unwrap_or_default()) {
        return None;
    }
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .map(Scalar::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar<'_> {
        resolve(Hint::Guess, text.into()).expect("a plain scalar always has a type")
    }

    fn string(text: &str) -> Scalar<'_> {
        Scalar::String(text.into())
    }

    #[test]
    fn words_of_yaml_1_1_are_booleans_and_nulls() {
        for text in [
            "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE",
        ] {
            assert_eq!(plain(text), Scalar::Bool(true), "{text}");
        }
        for text in [
            "n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE",
        ] {
            assert_eq!(plain(text), Scalar::Bool(false), "{text}");
        }
        for text in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(plain(text), Scalar::Null, "{text}");
        }
        for text in [
            "yEs", "tRUE", "oN", "nULL", "nil", "none", "<<", "~~", "yes no",
        ] {
            assert_eq!(plain(text), string(text), "{text}");
        }
    }

    #[test]
    fn numbers_are_go_numbers() {
        for (text, scalar) in [
            ("0", Scalar::Int(0)),
            ("-0", Scalar::Int(0)),
            ("+12", Scalar::Int(12)),
            ("007", Scalar::Int(7)),
            ("-010", Scalar::Int(-8)),
            ("0x1", Scalar::Int(1)),
            ("0XfF", Scalar::Int(255)),
            ("-0x10", Scalar::Int(-16)),
            ("0b101", Scalar::Int(5)),
            ("0o17", Scalar::Int(15)),
            ("1_000", Scalar::Int(1000)),
            ("1_", Scalar::Int(1)),
            ("0_7", Scalar::Int(7)),
            ("9223372036854775807", Scalar::Int(i64::MAX)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            ("9223372036854775808", Scalar::Uint(1 << 63)),
            ("18446744073709551615", Scalar::Uint(u64::MAX)),
            (
                "18446744073709551616",
                Scalar::Float(18_446_744_073_709_551_616.0),
            ),
            (
                "+9223372036854775808",
                Scalar::Float(9_223_372_036_854_775_808.0),
            ),
            (
                "-9223372036854775809",
                Scalar::Float(-9_223_372_036_854_775_809.0),
            ),
            ("08", Scalar::Float(8.0)),
            ("1.10", Scalar::Float(1.1)),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            (".5_1", Scalar::Float(0.51)),
            ("-.5", Scalar::Float(-0.5)),
            ("1e3", Scalar::Float(1000.0)),
            ("1E-3", Scalar::Float(0.001)),
            ("1_0.5", Scalar::Float(10.5)),
            ("+1.5e+2", Scalar::Float(150.0)),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("+.INF", Scalar::Float(f64::INFINITY)),
            ("-.Inf", Scalar::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(plain(text), scalar, "{text}");
        }
        assert!(matches!(plain(".NaN"), Scalar::Float(value) if value.is_nan()));
    }

    #[test]
    fn what_only_resembles_a_number_is_text() {
        for text in [
            "1.2.3",
            "12:30:45",
            "2020-01-01",
            "2020-01-01T00:00:00Z",
            "-",
            "+",
            "._5",
            ".5__1",
            ".5_",
            ".",
            "..",
            "-.",
            "0x",
            "0xg",
            "0b2",
            "1e",
            "1e+",
            "1e400",
            ".e3",
            "--1",
            "+-1",
            "0x-1",
            "0x+1",
            "1 2",
            "1,000",
            "v1",
            "inf",
            "nan",
            "-.nan",
            "Infinity",
            "1f",
            "٣",
            "1.5.",
            "0x1p4",
            "0b",
            "12e03x",
            "+_",
        ] {
            assert_eq!(plain(text), string(text), "{text}");
        }
    }

    #[test]
    fn tags_decide_or_refuse() {
        let tagged = |tag: &str, text: &str| {
            let scalar = resolve(
                Hint::Tag(&format!("{YAML_TAG}{tag}")),
                text.to_owned().into(),
            );
            scalar.map_err(|error| error.to_string())
        };
        for (tag, text, scalar) in [
            ("str", "5", string("5")),
            ("str", "", string("")),
            ("int", "5", Scalar::Int(5)),
            ("float", "5", Scalar::Float(5.0)),
            ("bool", "yes", Scalar::Bool(true)),
            ("null", "", Scalar::Null),
            ("timestamp", "2020-01-01", string("2020-01-01")),
            ("binary", "aGVs\nbG8=", string("hello")),
            ("binary", "/w==", string("\u{fffd}")),
            ("set", "5", string("5")),
        ] {
            assert_eq!(tagged(tag, text), Ok(scalar), "!!{tag} {text}");
        }
        assert_eq!(
            resolve(Hint::Tag("!mine"), "5".into()).expect("a foreign tag is fine"),
            string("5")
        );
        assert_eq!(
            resolve(Hint::Text, "5".into()).expect("a quoted scalar is text"),
            string("5")
        );
        for (tag, text) in [
            ("int", "five"),
            ("int", "1.5"),
            ("bool", "maybe"),
            ("null", "x"),
            ("float", "yes"),
            ("binary", "*"),
            ("timestamp", "now"),
            ("timestamp", ""),
        ] {
            assert!(tagged(tag, text).is_err(), "!!{tag} {text}");
        }
    }
}
