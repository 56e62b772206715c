//! The program under test, running beside the test: its log as it comes, and its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::process;

/// How long a start or a stop may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// One process. Dropping it kills the process; a failing test shows its log.
pub struct Running {
    child: Child,
    title: String,
    log: Arc<Log>,
}

impl Running {
    /// Starts the program; `title` says which it is when a test fails.
    #[track_caller]
    pub fn spawn(mut command: Command, title: &str) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the chartroom binary runs");
        let log = Arc::new(Log::default());
        follow(
            child.stderr.take().expect("stderr is piped"),
            Arc::clone(&log),
        );
        Running {
            child,
            title: title.to_owned(),
            log,
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a log line in which `find` finds something, and returns that; lines that are there already count.
    #[track_caller]
    pub fn await_line<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> T {
        let end = Instant::now() + deadline;
        let mut seen = 0;
        let mut text = self.log.text();
        loop {
            for line in text.text[seen..].split_inclusive('\n') {
                if let Some(found) = find(line) {
                    return found;
                }
            }
            seen = text.text.len();
            if text.ended {
                let log = text.text.clone();
                drop(text);
                let status = self.child.wait().expect("a child can be waited for");
                panic!("it ended with {status} before {what}; log:\n{log}");
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no {what} within {deadline:?}; log:\n{}",
                text.text
            );
            let waited = self.log.changed.wait_timeout(text, left);
            text = waited.expect("no reader of the log panics").0;
        }
    }

    /// Everything it has logged so far.
    pub fn log(&self) -> String {
        self.log.text().text.clone()
    }

    /// Sends a signal by its name, such as `TERM`, and returns at once.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        process::run_ok("sh", &["-c", &kill]);
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            let ended = self.child.try_wait().expect("a child can be waited for");
            if let Some(status) = ended {
                return status;
            }
            assert!(
                Instant::now() < end,
                "{} did not end within {DEADLINE:?}; log:\n{}",
                self.title,
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the process at once, as a power cut does, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill9();
        if thread::panicking() {
            eprintln!("--- log of {}\n{}---", self.title, self.log());
        }
    }
}

/// What a process has logged, and the news of it.
#[derive(Default)]
struct Log {
    text: Mutex<Text>,
    changed: Condvar,
}

#[derive(Default)]
struct Text {
    text: String,
    ended: bool,
}

impl Log {
    fn text(&self) -> MutexGuard<'_, Text> {
        self.text.lock().expect("no reader of the log panics")
    }
}

/// Copies lines into the log until the process closes its stderr.
fn follow(stderr: ChildStderr, log: Arc<Log>) {
    thread::spawn(move || {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            log.text().text.push_str(&String::from_utf8_lossy(&line));
            log.changed.notify_all();
            line.clear();
        }
        log.text().ended = true;
        log.changed.notify_all();
    });
}
