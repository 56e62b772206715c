//! Writes lines without waiting for their reader: a stalled log collector must not stop the server.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// The most lines that wait to be written: a few megabytes.
const WAITING: usize = 8192;
/// How long the end of the program waits for them.
const PATIENCE: Duration = Duration::from_secs(1);

/// Passes lines to a thread that writes them in order. Lines that find the queue full are dropped and counted; the
/// count is logged when there is room again.
#[derive(Debug)]
pub(super) struct LineWriter {
    queue: SyncSender<Message>,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// The sender is notified when everything before this is written.
    Flush(SyncSender<()>),
}

impl LineWriter {
    /// Starts the thread, which lives as long as the process.
    pub(super) fn new(output: impl Write + Send + 'static) -> Self {
        let (queue, lines) = sync_channel(WAITING);
        // without the thread nothing is logged, not even this failure
        let _ = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write_all(lines, output));
        Self {
            queue,
            dropped: AtomicU64::new(0),
        }
    }

    /// Queues a line, which ends with a line break.
    pub(super) fn write(&self, line: &str) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        let line = match dropped {
            0 => line.to_owned(),
            _ => format!(
                "{dropped} log lines were dropped: standard error is not read fast enough\n{line}"
            ),
        };
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Line(line)) {
            self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }

    /// Waits until all lines queued so far are written, for at most a second.
    pub(super) fn flush(&self) {
        let deadline = Instant::now() + PATIENCE;
        let (done, written) = sync_channel(1);
        let mut message = Message::Flush(done);
        // the queue has no way to wait for room with a time limit
        while let Err(TrySendError::Full(refused)) = self.queue.try_send(message) {
            if Instant::now() >= deadline {
                return;
            }
            message = refused;
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

/// A write of this many lines means that more are coming.
const BUSY: usize = 4;
/// Pause after such a write, to gather lines: to wake this thread for each would cost the logging thread more than the
/// line.
const REST: Duration = Duration::from_millis(2);
/// Bytes gathered for one write, roughly.
const BATCH: usize = 64 * 1024;

/// Writes all waiting lines at once: under load a system call for each would cost more than the lines do.
/// A failure cannot be reported anywhere.
fn write_all(messages: Receiver<Message>, mut output: impl Write) {
    let mut batch = Vec::new();
    while let Ok(first) = messages.recv() {
        let mut asked = Vec::new();
        let mut lines = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Line(line) => {
                    batch.extend_from_slice(line.as_bytes());
                    lines += 1;
                }
                Message::Flush(done) => asked.push(done),
            }
            next = if batch.len() < BATCH {
                messages.try_recv().ok()
            } else {
                None
            };
        }
        let _ = output.write_all(&batch).and_then(|()| output.flush());
        batch.clear();
        for done in asked {
            let _ = done.send(());
        }
        if lines >= BUSY {
            std::thread::sleep(REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written; writes wait while the gate is locked.
    #[derive(Clone, Default)]
    struct Gated {
        gate: Arc<Mutex<()>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.gate.lock().unwrap();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_but_holds_nobody_up() {
        let output = Gated::default();
        let writer = LineWriter::new(output.clone());
        let closed = output.gate.lock().unwrap();
        // were they to wait, this would never end
        for number in 0..3 * WAITING {
            writer.write(&format!("line {number}\n"));
        }
        drop(closed);
        writer.flush();
        writer.write("after\n");
        writer.flush();
        let text = String::from_utf8(output.written.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("line 0\nline 1\n"));
        assert!(text.ends_with("after\n"));
        let lines = text
            .lines()
            .filter(|line| line.starts_with("line "))
            .count();
        let told: usize = (text.lines())
            .filter_map(|line| {
                line.strip_suffix(" log lines were dropped: standard error is not read fast enough")
            })
            .map(|count| count.parse::<usize>().unwrap())
            .sum();
        assert!(told > 0, "nothing was dropped");
        assert_eq!(
            lines + told,
            3 * WAITING,
            "every line is written or counted"
        );
    }
}
