//! Taking the control plane's programs away, and bringing them back as they were.

use super::super::version::{Program, version};
use super::ControlPlane;

impl ControlPlane {
    /// Kills the API server, as a power cut does; etcd keeps what it has.
    #[track_caller]
    pub fn stop_api_server(&self) {
        self.daemons().stop("kube-apiserver");
    }

    /// Starts the API server again on the port it had, and waits until it is ready.
    #[track_caller]
    pub fn start_api_server_again(&self) {
        self.daemons().start_again("kube-apiserver");
        self.await_api_server();
    }

    /// Brings API server and controller manager to the newest version of Kubernetes that is promised, over the same etcd and on the same
    /// port, and waits until both are ready.
    #[track_caller]
    pub fn upgrade(&self) {
        let programs = ["kube-apiserver", "kube-controller-manager"];
        {
            let mut daemons = self.daemons();
            programs
                .iter()
                .rev()
                .for_each(|program| daemons.stop(program));
            daemons.choose_kubernetes(&version(Program::NewestKubernetes));
        }
        self.start_api_server_again();
        self.daemons().start_again("kube-controller-manager");
    }

    /// Stops the API server in its tracks: connections stay open, and nobody answers.
    #[track_caller]
    pub fn freeze_api_server(&self) {
        self.daemons().signal("kube-apiserver", "STOP");
    }

    /// Lets a frozen API server go on, and waits until it is ready.
    #[track_caller]
    pub fn thaw_api_server(&self) {
        self.daemons().signal("kube-apiserver", "CONT");
        self.await_api_server();
    }

    /// Kills etcd: the API server goes on without a memory.
    #[track_caller]
    pub fn stop_etcd(&self) {
        self.daemons().stop("etcd");
    }

    /// Starts etcd again over the same directory, and waits until the API server is ready.
    #[track_caller]
    pub fn start_etcd_again(&self) {
        self.daemons().start_again("etcd");
        self.await_api_server();
    }

    #[track_caller]
    fn await_api_server(&self) {
        if let Err(log) = self.wait_until(&["get", "--raw", "/readyz"]) {
            panic!("the API server did not come back:\n{log}");
        }
    }
}
