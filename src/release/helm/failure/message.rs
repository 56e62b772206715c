//! Helm's error as a message: without noise, in one paragraph, of bounded length. Pure.

use crate::release::manifest::served::ApiKind;

/// How long a message may be, in bytes.
pub const LIMIT: usize = 1024;

/// Prefixes of an error that only name the action.
const NOISE: [&str; 4] = [
    "Error: ",
    "UPGRADE FAILED: ",
    "INSTALLATION FAILED: ",
    "unable to build kubernetes objects from release manifest: ",
];

/// How Helm's error begins when the clean-up after a failed rollback failed too. What follows is the clean-up's error,
/// and not, as it says, the original one: that is in the log.
const MASK: &str =
    "an error occurred while cleaning up resources. original rollback error: unable to cleanup";

/// Helm's own error in all its lines: what follows the last `Error: ` at the beginning of a line. Hooks may have logged
/// anything before it. `None` if Helm printed none.
pub fn error(stderr: &str) -> Option<String> {
    let lines: Vec<&str> = stderr.lines().collect();
    let start = lines.iter().rposition(|line| line.starts_with(NOISE[0]))?;
    let error: Vec<&str> = lines[start..]
        .iter()
        .copied()
        .filter(|line| !is_log(line))
        .collect();
    let error = error.join("\n");
    let error = without_noise(&error);
    let original = error
        .starts_with(MASK)
        .then(|| lines.iter().find_map(|line| rolled_back(line)));
    Some(original.flatten().unwrap_or_else(|| error.to_owned()))
}

/// Why a rollback failed, by the line of the log that begins so: `level=WARN msg="Rollback \"web\" failed: …"`.
fn rolled_back(line: &str) -> Option<String> {
    let (_, quoted) = line.strip_prefix("level=")?.split_once("msg=")?;
    let mut texts = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
    let text = texts.next()?.ok()?;
    let (_, why) = text.strip_prefix("Rollback ")?.split_once(" failed: ")?;
    Some(why.to_owned())
}

/// Helm's output as one line: its error, or else the start of a crash, or else all but its log. It is not
/// shortened.
pub fn said(stderr: &str) -> String {
    if let Some(error) = error(stderr) {
        return one_line(&error);
    }
    let is_crash = |line: &&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    match stderr.lines().find(is_crash) {
        Some(crash) => one_line(crash),
        None => {
            let lines: Vec<&str> = stderr.lines().filter(|line| !is_log(line)).collect();
            one_line(without_noise(&lines.join("\n")))
        }
    }
}

