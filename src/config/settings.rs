//! Every option's value and who set it: command line over environment over config file over default.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::error::{ConfigError, Origin, Source};
use crate::config::file::ConfigFile;
use crate::config::go_syntax::{parse_bool, parse_duration, parse_int};
use crate::config::options::{Kind, OPTIONS, Opt, State, find};
use crate::yaml::Yaml;

const NOT_A_BOOL: &str = "is not a boolean; write true or false";
const NOT_AN_INT: &str = "is not a whole number, such as 8080";
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

/// All options, by flag name. Each is there, with the kind that its row says.
#[derive(Debug)]
pub struct Settings(BTreeMap<&'static str, (Value, Source)>);

impl Settings {
    /// Lays the sources over each other. `flags` in the order given: of a repeated one the last counts, except that
    /// key-values add up.
    pub fn resolve(
        flags: &[(&'static Opt, String)],
        env: impl Fn(&str) -> Option<OsString>,
        file: Option<&ConfigFile>,
    ) -> Result<Self, ConfigError> {
        let mut settings = BTreeMap::new();
        for option in OPTIONS {
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

    /// True if somebody set the option, to whatever value.
    pub fn is_set(&self, flag: &str) -> bool {
        self.entry(flag).1 != Source::Default
    }

    /// Who set the option `flag`.
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

    /// A sentence for each option that somebody set and that changes nothing.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for option in OPTIONS.iter().filter(|option| self.is_set(option.flag)) {
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
                State::OnlyWith(_) | State::Built | State::Later => {}
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
            .expect("settings are asked only for options of the table")
    }
}

/// The path of the config file, which no config file can say: flag over environment; empty means none.
pub fn config_path(
    flags: &[(&'static Opt, String)],
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
    flags: &[(&'static Opt, String)],
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
        // a bool that is present and empty is false (contract section 5.1)
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
        Kind::Int => parse_int(text).map(Value::Int).ok_or(NOT_AN_INT),
        Kind::Text => Ok(Value::Text(text.to_owned())),
        Kind::Duration => parse_duration(text)
            .map(Value::Duration)
            .ok_or(NOT_A_DURATION),
        Kind::KeyValue => Ok(Value::Map(key_value(text).into_iter().collect())),
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
        (Kind::Int, node) => parse(option, &scalar(node).ok_or(NOT_AN_INT)?),
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
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A value that is no default, as text and as what it is read as.
    fn sample(option: &Opt) -> (String, Value) {
        match option.kind {
            Kind::Bool => {
                let flipped = option.default != "true";
                (flipped.to_string(), Value::Bool(flipped))
            }
            Kind::Int => ("0x2a".to_owned(), Value::Int(42)),
            Kind::Text => ("Some=Text".to_owned(), Value::Text("Some=Text".to_owned())),
            Kind::Duration => ("1.5s".to_owned(), Value::Duration(1_500_000_000)),
            Kind::KeyValue => {
                let map = BTreeMap::from([("org/team".to_owned(), "id".to_owned())]);
                ("org/team=id".to_owned(), Value::Map(map))
            }
        }
    }

    fn file(option: &'static Opt, node: Yaml) -> ConfigFile {
        ConfigFile {
            path: PathBuf::from("c.yaml"),
            values: BTreeMap::from([(option.key, node)]),
            unknown: Vec::new(),
        }
    }

    fn of(
        option: &'static Opt,
        flags: &[&str],
        env: Option<&str>,
        node: Option<Yaml>,
    ) -> Result<(Value, Source), ConfigError> {
        let flags: Vec<_> = flags
            .iter()
            .map(|text| (option, (*text).to_owned()))
            .collect();
        let env = |name: &str| env.filter(|_| name == option.env).map(OsString::from);
        let file = node.map(|node| file(option, node));
        let settings = Settings::resolve(&flags, env, file.as_ref())?;
        Ok(settings.entry(option.flag).clone())
    }

    fn option(flag: &str) -> &'static Opt {
        find(flag).unwrap()
    }

    #[test]
    fn every_option_is_reached_by_flag_environment_and_key() {
        for option in OPTIONS {
            let (text, value) = sample(option);
            let node = Yaml::String(text.clone());
            let default = of(option, &[], None, None).unwrap();
            assert_eq!(default.1, Source::Default, "{}", option.flag);
            assert_ne!(
                default.0, value,
                "the sample for {} is its default",
                option.flag
            );
            assert_eq!(
                of(option, &[&text], None, None).unwrap(),
                (value.clone(), Source::CommandLine)
            );
            assert_eq!(
                of(option, &[], Some(&text), None).unwrap(),
                (value.clone(), Source::Environment)
            );
            if option.flag != "config" {
                let source = Source::File(PathBuf::from("c.yaml"));
                assert_eq!(of(option, &[], None, Some(node)).unwrap(), (value, source));
            }
        }
    }

    #[test]
    fn the_stronger_source_wins_for_every_option() {
        for option in OPTIONS.iter().filter(|option| option.flag != "config") {
            let (text, value) = sample(option);
            let weak = match option.kind {
                Kind::Bool => option.default,
                Kind::Int | Kind::Duration => "0",
                Kind::Text | Kind::KeyValue => "weak",
            };
            let weak_node = || Some(Yaml::String(weak.to_owned()));
            let strong_node = Some(Yaml::String(text.clone()));
            assert_eq!(
                of(option, &[&text], Some(weak), weak_node()).unwrap().0,
                value,
                "{}",
                option.flag
            );
            assert_eq!(
                of(option, &[], Some(&text), weak_node()).unwrap().0,
                value,
                "{}",
                option.flag
            );
            assert_eq!(
                of(option, &[], None, strong_node).unwrap().0,
                value,
                "{}",
                option.flag
            );
        }
    }

    #[test]
    fn of_a_repeated_flag_the_last_counts_but_key_values_add_up() {
        assert_eq!(
            of(option("port"), &["1", "2"], None, None).unwrap().0,
            Value::Int(2)
        );
        let ids = of(
            option("artifact-hub-repo-id"),
            &["root", "org=a=b", "", "org/x=c"],
            Some("env"),
            None,
        );
        let expected = [("", "root"), ("org", "a=b"), ("org/x", "c")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(ids.unwrap().0, Value::Map(expected.into()));
    }

    #[test]
    fn an_environment_variable_that_is_present_and_empty_is_set() {
        let node = Some(Yaml::String("true".to_owned()));
        assert_eq!(
            of(option("debug"), &[], Some(""), node).unwrap().0,
            Value::Bool(false)
        );
        assert_eq!(
            of(option("json-index"), &[], Some(""), None).unwrap().0,
            Value::Bool(false)
        );
        let node = Some(Yaml::String("from file".to_owned()));
        assert_eq!(
            of(option("chart-url"), &[], Some(""), node).unwrap().0,
            Value::Text(String::new())
        );
        assert_eq!(
            of(option("artifact-hub-repo-id"), &[], Some(""), None)
                .unwrap()
                .0,
            Value::Map(BTreeMap::new())
        );
    }

    #[test]
    fn bad_values_are_refused_by_the_name_under_which_they_were_set() {
        const INT: &str = "is not a whole number, such as 8080";
        const BOOL: &str = "is not a boolean; write true or false";
        const DURATION: &str =
            "is not a duration; write numbers with units, such as 30s, 5m or 1h30m";
        let rows = [
            (
                "port",
                Source::CommandLine,
                "eighty",
                format!("--port: \"eighty\" {INT}"),
            ),
            (
                "port",
                Source::CommandLine,
                "",
                format!("--port: \"\" {INT}"),
            ),
            (
                "port",
                Source::Environment,
                "",
                format!("environment variable PORT: \"\" {INT}"),
            ),
            (
                "port",
                Source::Environment,
                "tcp://10.0.0.1:80",
                format!("environment variable PORT: \"tcp://10.0.0.1:80\" {INT}"),
            ),
            (
                "debug",
                Source::CommandLine,
                "",
                format!("--debug: \"\" {BOOL}"),
            ),
            (
                "debug",
                Source::Environment,
                "yes",
                format!("environment variable DEBUG: \"yes\" {BOOL}"),
            ),
            (
                "cache-interval",
                Source::CommandLine,
                "5",
                format!("--cache-interval: \"5\" {DURATION}"),
            ),
            (
                "cache-interval",
                Source::Environment,
                "",
                format!("environment variable CACHE_INTERVAL: \"\" {DURATION}"),
            ),
            ("cors-alloworigin", Source::Environment, "ok", String::new()),
            (
                "port",
                Source::File("c.yaml".into()),
                "a\nb",
                format!("port in config file c.yaml: \"a\\nb\" {INT}"),
            ),
            (
                "debug",
                Source::File("c.yaml".into()),
                "on",
                format!("debug in config file c.yaml: \"on\" {BOOL}"),
            ),
        ];
        for (flag, source, text, expected) in rows {
            let read = match source {
                Source::CommandLine => of(option(flag), &[text], None, None),
                Source::Environment => of(option(flag), &[], Some(text), None),
                Source::File(_) | Source::Default => {
                    of(option(flag), &[], None, Some(Yaml::String(text.to_owned())))
                }
            };
            let said = read
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn a_config_file_may_type_its_values() {
        let id = |key: &str, id: &str| (key.to_owned(), id.to_owned());
        let rows = [
            ("debug", Yaml::Bool(true), Some(Value::Bool(true))),
            ("debug", Yaml::Int(1), Some(Value::Bool(true))),
            ("debug", Yaml::Int(2), None),
            ("debug", Yaml::Float(1.0), None),
            ("port", Yaml::Int(80), Some(Value::Int(80))),
            ("port", Yaml::Uint(u64::MAX), None),
            ("port", Yaml::Bool(true), None),
            ("cache-interval", Yaml::Int(0), Some(Value::Duration(0))),
            ("cache-interval", Yaml::Int(5), None),
            (
                "basic-auth-pass",
                Yaml::Int(12345),
                Some(Value::Text("12345".to_owned())),
            ),
            ("basic-auth-pass", Yaml::Float(1.1), None),
            ("chart-url", Yaml::Sequence(vec![]), None),
            ("chart-url", Yaml::Mapping(BTreeMap::new()), None),
            (
                "artifact-hub-repo-id",
                Yaml::Mapping(
                    [("", "r"), ("Org", "o")]
                        .map(|(k, v)| (k.to_owned(), Yaml::String(v.to_owned())))
                        .into(),
                ),
                Some(Value::Map([id("", "r"), id("Org", "o")].into())),
            ),
            (
                "artifact-hub-repo-id",
                Yaml::Sequence(vec![
                    Yaml::String("r".to_owned()),
                    Yaml::String("org=o".to_owned()),
                ]),
                Some(Value::Map([id("", "r"), id("org", "o")].into())),
            ),
            ("artifact-hub-repo-id", Yaml::Float(1.5), None),
        ];
        for (flag, node, expected) in rows {
            let case = format!("{flag}: {node:?}");
            let read = of(option(flag), &[], None, Some(node));
            assert_eq!(read.ok().map(|(value, _)| value), expected, "{case}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_a_password() {
        let error = of(
            option("basic-auth-pass"),
            &[],
            None,
            Some(Yaml::Float(4.5e9)),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "basicauth.pass in config file c.yaml: the value is not one text; put it in quotes"
        );
    }

    #[test]
    fn options_without_effect_are_named_once_somebody_changes_them() {
        let warnings = |flag: &str, text: &str| {
            let flags = [(option(flag), text.to_owned())];
            Settings::resolve(&flags, |_| None, None)
                .unwrap()
                .warnings()
        };
        let rows = [
            (
                "disable-metrics",
                "true",
                Some("The configuration option --disable-metrics has been deprecated"),
            ),
            (
                "enforce-semver2",
                "false",
                Some("The configuration option --enforce-semver2 has been deprecated"),
            ),
            (
                "storage-amazon-bucket",
                "b",
                Some("--storage-amazon-bucket has no effect without --storage=amazon"),
            ),
            ("storage-amazon-bucket", "", None),
            ("storage-amazon-force-path-style", "true", None),
            (
                "auth-realm",
                "r",
                Some("--auth-realm has no effect without --bearer-auth"),
            ),
            (
                "cache-redis-db",
                "1",
                Some("--cache-redis-db has no effect without --cache=redis"),
            ),
            ("debug", "true", None),
        ];
        for (flag, text, expected) in rows {
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(warnings(flag, text), expected, "--{flag}={text}");
        }
        assert!(
            Settings::resolve(&[], |_| None, None)
                .unwrap()
                .warnings()
                .is_empty()
        );
    }

    #[test]
    fn the_config_path_is_flag_over_environment_and_empty_is_none() {
        let path = |flag: Option<&str>, env: Option<&str>| {
            let flags: Vec<_> = flag
                .iter()
                .map(|path| (option("config"), (*path).to_owned()))
                .collect();
            config_path(&flags, |name| {
                env.filter(|_| name == "CONFIG").map(OsString::from)
            })
            .unwrap()
        };
        assert_eq!(path(Some("f"), Some("e")).as_deref(), Some("f"));
        assert_eq!(path(None, Some("e")).as_deref(), Some("e"));
        assert_eq!(path(Some(""), Some("e")), None);
        assert_eq!(path(None, Some("")), None);
        assert_eq!(path(None, None), None);
    }
}
