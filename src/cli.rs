//! The prompt: words in, one command run. Each command has a file with its flags and what it does.
//!
//! clap makes the parser, `--help`, the suggestions and the completions of a shell from what `program` says; the flags
//! of the server and the controller are the rows of [`OPTIONS`](crate::config::options::OPTIONS). `go_flags` keeps the
//! spellings of Go's flags, as ChartMuseum has them, and `refusal` makes a sentence of each refusal.

mod completion;
mod controller;
mod crd;
mod gc;
mod go_flags;
mod help;
mod images;
mod names;
mod package;
mod plan;
mod refusal;
mod serve;
mod table;
mod teardown;
#[cfg(test)]
mod tests;
mod version;

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};

pub use self::completion::Shell;
pub use self::crd::CrdArguments;
pub use self::help::Help;
pub use self::refusal::Refusal;
use crate::config::TypedFlag;
use crate::plan::PlanArguments;
use crate::teardown::TeardownArguments;
use crate::terminal::Style;

/// How long threads that hang in system calls are waited for when all work is done.
const STUCK_THREADS: Duration = Duration::from_secs(1);

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Serve charts or print their index, as these flags say.
    Serve(Vec<TypedFlag>),
    /// Run the Component controller without a server, as these flags say.
    Controller(Vec<TypedFlag>),
    /// Make packages of chart directories.
    Package {
        /// The chart directories, at least one.
        dirs: Vec<PathBuf>,
        /// The directory that the packages go to.
        destination: PathBuf,
    },
    /// Print what Component manifests would install, and in which order.
    Plan(PlanArguments),
    /// Print the images of what they would install, rendered by this helm or the one on the `PATH`.
    Images(PlanArguments, Option<PathBuf>),
    /// Print the definition of the Component resource.
    Crd,
    /// Bring that definition to a cluster and wait until it is served.
    CrdApply(CrdArguments),
    /// Delete Components in order and wait until they are gone.
    Teardown(TeardownArguments),
    /// Remove what nobody needs from the registry.
    Gc {
        /// Where it is.
        flags: Vec<TypedFlag>,
        /// Only say what would be removed.
        is_dry_run: bool,
    },
    /// Print a script for the completions of a shell.
    Completion(Shell),
    /// Print what can be typed.
    Help(Help),
    /// Print which program this is.
    Version,
    /// Print that, and which Helm its controller would run.
    Versions,
}

/// Runs the command that `args`, which begin after the program's name, ask for.
///
/// # Errors
/// The command line is refused, or the command fails: one sentence for the one who typed it.
pub fn run(args: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    match parse(args)? {
        Invocation::Serve(flags) => serve::run(&flags),
        Invocation::Controller(flags) => controller::run(&flags),
        Invocation::Package { dirs, destination } => package::run(&dirs, &destination),
        Invocation::Plan(arguments) => plan::run(&arguments),
        Invocation::Images(arguments, helm) => images::run(&arguments, helm),
        Invocation::Crd => crd::run(),
        Invocation::CrdApply(arguments) => crd::apply(&arguments),
        Invocation::Teardown(arguments) => teardown::run(&arguments),
        Invocation::Gc { flags, is_dry_run } => gc::run(&flags, is_dry_run),
        Invocation::Completion(shell) => completion::run(shell),
        Invocation::Help(help) => help::run(help),
        Invocation::Version => version::run(),
        Invocation::Versions => version::run_with_helm(),
    }
}

/// Reads the words behind the program's name.
///
/// # Errors
/// They ask for nothing that can be done: the sentence says what to write instead.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Invocation, Refusal> {
    let mut program = program();
    let typed = go_flags::normalise(&program, args)?;
    let matches = match program.try_get_matches_from_mut(&typed.words) {
        Ok(matches) => matches,
        Err(error) => {
            return match error.kind() {
                ErrorKind::DisplayHelp if typed.ends_with("--help-all") => {
                    Ok(Invocation::Help(Help::All(typed.command)))
                }
                ErrorKind::DisplayHelp => Ok(Invocation::Help(Help::Short(typed.command))),
                ErrorKind::DisplayVersion => Ok(Invocation::Version),
                _ => Err(refusal::explain(
                    &error,
                    typed.command,
                    typed.unknown,
                    &program,
                )),
            };
        }
    };
    match matches.subcommand() {
        None => serve::read(&[&matches]),
        Some((names::SERVE, its)) => serve::read(&[&matches, its]),
        Some((names::CONTROLLER, its)) => controller::read(its),
        Some((names::PACKAGE, its)) => Ok(package::read(its)),
        Some((names::PLAN, its)) => Ok(plan::read(its)),
        Some((names::IMAGES, its)) => Ok(images::read(its)),
        Some((names::CRD, its)) => crd::read(its),
        Some((names::TEARDOWN, its)) => Ok(teardown::read(its)),
        Some((names::GC, its)) => gc::read(its),
        Some((names::COMPLETION, its)) => Ok(completion::read(its)),
        Some((names::HELP, its)) => Ok(help::read(its)),
        Some((names::VERSION, _)) => Ok(Invocation::Versions),
        Some((other, _)) => unreachable!("{other} is no command of the program"),
    }
}

/// The whole command line. Without a command it serves, so the program has the flags of `serve` too.
fn program() -> Command {
    let program = Command::new("chartroom")
        .about("chartroom keeps a cluster's Helm charts and serves them as a Helm repository.")
        .override_usage("chartroom [serve] [OPTIONS]\n       chartroom COMMAND [OPTIONS]")
        .after_help(help::AFTER)
        .subcommands([
            serve::command(),
            controller::command(),
            package::command(),
            plan::command(),
            images::command(),
            crd::command(),
            teardown::command(),
            gc::command(),
            completion::command(),
            help::command(),
            version::command(),
        ]);
    let program = serve::with_flags(program).disable_help_subcommand(true);
    with_help(program).mut_subcommands(with_help)
}

fn with_help(command: Command) -> Command {
    let command = command.disable_help_flag(true).max_term_width(100);
    command.arg(help_flag())
}

fn help_flag() -> Arg {
    let help = Arg::new("help").short('h').long("help");
    help.action(ArgAction::HelpShort).help("print this help")
}

/// The program as people and shells see it: a [`table::switch`] has no value.
fn shown() -> Command {
    fn without_values(command: Command) -> Command {
        command.mut_args(|arg| {
            if arg.is_require_equals_set() {
                let arg = arg.require_equals(false).num_args(0);
                arg.default_missing_values([""; 0])
                    .action(ArgAction::SetTrue)
            } else {
                arg
            }
        })
    }
    without_values(program()).mut_subcommands(without_values)
}

/// Colours for a terminal whose user has not said no to them (https://no-color.org).
fn style_of(stream: &impl IsTerminal) -> Style {
    let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !is_unwanted {
        Style::Ansi
    } else {
        Style::Plain
    }
}

/// Runs `work` to its end; the runtime's default is a thread for each core.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime
        .enable_all()
        .build()
        .context("the runtime does not start")?;
    let outcome = runtime.block_on(work);
    // a thread that hangs in a system call, as on a network file system, keeps no process from ending
    runtime.shutdown_timeout(STUCK_THREADS);
    outcome
}

fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        // a reader that has seen enough, such as head, is no failure
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output cannot be written"),
    }
}
