//! JSON with one spelling for each value: RFC 8785, with integers that a double cannot hold written as tagged text.
//!
//! RFC 8785 reads every number as a double, so 2^53 and 2^53 + 1 would be spelled alike and a change from one to the
//! other would go unseen. Whole numbers beyond 2^53 therefore become `{"$integer":"9007199254740993"}`, and a key of
//! that name (with any number of `$` before it) gets one more `$`, so that nothing else is spelled so.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// The greatest whole number up to which every whole number is a double.
const EXACT: u128 = 1 << 53;

/// The tag of an integer beyond [`EXACT`].
const TAG: &str = "integer";

/// The canonical spelling of `value`.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => write_object(out, fields),
    }
}

/// Keys in the order of their UTF-16 code units, which differs from that of their UTF-8 bytes above U+FFFF.
fn write_object(out: &mut String, fields: &Map<String, Value>) {
    let mut fields: Vec<(String, &Value)> = fields
        .iter()
        .map(|(key, value)| (escape_key(key), value))
        .collect();
    fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push('{');
    for (i, (key, value)) in fields.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, &key);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn escape_key(key: &str) -> String {
    let is_tag = key.starts_with('$') && key.trim_start_matches('$') == TAG;
    if is_tag {
        format!("${key}")
    } else {
        key.to_owned()
    }
}

/// `serde_json` escapes as RFC 8785 asks: what must be escaped, in its shortest form, in lower case.
fn write_string(out: &mut String, text: &str) {
    write!(out, "{}", Value::from(text)).expect("writing to memory");
}

fn write_number(out: &mut String, number: &Number) {
    let whole = match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(value), _, _) => Some(i128::from(value)),
        (_, Some(value), _) => Some(i128::from(value)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the range just checked"
        )]
        (_, _, Some(value)) if value.fract() == 0.0 && value.abs() < 2f64.powi(64) => {
            Some(value as i128)
        }
        _ => None,
    };
    match whole {
        Some(value) if value.unsigned_abs() <= EXACT => write!(out, "{value}"),
        Some(value) => write!(out, "{{\"${TAG}\":\"{value}\"}}"),
        None => {
            let value = number.as_f64().expect("a number is whole or a double");
            out.push_str(&double_text(value));
            Ok(())
        }
    }
    .expect("writing to memory");
}

/// A finite double as ECMAScript's `Number::toString` spells it (ECMA-262 section 6.1.6.1.20).
fn double_text(value: f64) -> String {
    // the shortest digits that read back as the same double, as `d.ddde±x`
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').expect("Rust writes an exponent");
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().expect("Rust writes a whole exponent");
    let sign = if value < 0.0 { "-" } else { "" };
    let count = i32::try_from(digits.len()).expect("a double has at most 17 digits");
    // the decimal point stands after this many digits
    let point = exponent + 1;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    if count <= point && point <= 21 {
        return format!("{sign}{digits}{}", zeros(point - count));
    }
    if 0 < point && point <= 21 {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        return format!("{sign}{whole}.{fraction}");
    }
    if -6 < point && point <= 0 {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let plus = if exponent > 0 { "+" } else { "" };
    format!("{sign}{first}{dot}{rest}e{plus}{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> String {
        text(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn each_number_has_one_spelling() {
        let rows = [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1", "1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("10e-1", "1"),
            ("-5", "-5"),
            ("0.1", "0.1"),
            ("1.50", "1.5"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("0.00000012", "1.2e-7"),
            ("123456.789e3", "123456789"),
            ("333333333.33333329", "333333333.3333333"),
            ("1e30", "1e+30"),
            ("1.5e30", "1.5e+30"),
            ("-1e22", "-1e+22"),
            ("295147905179352825856", "295147905179352830000"),
            ("1e21", "1e+21"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("5e-324", "5e-324"),
            ("-5e-324", "-5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740992", "-9007199254740992"),
        ];
        for (json, expected) in rows {
            assert_eq!(canonical(json), expected, "{json}");
        }
    }

    #[test]
    fn integers_beyond_a_double_stay_apart() {
        let rows = [
            ("9007199254740993", "9007199254740993"),
            ("-9007199254740993", "-9007199254740993"),
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551615", "18446744073709551615"),
            // the same number, whichever way it is written
            ("1e18", "1000000000000000000"),
            ("1000000000000000000", "1000000000000000000"),
        ];
        for (json, digits) in rows {
            assert_eq!(
                canonical(json),
                format!("{{\"$integer\":\"{digits}\"}}"),
                "{json}"
            );
        }
        assert_eq!(
            canonical(r#"{"$integer":"9007199254740993","$$integer":1,"integer":2}"#),
            r#"{"$$$integer":1,"$$integer":"9007199254740993","integer":2}"#
        );
    }

    #[test]
    fn keys_are_in_utf16_order() {
        // RFC 8785 section 3.2.3; U+1F600 is two code units from U+D83D on, below U+FB33
        assert_eq!(
            canonical(
                "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}"
            ),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
        assert_eq!(
            canonical(r#"{"b":[{"d":1,"c":null},"x"],"a":{}}"#),
            r#"{"a":{},"b":[{"c":null,"d":1},"x"]}"#
        );
    }

    #[test]
    fn strings_are_escaped_where_they_must_be() {
        let rows = [
            (r#""\u0000\u001F\u007f""#, "\"\\u0000\\u001f\u{7f}\""),
            (r#""\b\t\n\f\r\"\\\/""#, r#""\b\t\n\f\r\"\\/""#),
            (r#""\u20ac$\u000F\u000aA'\u0042""#, "\"€$\\u000f\\nA'B\""),
        ];
        for (json, expected) in rows {
            assert_eq!(canonical(json), expected, "{json}");
        }
    }
}
