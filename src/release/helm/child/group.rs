//! A process group: asked to end, killed as a whole, and reaped only when nothing of it is left to kill.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::sync::oneshot;

/// How long a process may take to end after its value was dropped.
const ABANDONED: Duration = Duration::from_secs(10);

/// Receives how a group's leader ended.
pub type End = oneshot::Receiver<io::Result<ExitStatus>>;

/// A running process group. Dropping it ends what still runs: SIGTERM, and SIGKILL after ten seconds.
#[derive(Debug)]
pub struct Group {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    leader: Pid,
    /// From then on the id may be another process's.
    is_reaped: Mutex<bool>,
}

impl Group {
    /// Observes the group that this process leads; the receiver gets how it ended. When the process has ended,
    /// the rest of its group is killed.
    pub fn watch(mut child: Child) -> io::Result<(Group, End)> {
        let shared = Arc::new(Shared {
            leader: Pid::from_child(&child),
            is_reaped: Mutex::new(false),
        });
        let group = Group {
            shared: Arc::clone(&shared),
        };
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name("helm-wait".to_owned())
            .spawn(move || {
                let has_ended = shared.wait();
                let mut is_reaped = shared.lock();
                if has_ended {
                    // still a zombie: its id cannot be reused yet
                    let _ = kill_process_group(shared.leader, Signal::KILL);
                }
                let status = child.wait();
                *is_reaped = true;
                drop(is_reaped);
                let _ = ended.send(status);
            })?;
        Ok((group, end))
    }

    /// The leader's process id.
    pub fn pid(&self) -> i32 {
        self.shared.leader.as_raw_nonzero().get()
    }

    /// Sends SIGTERM to the leader, unless it has ended. Its children go on: it may need them to end well, such as the
    /// program that gives it its credentials.
    pub fn terminate(&self) {
        let is_reaped = self.shared.lock();
        if !*is_reaped {
            let _ = kill_process(self.shared.leader, Signal::TERM);
        }
    }

    /// Ends every process of the group, unless the leader has ended.
    pub fn kill(&self) {
        self.shared.kill();
    }

    /// The most memory that the leader has had resident so far, in bytes; `None` when it has ended.
    pub fn peak_memory(&self) -> Option<u64> {
        let is_reaped = self.shared.lock();
        if *is_reaped {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        peak(&status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if *self.shared.lock() {
            return;
        }
        self.terminate();
        let shared = Arc::clone(&self.shared);
        let last = thread::Builder::new().spawn(move || {
            thread::sleep(ABANDONED);
            shared.kill();
        });
        if last.is_err() {
            self.kill();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_reaped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self) {
        let is_reaped = self.lock();
        if !*is_reaped {
            // it may end at this moment
            let _ = kill_process_group(self.leader, Signal::KILL);
        }
    }

    /// Waits until the leader has ended, and leaves it to be reaped; false if that cannot be waited for.
    fn wait(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(self.leader), options) {
                Ok(_) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

/// `VmHWM` out of `/proc/PID/status`, in bytes.
fn peak(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_out_of_the_status() {
        let rows = [
            (
                "Name:\thelm\nVmHWM:\t  123456 kB\nVmRSS:\t 99 kB\n",
                Some(126_418_944),
            ),
            ("Name:\thelm\nState:\tZ (zombie)\n", None),
            ("VmHWM:\t12 MB\n", None),
            ("VmHWM:\tmany kB\n", None),
        ];
        for (status, expected) in rows {
            assert_eq!(peak(status), expected, "{status:?}");
        }
    }
}
