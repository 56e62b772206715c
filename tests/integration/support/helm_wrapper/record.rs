//! What the script between the controller and helm has written down.

use std::fs;

/// One run of helm on a release.
#[derive(Clone, Debug)]
pub struct HelmCall {
    /// `install`, `upgrade`, `rollback`, `uninstall` or `test`.
    pub verb: String,
    pub release: String,
    pub namespace: String,
    /// All arguments, from the verb on.
    pub arguments: Vec<String>,
    /// The process that the controller started.
    pub pid: u32,
    /// The process that started it.
    pub parent: u32,
    /// Helm's own process, once there is one.
    pub helm: Option<u32>,
    /// Nanoseconds since 1970.
    pub started: u64,
    /// Nanoseconds since 1970; `None` while it runs, and when it was killed together with the script.
    pub ended: Option<u64>,
    /// The exit code; 128 more than a signal's number.
    pub code: Option<i32>,
    /// Whether it waits, or waited, `before` helm's start or `after` helm's end.
    pub held: Option<String>,
    /// Whether another run on the same release was not yet over when this one began, as the kernel sees it.
    pub overlapped: bool,
}

impl HelmCall {
    /// Whether it only says what it would do.
    pub fn is_dry_run(&self) -> bool {
        let mut arguments = self.arguments.iter();
        arguments.any(|argument| argument.starts_with("--dry-run"))
    }

    /// Whether the script or its helm is still there.
    pub fn is_running(&self) -> bool {
        is_alive(self.pid) || self.helm.is_some_and(is_alive)
    }

    /// The value of a flag written `--name=value`.
    pub fn flag(&self, name: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter();
        arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The calls in the order of their starts.
#[track_caller]
pub fn calls(record: &str) -> Vec<HelmCall> {
    let mut calls: Vec<HelmCall> = Vec::new();
    for line in complete_lines(record) {
        let fields: Vec<&str> = line.split('\t').collect();
        let time = || fields[1].parse::<u64>().expect("a time");
        let pid = fields[2].parse::<u32>().expect("a process id");
        if let ["start", _, _, parent, namespace, release, alone, arguments] = fields[..] {
            let arguments = split(arguments);
            calls.push(HelmCall {
                verb: arguments[0].clone(),
                release: release.to_owned(),
                namespace: namespace.to_owned(),
                arguments,
                pid,
                parent: parent.parse().expect("a process id"),
                helm: None,
                started: time(),
                ended: None,
                code: None,
                held: None,
                overlapped: alone != "alone",
            });
            continue;
        }
        // an id may come again after a while: the last call that has it
        let Some(call) = calls.iter_mut().rev().find(|call| call.pid == pid) else {
            continue;
        };
        match fields[..] {
            ["helm", _, _, child] => call.helm = child.parse().ok(),
            ["held", _, _, when] => call.held = Some(when.to_owned()),
            ["end", _, _, code] => (call.ended, call.code) = (Some(time()), code.parse().ok()),
            _ => {}
        }
    }
    calls.sort_by_key(|call| call.started);
    calls
}

/// The arguments of runs that do not work on a release.
pub fn questions(record: &str) -> Vec<Vec<String>> {
    let others = complete_lines(record).filter_map(|line| line.strip_prefix("other\t"));
    others
        .filter_map(|line| Some(split(line.split('\t').nth(2)?)))
        .collect()
}

/// The runs that began while another on the same release was there; there must be none.
pub fn overlaps(calls: &[HelmCall]) -> Vec<&HelmCall> {
    calls.iter().filter(|call| call.overlapped).collect()
}

/// The greatest number of runs at one moment. One that was killed with its script counts at its start only.
pub fn most_at_once(calls: &[HelmCall]) -> usize {
    let mut moments: Vec<(u64, i64)> = Vec::new();
    for call in calls {
        moments.push((call.started, 1));
        let ended = match call.ended {
            Some(ended) => ended,
            None if call.is_running() => u64::MAX,
            None => call.started + 1,
        };
        moments.push((ended, -1));
    }
    // an end before a start at the same moment
    moments.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, change) in moments {
        now += change;
        most = most.max(now);
    }
    usize::try_from(most).expect("never below zero")
}

/// The lines that are whole: one may be being written.
fn complete_lines(record: &str) -> impl Iterator<Item = &str> {
    let end = record.rfind('\n').map_or(0, |last| last + 1);
    record[..end].lines()
}

fn split(arguments: &str) -> Vec<String> {
    let arguments = arguments.trim_end_matches('\u{1f}');
    arguments.split('\u{1f}').map(str::to_owned).collect()
}

/// Whether a process is there and not only waits to be collected.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    // the state follows the name, which is in parentheses and may hold anything
    stat.is_ok_and(|stat| {
        let rest = stat.rsplit(')').next().unwrap_or_default();
        !matches!(rest.trim_start().chars().next(), Some('Z' | 'X') | None)
    })
}
