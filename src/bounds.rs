//! What the operator of a controller lets Components ask for: from which repositories, into which namespaces, with whose
//! rights (docs/components.md 19). Pure.

mod namespaces;
mod repositories;

use crate::remote::address::Address;

pub use self::namespaces::{AllowedNamespaces, NamespaceRuleError};
pub use self::repositories::{AllowedRepositories, RepositoryPatternError};

/// The bounds of all Components that a controller looks after. The default is what the options' defaults say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Where charts may come from.
    pub repositories: AllowedRepositories,
    /// Where releases, and Components that others need, may go.
    pub namespaces: AllowedNamespaces,
    /// The ServiceAccount, in the Component's own namespace, for Components that name none. `None` is the controller's
    /// own account.
    pub default_service_account: Option<String>,
}

/// What a Component asks for, as far as there are bounds.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The Component's own namespace.
    pub home: &'a str,
    /// The namespace of its release.
    pub target: &'a str,
    /// The namespaces of the Components that its spec depends on, where they are named.
    pub dependencies: &'a [&'a str],
    /// The repository of its chart, if it is not the one next door.
    pub repository: Option<&'a str>,
}

impl Bounds {
    /// Why a Component may not have what it asks for, as a sentence that names the option; `None` if it may.
    /// `own` is the repository next door, which everybody may use.
    pub fn refusal(&self, asked: Request<'_>, own: &Address) -> Option<String> {
        let Request { home, target, .. } = asked;
        if !self.namespaces.allow(home, target) {
            return Some(format!(
                "spec.chart.namespace: Components of namespace {home} may not be installed into namespace {target}; \
                 --allowed-namespaces of the controller says which are allowed ({})",
                self.namespaces
            ));
        }
        let named = asked.dependencies.iter().copied();
        let refusal = self.refusal_of_namespaces("spec.dependsOn names", home, named);
        if refusal.is_some() {
            return refusal;
        }
        // what is no address is another rule's business
        let address = Address::parse(asked.repository?).ok()?;
        let is_allowed = address.has_origin_of(own) || self.repositories.allow(&address);
        (!is_allowed).then(|| {
            format!(
                "spec.chart.repository: {address} may not be used; --allowed-repositories of the controller says which \
                 are allowed ({})",
                self.repositories
            )
        })
    }

    /// Why Components of namespace `home` may not depend on Components of these namespaces; `who` is the subject of the
    /// sentence and its verb.
    pub fn refusal_of_namespaces<'a>(
        &self,
        who: &str,
        home: &str,
        named: impl Iterator<Item = &'a str>,
    ) -> Option<String> {
        let mut named = named.filter(|named| !named.is_empty() && *named != home);
        let other = named.find(|named| !self.namespaces.allow(home, named))?;
        Some(format!(
            "{who} a Component of namespace {other}, which Components of namespace {home} may not depend on; \
             --allowed-namespaces of the controller says which are allowed ({})",
            self.namespaces
        ))
    }

    /// The user as whom Helm and the controller act on what a Component of namespace `home` installs that names this
    /// ServiceAccount; `None` is the controller itself.
    pub fn user(&self, home: &str, named: Option<&str>) -> Option<String> {
        let account = named.or(self.default_service_account.as_deref())?;
        Some(format!("system:serviceaccount:{home}:{account}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused_by_a_sentence_that_names_the_option() {
        let bounds = Bounds {
            namespaces: "*=.,team-a=shared-*".parse().expect("rules"),
            ..Bounds::default()
        };
        let own = Address::parse("http://127.0.0.1:8080").expect("an address");
        let fine = Request {
            home: "team-a",
            target: "team-a",
            dependencies: &[],
            repository: None,
        };
        let into = |target| Request { target, ..fine };
        let needs = |dependencies| Request {
            dependencies,
            ..fine
        };
        let from = |url| Request {
            repository: Some(url),
            ..fine
        };
        for (asked, named) in [
            (fine, None),
            (into("shared-1"), None),
            (into("kube-system"), Some("spec.chart.namespace: ")),
            (needs(&["team-b"]), Some("spec.dependsOn names ")),
            (needs(&["", "team-a"]), None),
            (
                from("http://169.254.169.254/latest"),
                Some("spec.chart.repository: "),
            ),
            (from("http://charts.infra.svc/x"), None),
            (from("http://127.0.0.1:8080/tenant"), None),
            (
                from("http://127.0.0.1:8081/tenant"),
                Some("--allowed-repositories"),
            ),
        ] {
            let refusal = bounds.refusal(asked, &own);
            match named {
                None => assert_eq!(refusal, None, "{asked:?}"),
                Some(named) => {
                    let refusal = refusal.unwrap_or_else(|| panic!("{asked:?} is refused"));
                    assert!(refusal.contains(named), "{asked:?}: {refusal}");
                    assert!(refusal.contains("--allowed-"), "{asked:?}: {refusal}");
                }
            }
        }
    }

    #[test]
    fn an_account_is_always_one_of_the_components_own_namespace() {
        let bounds = Bounds::default();
        assert_eq!(bounds.user("team-a", None), None);
        let installer = "system:serviceaccount:team-a:installer";
        assert_eq!(
            bounds.user("team-a", Some("installer")).as_deref(),
            Some(installer)
        );
        let bounds = Bounds {
            default_service_account: Some("default".to_owned()),
            ..Bounds::default()
        };
        let default = "system:serviceaccount:team-a:default";
        assert_eq!(bounds.user("team-a", None).as_deref(), Some(default));
        assert_eq!(
            bounds.user("team-a", Some("installer")).as_deref(),
            Some(installer)
        );
    }
}
