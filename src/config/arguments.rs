//! The command line: words in, an [`Invocation`] out. Flags are Go's (`-x`, `--x`, `=`), as ChartMuseum's are.

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::PathBuf;

use crate::config::error::ConfigError;
use crate::config::go_syntax::parse_bool;
use crate::config::options::{Kind, OPTIONS, Opt, find};
use crate::config::suggest::nearest;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Print what can be typed.
    Help,
    /// Print which program this is.
    Version,
    /// Make packages of chart directories.
    Package {
        /// The chart directories.
        dirs: Vec<PathBuf>,
        /// The directory that the packages go to.
        destination: PathBuf,
    },
    /// Serve (or print an index), with these flags in the order given.
    Serve(Vec<(&'static Opt, String)>),
}

/// A word of the command line, taken apart.
enum Word {
    Flag { typed: String, name: String, value: Option<String> },
    Plain(String),
}

/// Reads the arguments after the program's name.
pub fn read(args: impl Iterator<Item = OsString>) -> Result<Invocation, ConfigError> {
    let mut args = args.peekable();
    if args.peek().is_some_and(|first| first == "package") {
        args.next();
        return read_package(args);
    }
    let mut flags = Vec::new();
    let mut serve_said = false;
    while let Some(arg) = args.next() {
        match take_apart(arg)? {
            Word::Plain(word) if word == "help" => return Ok(Invocation::Help),
            Word::Plain(word) if word == "serve" && !serve_said => serve_said = true,
            Word::Plain(word) => return Err(stray(word)),
            Word::Flag { name, value: None, .. } if name == "help" || name == "h" => return Ok(Invocation::Help),
            Word::Flag { name, value: None, .. } if name == "version" || name == "v" => return Ok(Invocation::Version),
            Word::Flag { typed, name, value } => {
                let name = if name == "c" { "config" } else { name.as_str() };
                let option = find(name).ok_or_else(|| unknown(&typed, name))?;
                let value = match value {
                    Some(value) => value,
                    None if option.kind == Kind::Bool => bare_bool(option, &mut args)?,
                    None => text(args.next().ok_or(ConfigError::MissingValue(option.flag))?)?,
                };
                flags.push((option, value));
            }
        }
    }
    Ok(Invocation::Serve(flags))
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
                destination = Some(PathBuf::from(args.next().ok_or(ConfigError::MissingValue("destination"))?));
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
fn bare_bool(option: &'static Opt, args: &mut Peekable<impl Iterator<Item = OsString>>) -> Result<String, ConfigError> {
    let word = args.peek().and_then(|next| next.to_str()).map(str::to_owned);
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
    let body = typed.strip_prefix("--").or_else(|| typed.strip_prefix('-')).unwrap_or_default();
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
    arg.into_string().map_err(|arg| ConfigError::NotUtf8(format!("argument {arg:?}")))
}

fn unknown(typed: &str, name: &str) -> ConfigError {
    let flags = OPTIONS.iter().map(|option| option.flag).chain(["help", "version"]);
    let hint = match nearest(name, flags) {
        Some(flag) => format!("did you mean --{flag}?"),
        None => "chartroom --help lists them all".to_owned(),
    };
    ConfigError::UnknownFlag { given: typed.escape_debug().to_string(), hint }
}

fn stray(word: String) -> ConfigError {
    let bare = word.split('=').next().unwrap_or_default();
    let hint = if bare == "package" {
        "package must come first: chartroom package DIR… --destination OUT".to_owned()
    } else if let Some(command) = nearest(bare, ["serve", "package", "help"].into_iter()) {
        format!("did you mean {command}?")
    } else if let Some(flag) = nearest(bare, OPTIONS.iter().map(|option| option.flag).chain(["version"])) {
        format!("did you mean --{flag}?")
    } else {
        "the commands are serve (which need not be said), package and help".to_owned()
    };
    ConfigError::StrayArgument { given: word, hint }
}
