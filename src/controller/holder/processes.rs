//! Processes of this machine, as far as this process sees them.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process;

use crate::chart::digest::Sha256Hex;

/// How many digits of a digest identify a place.
const PLACE: usize = 12;

/// A process of one boot of one machine, seen from one process namespace. Displays as `PLACE-PID-START`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// The boot and process namespace in which its id is valid.
    place: String,
    pid: u32,
    /// When it began, in the kernel's ticks: ids are reused.
    started: u64,
}

impl Process {
    /// This process; `None` if the kernel does not provide its identity.
    pub fn myself() -> Option<Process> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        let place = format!("{} {}", boot.trim(), namespace.display());
        let mut place = Sha256Hex::of(place.as_bytes()).to_string();
        place.truncate(PLACE);
        let pid = process::id();
        Some(Process {
            place,
            pid,
            started: start_of(pid)?,
        })
    }

    /// Parses what was displayed.
    pub fn parse(text: &str) -> Option<Process> {
        let mut parts = text.split('-');
        let (place, pid, started) = (parts.next()?, parts.next()?, parts.next()?);
        let is_place = place.len() == PLACE && parts.next().is_none();
        is_place.then_some(Process {
            place: place.to_owned(),
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// True if both can be seen from the same place.
    pub fn is_neighbour_of(&self, other: &Process) -> bool {
        self.place == other.place
    }

    /// True if it has not ended; valid only for processes of the same place.
    pub fn is_alive(&self) -> bool {
        start_of(self.pid) == Some(self.started)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.place, self.pid, self.started)
    }
}

/// True if there is a process with this environment variable and with this word on its command line.
pub(super) fn has_helm(variable: &str, value: &str, word: &str) -> bool {
    let setting = format!("{variable}={value}");
    let Ok(entries) = fs::read_dir("/proc") else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let is_process = name
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        is_process
            && has_word(&entry.path().join("environ"), &setting)
            && has_word(&entry.path().join("cmdline"), word)
    })
}

/// True if one of the NUL-terminated parts of the file is this. Files of other users cannot be read.
fn has_word(file: &Path, word: &str) -> bool {
    fs::read(file).is_ok_and(|bytes| {
        bytes
            .split(|byte| *byte == 0)
            .any(|part| part == word.as_bytes())
    })
}

/// When a process began; `None` if it has ended, zombies included.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name in parentheses may hold anything, parentheses too
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    // the 22nd field; the state was the third
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X" | "x")).then_some(started)
}
