//! Every option's value and its source: command line over environment over config file over default.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::TypedFlag;
use crate::config::error::{ConfigError, Origin, Source};
use crate::config::file::ConfigFile;
use crate::config::options::{Kind, OPTIONS, Opt, State, find};
use crate::go_syntax::{TOO_LONG, is_too_long, parse_bool, parse_duration, parse_int};
use crate::yaml::Yaml;

const NOT_A_BOOL: &str = "is not a boolean; write true or false";
const NOT_A_DURATION: &str =
    "is not a duration; write numbers with units, such as 30s, 5m or 1h30m";
const NOT_ONE_TEXT: &str = "is not one text; put it in quotes";
const NOT_A_MAP: &str = "is not a map of tenants to IDs";

/// An option's value, as its kind reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Duration`], in nanoseconds.
    Duration(i64),
    /// Of [`Kind::KeyValue`]; a value without a key has the empty key.
    Map(BTreeMap<String, String>),
}

/// The options of one command, by flag name: all of them, each with the kind of its row.
#[derive(Debug)]
pub struct Settings(BTreeMap<&'static str, (Value, Source)>);

impl Settings {
    /// Merges the sources of `options`. `flags` are in the order given: of a repeated one the last counts, except that
    /// key-values add up.
    pub fn resolve(
        options: impl Iterator<Item = &'static Opt>,
        flags: &[TypedFlag],
        env: impl Fn(&str) -> Option<OsString>,
        file: Option<&ConfigFile>,
    ) -> Result<Self, ConfigError> {
        let mut settings = BTreeMap::new();
        for option in options {
            settings.insert(option.flag, value_of(option, flags, &env, file)?);
        }
        Ok(Self(settings))
    }

    /// Value of the bool option `flag`.
    pub fn bool(&self, flag: &str) -> bool {
        match self.get(flag) {
            Value::Bool(value) => *value,
            other => unreachable!("--{flag} is read as a bool and is {other:?}"),
        }
    }

    /// Value of the integer option `flag`.
    pub fn int(&self, flag: &str) -> i64 {
        match self.get(flag) {
            Value::Int(value) => *value,
            other => unreachable!("--{flag} is read as an integer and is {other:?}"),
        }
    }

    /// Value of the text option `flag`.
    pub fn text(&self, flag: &str) -> &str {
        match self.get(flag) {
            Value::Text(value) => value,
            other => unreachable!("--{flag} is read as a text and is {other:?}"),
        }
    }

    /// Value of the duration option `flag`, in nanoseconds.
    pub fn duration(&self, flag: &str) -> i64 {
        match self.get(flag) {
            Value::Duration(value) => *value,
            other => unreachable!("--{flag} is read as a duration and is {other:?}"),
        }
    }

    /// Value of the key-value option `flag`.
    pub fn map(&self, flag: &str) -> &BTreeMap<String, String> {
        match self.get(flag) {
            Value::Map(value) => value,
            other => unreachable!("--{flag} is read as a map and is {other:?}"),
        }
    }

    /// True if the option is set, to whatever value.
    pub fn is_set(&self, flag: &str) -> bool {
        self.entry(flag).1 != Source::Default
    }

    /// The source of the option `flag`.
    pub fn origin(&self, flag: &str) -> Origin {
        let option = find(flag).expect("settings are asked only for options of the table");
        Origin {
            option,
            source: self.entry(flag).1.clone(),
        }
    }

    /// The refusal of the present value of `flag`.
    pub fn refuse(&self, flag: &str, rule: &'static str) -> ConfigError {
        let value = match self.get(flag) {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Text(value) => format!("{value:?}"),
            Value::Duration(nanoseconds) => format!("{nanoseconds}ns"),
            Value::Map(map) => format!("{map:?}"),
        };
        let Origin { option, source } = self.origin(flag);
        bad(option, source, value, rule)
    }

    /// A warning for each option that is set and has no effect.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let is_ours = |option: &&Opt| self.0.contains_key(option.flag) && self.is_set(option.flag);
        for option in OPTIONS.iter().filter(is_ours) {
            match option.state {
                State::Deprecated => {
                    warnings.push(format!(
                        "The configuration option --{} has been deprecated",
                        option.flag
                    ));
                }
                State::OnlyWith(switch)
                    if Some(self.get(option.flag))
                        != parse(option, option.default).ok().as_ref() =>
                {
                    warnings.push(format!("--{} has no effect without {switch}", option.flag));
                }
                State::OnlyWith(_) | State::Common | State::Built | State::Later => {}
            }
        }
        warnings
    }

    fn get(&self, flag: &str) -> &Value {
        &self.entry(flag).0
    }

    fn entry(&self, flag: &str) -> &(Value, Source) {
        self.0
            .get(flag)
            .expect("settings are asked only for options of their command")
    }
}

