//! `chartroom completion`: a script by which a shell completes commands and flags.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use clap_complete::{generate, shells};

use crate::cli::{Invocation, names, print, shown};

/// A shell that can be told about the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

const AFTER: &str = "\
For this shell only:  source <(chartroom completion bash)
For every bash:       chartroom completion bash >/etc/bash_completion.d/chartroom
For every zsh:        chartroom completion zsh >\"${fpath[1]}/_chartroom\"
For every fish:       chartroom completion fish >~/.config/fish/completions/chartroom.fish";

pub fn command() -> Command {
    Command::new(names::COMPLETION)
        .about("print a script by which a shell completes commands and flags")
        .after_help(AFTER)
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"]))
                .help("the shell"),
        )
}

pub fn read(matches: &ArgMatches) -> Invocation {
    let shell = matches.get_one::<String>("shell");
    Invocation::Completion(match shell.expect("clap requires it").as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        other => unreachable!("clap takes no shell {other}"),
    })
}

pub fn run(shell: Shell) -> anyhow::Result<()> {
    print(&script(shell))
}

fn script(shell: Shell) -> String {
    let mut program = shown();
    let mut script = Vec::new();
    match shell {
        Shell::Bash => generate(shells::Bash, &mut program, "chartroom", &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut program, "chartroom", &mut script),
        Shell::Fish => generate(shells::Fish, &mut program, "chartroom", &mut script),
    }
    String::from_utf8(script).expect("names and helps are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::OPTIONS;

    #[test]
    fn each_shell_knows_every_option() {
        for (shell, dashes) in [
            (Shell::Bash, "--"),
            (Shell::Zsh, "--"),
            (Shell::Fish, "-l "),
        ] {
            let script = script(shell);
            for option in OPTIONS {
                let flag = format!("{dashes}{}", option.flag);
                assert!(script.contains(&flag), "{shell:?}: {flag}");
            }
        }
    }
}
