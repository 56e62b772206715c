//! Why a command line is refused: one sentence that says what was given and what to write instead.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::cli::names::{self, COMMANDS, command_named};
use crate::config::options::find;

/// Why a command line is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A flag that the command does not have.
    #[error("unknown flag {given}; {hint}")]
    UnknownFlag {
        /// As typed, without its value.
        given: String,
        /// What to do about it.
        hint: String,
    },
    /// A word that is neither a flag nor a command.
    #[error("unexpected argument {given:?}; {hint}")]
    StrayWord {
        /// As typed.
        given: String,
        /// What to do about it.
        hint: String,
    },
    /// A flag without its value.
    #[error("{0} needs a value")]
    MissingValue(String),
    /// Something that the command needs is not there, or cannot be what it is.
    #[error("{problem}; write {usage}")]
    Incomplete {
        /// What is wrong.
        problem: String,
        /// How the command is written.
        usage: &'static str,
    },
    /// A text is needed and something else is there.
    #[error("{0} is not UTF-8 text")]
    NotUtf8(String),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Sentence(String),
}

impl Refusal {
    /// The refusal of a word that is no text.
    pub fn not_utf8(word: &OsStr) -> Self {
        Self::NotUtf8(format!("argument {word:?}"))
    }
}

/// True for a command that means the same with flags before it.
pub fn may_follow_flags(command: &Command) -> bool {
    matches!(
        command.get_name(),
        names::SERVE | names::HELP | names::VERSION
    )
}

/// The refusal of a command that stands behind something else.
pub fn misplaced(command: &str) -> Refusal {
    Refusal::StrayWord {
        given: command.to_owned(),
        hint: format!("{command} must come first: {}", usage(command)),
    }
}

/// How a command is written, in short.
fn usage(command: &str) -> &'static str {
    match command {
        names::CONTROLLER => "chartroom controller; with charts beside it: chartroom --controller",
        names::PACKAGE => "chartroom package DIR… --destination OUT",
        names::PLAN => "chartroom plan FILE…",
        names::IMAGES => "chartroom images FILE… --repository URL",
        names::CRD => "chartroom crd",
        names::TEARDOWN => "chartroom teardown",
        names::COMPLETION => "chartroom completion bash|zsh|fish",
        names::HELP => "chartroom help COMMAND",
        _ => "chartroom [serve] [OPTIONS]",
    }
}

/// clap's refusal as a sentence. `command` is the name of the command that was typed, if one was, and `unknown_flag`
/// the flag that nobody knows, as it was typed.
pub fn explain(
    error: &clap::Error,
    command: Option<&str>,
    unknown_flag: Option<String>,
    program: &Command,
) -> Refusal {
    let name = command.unwrap_or_default();
    let command = program.find_subcommand(name).unwrap_or(program);
    let given = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    // clap shows a flag with the name of its value, and a word in brackets: `--port <N>`, `[COMMAND]`
    let flag = given.trim_start_matches(['<', '[']);
    let flag = flag
        .split([' ', '[', ']', '>'])
        .next()
        .unwrap_or_default()
        .to_owned();
    match error.kind() {
        ErrorKind::UnknownArgument => match unknown_flag {
            Some(typed) => about_unknown(typed, error, command),
            None => stray(given, error, command),
        },
        ErrorKind::InvalidSubcommand => {
            stray(text(error, ContextKind::InvalidSubcommand), error, command)
        }
        ErrorKind::TooManyValues => Refusal::UnknownFlag {
            given: format!("{flag}={value}"),
            hint: format!("did you mean {flag}?"),
        },
        ErrorKind::InvalidValue if value.is_empty() => Refusal::MissingValue(flag),
        ErrorKind::InvalidValue => {
            let valid = texts(error, ContextKind::ValidValue);
            let (last, others) = valid.split_last().unwrap_or((&"", &[]));
            Refusal::Incomplete {
                problem: format!("{flag} is {} or {last}, not {value:?}", others.join(", ")),
                usage: full_usage(name),
            }
        }
        ErrorKind::MissingRequiredArgument => Refusal::Incomplete {
            problem: format!("{name} needs {}", missing(error, name)),
            usage: full_usage(name),
        },
        ErrorKind::ValueValidation => Refusal::Sentence(
            std::error::Error::source(error).map_or_else(String::new, ToString::to_string),
        ),
        ErrorKind::InvalidUtf8 => Refusal::NotUtf8("an argument".to_owned()),
        _ => Refusal::Sentence(error.kind().to_string()),
    }
}

