//! What `--help` prints: the commands, then every option of the table under its heading.

use std::fmt::Write as _;

use crate::config::options::{Kind, OPTIONS, Opt, State};

/// Columns of the whole text.
const WIDTH: usize = 100;
/// Column at which meanings start.
const INDENT: usize = 32;

/// A space at which no line is broken.
const NO_BREAK: char = '\u{a0}';

/// Whether headings and flags stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI escapes, for a terminal.
    Ansi,
}

impl Style {
    /// The text in a colour, by its ANSI code such as `32`; as it is where there are none.
    pub fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Ansi if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Ansi | Self::Plain => text.to_owned(),
        }
    }
}

/// The help text, ending in a line end.
pub fn text(style: Style) -> String {
    let mut out = String::new();
    out.push_str("chartroom keeps a cluster's Helm charts and serves them as a Helm repository.\n");
    heading(&mut out, style, "Commands");
    for (command, meaning) in [
        (
            "chartroom [serve] [OPTIONS]",
            "serve charts; without any option those in ./chartstorage, on port 8080",
        ),
        (
            "chartroom --controller [OPTIONS]",
            "serve charts and install what Component objects in the cluster ask for",
        ),
        (
            "chartroom controller [OPTIONS]",
            "install what Component objects ask for, with charts from another server; takes the options under \
             Controller, and --config, --debug, --log-level and --log-json",
        ),
        (
            "chartroom package DIR… --destination OUT",
            "make packages of chart directories; the same tree gives the same bytes",
        ),
        (
            "chartroom plan [PLAN OPTIONS] FILE…|-",
            "print in which order Component manifests install, with versions, what is added and what is in the way; \
             needs no cluster",
        ),
        (
            "chartroom crd",
            "print the definition of the Component resource, to pipe into kubectl apply",
        ),
        (
            "chartroom crd --apply [--kubeconfig FILE] [--timeout 60s]",
            "bring that definition to a cluster and wait until it is served; a newer one is left as it is",
        ),
        (
            "chartroom teardown [-n NAMESPACE] [--timeout 10m] [--kubeconfig FILE] [--force]",
            "delete all Components, which the controller takes down in reverse order, and wait until they are gone; \
             --force is for when there is no controller any more: Components go, their releases stay",
        ),
        ("chartroom help", "print this"),
        (
            "chartroom version",
            "print the version, and that of the helm which the controller would run",
        ),
        ("chartroom --version", "print the version alone"),
    ] {
        entry(&mut out, style, command, meaning);
    }
    heading(&mut out, style, "Plan options");
    for (option, meaning) in [
        (
            "--repository URL",
            "take charts from the repository at this address (http); may be repeated",
        ),
        (
            "--builtin-charts DIR",
            "take charts from a directory of chart directories and packages; may be repeated",
        ),
        (
            "--storage-local-rootdir DIR",
            "take charts from a directory of uploads; may be repeated",
        ),
        (
            "-n, --namespace NAME",
            "the namespace of Components that name none [default\u{a0}default]",
        ),
        (
            "-o, --output text|json",
            "how to print the plan [default\u{a0}text]",
        ),
    ] {
        entry(&mut out, style, option, meaning);
    }
    out.push('\n');
    for line in wrap(
        "An option's value is the one on the command line, else the one in its environment variable (shown in \
         brackets), else the one in the config file, else its default. Options may be written -option too; those \
         without a value turn something on, and --option=false turns it off.",
        WIDTH,
    ) {
        let _ = writeln!(out, "{line}");
    }
    let mut last = "";
    for option in OPTIONS {
        if option.heading != last {
            heading(&mut out, style, option.heading);
            last = option.heading;
        }
        entry(&mut out, style, &usage(option), &meaning(option));
    }
    out
}

fn usage(option: &Opt) -> String {
    match option.kind {
        Kind::Bool => format!("--{}", option.flag),
        Kind::Int => format!("--{} N", option.flag),
        Kind::Text => format!("--{} TEXT", option.flag),
        Kind::Duration => format!("--{} DURATION", option.flag),
        Kind::KeyValue => format!("--{} [KEY=]VALUE", option.flag),
    }
}

fn meaning(option: &Opt) -> String {
    let mut text = option.meaning.to_owned();
    match option.state {
        State::Later => text.push_str(" (not in this version yet)"),
        State::OnlyWith(switch) => {
            let _ = write!(text, " (for {switch}, which is not in this version yet)");
        }
        State::Built | State::Deprecated => {}
    }
    let _ = write!(text, " [{}", option.env);
    if !option.default.is_empty() && option.default != "false" {
        let _ = write!(text, ",{NO_BREAK}default{NO_BREAK}{}", option.default);
    }
    text.push(']');
    text
}

fn heading(out: &mut String, style: Style, text: &str) {
    let _ = match style {
        Style::Plain => writeln!(out, "\n{text}:"),
        Style::Ansi => writeln!(out, "\n\x1b[1;4m{text}:\x1b[0m"),
    };
}

fn entry(out: &mut String, style: Style, left: &str, right: &str) {
    let _ = match style {
        Style::Plain => write!(out, "  {left}"),
        Style::Ansi => write!(out, "  \x1b[1m{left}\x1b[0m"),
    };
    let mut column = 2 + left.chars().count();
    for line in wrap(right, WIDTH - INDENT) {
        if column + 2 > INDENT {
            out.push('\n');
            column = 0;
        }
        let _ = writeln!(out, "{:1$}{line}", "", INDENT - column);
        column = 0;
    }
}

/// Lines of whole words, at most `width` columns each if the words allow it.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let word = word.replace(NO_BREAK, " ");
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_option_with_its_environment_variable_and_default() {
        let text = text(Style::Plain);
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
        }
        assert!(text.contains("[PORT, default 8080]"));
        assert!(text.contains("[JSON_INDEX, default true]"));
        assert!(text.contains("[DEBUG]"));
    }

    #[test]
    fn help_fits_its_width_and_has_each_heading_once() {
        let text = text(Style::Plain);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert_eq!(line, line.trim_end(), "{line:?}");
        }
        for option in OPTIONS {
            assert_eq!(
                text.matches(&format!("\n{}:\n", option.heading)).count(),
                1,
                "{}",
                option.heading
            );
        }
    }

    #[test]
    fn only_the_ansi_style_has_escapes() {
        assert!(!text(Style::Plain).contains('\x1b'));
        let plain = text(Style::Ansi)
            .replace("\x1b[1;4m", "")
            .replace("\x1b[1m", "")
            .replace("\x1b[0m", "");
        assert_eq!(plain, text(Style::Plain));
    }
}
