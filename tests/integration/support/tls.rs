//! A certificate authority of the test's own, made with the `openssl` program.

use std::path::PathBuf;

use tempfile::TempDir;

use super::process::run_ok;

/// An authority that nobody else trusts, and a server certificate for 127.0.0.1.
pub struct TestCa {
    directory: TempDir,
}

impl TestCa {
    #[track_caller]
    pub fn new() -> TestCa {
        let ca = TestCa {
            directory: TempDir::new().expect("a temporary directory"),
        };
        let [ca_key, ca_cert, key, request, cert] =
            ["ca.key", "ca.pem", "server.key", "server.csr", "server.pem"]
                .map(|name| ca.directory.path().join(name).display().to_string());
        let new_key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
        ];
        let authority = [
            "req",
            "-x509",
            "-days",
            "2",
            "-subj",
            "/CN=chartroom test authority",
        ];
        run_ok(
            "openssl",
            &[
                &authority[..],
                &new_key,
                &["-keyout", &ca_key, "-out", &ca_cert],
            ]
            .concat(),
        );
        let server = [
            "req",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ];
        run_ok(
            "openssl",
            &[&server[..], &new_key, &["-keyout", &key, "-out", &request]].concat(),
        );
        let sign = [
            "x509",
            "-req",
            "-days",
            "2",
            "-copy_extensions",
            "copy",
            "-in",
            &request,
        ];
        run_ok(
            "openssl",
            &[
                &sign[..],
                &["-CA", &ca_cert, "-CAkey", &ca_key, "-out", &cert],
            ]
            .concat(),
        );
        ca
    }

    pub fn ca_cert(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub fn server_cert(&self) -> PathBuf {
        self.directory.path().join("server.pem")
    }

    pub fn server_key(&self) -> PathBuf {
        self.directory.path().join("server.key")
    }
}
