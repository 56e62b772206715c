//! `chartroom help`, `--help`, `--help-all`: what can be typed, for a terminal and for `docs/flags.md`.

use std::fmt::Write as _;
use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::table::meaning;
use crate::cli::{Invocation, names, print, shown, style_of};
use crate::config::options::{Kind, OPTIONS, Opt};
use crate::terminal::Style;

pub const AFTER: &str = "\
An option's value is the one on the command line, else the one in its environment variable (shown in brackets), else \
the one in the config file, else its default. Options may be written -option too; those without a value turn something \
on, and --option=false turns it off.

chartroom --help-all has every option, chartroom COMMAND --help those of a command.";

/// What is told; `None` is of the program itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// The most used options of a command.
    Short(Option<&'static str>),
    /// All of them.
    All(Option<&'static str>),
    /// Every command, as `docs/flags.md` has them.
    Markdown,
}

pub fn command() -> Command {
    Command::new(names::HELP)
        .about("print this, or what a command takes")
        .args([
            Arg::new("command")
                .value_name("COMMAND")
                .value_parser(PossibleValuesParser::new(names::COMMANDS))
                .hide_possible_values(true)
                .help("the command"),
            Arg::new("markdown")
                .long("markdown")
                .action(ArgAction::SetTrue)
                .hide(true)
                .help("print docs/flags.md"),
        ])
}

pub fn read(matches: &ArgMatches) -> Invocation {
    Invocation::Help(if matches.get_flag("markdown") {
        Help::Markdown
    } else {
        let command = matches.get_one::<String>("command");
        Help::Short(command.and_then(|name| names::command_named(name)))
    })
}

pub fn run(help: Help) -> anyhow::Result<()> {
    print(&text(help, style_of(&io::stdout())))
}

fn text(help: Help, style: Style) -> String {
    let mut program = shown();
    let command = match help {
        Help::Short(command) => command,
        Help::All(command) => {
            program = all_options(program).mut_subcommands(all_options);
            command
        }
        Help::Markdown => return markdown(program),
    };
    // gives the commands their whole names
    program.build();
    let command = command.and_then(|name| program.find_subcommand(name).cloned());
    let help = command.unwrap_or(program).render_help();
    match style {
        Style::Plain => help.to_string(),
        Style::Ansi => help.ansi().to_string(),
    }
}

/// Shows what `--help` hides, with one indentation for all, as there are flags of any length.
fn all_options(command: Command) -> Command {
    command.mut_args(|arg| arg.hide_short_help(false).next_line_help(true))
}

/// The text of `docs/flags.md`: every command and option, and how each is spelled in each place.
fn markdown(mut program: Command) -> String {
    program.build();
    let mut out = String::from(INTRODUCTION);
    for command in program.get_subcommands() {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string);
        let _ = writeln!(out, "- `chartroom {name}`: {}", about.unwrap_or_default());
    }
    out.push_str("\n## Options of the server and the controller\n");
    let mut last = "";
    for option in OPTIONS {
        if option.heading != last {
            last = option.heading;
            let _ = write!(
                out,
                "\n### {last}\n\n| Flag | Environment | Config file | Default | Meaning |\n|---|---|---|---|---|\n"
            );
        }
        let _ = writeln!(out, "{}", row(option));
    }
    for name in [
        names::PACKAGE,
        names::PLAN,
        names::IMAGES,
        names::CRD,
        names::TEARDOWN,
        names::COMPLETION,
    ] {
        let command = program.find_subcommand(name).cloned();
        let help = command
            .expect("each is a command")
            .term_width(100)
            .render_help();
        let _ = write!(out, "\n## chartroom {name}\n\n```text\n{help}```\n");
    }
    out
}

const INTRODUCTION: &str = "\
# Commands and options

`make flags` writes this from the program; a test compares them.

An option's value is the one on the command line, else the one in its environment variable, else the one in the config
file (`--config` or `-c`; YAML, nested or dotted keys in any case), else its default. `chartroom controller` has the options under *Controller*, and
`--config`, `--debug`, `--log-level` and `--log-json`. A bool is turned off by `--option=false`.

## Commands

";

fn row(option: &Opt) -> String {
    let value = match option.kind {
        Kind::Bool => "",
        Kind::Int => " N",
        Kind::Text => " TEXT",
        Kind::Duration => " DURATION",
        Kind::KeyValue => " [KEY=]VALUE",
    };
    let code = |text: &str| match text {
        "" => String::new(),
        text => format!("`{text}`"),
    };
    format!(
        "| `--{}{value}` | {} | {} | {} | {} |",
        option.flag,
        code(option.env),
        code(option.key),
        code(option.default),
        meaning(option)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_help_names_every_option_with_its_environment_variable_and_default() {
        let text = text(Help::All(None), Style::Plain);
        let words: Vec<&str> = text.split_whitespace().collect();
        for option in OPTIONS {
            assert!(
                words.contains(&format!("--{}", option.flag).as_str()),
                "--{}",
                option.flag
            );
            let bare = format!("[{}]", option.env);
            let with_default = format!("[{},", option.env);
            assert!(
                words.contains(&bare.as_str()) || words.contains(&with_default.as_str()),
                "{}",
                option.env
            );
            let heading = format!("\n{}:\n", option.heading);
            assert_eq!(text.matches(&heading).count(), 1, "{heading}");
        }
        assert!(text.contains("[PORT, default 8080]"));
        assert!(text.contains("[JSON_INDEX, default true]"));
        assert!(text.contains("[DEBUG]"));
    }

    #[test]
    fn the_short_help_has_the_most_used_options_and_says_where_the_others_are() {
        let text = text(Help::Short(None), Style::Plain);
        for shown in [
            "--port <N>",
            "--builtin-charts <TEXT>",
            "--help-all",
            "Commands:",
            "teardown",
        ] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
        for hidden in ["--per-chart-limit", "Cache in Redis", "--markdown"] {
            assert!(!text.contains(hidden), "{hidden} is in {text}");
        }
        assert!(text.lines().count() < 100, "{text}");
    }

    #[test]
    fn a_switch_has_no_value_and_a_command_tells_of_itself() {
        let text = text(Help::Short(Some("teardown")), Style::Plain);
        assert!(
            text.contains("Usage: chartroom teardown [OPTIONS]\n"),
            "{text}"
        );
        assert!(text.contains("--force  "), "{text}");
        assert!(!text.contains("--port"), "{text}");
    }

    #[test]
    fn only_the_ansi_style_has_escapes() {
        let plain = text(Help::All(None), Style::Plain);
        let ansi = text(Help::All(None), Style::Ansi);
        assert!(!plain.contains('\x1b') && ansi.contains("\x1b[1m"));
        let words = ["1;4", "1", "4", "0"].map(|code| format!("\x1b[{code}m"));
        let bare = words.iter().fold(ansi, |text, code| text.replace(code, ""));
        assert_eq!(bare, plain);
    }

    #[test]
    fn the_list_for_readers_has_every_option_in_one_row() {
        let text = text(Help::Markdown, Style::Plain);
        for option in OPTIONS {
            let rows = text
                .lines()
                .filter(|line| line.contains(&format!("| `{}` |", option.env)));
            assert_eq!(rows.count(), 1, "{}", option.flag);
        }
        for line in text.lines().filter(|line| line.starts_with("| ")) {
            assert_eq!(line.matches('|').count(), 6, "{line}");
        }
    }
}
