//! A helm process: started, fed, observed and ended (docs/components.md 5.7).

pub mod fork;
mod group;
mod tail;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::fork::Started;
use self::tail::Tail;
use super::failure::Ending;
use super::launcher;

/// How long Helm may take to end when it is asked to stop: what a change of leader allows (docs/components.md 5.7).
const STOP_GRACE: Duration = Duration::from_secs(10);
/// How often its memory is sampled. The kernel keeps the peak, so only its last tenth of a second is missed.
const SAMPLE: Duration = Duration::from_millis(100);
/// How long the pipes are read after the end: something that left the group may still hold them.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much is kept of an output that is a few lines.
pub const OUTPUT: usize = tail::LIMIT;

/// How a process is run.
#[derive(Debug)]
pub struct Job {
    /// The process; its standard streams are set here.
    pub command: Command,
    /// What it reads from standard input.
    pub input: Option<Vec<u8>>,
    /// How many of the last bytes of its standard output are kept.
    pub keeps_output: Option<usize>,
    /// How long it may run.
    pub deadline: Duration,
    /// How long it may take to end after its deadline.
    pub grace: Duration,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// The way.
    pub ending: Ending,
    /// The end of its standard output, if that was kept.
    pub stdout: String,
    /// The end of its standard error.
    pub stderr: String,
    /// The most memory that it was seen to have resident, in bytes.
    pub max_rss_bytes: Option<u64>,
}

impl Ended {
    fn not_started(why: impl Into<String>) -> Ended {
        Ended {
            ending: Ending::NotStarted(why.into()),
            stdout: String::new(),
            stderr: String::new(),
            max_rss_bytes: None,
        }
    }
}

/// Runs a process to its end, which comes early when `stop` is cancelled or the deadline passes: SIGTERM first, and
/// SIGKILL to its whole group when that takes too long. `started` is called with its process id.
pub async fn run(job: Job, stop: &CancellationToken, started: impl FnOnce(i32)) -> Ended {
    let child = match start(job.command, job.input.is_some(), job.keeps_output.is_some()).await {
        Ok(child) => child,
        Err(error) => return Ended::not_started(error.to_string()),
    };
    let group = child.group;
    started(group.pid());
    let mut stdout = Tail::of(job.keeps_output.unwrap_or_default());
    let mut stderr = Tail::default();
    let mut peak = group.peak_memory();
    let mut asked = None;
    let status = {
        let talk = async {
            tokio::join!(
                feed(child.stdin, job.input.as_deref()),
                listen(child.stdout, &mut stdout),
                listen(child.stderr, &mut stderr),
            );
        };
        let (mut end, mut talk) = (pin!(child.end), pin!(talk));
        let mut has_talked = false;
        let mut is_stopped = false;
        let mut next = pin!(sleep_until(Instant::now() + job.deadline));
        let mut sample = interval(SAMPLE);
        sample.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let status = loop {
            tokio::select! {
                biased;
                status = &mut end => break status,
                () = stop.cancelled(), if !is_stopped => {
                    is_stopped = true;
                    if asked.is_none() {
                        asked = Some(Ending::Stopped);
                        group.terminate();
                        next.as_mut().reset(Instant::now() + STOP_GRACE);
                    } else {
                        let patience = next.deadline().min(Instant::now() + STOP_GRACE);
                        next.as_mut().reset(patience);
                    }
                }
                () = &mut next => {
                    if asked.is_none() {
                        asked = Some(Ending::DeadlineExceeded);
                        group.terminate();
                        next.as_mut().reset(Instant::now() + job.grace);
                    } else {
                        group.kill();
                        next.as_mut().reset(Instant::now() + STOP_GRACE);
                    }
                }
                () = &mut talk, if !has_talked => has_talked = true,
                _ = sample.tick() => peak = peak.max(group.peak_memory()),
            }
        };
        if !has_talked {
            // the output so far is kept
            let _ = timeout(LAST_WORDS, talk).await;
        }
        status
    };
    let stderr = stderr.text();
    let ending = match status {
        Ok(Ok(status)) => ending(status, asked, &stderr),
        Ok(Err(error)) => Ending::NotStarted(format!("nobody knows how helm ended: {error}")),
        Err(_) => Ending::NotStarted("nobody knows how helm ended".to_owned()),
    };
    Ended {
        ending,
        stdout: stdout.text(),
        stderr,
        max_rss_bytes: peak,
    }
}

async fn start(mut command: Command, reads: bool, is_kept: bool) -> io::Result<Started> {
    if reads {
        command.stdin(Stdio::piped());
    }
    if is_kept {
        command.stdout(Stdio::piped());
    }
    command.stderr(Stdio::piped());
    fork::start(command).await
}

/// Writes all of the input and closes the pipe. A process that does not read it all is no error.
async fn feed(pipe: Option<ChildStdin>, input: Option<&[u8]>) {
    if let (Some(Ok(mut pipe)), Some(input)) = (pipe.map(process::ChildStdin::from_std), input) {
        let _ = pipe.write_all(input).await;
    }
}

async fn listen(pipe: Option<impl IntoAsync>, tail: &mut Tail) {
    if let Some(Ok(pipe)) = pipe.map(IntoAsync::into_async) {
        tail.read(pipe).await;
    }
}

/// A pipe of the standard library's that the runtime can read.
trait IntoAsync {
    type Pipe: tokio::io::AsyncRead + Unpin;
    fn into_async(self) -> io::Result<Self::Pipe>;
}

impl IntoAsync for ChildStdout {
    type Pipe = process::ChildStdout;
    fn into_async(self) -> io::Result<Self::Pipe> {
        process::ChildStdout::from_std(self)
    }
}

impl IntoAsync for ChildStderr {
    type Pipe = process::ChildStderr;
    fn into_async(self) -> io::Result<Self::Pipe> {
        process::ChildStderr::from_std(self)
    }
}

/// The end of a process by its exit status; `asked` says whether it was asked to end. Success counts even then.
fn ending(status: ExitStatus, asked: Option<Ending>, stderr: &str) -> Ending {
    match (status.code(), asked) {
        (Some(0), _) => Ending::Succeeded,
        (_, Some(asked)) => asked,
        (Some(code), None) if code == i32::from(launcher::NOT_STARTED) => {
            Ending::NotStarted(stderr.trim().to_owned())
        }
        (Some(code), None) => Ending::Failed(code),
        (None, None) => Ending::Killed(status.signal().unwrap_or_default()),
    }
}
