//! A signing key of the test's own, in the old keyring format that helm reads.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process;

/// The user id of the key, as `helm package --key` wants it.
pub const SIGNER: &str = "Chart Signer <signer@charts.test>";

/// A GnuPG home with one key, and its exported keyrings.
pub struct SigningKey {
    home: TempDir,
}

impl SigningKey {
    #[track_caller]
    pub fn new() -> SigningKey {
        let key = SigningKey {
            home: TempDir::new().expect("a temporary directory"),
        };
        key.gpg(&["--quick-generate-key", SIGNER, "rsa2048", "sign", "never"]);
        key.gpg(&[
            "--output",
            &key.secret_keyring(),
            "--export-secret-keys",
            SIGNER,
        ]);
        key.gpg(&["--output", &key.public_keyring(), "--export", SIGNER]);
        key
    }

    /// For `helm package --sign --keyring`.
    pub fn secret_keyring(&self) -> String {
        self.path("secring.gpg").display().to_string()
    }

    /// For `helm pull --verify --keyring`.
    pub fn public_keyring(&self) -> String {
        self.path("pubring.gpg").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    #[track_caller]
    fn gpg(&self, arguments: &[&str]) {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.home.path());
        command.args([
            "--batch",
            "--yes",
            "--no-tty",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]);
        command.args(arguments);
        process::run(command, b"", Duration::from_secs(120)).succeeded();
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        // the agent that gpg has started would outlive its directory
        Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "all"])
            .status()
            .ok();
    }
}
