//! Who may ask the API server: an administrator, and users who may do what a test grants them and no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::super::api::Api;
use super::ControlPlane;

/// The user who may do everything.
const ADMINISTRATOR: &str = "administrator";
/// How many users there are who may do nothing until a test grants them something.
const LIMITED_USERS: usize = 64;
/// Where roles and their bindings are.
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The file of tokens; a user's token is the user's name with a word before it.
pub fn tokens() -> String {
    let limited = (0..LIMITED_USERS).map(limited_user);
    let limited = limited.map(|name| format!("{},{name},{name}\n", token(&name)));
    let administrator = token(ADMINISTRATOR);
    format!("{administrator},{ADMINISTRATOR},{ADMINISTRATOR},system:masters\n")
        + &limited.collect::<String>()
}

/// A user who may do what was granted.
pub struct LimitedUser {
    name: String,
    kubeconfig: PathBuf,
    administrator: Api,
}

impl LimitedUser {
    /// The user's way in.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A quick client as this user.
    #[track_caller]
    pub fn api(&self) -> Api {
        Api::new(&self.kubeconfig)
    }

    /// Lets the user do this everywhere; `rules` as in a ClusterRole. The grant before it is replaced.
    #[track_caller]
    pub fn may(&self, rules: &Value) {
        self.grant(RBAC, "ClusterRole", "clusterrole", rules);
    }

    /// Lets the user do this in a namespace; `rules` as in a Role. The grant before it is replaced.
    #[track_caller]
    pub fn may_in(&self, namespace: &str, rules: &Value) {
        let within = format!("{RBAC}/namespaces/{namespace}");
        self.grant(&within, "Role", "role", rules);
    }

    fn grant(&self, within: &str, kind: &str, plural: &str, rules: &Value) {
        let metadata = json!({"name": self.name});
        let group = "rbac.authorization.k8s.io";
        let role = json!({
            "apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata, "rules": rules,
        });
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": kind, "name": self.name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": self.name}],
        });
        for (collection, object) in [("s", role), ("bindings", binding)] {
            let collection = format!("{within}/{plural}{collection}");
            self.administrator
                .delete(&format!("{collection}/{}", self.name));
            self.administrator.create(&collection, &object);
        }
    }
}

impl ControlPlane {
    /// A user of the test's own who may do nothing yet, beyond what every user may: ask what there is.
    #[track_caller]
    pub fn limited_user(&self) -> LimitedUser {
        let number = self.limited_users.fetch_add(1, Ordering::Relaxed);
        assert!(number < LIMITED_USERS, "raise LIMITED_USERS");
        let name = limited_user(number);
        let kubeconfig = self.path(&format!("kubeconfig-{name}"));
        let administrators = fs::read_to_string(self.kubeconfig()).expect("a kubeconfig");
        let own = administrators.replace(ADMINISTRATOR, &name);
        fs::write(&kubeconfig, own).expect("a kubeconfig");
        LimitedUser {
            name,
            kubeconfig,
            administrator: self.api().clone(),
        }
    }

    /// Writes the administrator's kubeconfig for the server at this URL.
    pub(super) fn write_kubeconfig(&self, server: &str) {
        let token = token(ADMINISTRATOR);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             contexts: [{{name: test, context: {{cluster: test, user: {ADMINISTRATOR}}}}}]\n\
             users: [{{name: {ADMINISTRATOR}, user: {{token: {token}}}}}]\n\
             clusters: [{{name: test, cluster: {{server: '{server}', certificate-authority: '{}'}}}}]\n",
            self.ca.ca_cert().display()
        );
        fs::write(self.kubeconfig(), text).expect("a kubeconfig");
    }
}

fn limited_user(number: usize) -> String {
    format!("limited-{number}")
}

fn token(user: &str) -> String {
    format!("token-of-{user}")
}
