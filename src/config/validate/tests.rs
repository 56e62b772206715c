//! What is served and what is refused, from a command line or a config file to the end.

use std::path::Path;

use super::*;
use crate::config::options::typed;

/// Loads a command line whose words are separated by blanks.
fn load(line: &str) -> Result<Config, ConfigError> {
    let no_file = |_: &Path| unreachable!("no config file is named");
    Config::load(&typed(line), |_| None, no_file)
}

fn served(line: &str) -> Config {
    match load(line) {
        Ok(config) if !config.gen_index => config,
        other => panic!("{line} gave {other:?}"),
    }
}

#[test]
fn nothing_said_serves_chartstorage_on_8080() {
    let expected = Config {
        listen: Listen {
            host: "0.0.0.0".to_owned(),
            port: 8080,
            read_timeout: Some(Duration::from_secs(30)),
            write_timeout: Some(Duration::from_secs(30)),
            response_memory: None,
            connections_per_client: NonZeroUsize::new(256),
            trusted_proxies: Vec::new(),
            probe_bind_address: None,
        },
        tls: None,
        cors_allow_origin: None,
        auth: Auth::Open,
        storage: Storage::Local {
            root_dir: PathBuf::from("./chartstorage"),
            shared: false,
        },
        builtin_charts: None,
        index: Index {
            format: IndexFormat::Json,
            chart_url: None,
            cache_interval: Some(Duration::from_secs(300)),
            always_regenerate: false,
            read_limit: None,
            timestamp_tolerance: Duration::ZERO,
            statefiles: true,
        },
        upload: Upload {
            max_upload_size: 20 << 20,
            memory: None,
            min_rate: 2048,
            max_index_entry_size: NonZeroUsize::new(64 << 10),
            max_index_size: NonZeroUsize::new(96 << 20),
            max_storage_objects: None,
            per_chart_limit: None,
            overwrite: Overwrite::WithForce,
            chart_form_field: "chart".to_owned(),
            prov_form_field: "prov".to_owned(),
        },
        tenancy: Tenancy {
            depth: Depth::Fixed(0),
            context_path: String::new(),
        },
        api: ApiRoutes::All,
        oci: Some(Oci {
            sparse: Sparse::Index,
            tokens: false,
            max_blob: None,
            gc_interval: Some(Duration::from_secs(6 * 3600)),
            gc_grace: Duration::from_secs(24 * 3600),
            gc_low_water: 512 << 20,
        }),
        web_template_path: None,
        artifact_hub_ids: [].into(),
        metrics: false,
        logging: Logging {
            level: LogLevel::Info,
            format: LogFormat::Text,
            latency: Latency::Text,
            health: false,
        },
        gen_index: false,
        controller: None,
        warnings: vec![],
    };
    assert_eq!(served(""), expected);
}

#[test]
fn the_storage_directory_is_a_default_only_for_who_chose_no_storage() {
    let root_dir = |line| {
        let Storage::Local { root_dir, .. } = served(line).storage;
        root_dir
    };
    assert_eq!(root_dir("--storage-local-rootdir=d"), Path::new("d"));
    assert_eq!(
        root_dir("--storage=LOCAL --storage-local-rootdir=d"),
        Path::new("d")
    );
    assert_eq!(
        root_dir("--storage=local --storage-local-rootdir=./chartstorage"),
        Path::new("./chartstorage")
    );
}

