//! YAML values as JSON values.

use serde_json::{Number, Value};

use crate::yaml::Yaml;

impl Yaml {
    /// The JSON value that `sigs.k8s.io/yaml` makes of this (no target type: numbers stay numbers).
    ///
    /// Numbers pass through a 64-bit float, as in Go, so integers beyond 2^53 lose precision (docs/chartmuseum.md 3.6).
    /// `.nan` and `.inf`, an error in Go, become null; [`is_mapping`](crate::yaml::is_mapping) refuses them beforehand.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "Go's JSON decoder knows only this type of number"
            )]
            Self::Int(value) => number(*value as f64),
            #[expect(
                clippy::cast_precision_loss,
                reason = "Go's JSON decoder knows only this type of number"
            )]
            Self::Uint(value) => number(*value as f64),
            Self::Float(value) => number(*value),
            Self::String(text) => Value::String(text.clone()),
            Self::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Mapping(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_json()))
                    .collect(),
            ),
        }
    }
}

/// Whole numbers without a fraction and with Go's digits: the shortest that identify the float, then zeros.
fn number(value: f64) -> Value {
    let whole = || -> Option<Number> {
        if value.fract() != 0.0 || value.abs() >= 1e20 {
            return None;
        }
        let digits = value.to_string();
        digits
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| digits.parse::<u64>().map(Number::from))
            .ok()
    };
    whole()
        .or_else(|| Number::from_f64(value))
        .map_or(Value::Null, Value::Number)
}
