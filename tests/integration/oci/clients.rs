//! Other people's clients: crane, oras, skopeo.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::Repository;
use crate::support::process::{self, Finished};
use crate::support::server::TestServer;
use crate::support::tools;
use crate::support::version::{Program, version};

struct Client {
    program: PathBuf,
    home: TempDir,
}

impl Client {
    fn new(program: impl Into<PathBuf>) -> Client {
        Client {
            program: program.into(),
            home: TempDir::new().expect("a temporary directory"),
        }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .args(arguments);
        process::run(command, b"", Duration::from_secs(120))
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).succeeded().stdout()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

fn crane() -> Client {
    Client::new(tools::tool(&format!(
        "crane-{}/crane",
        version(Program::Crane)
    )))
}

fn oras() -> Client {
    Client::new(tools::tool(&format!(
        "oras-{}/oras",
        version(Program::Oras)
    )))
}

#[tokio::test]
async fn crane_pushes_copies_lists_and_deletes() {
    let server = TestServer::start(&[]);
    let host = server.address().to_string();
    let image = Repository::new(&server.http(), "org/app")
        .push_image("1", b"layer")
        .await;
    let crane = crane();
    let (from, to) = (format!("{host}/org/app:1"), format!("{host}/mirror/app:2"));
    crane.ok(&["--insecure", "copy", &from, &to]);
    let manifest = crane.ok(&["--insecure", "manifest", &to]);
    assert_eq!(manifest.trim_end().as_bytes(), &image[..]);
    crane.ok(&["--insecure", "tag", &to, "3"]);
    let tags = crane.ok(&["--insecure", "ls", &format!("{host}/mirror/app")]);
    assert_eq!(tags, "2\n3\n");
    let catalog = crane.ok(&["--insecure", "catalog", &host]);
    assert_eq!(catalog, "mirror/app\norg/app\n");
    crane.ok(&["--insecure", "pull", "--format=oci", &to, "layout"]);
    crane.ok(&[
        "--insecure",
        "push",
        "layout",
        &format!("{host}/third/app:1"),
    ]);
    crane.ok(&["--insecure", "delete", &to]);
    assert_eq!(
        crane.ok(&["--insecure", "ls", &format!("{host}/mirror/app")]),
        "3\n"
    );
    crane.run(&["--insecure", "manifest", &to]).failed();
}

#[tokio::test]
async fn oras_attaches_and_discovers() {
    let server = TestServer::start(&[]);
    let host = server.address().to_string();
    let oras = oras();
    let blob = vec![b'x'; 3 << 20];
    fs::write(oras.path("data.bin"), &blob).expect("a file");
    fs::write(oras.path("sbom.json"), "{}").expect("a file");
    let artifact = format!("{host}/org/data:1");
    let push = [
        "push",
        "--plain-http",
        "--artifact-type=a/data",
        &artifact,
        "data.bin",
    ];
    oras.ok(&push);
    oras.ok(&[
        "attach",
        "--plain-http",
        "--artifact-type=a/sbom",
        &artifact,
        "sbom.json",
    ]);
    let found = oras.ok(&["discover", "--plain-http", "--format=json", &artifact]);
    assert!(found.contains("\"artifactType\": \"a/sbom\""), "{found}");
    let copy = format!("{host}/mirror/data:1");
    oras.ok(&[
        "copy",
        "--from-plain-http",
        "--to-plain-http",
        "--recursive",
        &artifact,
        &copy,
    ]);
    let found = oras.ok(&["discover", "--plain-http", "--format=json", &copy]);
    assert!(found.contains("a/sbom"), "{found}");
    fs::remove_file(oras.path("data.bin")).expect("it was written");
    oras.ok(&["pull", "--plain-http", &copy]);
    assert!(fs::read(oras.path("data.bin")).expect("what was pulled") == blob);
    let tags = oras.ok(&["repo", "tags", "--plain-http", &format!("{host}/org/data")]);
    assert_eq!(tags, "1\n");
}

#[tokio::test]
async fn skopeo_copies_inspects_and_deletes_with_and_without_a_password() {
    for arguments in [
        &[][..],
        &["--basic-auth-user=user", "--basic-auth-pass=secret"],
        &[
            "--basic-auth-user=user",
            "--basic-auth-pass=secret",
            "--auth-anonymous-get",
        ],
        &[
            "--basic-auth-user=user",
            "--basic-auth-pass=secret",
            "--auth-anonymous-get",
            "--oci-auth=token",
        ],
    ] {
        let server = TestServer::start(arguments);
        let user = server.http().with_basic_auth("user", "secret");
        let image = Repository::new(&user, "org/app")
            .push_image("1", b"layer")
            .await;
        let host = server.address().to_string();
        let skopeo = Client::new("skopeo");
        let credentials: &[&str] = if arguments.is_empty() {
            &[]
        } else {
            &["--src-creds=user:secret", "--dest-creds=user:secret"]
        };
        let (from, to) = (
            format!("docker://{host}/org/app:1"),
            format!("docker://{host}/other/app:1"),
        );
        let copy = [
            "--insecure-policy",
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
        ];
        // a layer that is no tar must not be opened
        let copy = [
            &copy[..],
            &["--all", "--preserve-digests"],
            credentials,
            &[&from, &to],
        ]
        .concat();
        skopeo.ok(&copy);
        let got = user.get("/v2/other/app/manifests/1").await.expect(200);
        assert!(got.body == image);
        if arguments.len() == 2 {
            let inspect = ["inspect", "--raw", "--tls-verify=false", &from];
            skopeo.run(&inspect).failed();
        } else {
            let inspect = ["inspect", "--raw", "--tls-verify=false", &from];
            assert_eq!(skopeo.ok(&inspect).trim_end().as_bytes(), &image[..]);
        }
        let creds: &[&str] = if arguments.is_empty() {
            &[]
        } else {
            &["--creds=user:secret"]
        };
        skopeo.ok(&[&["delete", "--tls-verify=false"], creds, &[&*to]].concat());
        user.get("/v2/other/app/manifests/1").await.expect(404);
    }
}
