//! The real program with its Component controller, over a storage of its own, at work on one namespace of a control
//! plane, with a script between it and helm that records every run.

mod log;
mod options;

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub use self::log::HelmRun;
pub use self::options::ControllerOptions;
use super::blocking;
use super::chart_builder::ChartBuilder;
use super::control_plane::ControlPlane;
use super::helm_wrapper::HelmWrapper;
use super::http::{Http, Response};
use super::running::{DEADLINE, Running};
use super::server::started_address;

/// How long helm may outlive its controller: it is told to end, and writes down that it was.
const HELM_ENDS: Duration = Duration::from_secs(30);

/// A running controller. Dropping it kills the process; a failing test shows its log.
pub struct Controller {
    options: ControllerOptions,
    world: TempDir,
    running: Running,
    repository: Option<SocketAddr>,
    earlier_log: String,
}

impl Controller {
    /// Both halves, the repository and the controller, for the Components of this namespace.
    #[track_caller]
    pub fn start(plane: &ControlPlane, namespace: &str) -> Controller {
        Controller::options(plane, namespace).start()
    }

    /// The options to start from.
    #[track_caller]
    pub fn options(plane: &ControlPlane, namespace: &str) -> ControllerOptions {
        ControllerOptions::new(plane, namespace)
    }

    fn spawn(options: ControllerOptions, world: TempDir) -> Controller {
        let command = options.command(world.path());
        let mut running = Running::spawn(command, &options.title());
        let repository = started(&options, &mut running);
        Controller {
            options,
            world,
            running,
            repository,
            earlier_log: String::new(),
        }
    }

    /// What a second replica starts with: the same namespace, storage and record of helm; a cache of its own.
    pub fn replica(&self) -> ControllerOptions {
        self.options.clone()
    }

    /// The script around helm: its record, and its holds.
    pub fn helm(&self) -> &HelmWrapper {
        self.options.wrapper()
    }

    /// Where the repository is; a new place after each start. A controller alone has none.
    #[track_caller]
    pub fn url(&self) -> String {
        format!("http://{}", self.repository_address())
    }

    /// A client of the repository.
    #[track_caller]
    pub fn http(&self) -> Http {
        Http::new(self.repository_address())
    }

    /// Uploads a chart; returns its package.
    #[track_caller]
    pub fn upload(&self, chart: &ChartBuilder) -> Vec<u8> {
        let package = chart.package();
        self.upload_to("/api/charts", &package).expect(201);
        package
    }

    /// Uploads a chart in the place of one of the same version. The repository needs `--allow-overwrite`.
    #[track_caller]
    pub fn upload_again(&self, chart: &ChartBuilder) -> Vec<u8> {
        let package = chart.package();
        self.upload_to("/api/charts?force=true", &package)
            .expect(201);
        package
    }

    #[track_caller]
    fn upload_to(&self, path: &'static str, package: &[u8]) -> Response {
        let (http, package) = (self.http(), package.to_vec());
        blocking::wait(async move { http.post(path, package).await })
    }

    /// The answer to a GET of the address where metrics (`"metrics"`) or probes (`"health"`) are.
    #[track_caller]
    pub fn get(&mut self, what: &str, path: &str) -> Response {
        let http = Http::new(self.address_of(what));
        let path = path.to_owned();
        blocking::wait(async move { http.get(&path).await })
    }

    /// The address in the log line whose message speaks of `metrics` or `health`.
    #[track_caller]
    pub fn address_of(&mut self, what: &str) -> SocketAddr {
        let line = format!("line with the address of {what}");
        self.running
            .await_line(&line, DEADLINE, |line| log::address_of(line, what))
    }

    /// Waits until a log line has this message; lines of this start that are there already count.
    #[track_caller]
    pub fn await_log(&mut self, message: &str) -> Value {
        let line = format!("line with the message {message:?}");
        self.running.await_line(&line, 2 * DEADLINE, |line| {
            log::parsed(line).filter(|line| line["M"] == message)
        })
    }

    /// Everything it has logged so far, over all its starts, a JSON object for each line.
    pub fn log(&self) -> Vec<Value> {
        let text = self.earlier_log.clone() + &self.running.log();
        text.lines().filter_map(log::parsed).collect()
    }

    /// The runs of helm that its log speaks of, in the order of their starts.
    #[track_caller]
    pub fn helm_runs(&self) -> Vec<HelmRun> {
        log::helm_runs(&self.log())
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Sends a signal by its name, such as `STOP`, and returns at once.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// SIGKILL. Waits until the controller is gone, and then until each helm is that it had started: they are told to
    /// end by the kernel.
    #[track_caller]
    pub fn kill(&mut self) {
        self.running.kill9();
        self.helm().await_gone(self.id(), HELM_ENDS);
    }

    /// SIGKILL of the controller and of each helm at the same moment: releases stay locked, as after a power cut.
    #[track_caller]
    pub fn cut_power(&mut self) {
        // a stopped controller does not see its children die
        self.running.signal("STOP");
        self.helm().kill_all(self.id());
        self.running.kill9();
    }

    /// SIGTERM. Waits for the end, and until each helm is gone.
    #[track_caller]
    pub fn terminate(&mut self) -> ExitStatus {
        self.running.signal("TERM");
        let status = self.running.wait();
        self.helm().await_gone(self.id(), Duration::from_secs(1));
        status
    }

    /// Starts again after `kill`, `cut_power` or `terminate`, or else after a kill: same options, storage and cache.
    #[track_caller]
    pub fn restart(&mut self) {
        self.start_again_with(|options| options);
    }

    /// The same with other options.
    #[track_caller]
    pub fn start_again_with(
        &mut self,
        change: impl FnOnce(ControllerOptions) -> ControllerOptions,
    ) {
        self.running.kill9();
        self.earlier_log += &self.running.log();
        self.options = change(self.options.clone());
        let command = self.options.command(self.world.path());
        self.running = Running::spawn(command, &self.options.title());
        self.repository = started(&self.options, &mut self.running);
    }

    #[track_caller]
    fn repository_address(&self) -> SocketAddr {
        let address = self.repository;
        address.expect("a controller alone has no repository")
    }
}

/// Waits for the line that says that the repository's port is open, or, without a repository, for the first word of
/// the controller.
#[track_caller]
fn started(options: &ControllerOptions, running: &mut Running) -> Option<SocketAddr> {
    if options.is_alone() {
        running.await_line("line of the controller", DEADLINE, |line| {
            let line = log::parsed(line)?;
            line["M"]
                .as_str()?
                .starts_with("Controller: ")
                .then_some(())
        });
        return None;
    }
    Some(running.await_line("start of the repository", DEADLINE, started_address))
}
