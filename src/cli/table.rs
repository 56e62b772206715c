//! The rows of the option table as clap's flags, and what was typed of them.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::cli::refusal::Refusal;
use crate::config::TypedFlag;
use crate::config::options::{Kind, Opt, State};

/// The flag of an option. Its value is taken as it is: the rules about values are the configuration's, wherever a value
/// comes from.
pub fn flag(option: &'static Opt) -> Arg {
    let flag = match option.kind {
        Kind::Bool => switch(option.flag),
        Kind::Int => Arg::new(option.flag).value_name("N"),
        Kind::Text => Arg::new(option.flag).value_name("TEXT"),
        Kind::Duration => Arg::new(option.flag).value_name("DURATION"),
        Kind::KeyValue => Arg::new(option.flag).value_name("[KEY=]VALUE"),
    };
    let flag = if option.flag == "config" {
        flag.short('c')
    } else {
        flag
    };
    flag.long(option.flag)
        .action(ArgAction::Append)
        .value_parser(value_parser!(OsString))
        .help_heading(option.heading)
        .hide_short_help(option.state != State::Common)
        .help(format!("{} [{}]", meaning(option), facts(option)))
}

/// A flag that is on when it stands alone; `--name=false` turns it off. No other flag insists on the `=`, so this is
/// how `go_flags` and the listing for people know it.
pub fn switch(name: &'static str) -> Arg {
    let switch = Arg::new(name).long(name).num_args(0..=1);
    switch.require_equals(true).default_missing_value("true")
}

/// What the option does, and whether it does.
pub fn meaning(option: &Opt) -> String {
    match option.state {
        State::Later => format!("{} (not in this version yet)", option.meaning),
        State::OnlyWith(switch) => format!(
            "{} (for {switch}, which is not in this version yet)",
            option.meaning
        ),
        State::Common | State::Built | State::Deprecated => option.meaning.to_owned(),
    }
}

/// Its environment variable, and its default if it has one.
fn facts(option: &Opt) -> String {
    match option.default {
        "" | "false" => option.env.to_owned(),
        default => format!("{}, default {default}", option.env),
    }
}

/// What was typed of `options`, in the order of the table; the values of one flag stand as they were typed, those
/// before a command before those after it.
pub fn typed(
    options: impl Iterator<Item = &'static Opt>,
    matches: &[&ArgMatches],
) -> Result<Vec<TypedFlag>, Refusal> {
    let mut typed = Vec::new();
    for option in options {
        for matches in matches {
            for value in matches.get_many(option.flag).into_iter().flatten() {
                let value: &OsString = value;
                let text = value.to_str().ok_or_else(|| Refusal::not_utf8(value))?;
                typed.push((option, text.to_owned()));
            }
        }
    }
    Ok(typed)
}
