//! The command line from words to what a command is told.

use std::path::PathBuf;

use super::*;
use crate::plan::PlanOutput;

fn read(words: &[&str]) -> Result<Invocation, String> {
    parse(words.iter().map(OsString::from)).map_err(|refusal| refusal.to_string())
}

fn shown(flags: &[TypedFlag]) -> Vec<String> {
    let flags = flags.iter();
    flags
        .map(|(o, value)| format!("{}={value}", o.flag))
        .collect()
}

/// The flags of a command line that serves, as `flag=value` in the order of the table.
fn flags(words: &[&str]) -> Vec<String> {
    match read(words) {
        Ok(Invocation::Serve(flags)) => shown(&flags),
        other => panic!("{words:?} gave {other:?}"),
    }
}

#[test]
fn clap_finds_nothing_wrong_with_the_commands() {
    program().debug_assert();
    super::shown().debug_assert();
}

#[test]
fn flags_are_taken_as_go_takes_them() {
    let rows: &[(&[&str], &[&str])] = &[
        (&[], &[]),
        (&["serve"], &[]),
        (&["--port=8080"], &["port=8080"]),
        (&["--port", "8080"], &["port=8080"]),
        (&["-port=8080"], &["port=8080"]),
        (&["-port", "8080"], &["port=8080"]),
        (&["--port", "-1"], &["port=-1"]),
        (
            &["--basic-auth-pass", "--debug"],
            &["basic-auth-pass=--debug"],
        ),
        (&["--chart-url="], &["chart-url="]),
        (&["--chart-url=http://a/?b=c"], &["chart-url=http://a/?b=c"]),
        (&["-c", "a.yaml"], &["config=a.yaml"]),
        (&["--config=a.yaml"], &["config=a.yaml"]),
        (&["--debug"], &["debug=true"]),
        (&["-debug"], &["debug=true"]),
        (&["--debug=false"], &["debug=false"]),
        (&["--debug", "--log-json"], &["debug=true", "log-json=true"]),
        (&["--debug", "true", "--port=1"], &["port=1", "debug=true"]),
        (&["--debug", "serve", "--port=1"], &["port=1", "debug=true"]),
        (&["--port=1", "serve", "--port=2"], &["port=1", "port=2"]),
        (&["serve", "--port=1", "--port=2"], &["port=1", "port=2"]),
    ];
    for (words, expected) in rows {
        assert_eq!(flags(words), *expected, "{words:?}");
    }
}

#[test]
fn help_and_version_have_their_spellings() {
    let short = |words: &[&str]| match read(words) {
        Ok(Invocation::Help(Help::Short(command))) => command,
        other => panic!("{words:?} gave {other:?}"),
    };
    for word in ["--help", "-help", "-h", "--h"] {
        assert_eq!(short(&[word]), None, "{word}");
        assert_eq!(
            short(&["--debug", word, "--nonsense"]),
            None,
            "--debug {word}"
        );
    }
    for command in [
        "serve",
        "controller",
        "package",
        "plan",
        "images",
        "crd",
        "teardown",
        "completion",
        "version",
    ] {
        assert_eq!(short(&[command, "--help"]), Some(command));
    }
    assert_eq!(short(&["plan", "a.yaml", "-h"]), Some("plan"));
    assert_eq!(short(&["controller", "help"]), Some("controller"));
    assert_eq!(short(&["help"]), None);
    assert_eq!(short(&["--debug", "help"]), None);
    assert_eq!(short(&["help", "plan"]), Some("plan"));
    assert_eq!(short(&["help", "version"]), Some("version"));
    assert_eq!(short(&["help", "help"]), Some("help"));
    assert_eq!(short(&["--help=true"]), None);
    assert_eq!(flags(&["--help=false", "--port=1"]), ["port=1"]);
    assert_eq!(
        read(&["--version=false", "--help-all=0", "version"]),
        Ok(Invocation::Versions)
    );

    for (words, command) in [
        (&["--help-all"][..], None),
        (&["-help-all"], None),
        (&["serve", "--help-all"], Some("serve")),
        (&["controller", "--help-all"], Some("controller")),
    ] {
        assert_eq!(
            read(words),
            Ok(Invocation::Help(Help::All(command))),
            "{words:?}"
        );
    }
    assert_eq!(read(&["version"]), Ok(Invocation::Versions));
    for word in ["--version", "-version", "-v"] {
        assert_eq!(read(&[word]), Ok(Invocation::Version), "{word}");
    }
}

