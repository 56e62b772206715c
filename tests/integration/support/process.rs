//! Runs a program to its end, with a deadline, and keeps everything it said.

use std::fmt;
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Finished {
    command: String,
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Finished {
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The exit code; `None` when a signal ended the program.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The program as it ended, or a panic that shows all it said.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "expected success of {self}");
        self
    }

    /// The program as it ended, or a panic when it did not fail.
    #[track_caller]
    pub fn failed(self) -> Self {
        assert!(!self.status.success(), "expected failure of {self}");
        self
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "`{}` ({})", self.command, self.status)?;
        writeln!(out, "--- stdout\n{}", self.stdout())?;
        write!(out, "--- stderr\n{}---", self.stderr())
    }
}

/// Runs `command` to its end with `input` on stdin; a program that outlives `deadline` is killed and the test fails.
#[track_caller]
pub fn run(mut command: Command, input: &[u8], deadline: Duration) -> Finished {
    let shown = shown(&command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("could not run `{shown}`: {e}"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_vec();
    // a program that does not read its input closes the pipe: not our failure
    let feed = thread::spawn(move || drop(stdin.write_all(&input)));
    let stdout = drain(child.stdout.take().expect("stdout is piped"));
    let stderr = drain(child.stderr.take().expect("stderr is piped"));
    let end = Instant::now() + deadline;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if Instant::now() > end {
            child.kill().ok();
            child.wait().ok();
            let said = String::from_utf8_lossy(&stderr.join().unwrap_or_default()).into_owned();
            panic!("`{shown}` did not end within {deadline:?}; stderr:\n{said}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    feed.join().ok();
    Finished {
        command: shown,
        status,
        stdout: stdout.join().expect("stdout was read"),
        stderr: stderr.join().expect("stderr was read"),
    }
}

/// Runs `program` with `arguments` and a minute's time; it must succeed.
#[track_caller]
pub fn run_ok(program: &str, arguments: &[&str]) -> Finished {
    let mut command = Command::new(program);
    command.args(arguments);
    run(command, b"", Duration::from_secs(60)).succeeded()
}

fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).ok();
        all
    })
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}
