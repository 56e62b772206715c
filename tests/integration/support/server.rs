//! The real `chartroom` program on a loopback port of its own choice, with a directory of its own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::http::Http;
use super::process::{self, Finished};
use super::running::{DEADLINE, Running};
use super::tls::TestCa;

/// The log message that says the port is open.
const STARTED: &str = "Starting ChartMuseum-compatible chartroom";

/// What to start: arguments, environment and where the charts are.
///
/// `--port=0 --listen-host=127.0.0.1 --log-json` are always given (`--log-json=false` may follow), and a local storage
/// unless `without_storage`.
#[derive(Clone)]
pub struct ServerOptions {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    storage: Option<PathBuf>,
    local_storage: bool,
    ca: Option<Arc<TestCa>>,
}

impl ServerOptions {
    /// One more argument, such as `--depth=1`.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, ServerOptions::arg)
    }

    /// An environment variable. The test runner's own environment does not reach the server.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Serves this directory instead of an empty one.
    pub fn storage(mut self, directory: impl Into<PathBuf>) -> Self {
        self.storage = Some(directory.into());
        self
    }

    /// Gives no storage arguments, to test those.
    pub fn without_storage(mut self) -> Self {
        self.local_storage = false;
        self
    }

    /// Serves HTTPS with a certificate of this authority.
    pub fn tls(mut self, ca: TestCa) -> Self {
        let (cert, key) = (ca.server_cert(), ca.server_key());
        self.ca = Some(Arc::new(ca));
        self.arg(joined("--tls-cert=", &cert))
            .arg(joined("--tls-key=", &key))
    }

    /// Starts the server and waits until it listens.
    #[track_caller]
    pub fn start(self) -> TestServer {
        let world = TempDir::new().expect("a temporary directory");
        let storage = self
            .storage
            .clone()
            .unwrap_or_else(|| world.path().join("charts"));
        let (running, address) = self.spawn(&storage, world.path());
        TestServer {
            options: self,
            storage,
            world,
            running,
            address,
            earlier_log: String::new(),
        }
    }

    /// Runs the program with these options until it ends by itself: refusals, `--gen-index`, `--version`.
    #[track_caller]
    pub fn run_to_exit(self) -> Finished {
        let world = TempDir::new().expect("a temporary directory");
        let storage = self
            .storage
            .clone()
            .unwrap_or_else(|| world.path().join("charts"));
        process::run(self.command(&storage, world.path()), b"", DEADLINE)
    }

    /// Starts the program and waits for the line that names the port.
    #[track_caller]
    fn spawn(&self, storage: &Path, directory: &Path) -> (Running, SocketAddr) {
        let mut running = Running::spawn(self.command(storage, directory), "the server");
        let address = running.await_line(STARTED, DEADLINE, started_address);
        (running, address)
    }

    fn command(&self, storage: &Path, directory: &Path) -> Command {
        let mut command = Command::new(binary());
        // a fixed world: nobody's PORT or STORAGE reaches the server under test
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("TZ", "UTC")
            .env("RUST_BACKTRACE", "1")
            .current_dir(directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--port=0", "--listen-host=127.0.0.1", "--log-json"]);
        if self.local_storage {
            command
                .arg("--storage=local")
                .arg(joined("--storage-local-rootdir=", storage));
        }
        command.args(&self.arguments);
        command
    }
}

/// A running server. Dropping it kills the process; a failing test shows its log.
pub struct TestServer {
    options: ServerOptions,
    storage: PathBuf,
    world: TempDir,
    running: Running,
    address: SocketAddr,
    earlier_log: String,
}

