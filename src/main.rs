//! The `chartroom` program: arguments in, exit code out.

use std::future::Future;
use std::io::{self, IsTerminal, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, bail};
use chartroom::config::help::{self, Style};
use chartroom::config::{self, Command, Config};
use chartroom::release::helm::{self, launcher};
use chartroom::repository::chain;
use chartroom::{app, chart, component, controller, plan, teardown, telemetry};

/// How long threads that hang in system calls are waited for when all work is done.
const STUCK_THREADS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // before there are threads, logs or a configuration: this process may be about to become Helm
    if let Some(code) = launcher::enter(env::args_os()) {
        return code;
    }
    let outcome = run();
    telemetry::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // whoever closed standard error does not want to know
            let _ = writeln!(io::stderr(), "chartroom: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match Config::load(
        env::args_os().skip(1),
        |name| env::var_os(name),
        |path| fs::read(path),
    )? {
        Command::Serve(config) => {
            start_logs(&config);
            block_on(app::run(*config))
        }
        Command::Controller(config) => {
            telemetry::init(&config.logging);
            config
                .warnings
                .iter()
                .for_each(|warning| tracing::warn!("{warning}"));
            block_on(app::run_controller(*config))
        }
        Command::GenIndex(config) => {
            start_logs(&config);
            block_on(app::gen_index(*config))
        }
        Command::Package { dirs, destination } => {
            for (path, packaged) in chart::package::run(&dirs, &destination)? {
                print(&format!(
                    "{}  {}\n",
                    packaged.package.digest,
                    path.display()
                ))?;
            }
            Ok(())
        }
        Command::Plan(arguments) => {
            let planned = block_on(async { Ok(plan::run(&arguments).await?) })?;
            print(&plan::render(&planned, arguments.output, style()))?;
            match planned.problems.len() {
                0 => Ok(()),
                1 => bail!("the plan does not work: there is a problem, see above"),
                count => bail!("the plan does not work: there are {count} problems, see above"),
            }
        }
        Command::Crd => print(&component::definition::yaml()),
        Command::CrdApply(arguments) => {
            let applied = block_on(async {
                let cluster = controller::cluster(arguments.kubeconfig.as_deref()).await?;
                Ok(controller::definition::apply(cluster, arguments.timeout).await?)
            })?;
            print(&format!("{applied}\n"))
        }
        Command::Teardown(arguments) => {
            let style = style_of(&io::stderr());
            let mut tell = |line: &str| {
                // whoever closed standard error does not want to know
                let _ = writeln!(io::stderr(), "{line}");
            };
            let done = block_on(async {
                let cluster = controller::cluster(arguments.kubeconfig.as_deref()).await?;
                Ok(teardown::run(cluster, &arguments, style, &mut tell).await?)
            })?;
            print(&done)
        }
        Command::Help => print(&help::text(style())),
        Command::Version => print(&format!("{}\n", config::version())),
        Command::Versions { helm_binary } => {
            let helm = block_on(async { Ok(helm::described(helm_binary.as_deref()).await) })?;
            print(&format!("{}\n{helm}\n", config::version()))
        }
    }
}

/// Colours for a terminal whose user has not said no to them (https://no-color.org).
fn style() -> Style {
    style_of(&io::stdout())
}

fn style_of(stream: &impl IsTerminal) -> Style {
    let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !is_unwanted {
        Style::Ansi
    } else {
        Style::Plain
    }
}

/// Turns logs on and says what is odd about the configuration.
fn start_logs(config: &Config) {
    telemetry::init(&config.logging);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
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
