//! The message and fields of one event or span, in the order they were given.

use std::error::Error;
use std::fmt::Debug;

use serde_json::Value;
use tracing::field::{Field, Visit};

/// The recorded fields, in order; recording a name again replaces its value.
#[derive(Debug, Default)]
pub struct Fields {
    /// The field called `message`, if it was recorded.
    pub message: Option<String>,
    /// All other fields.
    pub named: Vec<(&'static str, Value)>,
}

impl Fields {
    /// Adds those of `others` whose names are new.
    pub fn append_missing(&mut self, others: &Fields) {
        for (name, value) in &others.named {
            if !self.named.iter().any(|(present, _)| present == name) {
                self.named.push((name, value.clone()));
            }
        }
    }

    fn record(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = Some(match value {
                Value::String(text) => text,
                other => other.to_string(),
            });
            return;
        }
        match self
            .named
            .iter_mut()
            .find(|(name, _)| *name == field.name())
        {
            Some((_, present)) => *present = value,
            None => self.named.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN or infinity
        let number = serde_json::Number::from_f64(value);
        self.record(
            field,
            number.map_or_else(|| value.to_string().into(), Value::Number),
        );
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.record(field, text.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record(field, format!("{value:?}").into());
    }
}