impl TestServer {
    /// A server with these further arguments over an empty directory.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> TestServer {
        TestServer::options().args(arguments).start()
    }

    /// The options to start from.
    pub fn options() -> ServerOptions {
        ServerOptions {
            arguments: Vec::new(),
            environment: Vec::new(),
            storage: None,
            local_storage: true,
            ca: None,
        }
    }

    /// The address it listens on; a new one after each start.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` (or `https`), without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = if self.options.ca.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address())
    }

    /// The address as a URL below which `path` is: `server.url_of("/org1")`.
    pub fn url_of(&self, path: &str) -> String {
        self.url() + path
    }

    /// A client of this server.
    pub fn http(&self) -> Http {
        match &self.options.ca {
            Some(ca) => Http::over_tls(self.address(), &ca.ca_cert()),
            None => Http::new(self.address()),
        }
    }

    /// The directory that holds the uploads.
    pub fn storage(&self) -> &Path {
        &self.storage
    }

    /// The names of what lies directly in that directory, sorted, without the file that the server holds locked.
    #[track_caller]
    pub fn stored(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.storage).expect("the storage directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| name != ".chartroom-lock")
            .collect();
        names.sort();
        names
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// A directory of this test's own, the server's working directory; it goes when the server is dropped.
    pub fn world(&self) -> &Path {
        self.world.path()
    }

    /// Everything the server has logged so far, over all its starts. The server writes its log beside its answers, so
    /// this waits until nothing has come for a while.
    pub fn log(&self) -> String {
        let mut log = self.running.log();
        loop {
            std::thread::sleep(Duration::from_millis(40));
            let later = self.running.log();
            if later.len() == log.len() {
                return self.earlier_log.clone() + &later;
            }
            log = later;
        }
    }

    /// Stops with SIGTERM, then starts again over the same directory with the same options.
    #[track_caller]
    pub fn restart(&mut self) {
        let status = self.sigterm_and_wait();
        assert!(
            status.success(),
            "SIGTERM ended the server with {status}; log:\n{}",
            self.log()
        );
        self.start_again();
    }

    /// Ends the process at once, as a power cut does, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.running.kill9();
    }

    /// Starts again over the same directory with the same options, after `kill9` or `sigterm_and_wait`.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.kill9();
        self.earlier_log = self.log();
        (self.running, self.address) = self.options.spawn(&self.storage, self.world.path());
    }

    /// The same, with other options.
    #[track_caller]
    pub fn start_again_with(&mut self, change: impl FnOnce(ServerOptions) -> ServerOptions) {
        self.options = change(self.options.clone());
        self.start_again();
    }

    /// Sends SIGTERM and returns at once.
    pub fn sigterm(&self) {
        self.running.signal("TERM");
    }

    /// Sends SIGINT, as Ctrl-C does, and returns at once.
    pub fn interrupt(&self) {
        self.running.signal("INT");
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        self.running.wait()
    }

    /// Sends SIGTERM and waits for the end.
    #[track_caller]
    pub fn sigterm_and_wait(&mut self) -> ExitStatus {
        self.sigterm();
        self.wait()
    }

    /// Memory of the process now.
    #[track_caller]
    pub fn memory(&self) -> Memory {
        Memory::of(self.running.id())
    }

    /// How many memory files the process has open.
    #[track_caller]
    pub fn memory_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.running.id()));
        let targets = files
            .expect("the server runs")
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        targets
            .filter(|target| target.to_string_lossy().starts_with("/memfd:"))
            .count()
    }

    /// Waits until `condition` holds, asking again every few milliseconds, for at most ten seconds.
    pub async fn eventually<F>(&self, what: &str, condition: impl FnMut() -> F)
    where
        F: Future<Output = bool>,
    {
        self.within(Duration::from_secs(10), what, condition).await;
    }

    /// The same for at most this long: for what the server does when nobody else wants the machine.
    pub async fn within<F>(&self, time: Duration, what: &str, mut condition: impl FnMut() -> F)
    where
        F: Future<Output = bool>,
    {
        let end = Instant::now() + time;
        while !condition().await {
            assert!(
                Instant::now() < end,
                "within {time:?} it did not happen: {what}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Sizes in bytes, from `/proc/PID/status`.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// `VmRSS`: resident now.
    pub resident: u64,
    /// `VmHWM`: the most it has been.
    pub peak: u64,
}

impl Memory {
    /// Of the process with this id, now.
    #[track_caller]
    pub fn of(pid: u32) -> Memory {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
        let kib = |name: &str| -> u64 {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .expect("a field of /proc/PID/status");
            let number = line.split_whitespace().next().expect("a number");
            number.parse::<u64>().expect("a number of kB") * 1024
        };
        Memory {
            resident: kib("VmRSS:"),
            peak: kib("VmHWM:"),
        }
    }
}

/// The address in a log line that says the server has started: `{"M":"Starting…","host":"127.0.0.1","port":40001}`, or
/// the same as text, where message and fields are the third and fourth column.
pub fn started_address(line: &str) -> Option<SocketAddr> {
    let columns: Vec<&str> = line.split('\t').collect();
    let fields: serde_json::Value = match columns[..] {
        [_, _, STARTED, fields] => serde_json::from_str(fields).ok()?,
        [json] => serde_json::from_str(json)
            .ok()
            .filter(|line: &serde_json::Value| line["M"] == STARTED)?,
        _ => return None,
    };
    let port = match &fields["port"] {
        serde_json::Value::String(text) => text.parse().ok()?,
        number => u16::try_from(number.as_u64()?).ok()?,
    };
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// The program under test; `CHARTROOM_BINARY` names another one, such as a release build.
pub fn binary() -> PathBuf {
    std::env::var_os("CHARTROOM_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_chartroom").into(), PathBuf::from)
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(flag);
    argument.push(path);
    argument
}

/// Runs a subcommand that works on a cluster, such as `teardown`, until it ends.
#[track_caller]
pub fn chartroom_on(kubeconfig: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(binary());
    command.env_clear().env("KUBECONFIG", kubeconfig);
    command.args(arguments);
    process::run(command, b"", 4 * DEADLINE)
}

/// Runs the program's subcommands, such as `package`, in a directory, until it ends.
#[track_caller]
pub fn chartroom(arguments: &[&str], directory: &Path) -> Finished {
    let mut command = Command::new(binary());
    command.env_clear().args(arguments).current_dir(directory);
    process::run(command, b"", DEADLINE)
}
