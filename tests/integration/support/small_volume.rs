//! A volume without much room.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A file system of a few pages in memory; unmounted when dropped.
pub struct SmallVolume {
    directory: TempDir,
}

impl SmallVolume {
    #[track_caller]
    pub fn mount(size: &str) -> SmallVolume {
        let directory = TempDir::new().expect("a temporary directory");
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0755"),
                "tmpfs",
            ])
            .arg(directory.path())
            .output()
            .expect("the program `mount`");
        assert!(
            mounted.status.success(),
            "this test fills a volume of its own and so must be able to mount one (run it as root, in a container with \
             CAP_SYS_ADMIN); mount said: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        SmallVolume { directory }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        // lazily, in case the server still has it open
        Command::new("umount")
            .arg("--lazy")
            .arg(self.directory.path())
            .status()
            .ok();
    }
}
