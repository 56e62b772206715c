//! Every option by every source, in a world where nothing else is set.

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
    let settings = Settings::resolve(OPTIONS.iter(), &flags, env, file.as_ref())?;
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
    let expected =
        [("", "root"), ("org", "a=b"), ("org/x", "c")].map(|(k, v)| (k.to_owned(), v.to_owned()));
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
    const DURATION: &str = "is not a duration; write numbers with units, such as 30s, 5m or 1h30m";
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
        Settings::resolve(OPTIONS.iter(), &flags, |_| None, None)
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
        Settings::resolve(OPTIONS.iter(), &[], |_| None, None)
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
