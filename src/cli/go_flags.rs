//! Go's spellings of flags, which are ChartMuseum's: `-port=1` is `--port=1`, and a bool's value stands behind `=`.
//!
//! Words come out as clap takes them without doubt: each flag by its long name, its value joined by `=`. So a value may
//! begin with dashes (`--port -1`), which Go's flags allow.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use clap::{Arg, Command};

use crate::cli::names::command_named;
use crate::cli::refusal::{self, Refusal};
use crate::go_syntax::parse_bool;

/// The words of a command line as clap takes them.
#[derive(Debug, Default)]
pub struct Words {
    /// The program's name, then the words. What follows a flag that ends the reading (`--help`, or one that nobody
    /// knows) is left out.
    pub words: Vec<OsString>,
    /// The command among them.
    pub command: Option<&'static str>,
    /// The unknown flag among them, as it was typed, without its value.
    pub unknown: Option<String>,
}

impl Words {
    /// True if the last word is `word`.
    pub fn ends_with(&self, word: &str) -> bool {
        self.words.last().is_some_and(|last| last == word)
    }
}

/// A word that begins with dashes.
struct Flag<'a> {
    /// Without dashes and value.
    name: String,
    /// With its dashes, without its value.
    typed: String,
    value: Option<&'a OsStr>,
}

impl<'a> Flag<'a> {
    /// `None` for a plain word; `-` and `--` are plain.
    fn of(word: &'a OsStr) -> Option<Self> {
        let bytes = word.as_bytes();
        let body = bytes
            .strip_prefix(b"--")
            .or_else(|| bytes.strip_prefix(b"-"))
            .filter(|body| !body.is_empty())?;
        let equals = body.iter().position(|byte| *byte == b'=');
        let name_end = equals.unwrap_or(body.len());
        let typed = &bytes[..bytes.len() - body.len() + name_end];
        Some(Self {
            name: String::from_utf8_lossy(&body[..name_end]).into_owned(),
            typed: String::from_utf8_lossy(typed).into_owned(),
            value: equals.map(|at| OsStr::from_bytes(&body[at + 1..])),
        })
    }

    fn find(&self, command: &Command) -> Option<Arg> {
        let mut flags = command.get_arguments();
        let is_it = |arg: &&Arg| {
            let short = arg.get_short().map(String::from);
            arg.get_long() == Some(&self.name) || short.as_ref() == Some(&self.name)
        };
        flags.find(is_it).cloned()
    }
}

/// Reads the words behind the program's name.
pub fn normalise(
    program: &Command,
    args: impl Iterator<Item = OsString>,
) -> Result<Words, Refusal> {
    let mut args = args.peekable();
    let mut command = program;
    let mut read = Words {
        words: vec!["chartroom".into()],
        ..Words::default()
    };
    while let Some(word) = args.next() {
        let Some(flag) = Flag::of(&word) else {
            if word == "--" {
                read.words.push(word);
                read.words.extend(args);
                break;
            }
            if let Some(found) = command.find_subcommand(&word) {
                if read.words.len() > 1 && !refusal::may_follow_flags(found) {
                    return Err(refusal::misplaced(found.get_name()));
                }
                read.command = command_named(found.get_name());
                command = found;
            } else if command.get_positionals().next().is_none() {
                if word.to_str().is_none() {
                    return Err(Refusal::not_utf8(&word));
                }
                if word == "help" {
                    read.words.push("--help".into());
                    break;
                }
            }
            read.words.push(word);
            continue;
        };
        let Some(known) = flag.find(command) else {
            read.words.push(format!("--{}=", flag.name).into());
            read.unknown = Some(flag.typed);
            break;
        };
        let mut long = OsString::from("--");
        long.push(known.get_long().expect("each flag has a long name"));
        let value = match flag.value {
            // a flag that is only on or off, turned off: it is as if it had not been typed
            Some(value) if !known.get_action().takes_values() => {
                match value.to_str().and_then(parse_bool) {
                    Some(false) => continue,
                    Some(true) => {
                        read.words.push(long);
                        break;
                    }
                    None => Some(value.to_owned()),
                }
            }
            Some(value) => Some(value.to_owned()),
            None if !known.get_action().takes_values() => {
                read.words.push(long);
                break;
            }
            None if known.is_require_equals_set() => {
                skip_a_bool(&long, &mut args)?;
                None
            }
            None => args.next(),
        };
        if let Some(value) = value {
            long.push("=");
            long.push(value);
        }
        read.words.push(long);
    }
    Ok(read)
}

/// Go leaves the word behind a bool flag alone, so `--debug false` would turn debug on; here such a word is taken when
/// it agrees and refused when it does not.
fn skip_a_bool(
    flag: &OsStr,
    args: &mut std::iter::Peekable<impl Iterator<Item = OsString>>,
) -> Result<(), Refusal> {
    let word = args.peek().and_then(|next| next.to_str());
    match word.and_then(parse_bool) {
        None => {}
        Some(true) => {
            args.next();
        }
        Some(false) => {
            return Err(Refusal::StrayWord {
                given: word.unwrap_or_default().to_owned(),
                hint: format!("write {}=false to turn it off", flag.display()),
            });
        }
    }
    Ok(())
}
