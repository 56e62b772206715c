//! What the control group of this process allows it: the memory of a container.

use std::fs;
use std::path::{Path, PathBuf};

/// Both versions are mounted here, by every container runtime and by systemd.
const MOUNT: &str = "/sys/fs/cgroup";

/// Version 1 writes "no limit" as the largest multiple of a page that fits.
const NO_LIMIT: u64 = 1 << 60;

/// Bytes of memory that the process may use before it is killed; `None` if nothing limits it.
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit(&groups, |path| fs::read_to_string(path).ok())
}

/// The lowest limit of the groups in `/proc/self/cgroup`'s format (cgroups(7)) and of those around them. In a container
/// the path may be that of the host, of which nothing but the root is mounted: what cannot be read limits nothing.
fn limit(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let (mount, file) = if controllers.is_empty() {
            (PathBuf::from(MOUNT), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (Path::new(MOUNT).join("memory"), "memory.limit_in_bytes")
        } else {
            return None;
        };
        let group = Path::new(path).strip_prefix("/").ok()?;
        let texts = group
            .ancestors()
            .filter_map(|group| read(&mount.join(group).join(file)));
        texts
            .filter_map(|text| text.trim().parse::<u64>().ok())
            .min()
    });
    limits.filter(|limit| *limit < NO_LIMIT).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_around_the_process_counts() {
        let unlimited = "9223372036854771712\n";
        for (what, groups, files, expected) in [
            (
                "version 2, a container's own view",
                "0::/\n",
                &[("/sys/fs/cgroup/memory.max", "536870912\n")][..],
                Some(536_870_912),
            ),
            (
                "version 2 without a limit",
                "0::/\n",
                &[("/sys/fs/cgroup/memory.max", "max\n")],
                None,
            ),
            (
                "version 2, a group in a group",
                "0::/a/b\n",
                &[
                    ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
                    ("/sys/fs/cgroup/a/memory.max", "7\n"),
                ],
                Some(7),
            ),
            (
                "version 1, the path of the host",
                "11:cpu,cpuacct:/kubepods/x\n4:memory:/kubepods/x\n0::/\n",
                &[("/sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n")],
                Some(134_217_728),
            ),
            (
                "version 1 without a limit",
                "4:memory:/\n",
                &[("/sys/fs/cgroup/memory/memory.limit_in_bytes", unlimited)],
                None,
            ),
            (
                "version 1, the inner group unlimited",
                "4:memory:/a/b\n",
                &[
                    ("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", unlimited),
                    ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9\n"),
                ],
                Some(9),
            ),
            ("nothing mounted", "0::/\n", &[], None),
            ("no control groups", "", &[], None),
        ] {
            let read = |path: &Path| {
                let file = files.iter().find(|(name, _)| Path::new(name) == path);
                file.map(|(_, text)| (*text).to_owned())
            };
            assert_eq!(limit(groups, read), expected, "{what}");
        }
    }
}