/// The path of the config file: flag over environment; empty means none.
pub fn config_path(
    flags: &[TypedFlag],
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, ConfigError> {
    let option = find("config").expect("the table has --config");
    match value_of(option, flags, &env, None)?.0 {
        Value::Text(path) if !path.is_empty() => Ok(Some(path)),
        _ => Ok(None),
    }
}

fn value_of(
    option: &'static Opt,
    flags: &[TypedFlag],
    env: &impl Fn(&str) -> Option<OsString>,
    file: Option<&ConfigFile>,
) -> Result<(Value, Source), ConfigError> {
    let typed = flags.iter().filter(|(flag, _)| *flag == option);
    let typed: Vec<&str> = typed.map(|(_, text)| text.as_str()).collect();
    if let Some(last) = typed.last() {
        let value = match option.kind {
            Kind::KeyValue => Ok(Value::Map(
                typed.iter().filter_map(|text| key_value(text)).collect(),
            )),
            Kind::Bool | Kind::Int | Kind::Text | Kind::Duration => parse(option, last),
        };
        let value =
            value.map_err(|rule| bad(option, Source::CommandLine, format!("{last:?}"), rule))?;
        return Ok((value, Source::CommandLine));
    }
    if let Some(text) = env(option.env) {
        let text = text.into_string();
        let text =
            text.map_err(|_| ConfigError::NotUtf8(format!("environment variable {}", option.env)))?;
        // a bool that is present and empty is false (docs/chartmuseum.md 8.1)
        let read = if option.kind == Kind::Bool && text.is_empty() {
            "false"
        } else {
            &text
        };
        let value = parse(option, read)
            .map_err(|rule| bad(option, Source::Environment, format!("{text:?}"), rule))?;
        return Ok((value, Source::Environment));
    }
    if let Some(file) = file
        && let Some(node) = file.values.get(option.key)
    {
        let source = Source::File(file.path.clone());
        let value = from_yaml(option, node)
            .map_err(|rule| bad(option, source.clone(), shown(node), rule))?;
        return Ok((value, source));
    }
    let default = option.default;
    let value = parse(option, default)
        .map_err(|rule| bad(option, Source::Default, format!("{default:?}"), rule))?;
    Ok((value, Source::Default))
}

fn parse(option: &Opt, text: &str) -> Result<Value, &'static str> {
    match option.kind {
        Kind::Bool => parse_bool(text).map(Value::Bool).ok_or(NOT_A_BOOL),
        Kind::Int => parse_int(text).map(Value::Int).ok_or(not_an_int(option)),
        Kind::Text => Ok(Value::Text(text.to_owned())),
        Kind::Duration if is_too_long(text) => Err(TOO_LONG),
        Kind::Duration => parse_duration(text)
            .map(Value::Duration)
            .ok_or(NOT_A_DURATION),
        Kind::KeyValue => Ok(Value::Map(key_value(text).into_iter().collect())),
    }
}

/// The rule of a number with an example of its kind: the meaning of an option begins with its unit, if it has one.
fn not_an_int(option: &Opt) -> &'static str {
    match option.meaning.split(' ').next() {
        Some("seconds") => "is not a whole number of seconds; write it without a unit, such as 30",
        Some("bytes") => {
            "is not a whole number of bytes; write it without a unit, such as 20971520"
        }
        _ if option.flag == "port" => "is not a whole number, such as 8080",
        _ => "is not a whole number, such as 3",
    }
}

fn key_value(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=').unwrap_or(("", text));
    (!text.is_empty()).then(|| (key.to_owned(), value.to_owned()))
}

fn from_yaml(option: &Opt, node: &Yaml) -> Result<Value, &'static str> {
    match (option.kind, node) {
        (Kind::KeyValue, Yaml::Mapping(entries)) => {
            let texts = entries
                .iter()
                .map(|(key, id)| Some((key.clone(), scalar(id)?)));
            texts
                .collect::<Option<_>>()
                .map(Value::Map)
                .ok_or(NOT_A_MAP)
        }
        (Kind::KeyValue, Yaml::Sequence(items)) => {
            let texts = items.iter().map(|item| key_value(&scalar(item)?));
            texts
                .collect::<Option<_>>()
                .map(Value::Map)
                .ok_or(NOT_A_MAP)
        }
        (Kind::KeyValue, node) => parse(option, &scalar(node).ok_or(NOT_A_MAP)?),
        (Kind::Bool, node) => parse(option, &scalar(node).ok_or(NOT_A_BOOL)?),
        (Kind::Int, node) => parse(option, &scalar(node).ok_or(not_an_int(option))?),
        (Kind::Duration, node) => parse(option, &scalar(node).ok_or(NOT_A_DURATION)?),
        (Kind::Text, node) => scalar(node).map(Value::Text).ok_or(NOT_ONE_TEXT),
    }
}

/// The text of a scalar. A float has none, because `1.10` and `1.1` have become the same.
fn scalar(node: &Yaml) -> Option<String> {
    match node {
        Yaml::Bool(value) => Some(value.to_string()),
        Yaml::Int(value) => Some(value.to_string()),
        Yaml::Uint(value) => Some(value.to_string()),
        Yaml::String(text) => Some(text.clone()),
        Yaml::Null | Yaml::Float(_) | Yaml::Sequence(_) | Yaml::Mapping(_) => None,
    }
}

fn shown(node: &Yaml) -> String {
    match node {
        Yaml::Float(value) => value.to_string(),
        Yaml::Sequence(_) => "a list".to_owned(),
        Yaml::Mapping(_) => "a map".to_owned(),
        other => format!("{:?}", scalar(other).unwrap_or_default()),
    }
}

fn bad(option: &'static Opt, source: Source, shown: String, rule: &'static str) -> ConfigError {
    let value = if is_secret(option) {
        "the value".to_owned()
    } else {
        shown
    };
    ConfigError::BadValue {
        origin: Origin { option, source },
        value,
        rule,
    }
}

fn is_secret(option: &Opt) -> bool {
    matches!(option.flag, "basic-auth-pass" | "cache-redis-password")
}

#[cfg(test)]
mod tests;