/// The text in at most `limit` bytes. What is left out is in the middle: the beginning says where it happened and the
/// end says why.
pub fn bounded(text: &str, limit: usize) -> String {
    const GAP: &str = " … ";
    if text.len() <= limit {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(GAP.len());
    let mut head = kept * 2 / 3;
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    let mut tail = text.len() - kept / 3;
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    format!(
        "{}{GAP}{}",
        text[..head].trim_end(),
        text[tail..].trim_start()
    )
}

/// Objects that were waited for in vain: `Deployment/default/web (InProgress: Replicas: 0/1)`.
pub fn waited_for(error: &str) -> Vec<String> {
    error.lines().filter_map(waited).collect()
}

/// Out of `resource Deployment/default/web not ready. status: InProgress, message: Replicas: 0/1`, which may follow the
/// words for what failed.
fn waited(line: &str) -> Option<String> {
    let (before, state) = line
        .split_once(" not ready. status: ")
        .or_else(|| line.split_once(" still exists. status: "))?;
    let object = before
        .rsplit_once("resource ")
        .map_or(before, |(_, object)| object);
    let (status, message) = state.split_once(", message: ").unwrap_or((state, ""));
    match message.trim() {
        "" => Some(format!("{object} ({status})")),
        message => Some(format!("{object} ({status}: {message})")),
    }
}

/// Kinds that the cluster does not know, each once: `ServiceMonitor (monitoring.coreos.com/v1)`.
pub fn unknown_kinds(error: &str) -> Vec<ApiKind> {
    let mut kinds = Vec::new();
    for rest in error.split("no matches for kind \"").skip(1) {
        let Some((kind, rest)) = rest.split_once("\" in version \"") else {
            continue;
        };
        let Some((version, _)) = rest.split_once('"') else {
            continue;
        };
        let named = ApiKind::new(version, kind);
        if !kinds.contains(&named) {
            kinds.push(named);
        }
    }
    kinds
}

/// `a, b, c` in at most about `limit` bytes, with the number of those left out.
pub fn listed(items: &[String], limit: usize) -> String {
    let mut text = String::new();
    for (number, item) in items.iter().enumerate() {
        let item = bounded(item, limit / 2);
        if number > 0 && text.len() + item.len() > limit {
            return format!("{text} and {} more", items.len() - number);
        }
        if number > 0 {
            text.push_str(", ");
        }
        text.push_str(&item);
    }
    text
}

pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_noise(mut text: &str) -> &str {
    while let Some(rest) = NOISE.iter().find_map(|noise| text.strip_prefix(noise)) {
        text = rest;
    }
    text.trim()
}

/// A line of Helm's log, such as `level=WARN msg="upgrade failed" …`, which says what the error says too.
fn is_log(line: &str) -> bool {
    line.starts_with("level=") || line.starts_with("time=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_what_follows_the_last_mark() {
        let rows = [
            ("Error: context canceled\n", Some("context canceled")),
            (
                "level=WARN msg=\"upgrade failed\" name=x error=\"context canceled\"\nError: UPGRADE FAILED: context canceled\n",
                Some("context canceled"),
            ),
            (
                "a hook's log: connection refused\nError: this is a hook's log too\nError: failed pre-install: why\ncontext deadline exceeded\n",
                Some("failed pre-install: why\ncontext deadline exceeded"),
            ),
            (
                "level=WARN msg=\"Rollback \\\"x\\\" failed: original object Secret with the name \\\"y\\\" not found\"\n\
                 Error: an error occurred while cleaning up resources. original rollback error: unable to cleanup \
                 resources: object not found\n",
                Some("original object Secret with the name \"y\" not found"),
            ),
            (
                "Error: an error occurred while cleaning up resources. original rollback error: unable to cleanup x\n",
                Some(
                    "an error occurred while cleaning up resources. original rollback error: unable to cleanup x",
                ),
            ),
            ("Release \"x\" does not exist. Installing it now.\n", None),
            ("an Error: in the middle\n", None),
        ];
        for (stderr, expected) in rows {
            assert_eq!(error(stderr).as_deref(), expected, "{stderr:?}");
        }
    }

    #[test]
    fn a_crash_is_its_first_words() {
        let stderr = "fatal error: runtime: out of memory\n\ngoroutine 1 [running]:\nmain.main()\n";
        assert_eq!(said(stderr), "fatal error: runtime: out of memory");
        assert_eq!(said("level=ERROR msg=x\n  odd \n words\n"), "odd words");
        assert_eq!(said(""), "");
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        let text = format!("begins здесь {} ends", "ж".repeat(2000));
        for limit in 20..60 {
            let short = bounded(&text, limit);
            assert!(short.len() <= limit, "{limit}: {short}");
            assert!(short.starts_with("begins"), "{short}");
            assert!(short.ends_with("ends"), "{short}");
        }
        assert_eq!(bounded("short", 20), "short");
    }

    #[test]
    fn lists_say_how_many_they_leave_out() {
        let items: Vec<String> = (0..100).map(|number| format!("item-{number:03}")).collect();
        assert_eq!(listed(&items[..2], 100), "item-000, item-001");
        assert_eq!(
            listed(&items, 30),
            "item-000, item-001, item-002 and 97 more"
        );
        assert_eq!(listed(&["x".repeat(90)], 40).len(), 20);
    }
}
