//! The command line: words in, an [`Invocation`] out. Flags are Go's (`-x`, `--x`, `=`), as ChartMuseum's are.

mod cluster;
mod plan;

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::PathBuf;

use crate::config::error::ConfigError;
use crate::config::options::{Kind, OPTIONS, Opt, find};
use crate::config::suggest::nearest;
use crate::go_syntax::parse_bool;

pub use self::cluster::{CrdArguments, TeardownArguments};
pub use self::plan::{PlanArguments, PlanOutput};

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Print what can be typed.
    Help,
    /// Print which program this is.
    Version,
    /// Print that, and which Helm it would run.
    Versions,
    /// Make packages of chart directories.
    Package {
        /// The chart directories.
        dirs: Vec<PathBuf>,
        /// The directory that the packages go to.
        destination: PathBuf,
    },
    /// Plan the installation of Components.
    Plan(PlanArguments),
    /// Print the definition of the Component resource.
    Crd,
    /// Bring it to a cluster.
    CrdApply(CrdArguments),
    /// Delete all Components and wait until they are gone.
    Teardown(TeardownArguments),
    /// Run the controller alone, with these flags in the order given.
    Controller(Vec<(&'static Opt, String)>),
    /// Serve (or print an index), with these flags in the order given.
    Serve(Vec<(&'static Opt, String)>),
}

/// A word of the command line, taken apart.
enum Word {
    Flag {
        typed: String,
        name: String,
        value: Option<String>,
    },
    Plain(String),
}

/// Reads the arguments after the program's name.
pub fn read(args: impl Iterator<Item = OsString>) -> Result<Invocation, ConfigError> {
    let mut args = args.peekable();
    if args.peek().is_some_and(|first| first == "package") {
        args.next();
        return read_package(args);
    }
    if args.peek().is_some_and(|first| first == "plan") {
        args.next();
        return plan::read_plan(args);
    }
    if args.peek().is_some_and(|first| first == "crd") {
        args.next();
        return cluster::read_crd(args);
    }
    if args.peek().is_some_and(|first| first == "teardown") {
        args.next();
        return cluster::read_teardown(args);
    }
    let command = if args.peek().is_some_and(|first| first == "controller") {
        args.next();
        FlagCommand::Controller
    } else {
        FlagCommand::Serve
    };
    read_flags(args, command)
}

/// A command that is told by the flags of the table what to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FlagCommand {
    Serve,
    Controller,
}

fn read_flags(
    mut args: Peekable<impl Iterator<Item = OsString>>,
    command: FlagCommand,
) -> Result<Invocation, ConfigError> {
    let mut flags = Vec::new();
    let mut serve_said = command != FlagCommand::Serve;
    while let Some(arg) = args.next() {
        match take_apart(arg)? {
            Word::Plain(word) if word == "help" => return Ok(Invocation::Help),
            Word::Plain(word) if word == "version" => return Ok(Invocation::Versions),
            Word::Plain(word) if word == "serve" && !serve_said => serve_said = true,
            Word::Plain(word) => return Err(stray(word, command)),
            Word::Flag {
                name, value: None, ..
            } if name == "help" || name == "h" => return Ok(Invocation::Help),
            Word::Flag {
                name, value: None, ..
            } if name == "version" || name == "v" => return Ok(Invocation::Version),
            Word::Flag { typed, name, value } => {
                let name = if name == "c" { "config" } else { name.as_str() };
                let option = find(name).ok_or_else(|| unknown(&typed, name, command))?;
                if command == FlagCommand::Controller && !option.is_for_controller() {
                    return Err(not_for_controller(&typed, option));
                }
                let value = match value {
                    Some(value) => value,
                    None if option.kind == Kind::Bool => bare_bool(option, &mut args)?,
                    None => text(args.next().ok_or(ConfigError::MissingValue(option.flag))?)?,
                };
                flags.push((option, value));
            }
        }
    }
    Ok(match command {
        FlagCommand::Serve => Invocation::Serve(flags),
        FlagCommand::Controller => Invocation::Controller(flags),
    })
}

fn read_package(mut args: impl Iterator<Item = OsString>) -> Result<Invocation, ConfigError> {
    let mut dirs = Vec::new();
    let mut destination = None;
    while let Some(arg) = args.next() {
        let shown = arg.to_string_lossy();
        match shown.as_ref() {
            "-h" | "-help" | "--help" => return Ok(Invocation::Help),
            "--" => {
                dirs.extend(args.by_ref().map(PathBuf::from));
            }
            "-d" | "-destination" | "--destination" => {
                destination = Some(PathBuf::from(
                    args.next()
                        .ok_or(ConfigError::MissingValue("destination"))?,
                ));
            }
            other if other.starts_with("--destination=") || other.starts_with("-destination=") => {
                let typed = text(arg)?;
                destination = typed.split_once('=').map(|(_, path)| PathBuf::from(path));
            }
            other if other.starts_with('-') && other.len() > 1 => {
                return Err(ConfigError::UnknownFlag {
                    given: other.to_owned(),
                    hint: "package knows only --destination".to_owned(),
                });
            }
            _ => dirs.push(PathBuf::from(arg)),
        }
    }
    let destination = destination.filter(|path| !path.as_os_str().is_empty());
    let destination = destination.ok_or(ConfigError::Package("package needs a --destination"))?;
    if dirs.is_empty() {
        return Err(ConfigError::Package("package needs a chart directory"));
    }
    Ok(Invocation::Package { dirs, destination })
}

/// The value of a bool flag without `=`: true. Go leaves a following word alone, so `--debug false` would turn debug
/// on; here such a word is taken when it agrees and refused when it does not.
fn bare_bool(
    option: &'static Opt,
    args: &mut Peekable<impl Iterator<Item = OsString>>,
) -> Result<String, ConfigError> {
    let word = args
        .peek()
        .and_then(|next| next.to_str())
        .map(str::to_owned);
    match word.as_deref().and_then(parse_bool) {
        Some(true) => {
            args.next();
        }
        Some(false) => {
            return Err(ConfigError::StrayArgument {
                given: word.unwrap_or_default(),
                hint: format!("write --{}=false to turn it off", option.flag),
            });
        }
        None => {}
    }
    Ok("true".to_owned())
}

fn take_apart(arg: OsString) -> Result<Word, ConfigError> {
    let typed = text(arg)?;
    let body = typed
        .strip_prefix("--")
        .or_else(|| typed.strip_prefix('-'))
        .unwrap_or_default();
    if body.is_empty() {
        return Ok(Word::Plain(typed));
    }
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (body.to_owned(), None),
    };
    let typed = typed.split('=').next().unwrap_or_default().to_owned();
    Ok(Word::Flag { typed, name, value })
}

fn text(arg: OsString) -> Result<String, ConfigError> {
    arg.into_string()
        .map_err(|arg| ConfigError::NotUtf8(format!("argument {arg:?}")))
}

fn unknown(typed: &str, name: &str, command: FlagCommand) -> ConfigError {
    let flags = OPTIONS
        .iter()
        .filter(|option| command == FlagCommand::Serve || option.is_for_controller())
        .map(|option| option.flag)
        .chain(["help", "version"]);
    let hint = match nearest(name, flags) {
        Some(flag) => format!("did you mean --{flag}?"),
        None => "chartroom --help lists them all".to_owned(),
    };
    ConfigError::UnknownFlag {
        given: typed.escape_debug().to_string(),
        hint,
    }
}

fn not_for_controller(typed: &str, option: &'static Opt) -> ConfigError {
    let hint = if option.flag == "controller" {
        "chartroom controller is the controller alone, and chartroom --controller both halves"
    } else {
        "chartroom controller serves no charts and has only the controller's options; \
         chartroom --controller has them all"
    };
    ConfigError::UnknownFlag {
        given: typed.escape_debug().to_string(),
        hint: hint.to_owned(),
    }
}

fn stray(word: String, command: FlagCommand) -> ConfigError {
    let bare = word.split('=').next().unwrap_or_default();
    let hint = if command == FlagCommand::Controller {
        "chartroom controller takes options only, see chartroom --help".to_owned()
    } else if bare == "controller" {
        "controller must come first: chartroom controller; with charts beside it: chartroom --controller"
            .to_owned()
    } else if bare == "package" {
        "package must come first: chartroom package DIR… --destination OUT".to_owned()
    } else if bare == "plan" {
        "plan must come first: chartroom plan FILE…".to_owned()
    } else if bare == "crd" {
        "crd must come first: chartroom crd".to_owned()
    } else if bare == "teardown" {
        "teardown must come first: chartroom teardown".to_owned()
    } else if let Some(command) = nearest(
        bare,
        [
            "serve",
            "controller",
            "package",
            "plan",
            "crd",
            "teardown",
            "help",
        ]
        .into_iter(),
    ) {
        format!("did you mean {command}?")
    } else if let Some(flag) = nearest(
        bare,
        OPTIONS.iter().map(|option| option.flag).chain(["version"]),
    ) {
        format!("did you mean --{flag}?")
    } else {
        "the commands are serve (which need not be said), controller, package, plan, crd, teardown and help"
            .to_owned()
    };
    ConfigError::StrayArgument { given: word, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str]) -> Result<Invocation, ConfigError> {
        read(words.iter().map(OsString::from))
    }

    /// The flags of a command line that serves, as `flag=value`.
    fn flags(words: &[&str]) -> Vec<String> {
        match read_words(words) {
            Ok(Invocation::Serve(flags)) => flags
                .iter()
                .map(|(o, value)| format!("{}={value}", o.flag))
                .collect(),
            other => panic!("{words:?} gave {other:?}"),
        }
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
            (&["--debug", "true", "--port=1"], &["debug=true", "port=1"]),
            (&["--debug", "serve", "--port=1"], &["debug=true", "port=1"]),
            (&["serve", "--port=1", "--port=2"], &["port=1", "port=2"]),
        ];
        for (words, expected) in rows {
            assert_eq!(flags(words), *expected, "{words:?}");
        }
    }

    #[test]
    fn help_and_version_have_their_spellings() {
        for word in ["help", "--help", "-help", "-h", "--h"] {
            assert_eq!(read_words(&[word]).unwrap(), Invocation::Help, "{word}");
            assert_eq!(
                read_words(&["--debug", word]).unwrap(),
                Invocation::Help,
                "--debug {word}"
            );
        }
        for word in ["--version", "-version", "-v"] {
            assert_eq!(read_words(&[word]).unwrap(), Invocation::Version, "{word}");
        }
        assert_eq!(read_words(&["version"]).unwrap(), Invocation::Versions);
        assert_eq!(
            read_words(&["package", "--help"]).unwrap(),
            Invocation::Help
        );
    }

    #[test]
    fn crd_stands_alone() {
        assert_eq!(read_words(&["crd"]).unwrap(), Invocation::Crd);
        assert_eq!(read_words(&["crd", "--help"]).unwrap(), Invocation::Help);
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
            match read_words(words) {
                Ok(Invocation::Controller(flags)) => {
                    let flags: Vec<String> = flags
                        .iter()
                        .map(|(o, value)| format!("{}={value}", o.flag))
                        .collect();
                    assert_eq!(flags, *expected, "{words:?}");
                }
                other => panic!("{words:?} gave {other:?}"),
            }
        }
        assert_eq!(
            read_words(&["controller", "--help"]).unwrap(),
            Invocation::Help
        );
        assert_eq!(flags(&["--controller"]), ["controller=true"]);
        assert_eq!(flags(&["serve", "--controller"]), ["controller=true"]);
    }

    #[test]
    fn package_takes_directories_and_a_destination() {
        let rows: &[(&[&str], &[&str], &str)] = &[
            (&["a", "--destination", "out"], &["a"], "out"),
            (&["--destination=out", "a", "b"], &["a", "b"], "out"),
            (&["a", "-d", "out", "b"], &["a", "b"], "out"),
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
            assert_eq!(read_words(&words).unwrap(), expected, "{words:?}");
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
                "unknown flag --frobnicate; chartroom --help lists them all",
            ),
            (&["---port=1"], "unknown flag ---port; did you mean --port?"),
            (
                &["--=1"],
                "unknown flag --; chartroom --help lists them all",
            ),
            (&["--help=yes"], "unknown flag --help; did you mean --help?"),
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
                &["version"],
                "unexpected argument \"version\"; did you mean --version?",
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
                "unexpected argument \"everything\"; the commands are serve (which need not be said), controller, package, plan, crd, teardown and help",
            ),
            (
                &["--debug", "yes"],
                "unexpected argument \"yes\"; the commands are serve (which need not be said), controller, package, plan, crd, teardown and help",
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
                "unexpected argument \"now\"; chartroom controller takes options only, see chartroom --help",
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
                &["package", "a", "-d="],
                "unknown flag -d=; package knows only --destination",
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
                "package needs a --destination; write chartroom package DIR… --destination OUT",
            ),
        ];
        for (words, expected) in rows {
            assert_eq!(
                read_words(words).unwrap_err().to_string(),
                *expected,
                "{words:?}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn arguments_are_utf8_except_paths_to_package() {
        use std::os::unix::ffi::OsStringExt as _;
        let strange = OsString::from_vec(b"\xff".to_vec());
        let error = read([strange.clone()].into_iter()).unwrap_err();
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
        assert_eq!(read(words.into_iter()).unwrap(), expected);
    }
}
