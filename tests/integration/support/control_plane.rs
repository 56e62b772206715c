//! A real Kubernetes control plane on loopback ports, with its state in a directory of its own: etcd, the API server
//! and, when asked for, the controller manager. There is no node: objects live, pods stay pending.

mod daemons;
mod outage;
mod users;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use daemons::Daemons;
use tempfile::TempDir;

use super::api::Api;
use super::kubectl::Kubectl;
use super::process;
use super::server::binary;
use super::tls::TestCa;
use super::tools;
use super::version::{Program, version};

/// How long the control plane may take to be ready on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);
/// The definition of the Component resource.
const COMPONENTS: &str = "components.ext.theriseunion.io";

/// A running control plane. Dropping it kills its processes; they do not outlive the test process either.
pub struct ControlPlane {
    // dropped in this order: the directory goes when nobody writes to it any more
    daemons: Mutex<Daemons>,
    directory: TempDir,
    ca: TestCa,
    api: OnceLock<Api>,
    defined: OnceLock<()>,
    namespaces: AtomicUsize,
    limited_users: AtomicUsize,
}

impl ControlPlane {
    /// The one that tests share that need no more than an API server; each takes a `namespace` of its own.
    #[track_caller]
    pub fn shared() -> &'static ControlPlane {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(ControlPlane::start)
    }

    /// The one with a controller manager that tests share: for namespaces that end and owners that take theirs along.
    #[track_caller]
    pub fn shared_with_controller_manager() -> &'static ControlPlane {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(ControlPlane::start_with_controller_manager)
    }

    /// etcd and an API server of the test's own, ready to be asked.
    #[track_caller]
    pub fn start() -> ControlPlane {
        ControlPlane::start_version(&version(Program::Kubernetes))
    }

    /// The same of this version of Kubernetes.
    #[track_caller]
    fn start_version(kubernetes: &str) -> ControlPlane {
        // a port that was free may be another's a moment later
        for _ in 0..3 {
            let plane = ControlPlane::empty(kubernetes);
            match plane.start_api_server() {
                Ok(()) => return plane,
                Err(log) if log.contains("address already in use") => {}
                Err(log) => panic!("the control plane did not start:\n{log}"),
            }
        }
        panic!("the ports of the control plane were taken three times");
    }

    /// The same with the controller manager: garbage collection, namespaces that end, service accounts.
    #[track_caller]
    pub fn start_with_controller_manager() -> ControlPlane {
        let plane = ControlPlane::start();
        plane.start_controller_manager();
        plane
    }

    /// The same of the oldest Kubernetes that is promised, to be upgraded.
    #[track_caller]
    pub fn start_oldest_with_controller_manager() -> ControlPlane {
        let plane = ControlPlane::start_version(&version(Program::OldestKubernetes));
        plane.start_controller_manager();
        plane
    }

    /// A namespace of the test's own.
    #[track_caller]
    pub fn namespace(&self) -> Kubectl {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{number}");
        self.kubectl("default").ok(&["create", "namespace", &name]);
        self.kubectl(&name)
    }

    /// Applies what `chartroom crd` prints and waits until it is served; once.
    #[track_caller]
    pub fn define_components(&self) {
        self.defined.get_or_init(|| {
            let mut crd = Command::new(binary());
            crd.env_clear().arg("crd");
            let definition = process::run(crd, b"", DEADLINE).succeeded().stdout();
            let kubectl = self.kubectl("default");
            kubectl.apply_server_side(&definition).succeeded();
            let established = [
                "wait",
                "--for=condition=Established",
                "--timeout=30s",
                "crd",
            ];
            kubectl.ok(&[&established[..], &[COMPONENTS]].concat());
            kubectl.eventually(&["get", "components"], |_| true);
        });
    }

    /// A quick client as the administrator.
    #[track_caller]
    pub fn api(&self) -> &Api {
        self.api.get_or_init(|| Api::new(&self.kubeconfig()))
    }

    /// kubectl as the administrator, in this namespace where none is named.
    pub fn kubectl(&self, namespace: &str) -> Kubectl {
        Kubectl::new(&self.kubeconfig(), namespace)
    }

    /// The administrator's way in.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    #[track_caller]
    fn empty(kubernetes: &str) -> ControlPlane {
        let directory = TempDir::new().expect("a temporary directory");
        let ca = TestCa::new();
        let certificates = ca.ca_cert();
        let certificates = certificates.parent().expect("it lies in a directory");
        ControlPlane {
            daemons: Mutex::new(Daemons::new(directory.path(), certificates, kubernetes)),
            ca,
            api: OnceLock::new(),
            defined: OnceLock::new(),
            namespaces: AtomicUsize::new(0),
            limited_users: AtomicUsize::new(0),
            directory,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts etcd and the API server and waits until it is ready; an error is the end of their logs.
    fn start_api_server(&self) -> Result<(), String> {
        let [client, peer, port] = free_ports();
        let client = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let data = self.path("etcd").display().to_string();
        let cluster = format!("default={peer}");
        let etcd = [
            ("data-dir", data.as_str()),
            ("listen-client-urls", &client),
            ("advertise-client-urls", &client),
            ("listen-peer-urls", &peer),
            ("initial-advertise-peer-urls", &peer),
            ("initial-cluster", &cluster),
            // it need not survive a power cut
            ("unsafe-no-fsync", "true"),
        ];
        self.daemons().start("etcd", &etcd);

        let [certs, cert, key, tokens, accounts] = self.credentials();
        let server = format!("https://127.0.0.1:{port}");
        let port = port.to_string();
        let api_server = [
            ("etcd-servers", client.as_str()),
            ("bind-address", "127.0.0.1"),
            // no default route is needed then, nor is there anybody to tell the address to
            ("advertise-address", "127.0.0.1"),
            ("endpoint-reconciler-type", "none"),
            ("secure-port", &port),
            ("cert-dir", &certs),
            ("tls-cert-file", &cert),
            ("tls-private-key-file", &key),
            ("token-auth-file", &tokens),
            ("authorization-mode", "RBAC"),
            ("service-cluster-ip-range", "10.96.0.0/16"),
            (
                "service-account-issuer",
                "https://kubernetes.default.svc.cluster.local",
            ),
            ("service-account-signing-key-file", &accounts),
            ("service-account-key-file", &accounts),
            ("allow-privileged", "true"),
            // pods may be made where nobody makes service accounts
            ("disable-admission-plugins", "ServiceAccount"),
        ];
        self.daemons().start("kube-apiserver", &api_server);
        self.write_kubeconfig(&server);
        self.wait_until(&["get", "--raw", "/readyz"])
    }

    fn daemons(&self) -> MutexGuard<'_, Daemons> {
        // a test that fails over a program that does not stop is no reason for others to fail
        self.daemons
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Starts the controller manager and waits until it has made a service account.
    #[track_caller]
    fn start_controller_manager(&self) {
        let [port] = free_ports();
        let [certs, _, _, _, accounts] = self.credentials();
        let kubeconfig = self.kubeconfig().display().to_string();
        let root = self.ca.ca_cert().display().to_string();
        let port = port.to_string();
        let flags = [
            ("kubeconfig", kubeconfig.as_str()),
            ("service-account-private-key-file", &accounts),
            ("root-ca-file", &root),
            ("cert-dir", &certs),
            ("leader-elect", "false"),
            ("bind-address", "127.0.0.1"),
            ("secure-port", &port),
        ];
        self.daemons().start("kube-controller-manager", &flags);
        let account = ["get", "serviceaccount", "default"];
        if let Err(log) = self.wait_until(&account) {
            panic!("the controller manager did not start:\n{log}");
        }
    }

    /// Paths: certificates, the server's certificate, its key, tokens, and the key that signs service accounts.
    fn credentials(&self) -> [String; 5] {
        let [certs, tokens, accounts] =
            ["certs", "tokens.csv", "accounts.key"].map(|name| self.path(name));
        if !accounts.exists() {
            fs::create_dir(&certs).expect("a directory for certificates");
            fs::write(&tokens, users::tokens()).expect("a file of tokens");
            let out = accounts.display().to_string();
            process::run_ok("openssl", &["genrsa", "-out", &out, "2048"]);
        }
        let [cert, key] = [self.ca.server_cert(), self.ca.server_key()];
        [certs, cert, key, tokens, accounts].map(|path| path.display().to_string())
    }

    /// Waits until kubectl succeeds with these arguments; an error is the end of all logs.
    fn wait_until(&self, arguments: &[&str]) -> Result<(), String> {
        let kubectl = self.kubectl("default");
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = kubectl.run(arguments, "");
            if answer.status.success() {
                return Ok(());
            }
            if self.daemons().any_ended() || Instant::now() > end {
                return Err(format!("{}\n{answer}", self.daemons().ends_of_logs()));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Loopback ports that nobody listens on now, each another.
fn free_ports<const N: usize>() -> [u16; N] {
    // all are held until the last is known
    let held = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port"));
    held.map(|listener| listener.local_addr().expect("a local address").port())
}