#[test]
fn what_cannot_be_served_is_refused_in_a_sentence() {
    let rows = [
        (
            "--storage=local",
            "Missing required flags(s): --storage-local-rootdir",
        ),
        (
            "--storage-local-rootdir=",
            "Missing required flags(s): --storage-local-rootdir",
        ),
        (
            "--storage= --storage-local-rootdir=d",
            "Missing required flags(s): --storage",
        ),
        ("--storage=floppy", "Unsupported storage backend: floppy"),
        (
            "--storage=Amazon --storage-amazon-bucket=b",
            "--storage: this version has no amazon storage yet; use --storage=local with --storage-local-rootdir",
        ),
        ("--cache=memcached", "Unsupported cache store: memcached"),
        (
            "--cache=redis",
            "--cache: this version has no Redis cache yet; leave it out, the index is kept in memory",
        ),
        (
            "--bearer-auth",
            "--bearer-auth: this version has no bearer tokens yet; use --basic-auth-user and --basic-auth-pass",
        ),
        (
            "--tls-ca-cert=f",
            "--tls-ca-cert: this version has no checking of client certificates yet; \
             leave it out, or let a proxy in front do it",
        ),
        (
            "--basic-auth-user=u",
            "--basic-auth-user is set but --basic-auth-pass is not; basic authentication needs both",
        ),
        (
            "--basic-auth-pass=p --basic-auth-user=",
            "--basic-auth-pass is set but --basic-auth-user is not; basic authentication needs both",
        ),
        (
            "--tls-cert=f",
            "--tls-cert is set but --tls-key is not; HTTPS needs both",
        ),
        (
            "--tls-key=f",
            "--tls-key is set but --tls-cert is not; HTTPS needs both",
        ),
        (
            "--port=65536",
            "--port: 65536 is not a port number from 0 to 65535",
        ),
        (
            "--port=-1",
            "--port: -1 is not a port number from 0 to 65535",
        ),
        (
            "--read-timeout=-1",
            "--read-timeout: -1 is negative; write 0 or more",
        ),
        (
            "--write-timeout=-1",
            "--write-timeout: -1 is negative; write 0 or more",
        ),
        (
            "--index-limit=-1",
            "--index-limit: -1 is negative; write 0 or more",
        ),
        ("--depth=-1", "--depth: -1 is negative; write 0 or more"),
        (
            "--max-storage-objects=-1",
            "--max-storage-objects: -1 is negative; write 0 or more",
        ),
        (
            "--max-upload-size=-1",
            "--max-upload-size: -1 is negative; write 0 or more",
        ),
        (
            "--per-chart-limit=-1",
            "--per-chart-limit: -1 is negative; write 0 or more",
        ),
        (
            "--cache-interval=-1s",
            "--cache-interval: -1000000000ns is negative; write 0 or more",
        ),
        (
            "--min-upload-rate=-1",
            "--min-upload-rate: -1 is negative; write 0 or more",
        ),
        (
            "--trusted-proxies=10.0.0.0/33",
            "--trusted-proxies: \"10.0.0.0/33\" is not a list of addresses and networks, such as 10.0.0.0/8,::1",
        ),
        (
            "--probe-bind-address=:8080",
            "--probe-bind-address: \":8080\" is where charts are served; choose another port",
        ),
        (
            "--context-path=/a//b",
            "--context-path: \"/a//b\" is not a path of plain segments, such as /charts",
        ),
        (
            "--context-path=/a/../b",
            "--context-path: \"/a/../b\" is not a path of plain segments, such as /charts",
        ),
        (
            "--context-path=/a?b",
            "--context-path: \"/a?b\" is not a path of plain segments, such as /charts",
        ),
        (
            "--cors-alloworigin=é",
            "--cors-alloworigin: \"é\" is not plain ASCII",
        ),
    ];
    for (line, expected) in rows {
        assert_eq!(load(line).unwrap_err().to_string(), expected, "{line}");
    }
    for backend in LATER_STORAGE {
        let error = load(&format!("--storage={backend}")).unwrap_err();
        assert!(matches!(error, ConfigError::NotBuilt { .. }), "{backend}");
    }
}

#[test]
fn context_paths_are_normalised() {
    let rows = [
        ("", ""),
        ("/", ""),
        ("x", "/x"),
        ("/x", "/x"),
        ("/x/", "/x"),
        ("x/y/z/", "/x/y/z"),
    ];
    for (given, expected) in rows {
        assert_eq!(
            served(&format!("--context-path={given}"))
                .tenancy
                .context_path,
            expected,
            "{given:?}"
        );
    }
}

#[test]
fn switches_become_what_they_mean() {
    assert_eq!(
        served("--allow-overwrite --disable-force-overwrite")
            .upload
            .overwrite,
        Overwrite::Always
    );
    assert_eq!(
        served("--disable-force-overwrite").upload.overwrite,
        Overwrite::Never
    );
    assert_eq!(served("--disable-api").api, ApiRoutes::None);
    assert_eq!(served("--disable-delete").api, ApiRoutes::WithoutDelete);
    assert_eq!(served("--depth=2").tenancy.depth, Depth::Fixed(2));
    assert_eq!(
        served("--depth=2 --depth-dynamic").tenancy.depth,
        Depth::Dynamic
    );
    assert_eq!(served("--json-index=false").index.format, IndexFormat::Yaml);
    assert!(!served("--disable-statefiles").index.statefiles);
    assert_eq!(served("--debug --log-json").logging.level, LogLevel::Debug);
    assert_eq!(served("--debug --log-json").logging.format, LogFormat::Json);
    assert_eq!(
        served("--log-latency-integer").logging.latency,
        Latency::Nanoseconds
    );
}