fn about_unknown(typed: String, error: &clap::Error, command: &Command) -> Refusal {
    let name = typed.trim_start_matches('-');
    // as its environment variable is spelled
    let respelled = name.to_lowercase().replace('_', "-");
    let hint = if command.get_name() == names::CONTROLLER && find(name).is_some() {
        if name == "controller" {
            "chartroom controller is the controller alone, and chartroom --controller both halves"
                .to_owned()
        } else {
            "chartroom controller serves no charts and has only the controller's options; chartroom --controller has \
             them all"
                .to_owned()
        }
    } else if flags(command).any(|flag| flag == respelled) {
        format!("did you mean --{respelled}?")
    } else if let Some(flag) = texts(error, ContextKind::SuggestedArg).last() {
        format!("did you mean {flag}?")
    } else {
        match command.get_name() {
            names::PACKAGE => "package knows only --destination".to_owned(),
            // these have too many
            "chartroom" | names::SERVE => "chartroom --help-all lists them all".to_owned(),
            names::CONTROLLER => "chartroom controller --help-all lists them all".to_owned(),
            name => format!("{name} knows {}", list(command)),
        }
    };
    Refusal::UnknownFlag {
        given: typed.escape_debug().to_string(),
        hint,
    }
}

fn stray(word: String, error: &clap::Error, command: &Command) -> Refusal {
    let bare = word.split('=').next().unwrap_or_default();
    let hint = match command.get_name() {
        "chartroom" | names::SERVE => {
            if let Some(command) = command_named(bare).filter(|name| *name != names::SERVE) {
                return misplaced(command);
            } else if let Some(command) = texts(error, ContextKind::SuggestedSubcommand).last() {
                format!("did you mean {command}?")
            } else if find(bare).is_some() {
                format!("did you mean --{bare}?")
            } else {
                let [serve, others @ .., last] = COMMANDS;
                let others = others.join(", ");
                format!("the commands are {serve} (which need not be said), {others} and {last}")
            }
        }
        names::CONTROLLER => {
            "chartroom controller takes options only, see chartroom controller --help".to_owned()
        }
        name @ (names::COMPLETION | names::HELP) => format!("{name} takes one word"),
        name => format!("{name} takes options only: {}", list(command)),
    };
    Refusal::StrayWord { given: word, hint }
}

/// What a command cannot do without.
fn missing(error: &clap::Error, command: &str) -> &'static str {
    let missing = texts(error, ContextKind::InvalidArg);
    match command {
        names::PACKAGE if missing.iter().any(|arg| arg.starts_with("--")) => "a --destination",
        names::PACKAGE => "a chart directory",
        names::PLAN | names::IMAGES => "a manifest",
        names::COMPLETION => "the name of a shell",
        _ => "more",
    }
}

/// How a command that is incomplete would be complete.
fn full_usage(command: &str) -> &'static str {
    match command {
        names::PLAN => "chartroom plan [--repository URL] FILE…, or - for standard input",
        names::IMAGES => {
            "chartroom images FILE…, or - for standard input, with --repository URL or --builtin-charts DIR"
        }
        other => usage(other),
    }
}

/// The flags of a command that has few, `--help` last.
fn list(command: &Command) -> String {
    let flags: Vec<String> = flags(command).map(|flag| format!("--{flag}")).collect();
    flags.join(", ")
}

fn flags(command: &Command) -> impl Iterator<Item = &str> {
    command.get_arguments().filter_map(Arg::get_long)
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    texts(error, kind)
        .last()
        .map(|text| (*text).to_owned())
        .unwrap_or_default()
}

/// What clap says of `kind`; of several suggestions the best is last.
fn texts(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}
