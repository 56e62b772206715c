//! The one thread that starts processes.
//!
//! A process that asked to be told of its parent's death is told when the *thread* that started it ends, and the
//! runtime's threads come and go. This one lives as long as the program.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

struct Request {
    command: Command,
    answer: oneshot::Sender<io::Result<Child>>,
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

/// Starts a process in a group of its own. Whoever stops waiting for it leaves nothing behind.
pub async fn start(command: Command) -> io::Result<Child> {
    prepare()?;
    let (answer, child) = oneshot::channel();
    let sent = {
        let requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
        let send = requests.as_ref().expect("prepare put it there");
        send.send(Request { command, answer }).is_ok()
    };
    match child.await {
        Ok(child) if sent => child,
        _ => Err(io::Error::other(
            "the thread that starts processes has ended",
        )),
    }
}

fn work(requests: &Receiver<Request>) {
    for mut request in requests {
        let started = request.command.spawn();
        if let Err(Ok(mut child)) = request.answer.send(started) {
            // nobody has seen it, and it has not done anything yet
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