#[test]
fn the_log_level_is_what_was_said_last_and_strongest() {
    let env = |wanted: &'static [(&'static str, &'static str)]| {
        move |name: &str| {
            let value = wanted.iter().find(|(known, _)| *known == name);
            value.map(|(_, value)| value.into())
        }
    };
    type Row = (
        &'static str,
        &'static [(&'static str, &'static str)],
        LogLevel,
    );
    let rows: &[Row] = &[
        ("", &[], LogLevel::Info),
        ("", &[("LOG_LEVEL", "")], LogLevel::Info),
        ("", &[("LOG_LEVEL", "debug")], LogLevel::Debug),
        ("", &[("LOG_LEVEL", "2")], LogLevel::Debug),
        ("", &[("LOG_LEVEL", "0")], LogLevel::Info),
        ("", &[("LOG_LEVEL", "WARN")], LogLevel::Warn),
        ("", &[("LOG_LEVEL", "warning")], LogLevel::Warn),
        (
            "--log-level=error",
            &[("LOG_LEVEL", "info")],
            LogLevel::Error,
        ),
        ("--debug", &[("LOG_LEVEL", "error")], LogLevel::Debug),
        ("--log-level=warn", &[("DEBUG", "true")], LogLevel::Warn),
        ("--log-level=warn --debug", &[], LogLevel::Debug),
        ("--log-level=warn --debug=false", &[], LogLevel::Warn),
    ];
    for (line, variables, expected) in rows {
        let no_file = |_: &Path| unreachable!("no file is named");
        let config = Config::load(&typed(line), env(variables), no_file).unwrap();
        assert_eq!(config.logging.level, *expected, "{line} {variables:?}");
    }
    assert_eq!(
        load("--log-level=loud").unwrap_err().to_string(),
        "--log-level: \"loud\" is not a log level; write debug, info, warn or error"
    );
}

#[test]
fn zero_means_no_limit_except_for_the_size_of_uploads() {
    let config = served(
        "--index-limit=0 --max-storage-objects=0 --per-chart-limit=0 --read-timeout=0 --cache-interval=0 \
         --max-upload-size=0",
    );
    assert_eq!(config.index.read_limit, None);
    assert_eq!(config.upload.max_storage_objects, None);
    assert_eq!(config.upload.per_chart_limit, None);
    assert_eq!(config.listen.read_timeout, None);
    assert_eq!(config.index.cache_interval, None);
    assert_eq!(config.upload.max_upload_size, 0);
}

#[test]
fn texts_are_trimmed_to_what_they_stand_for() {
    assert_eq!(
        served("--chart-url=http://a/b/").index.chart_url.as_deref(),
        Some("http://a/b")
    );
    assert_eq!(served("--chart-url=").index.chart_url, None);
    assert_eq!(served("--listen-host=").listen.host, "0.0.0.0");
    assert_eq!(served("--listen-host=[::1]").listen.host, "::1");
    assert_eq!(
        served("--builtin-charts=b").builtin_charts.as_deref(),
        Some(Path::new("b"))
    );
    assert_eq!(served("--builtin-charts=").builtin_charts, None);
}