#[test]
fn controller_takes_its_own_flags() {
    let rows: &[(&[&str], &[&str])] = &[
        (&["controller"], &[]),
        (
            &["controller", "--repository-url=http://r", "--debug"],
            &["repository-url=http://r", "debug=true"],
        ),
        (
            &["controller", "--leader-elect=false", "-c", "a.yaml"],
            &["leader-elect=false", "config=a.yaml"],
        ),
    ];
    for (words, expected) in rows {
        match read(words) {
            Ok(Invocation::Controller(flags)) => assert_eq!(shown(&flags), *expected, "{words:?}"),
            other => panic!("{words:?} gave {other:?}"),
        }
    }
    assert_eq!(flags(&["--controller"]), ["controller=true"]);
    assert_eq!(flags(&["serve", "--controller"]), ["controller=true"]);
}

#[test]
fn package_takes_directories_and_a_destination() {
    let rows: &[(&[&str], &[&str], &str)] = &[
        (&["a", "--destination", "out"], &["a"], "out"),
        (&["--destination=out", "a", "b"], &["a", "b"], "out"),
        (&["a", "-d", "out", "b"], &["a", "b"], "out"),
        (&["help", "-destination=out"], &["help"], "out"),
        (
            &["-d", "out", "--", "-a", "--destination"],
            &["-a", "--destination"],
            "out",
        ),
    ];
    for (words, dirs, destination) in rows {
        let words: Vec<&str> = ["package"].iter().chain(*words).copied().collect();
        let expected = Invocation::Package {
            dirs: dirs.iter().map(PathBuf::from).collect(),
            destination: PathBuf::from(destination),
        };
        assert_eq!(read(&words), Ok(expected), "{words:?}");
    }
}

#[test]
fn plan_takes_manifests_and_sources_of_charts() {
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let plain = PlanArguments {
        files: paths(&["a.yaml"]),
        builtin_charts: vec![],
        storage: vec![],
        repositories: vec![],
        helm_index_max_size: 64 << 20,
        namespace: "default".to_owned(),
        output: PlanOutput::Text,
    };
    assert!(!plain.has_charts());
    assert_eq!(
        read(&["plan", "a.yaml"]),
        Ok(Invocation::Plan(plain.clone()))
    );
    let all = PlanArguments {
        files: paths(&["a.yaml", "-", "dir", "-x"]),
        builtin_charts: paths(&["b"]),
        storage: paths(&["s", "t"]),
        repositories: vec!["http://r".to_owned()],
        helm_index_max_size: 1024,
        namespace: "apps".to_owned(),
        output: PlanOutput::Json,
    };
    assert!(all.has_charts());
    let words = [
        "plan",
        "a.yaml",
        "--builtin-charts",
        "b",
        "-storage-local-rootdir=s",
        "-",
        "--storage-local-rootdir=t",
        "-o",
        "json",
        "-n",
        "apps",
        "--repository=http://r",
        "--helm-index-max-size=1024",
        "dir",
        "--",
        "-x",
    ];
    assert_eq!(read(&words), Ok(Invocation::Plan(all)));
}

#[test]
fn crd_prints_or_applies() {
    assert_eq!(read(&["crd"]), Ok(Invocation::Crd));
    assert_eq!(read(&["crd", "--apply=false"]), Ok(Invocation::Crd));
    let mut arguments = CrdArguments {
        kubeconfig: None,
        timeout: Duration::from_secs(60),
    };
    assert_eq!(
        read(&["crd", "--apply"]),
        Ok(Invocation::CrdApply(arguments.clone()))
    );
    arguments.kubeconfig = Some("k".into());
    arguments.timeout = Duration::from_millis(1500);
    assert_eq!(
        read(&["crd", "--kubeconfig=k", "--timeout", "1.5s", "-apply"]),
        Ok(Invocation::CrdApply(arguments))
    );
}

#[test]
fn teardown_takes_all_or_a_namespace() {
    let mut arguments = TeardownArguments {
        kubeconfig: None,
        namespace: None,
        timeout: Duration::from_secs(600),
        force: false,
    };
    assert_eq!(
        read(&["teardown"]),
        Ok(Invocation::Teardown(arguments.clone()))
    );
    arguments.namespace = Some("edge".to_owned());
    arguments.force = true;
    arguments.timeout = Duration::from_secs(60);
    let words = [
        "teardown",
        "-n",
        "edge",
        "--force",
        "--timeout=5m",
        "--timeout=1m",
    ];
    assert_eq!(read(&words), Ok(Invocation::Teardown(arguments)));
}

