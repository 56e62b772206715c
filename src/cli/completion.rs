//! `chartroom completion`: a script by which a shell completes commands and flags.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use crate::cli::{print, shown};

pub const NAME: &str = "completion";

const AFTER: &str = "\
For this shell only:  source <(chartroom completion bash)
For every bash:       chartroom completion bash >/etc/bash_completion.d/chartroom
For every zsh:        chartroom completion zsh >\"${fpath[1]}/_chartroom\"
For every fish:       chartroom completion fish >~/.config/fish/completions/chartroom.fish";

pub fn command() -> Command {
    Command::new(NAME)
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

pub fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let shell = matches.get_one::<String>("shell");
    print(&script(shell.expect("clap requires it")))
}

fn script(shell: &str) -> String {
    let mut program = shown();
    let mut script = Vec::new();
    match shell {
        "bash" => generate(Bash, &mut program, "chartroom", &mut script),
        "zsh" => generate(Zsh, &mut program, "chartroom", &mut script),
        "fish" => generate(Fish, &mut program, "chartroom", &mut script),
        other => unreachable!("clap takes no shell {other}"),
    }
    String::from_utf8(script).expect("names and helps are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::OPTIONS;

    #[test]
    fn each_shell_knows_every_option() {
        for (shell, dashes) in [("bash", "--"), ("zsh", "--"), ("fish", "-l ")] {
            let script = script(shell);
            for option in OPTIONS {
                let flag = format!("{dashes}{}", option.flag);
                assert!(script.contains(&flag), "{shell}: {flag}");
            }
        }
    }
}