#[test]
fn credentials_make_basic_authentication_and_stay_out_of_debug_output() {
    let config = served("--basic-auth-user=u --basic-auth-pass=hush --auth-anonymous-get");
    let password = Secret::new("hush".to_owned());
    assert_eq!(
        config.auth,
        Auth::Basic {
            user: "u".to_owned(),
            password,
            anonymous_get: true
        }
    );
    assert!(!format!("{config:?}").contains("hush"));
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn anonymous_reading_without_users_is_worth_a_warning() {
    assert_eq!(
        served("--auth-anonymous-get").warnings,
        ["--auth-anonymous-get has no effect without --basic-auth-user and --basic-auth-pass"]
    );
}

#[test]
fn gen_index_prints_yaml_unless_json_is_asked_for_and_only_at_depth_0() {
    let format = |line| match load(line) {
        Ok(config) if config.gen_index => config.index.format,
        other => panic!("{line} gave {other:?}"),
    };
    assert_eq!(format("--gen-index"), IndexFormat::Yaml);
    assert_eq!(format("--gen-index --json-index"), IndexFormat::Json);
    assert_eq!(format("--gen-index --json-index=false"), IndexFormat::Yaml);
    assert_eq!(format("--gen-index --depth-dynamic"), IndexFormat::Yaml);
    assert_eq!(
        served("--gen-index --depth=1").warnings,
        ["--gen-index has no effect with --depth above 0"]
    );
}

/// Loads with `/etc/c.yaml` holding `yaml`, and these arguments and environment.
fn load_file(yaml: &str, line: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let flags = typed(&format!("--config=/etc/c.yaml {line}"));
    let env = |name: &str| {
        env.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value.into())
    };
    let read_file = |path: &Path| {
        assert_eq!(path, Path::new("/etc/c.yaml"));
        Ok(yaml.as_bytes().to_vec())
    };
    Config::load(&flags, env, read_file)
}

#[test]
fn a_config_file_may_hold_everything() {
    let yaml = "
# as an operator writes it
DEBUG: 1
storage: {backend: local, local: {rootdir: /charts}}
basicauth.user: curator
basicauth:
  pass: 12345
artifact-hub-repo-id: {'': root-id, Org/Team: team-id}
depthdynamic: 'true'
cacheinterval: 1h30m
maxuploadsize: 0x100
chartmuseum: {colour: red}
tls:
";
    let config = load_file(yaml, "", &[]).unwrap();
    assert_eq!(config.logging.level, LogLevel::Debug);
    assert_eq!(
        config.storage,
        Storage::Local {
            root_dir: "/charts".into(),
            shared: false,
        }
    );
    let Auth::Basic { user, password, .. } = config.auth else {
        panic!("no basic authentication")
    };
    assert_eq!((user.as_str(), password.expose()), ("curator", "12345"));
    let ids = [("", "root-id"), ("Org/Team", "team-id")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(config.artifact_hub_ids, ids.into());
    assert_eq!(config.tenancy.depth, Depth::Dynamic);
    assert_eq!(config.index.cache_interval, Some(Duration::from_secs(5400)));
    assert_eq!(config.upload.max_upload_size, 256);
    assert_eq!(
        config.warnings,
        ["config file /etc/c.yaml has keys that no option has: chartmuseum.colour"]
    );
}

#[test]
fn command_line_then_environment_then_file_then_default() {
    let yaml = "port: 1111";
    let env = [("PORT", "2222")];
    assert_eq!(
        load_file(yaml, "--port=3333", &env).unwrap().listen.port,
        3333
    );
    assert_eq!(load_file(yaml, "", &env).unwrap().listen.port, 2222);
    assert_eq!(load_file(yaml, "", &[]).unwrap().listen.port, 1111);
    assert_eq!(load_file("", "", &[]).unwrap().listen.port, 8080);
    // a directory that was chosen in the file is emptied by the environment
    let error = load_file(
        "storage.local.rootdir: d",
        "",
        &[("STORAGE_LOCAL_ROOTDIR", "")],
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Missing required flags(s): --storage-local-rootdir"
    );
}

#[test]
fn a_config_file_that_is_unusable_is_refused_with_its_name() {
    let rows = [
        (
            "- a\n- b",
            "config file /etc/c.yaml must hold keys and values",
        ),
        ("{", "config file /etc/c.yaml is not usable"),
        (
            "port: [1]",
            "port in config file /etc/c.yaml: a list is not a whole number, such as 8080",
        ),
        (
            "port: 70000",
            "port in config file /etc/c.yaml: 70000 is not a port number from 0 to 65535",
        ),
        (
            "bearerauth: true",
            "bearerauth in config file /etc/c.yaml: this version has no bearer tokens yet; \
          use --basic-auth-user and --basic-auth-pass",
        ),
        (
            "basicauth.user: u",
            "basicauth.user in config file /etc/c.yaml is set but --basic-auth-pass is not; \
          basic authentication needs both",
        ),
    ];
    for (yaml, expected) in rows {
        assert_eq!(
            load_file(yaml, "", &[]).unwrap_err().to_string(),
            expected,
            "{yaml}"
        );
    }
}