#[test]
fn completion_is_for_three_shells() {
    for (word, shell) in [
        ("bash", Shell::Bash),
        ("zsh", Shell::Zsh),
        ("fish", Shell::Fish),
    ] {
        assert_eq!(
            read(&["completion", word]),
            Ok(Invocation::Completion(shell))
        );
    }
}

#[test]
fn what_cannot_be_meant_is_refused_in_a_sentence() {
    let rows: &[(&[&str], &str)] = &[
        (&["--prot=1"], "unknown flag --prot; did you mean --port?"),
        (&["-prot", "1"], "unknown flag -prot; did you mean --port?"),
        (
            &["--CHART_URL=x"],
            "unknown flag --CHART_URL; did you mean --chart-url?",
        ),
        (
            &["--frobnicate"],
            "unknown flag --frobnicate; chartroom --help-all lists them all",
        ),
        (&["---port=1"], "unknown flag ---port; did you mean --port?"),
        (
            &["--=1"],
            "unknown flag --; chartroom --help-all lists them all",
        ),
        (
            &["--help=yes"],
            "unknown flag --help=yes; did you mean --help?",
        ),
        (&["--port"], "--port needs a value"),
        (
            &["--debug", "false"],
            "unexpected argument \"false\"; write --debug=false to turn it off",
        ),
        (
            &["--debug", "0"],
            "unexpected argument \"0\"; write --debug=false to turn it off",
        ),
        (
            &["port=80"],
            "unexpected argument \"port=80\"; did you mean --port?",
        ),
        (
            &["sevre"],
            "unexpected argument \"sevre\"; did you mean serve?",
        ),
        (
            &["pakage", "a"],
            "unexpected argument \"pakage\"; did you mean package?",
        ),
        (
            &["--debug", "package", "a"],
            "unexpected argument \"package\"; package must come first: chartroom package DIR… --destination OUT",
        ),
        (
            &["--debug", "plan", "a"],
            "unexpected argument \"plan\"; plan must come first: chartroom plan FILE…",
        ),
        (
            &["everything"],
            "unexpected argument \"everything\"; the commands are serve (which need not be said), controller, package, plan, images, crd, teardown, gc, completion, help and version",
        ),
        (
            &["--debug", "yes"],
            "unexpected argument \"yes\"; the commands are serve (which need not be said), controller, package, plan, images, crd, teardown, gc, completion, help and version",
        ),
        (
            &["--debug", "crd"],
            "unexpected argument \"crd\"; crd must come first: chartroom crd",
        ),
        (&["crds"], "unexpected argument \"crds\"; did you mean crd?"),
        (
            &["--debug", "teardown"],
            "unexpected argument \"teardown\"; teardown must come first: chartroom teardown",
        ),
        (
            &["--debug", "controller"],
            "unexpected argument \"controller\"; controller must come first: chartroom controller; \
             with charts beside it: chartroom --controller",
        ),
        (
            &["controler"],
            "unexpected argument \"controler\"; did you mean controller?",
        ),
        (
            &["controller", "now"],
            "unexpected argument \"now\"; chartroom controller takes options only, see chartroom controller --help",
        ),
        (
            &["controller", "--port=1"],
            "unknown flag --port; chartroom controller serves no charts and has only the controller's options; \
             chartroom --controller has them all",
        ),
        (
            &["controller", "--controller"],
            "unknown flag --controller; chartroom controller is the controller alone, \
             and chartroom --controller both halves",
        ),
        (
            &["controller", "--leader-electt"],
            "unknown flag --leader-electt; did you mean --leader-elect?",
        ),
        (
            &["package"],
            "package needs a --destination; write chartroom package DIR… --destination OUT",
        ),
        (
            &["package", "-d", "out"],
            "package needs a chart directory; write chartroom package DIR… --destination OUT",
        ),
        (
            &["package", "a", "--debug"],
            "unknown flag --debug; package knows only --destination",
        ),
        (
            &["package", "a", "--destination"],
            "--destination needs a value",
        ),
        (
            &["package", "a", "--destination="],
            "--destination needs a value",
        ),
        (&["package", "a", "-d="], "--destination needs a value"),
        (
            &["serve", "serve"],
            "unexpected argument \"serve\"; the commands are serve (which need not be said), controller, package, plan, images, crd, teardown, gc, completion, help and version",
        ),
        (
            &["completion"],
            "completion needs the name of a shell; write chartroom completion bash|zsh|fish",
        ),
        (
            &["completion", "tcsh"],
            "SHELL is bash, zsh or fish, not \"tcsh\"; write chartroom completion bash|zsh|fish",
        ),
        (
            &["help", "crds"],
            "COMMAND is serve, controller, package, plan, images, crd, teardown, gc, completion, help or version, not \"crds\"; write chartroom help COMMAND",
        ),
        (
            &["version", "now"],
            "unexpected argument \"now\"; version takes options only: --help",
        ),
        (
            &["plan"],
            "plan needs a manifest; write chartroom plan [--repository URL] FILE…, or - for standard input",
        ),
        (
            &["plan", "--output=json"],
            "plan needs a manifest; write chartroom plan [--repository URL] FILE…, or - for standard input",
        ),
        (
            &["plan", "a", "--output", "xml"],
            "--output is text or json, not \"xml\"; write chartroom plan [--repository URL] FILE…, or - for standard input",
        ),
        (
            &["plan", "a", "--repositry=x"],
            "unknown flag --repositry; did you mean --repository?",
        ),
        (
            &["plan", "a", "--frobnicate"],
            "unknown flag --frobnicate; plan knows --builtin-charts, --storage-local-rootdir, --repository, --helm-index-max-size, --namespace, --output, --help",
        ),
        (&["plan", "a", "--repository"], "--repository needs a value"),
        (
            &["plan", "a", "--repository="],
            "--repository needs a value",
        ),
        (&["plan", "a", "-n", ""], "--namespace needs a value"),
        (
            &["crd", "--aply"],
            "unknown flag --aply; did you mean --apply?",
        ),
        (
            &["crd", "--debug"],
            "unknown flag --debug; crd knows --apply, --kubeconfig, --timeout, --help",
        ),
        (
            &["crd", "file.yaml"],
            "unexpected argument \"file.yaml\"; crd takes options only: --apply, --kubeconfig, --timeout, --help",
        ),
        (
            &["crd", "--apply", "--kubeconfig"],
            "--kubeconfig needs a value",
        ),
        (
            &["crd", "--apply=yes"],
            "--apply is true or false, not \"yes\"",
        ),
        (
            &["crd", "--timeout=1m"],
            "crd prints the definition and needs no --timeout; write chartroom crd --apply to bring it to a cluster",
        ),
        (
            &["crd", "--apply", "--timeout=0"],
            "--timeout \"0\" is no time above zero; write it as 90s or 10m",
        ),
        (
            &["crd", "--apply", "--timeout=-5s"],
            "--timeout \"-5s\" is no time above zero; write it as 90s or 10m",
        ),
        (
            &["crd", "--apply", "--timeout=2562047h48m"],
            "--timeout \"2562047h48m\" is longer than a duration can be; write 2562047h or less",
        ),
        (&["crd", "--apply", "--timeout="], "--timeout needs a value"),
        (
            &["teardown", "--all"],
            "unknown flag --all; teardown knows --namespace, --timeout, --force, --kubeconfig, --help",
        ),
    ];
    for (words, expected) in rows {
        assert_eq!(read(words), Err((*expected).to_owned()), "{words:?}");
    }
}

#[test]
fn arguments_are_utf8_except_paths_to_package() {
    use std::os::unix::ffi::OsStringExt as _;
    let strange = OsString::from_vec(b"\xff".to_vec());
    let error = parse([strange.clone()].into_iter()).unwrap_err();
    assert_eq!(error.to_string(), "argument \"\\xFF\" is not UTF-8 text");
    let words = [
        "package".into(),
        strange.clone(),
        "-d".into(),
        strange.clone(),
    ];
    let expected = Invocation::Package {
        dirs: vec![strange.clone().into()],
        destination: strange.into(),
    };
    assert_eq!(parse(words.into_iter()).unwrap(), expected);
    let joined = OsString::from_vec(b"-chart-url=\xff".to_vec());
    let error = parse([joined].into_iter()).unwrap_err();
    assert_eq!(error.to_string(), "argument \"\\xFF\" is not UTF-8 text");
}
