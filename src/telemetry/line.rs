//! One event, written as one line: `<time>\t<LEVEL>\t<message>\t<fields>` or a JSON object.
//!
//! Nothing that is logged can break out of its line or steer a terminal: control characters are escaped everywhere.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use tracing::Level;

use crate::telemetry::fields::Fields;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Tab-separated.
    Text,
    /// Tab-separated, the level in colour.
    ColouredText,
    /// One compact JSON object with the keys `L`, `T`, `M`, then the fields.
    Json,
}

/// The line, ending in a line feed.
pub fn line(format: Format, time: DateTime<Utc>, level: Level, fields: &Fields) -> String {
    let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let message = fields.message.as_deref().unwrap_or_default();
    let mut out = String::with_capacity(256);
    match format {
        Format::Json => {
            out.push_str("{\"L\":\"");
            out.push_str(level.as_str());
            out.push_str("\",\"T\":\"");
            out.push_str(&time);
            out.push_str("\",\"M\":");
            push_json_string(&mut out, message);
            for (name, value) in &fields.named {
                out.push(',');
                push_json_string(&mut out, name);
                out.push(':');
                push_json(&mut out, value);
            }
            out.push('}');
        }
        Format::Text | Format::ColouredText => {
            out.push_str(&time);
            out.push('\t');
            push_level(&mut out, format, level);
            out.push('\t');
            push_escaped(&mut out, message);
            for (nth, (name, value)) in fields.named.iter().enumerate() {
                out.push_str(if nth == 0 { "\t{" } else { ", " });
                push_json_string(&mut out, name);
                out.push_str(": ");
                push_json(&mut out, value);
            }
            if !fields.named.is_empty() {
                out.push('}');
            }
        }
    }
    out.push('\n');
    out
}

fn push_level(out: &mut String, format: Format, level: Level) {
    if format != Format::ColouredText {
        out.push_str(level.as_str());
        return;
    }
    out.push_str(match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[34m",
        Level::DEBUG | Level::TRACE => "\x1b[35m",
    });
    out.push_str(level.as_str());
    out.push_str("\x1b[0m");
}

fn push_json(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => push_json_string(out, text),
        // besides strings, fields hold only scalars
        other => out.push_str(&other.to_string()),
    }
}

fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c => push_escaped_char(out, c),
        }
    }
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        push_escaped_char(out, c);
    }
}

/// Escapes as JSON does what would end the line, move the cursor or reorder the text.
fn push_escaped_char(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // C0, DEL and C1 controls; line separators and bidirectional overrides
        c if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(format: Format, level: Level, message: &str, named: &[(&'static str, Value)]) -> String {
        let time = "2031-04-05T06:07:08.123Z".parse().unwrap();
        let fields = Fields {
            message: Some(message.to_owned()),
            named: named.to_vec(),
        };
        line(format, time, level, &fields)
    }

    #[test]
    fn a_text_line_is_tab_separated_with_spaced_fields() {
        let fields = [
            ("path", json!("/index.yaml")),
            ("statusCode", json!(200)),
            ("builtin", json!(true)),
        ];
        assert_eq!(
            at(Format::Text, Level::INFO, "[1] Request served", &fields),
            "2031-04-05T06:07:08.123Z\tINFO\t[1] Request served\t\
             {\"path\": \"/index.yaml\", \"statusCode\": 200, \"builtin\": true}\n"
        );
    }

    #[test]
    fn a_text_line_without_fields_ends_with_the_message() {
        assert_eq!(
            at(Format::Text, Level::WARN, "slow", &[]),
            "2031-04-05T06:07:08.123Z\tWARN\tslow\n"
        );
    }

    #[test]
    fn colour_wraps_the_level_only() {
        let rows = [
            (Level::DEBUG, "\x1b[35mDEBUG\x1b[0m"),
            (Level::INFO, "\x1b[34mINFO\x1b[0m"),
            (Level::WARN, "\x1b[33mWARN\x1b[0m"),
            (Level::ERROR, "\x1b[31mERROR\x1b[0m"),
        ];
        for (level, expected) in rows {
            let line = at(Format::ColouredText, level, "m", &[("a", json!(1))]);
            assert_eq!(
                line,
                format!("2031-04-05T06:07:08.123Z\t{expected}\tm\t{{\"a\": 1}}\n")
            );
        }
    }

    #[test]
    fn a_json_line_is_compact_with_the_keys_first() {
        let fields = [("chart.name", json!("nats")), ("a", json!(1.5))];
        assert_eq!(
            at(Format::Json, Level::ERROR, "say \"hi\"", &fields),
            "{\"L\":\"ERROR\",\"T\":\"2031-04-05T06:07:08.123Z\",\"M\":\"say \\\"hi\\\"\",\"chart.name\":\"nats\",\"a\":1.5}\n"
        );
    }

    #[test]
    fn what_is_logged_cannot_forge_a_line_or_steer_a_terminal() {
        let hostile = "a\nb\r\tc\x1b[31m\u{7f}\u{9b}\u{2028}\u{202e}\0é";
        let escaped = "a\\nb\\r\\tc\\u001b[31m\\u007f\\u009b\\u2028\\u202e\\u0000é";
        for format in [Format::Text, Format::ColouredText, Format::Json] {
            let line = at(format, Level::INFO, hostile, &[("path", json!(hostile))]);
            assert_eq!(line.matches(escaped).count(), 2, "{line:?}");
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        }
    }

    #[test]
    fn a_json_line_parses_back_to_what_was_logged() {
        let hostile = "\"\\\n\t\u{1}\u{85}\u{2066}日本";
        let line = at(
            Format::Json,
            Level::INFO,
            hostile,
            &[("v", json!(hostile)), ("n", json!(-7))],
        );
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["M"], hostile);
        assert_eq!(parsed["v"], hostile);
        assert_eq!(parsed["n"], -7);
    }
}
