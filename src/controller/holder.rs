//! The holder of an operation, and whether it can still be working on it (docs/components.md 16.2).

mod processes;

use std::env;
use std::fmt;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client};
use tracing::warn;

use self::processes::Process;
use crate::api_error::{code, is_forbidden};
use crate::causes::chain;
use crate::component::status::Operation;

/// The variable that Helm gets with its holder's identity: a Helm may outlive its holder for a moment.
pub const VARIABLE: &str = "CHARTROOM_HOLDER";

/// The identity of a process across restarts. Displays as `status.operation.holder` and the Lease have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The pod's name, or else the machine's.
    name: String,
    /// The process on that machine; `None` if that cannot be known.
    process: Option<Process>,
    /// A random part that distinguishes it if the process is unknown.
    salt: String,
}

impl Holder {
    /// This process.
    pub fn myself() -> Holder {
        let name = env::var("POD_NAME").or_else(|_| env::var("HOSTNAME")).ok();
        let name = name.filter(|name| !name.is_empty()).or_else(|| {
            let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
            Some(text.trim().to_owned())
        });
        Holder {
            name: name.unwrap_or_else(|| "chartroom".to_owned()),
            process: Process::myself(),
            salt: uuid::Uuid::new_v4().simple().to_string()[..8].to_owned(),
        }
    }

    /// Parses what was displayed; any other text is a name.
    pub fn parse(text: &str) -> Holder {
        let (name, rest) = text.rsplit_once('_').unwrap_or((text, ""));
        let (process, salt) = match rest.rsplit_once('.') {
            Some((process, salt)) => (Process::parse(process), salt),
            None => (None, rest),
        };
        Holder {
            name: name.to_owned(),
            process,
            salt: salt.to_owned(),
        }
    }

    /// Whether it is gone, as far as it is known locally; `None` if the API server has to be asked.
    fn is_gone_by_itself(&self, me: &Holder, release: &str) -> Option<bool> {
        if self == me {
            // a Component is reconciled once at a time: whatever ran before this one has ended
            return Some(true);
        }
        match (&self.process, &me.process) {
            (Some(theirs), Some(mine)) if theirs.is_neighbour_of(mine) => Some(
                !theirs.is_alive() && !processes::has_helm(VARIABLE, &self.to_string(), release),
            ),
            // another container or boot of the same machine: it ended before this one began
            _ if self.name == me.name => Some(true),
            _ => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some(process) => write!(f, "{}_{process}.{}", self.name, self.salt),
            None => write!(f, "{}_{}", self.name, self.salt),
        }
    }
}

/// True if the holder of an operation on `release` and the Helm that it started are certainly gone.
///
/// A holder on this machine is looked for among its processes. One elsewhere has lost the lease before `me` could work,
/// and is gone when its pod is, or when the pod's containers have started anew since.
///
/// # Errors
/// The API server could not be asked. A refusal is no error: the operation's deadline decides then.
pub async fn is_gone(
    client: &Client,
    me: &str,
    operation: &Operation,
    release: &str,
) -> Result<bool, kube::Error> {
    let (me, holder) = (Holder::parse(me), Holder::parse(&operation.holder));
    let name = holder.name.clone();
    let release = release.to_owned();
    let look = move || holder.is_gone_by_itself(&me, &release);
    let known = match tokio::task::spawn_blocking(look).await {
        Ok(known) => known,
        Err(died) => std::panic::resume_unwind(died.into_panic()),
    };
    if let Some(is_gone) = known {
        return Ok(is_gone);
    }
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    match pods.get_opt(&name).await {
        Ok(None) => Ok(true),
        Ok(Some(pod)) => Ok(has_ended_since(&pod, operation.started_at.0)),
        // such as a machine's name, which no pod has
        Err(cause) if matches!(code(&cause), Some(400 | 404 | 422)) => Ok(true),
        Err(cause) => {
            warn!(
                pod = name,
                error = chain(&cause),
                "Controller: it cannot be told whether another replica still works"
            );
            if is_forbidden(&cause) {
                Ok(false)
            } else {
                Err(cause)
            }
        }
    }
}

/// True if no container of the pod that ran at this time, by the clock of its node, still runs.
fn has_ended_since(pod: &Pod, time: Timestamp) -> bool {
    let Some(status) = &pod.status else {
        return false;
    };
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return true;
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    !containers.is_empty()
        && containers
            .iter()
            .all(|container| is_younger(container, time))
}

fn is_younger(container: &ContainerStatus, time: Timestamp) -> bool {
    let Some(state) = &container.state else {
        return false;
    };
    let running = state.running.as_ref();
    let began = running.and_then(|running| running.started_at.as_ref());
    state.terminated.is_some() || began.is_some_and(|began| began.0 > time)
}

#[cfg(test)]
mod tests;
