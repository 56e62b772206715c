//! The one thread that starts processes.
//!
//! A process with a parent-death signal gets it when the *thread* that started it ends, and the
//! runtime's threads come and go. This one lives as long as the program.

use std::io;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::group::{End, Group};

/// A started process. Dropping it ends it, also before its requester has received it.
#[derive(Debug)]
pub struct Started {
    pub group: Group,
    pub end: End,
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

struct Request {
    command: Command,
    answer: oneshot::Sender<io::Result<Started>>,
}

static REQUESTS: Mutex<Option<Sender<Request>>> = Mutex::new(None);

/// Starts the thread if it does not run yet.
pub fn prepare() -> io::Result<()> {
    let mut requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
    if requests.is_none() {
        let (send, receive) = channel();
        thread::Builder::new()
            .name("helm-fork".to_owned())
            .spawn(move || work(&receive))?;
        *requests = Some(send);
    }
    Ok(())
}

/// Starts a process in a group of its own. If the returned future is dropped, the process is ended.
pub async fn start(command: Command) -> io::Result<Started> {
    prepare()?;
    let (answer, started) = oneshot::channel();
    let sent = {
        let requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
        let send = requests.as_ref().expect("prepare put it there");
        send.send(Request { command, answer }).is_ok()
    };
    match started.await {
        Ok(started) if sent => started,
        _ => Err(io::Error::other(
            "the thread that starts processes has ended",
        )),
    }
}

fn work(requests: &Receiver<Request>) {
    for request in requests {
        // without a receiver it is dropped, and so ended
        let _ = request.answer.send(spawn(request.command));
    }
}

fn spawn(mut command: Command) -> io::Result<Started> {
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (group, end) = Group::watch(child)?;
    Ok(Started {
        group,
        end,
        stdin,
        stdout,
        stderr,
    })
}
