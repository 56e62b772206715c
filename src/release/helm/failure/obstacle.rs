//! The object in the cluster that an operation cannot get past, by the message of its failure. Pure.

/// An object that has to go before an operation can work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Its API version, if that is told.
    pub api_version: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its namespace, if one is told.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// The object that has a field which may not change, or that is somebody else's; `None` if the message names none.
pub fn obstacle(message: &str) -> Option<Obstacle> {
    applied(message)
        .or_else(|| anothers(message))
        .or_else(|| invalid(message))
}

/// Out of `server-side apply failed for object default/web apps/v1, Kind=Deployment: …`.
fn applied(message: &str) -> Option<Obstacle> {
    let (_, rest) = message.split_once("server-side apply failed for object ")?;
    let (place, rest) = rest.split_once(' ')?;
    let (namespace, name) = place.split_once('/')?;
    let (api_version, rest) = rest.split_once(", Kind=")?;
    let (kind, _) = rest.split_once(':')?;
    Some(Obstacle {
        // the core group is told as `/v1`
        api_version: Some(api_version.trim_start_matches('/').to_owned()),
        ..named(kind, Some(namespace), name)
    })
}

/// Out of `ConfigMap "web" in namespace "default" exists and cannot be imported into the current release`.
fn anothers(message: &str) -> Option<Obstacle> {
    let (before, _) = message.split_once("\" exists and cannot be imported into")?;
    let (before, namespace) = before.rsplit_once("\" in namespace \"")?;
    let (before, name) = before.rsplit_once(" \"")?;
    let kind = before.rsplit(' ').next()?;
    Some(named(kind, Some(namespace), name))
}

/// Out of `Deployment.apps "web" is invalid: …`.
fn invalid(message: &str) -> Option<Obstacle> {
    let (before, _) = message.split_once("\" is invalid: ")?;
    let (before, name) = before.rsplit_once(" \"")?;
    let kind = before.rsplit(' ').next()?;
    let kind = kind.split('.').next()?;
    Some(named(kind, None, name))
}

fn named(kind: &str, namespace: Option<&str>, name: &str) -> Obstacle {
    Obstacle {
        api_version: None,
        kind: kind.to_owned(),
        namespace: (namespace.filter(|namespace| !namespace.is_empty())).map(str::to_owned),
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_the_one_that_helm_names() {
        let found = |message: &str| {
            let found = obstacle(message)?;
            let api_version = found.api_version.unwrap_or_default();
            let namespace = found.namespace.unwrap_or_default();
            let (kind, name) = (found.kind, found.name);
            Some(format!("{api_version} {kind} {namespace}/{name}"))
        };
        for (message, object) in [
            (
                "The upgrade failed: server-side apply failed for object default/imm /v1, Kind=ConfigMap: ConfigMap \
                 \"imm\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
                "v1 ConfigMap default/imm",
            ),
            (
                "The upgrade failed: server-side apply failed for object /crb rbac.authorization.k8s.io/v1, \
                 Kind=ClusterRoleBinding: ClusterRoleBinding.rbac.authorization.k8s.io \"crb\" is invalid: roleRef",
                "rbac.authorization.k8s.io/v1 ClusterRoleBinding /crb",
            ),
            (
                "The upgrade failed: failed to replace object: Deployment.apps \"dep\" is invalid: spec.selector: no",
                " Deployment /dep",
            ),
            (
                "The install failed: unable to continue with install: ConfigMap \"good\" in namespace \"shop\" exists \
                 and cannot be imported into the current release: invalid ownership metadata",
                " ConfigMap shop/good",
            ),
            (
                "The install failed: ClusterRole \"good\" in namespace \"\" exists and cannot be imported into the \
                 current release: invalid ownership metadata",
                " ClusterRole /good",
            ),
        ] {
            assert_eq!(found(message).as_deref(), Some(object), "{message}");
        }
        for message in [
            "",
            "it failed",
            "\" is invalid: ",
            "x exists and cannot be imported into it",
        ] {
            assert_eq!(found(message), None, "{message}");
        }
    }
}
