//! The trouble of a pod, in the words of its kubelet.

use serde_json::Value;

/// The trouble of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    rank: Rank,
    /// `ImagePullBackOff: registry/app:1 (container web of pod web-abc)`.
    pub why: String,
    pod: String,
}

/// The kinds of trouble, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The image cannot be pulled.
    Image,
    /// The container cannot be created, for example because a Secret is missing.
    Config,
    /// It crashes repeatedly.
    Crash,
    /// The pod failed.
    Failed,
    /// It cannot be scheduled.
    Unschedulable,
    /// It runs but is not ready.
    NotReady,
    /// It has not started, for no known reason.
    Waiting,
}

impl Trouble {
    /// Its rank among other objects' troubles: 0 for what needs a person, 1 for what may pass.
    pub fn weight(&self) -> u8 {
        match self.rank {
            Rank::Image | Rank::Config | Rank::Crash | Rank::Failed | Rank::Unschedulable => 0,
            Rank::NotReady | Rank::Waiting => 1,
        }
    }

    /// True if an unbound claim may be the cause.
    pub fn may_be_a_claim(&self) -> bool {
        self.rank == Rank::Waiting
    }

    /// The same trouble with this claim as the cause.
    pub fn with_claim(&self, claim: &str, state: &str) -> Self {
        Self {
            rank: Rank::Unschedulable,
            why: format!("PersistentVolumeClaim {claim} {state} (pod {})", self.pod),
            pod: self.pod.clone(),
        }
    }
}

/// The pod with the most specific cause, the first by name of those. `None` if all are well or terminating.
pub fn worst(pods: &[Value]) -> Option<(&Value, Trouble)> {
    let troubles = pods.iter().filter_map(|pod| Some((pod, trouble(pod)?)));
    troubles.min_by_key(|(_, trouble)| (trouble.rank, trouble.pod.clone()))
}

/// The claims that the pod's volumes need.
pub fn claims(pod: &Value) -> Vec<String> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let claims = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    claims.map(str::to_owned).collect()
}

fn trouble(pod: &Value) -> Option<Trouble> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let status = &pod["status"];
    if !pod["metadata"]["deletionTimestamp"].is_null() || status["phase"] == "Succeeded" {
        return None;
    }
    let (rank, why) = container_trouble(pod, name)
        .filter(|(rank, _)| *rank < Rank::Failed)
        .or_else(|| pod_trouble(pod, name))
        .or_else(|| container_trouble(pod, name))
        .or_else(|| not_ready(pod, name))?;
    Some(Trouble {
        rank,
        why,
        pod: name.to_owned(),
    })
}

/// The most specific trouble of its containers, init containers first.
fn container_trouble(pod: &Value, name: &str) -> Option<(Rank, String)> {
    let lists = [
        ("initContainerStatuses", "init container"),
        ("containerStatuses", "container"),
    ];
    let all = lists.iter().flat_map(|(list, word)| {
        let statuses = pod["status"][*list].as_array().into_iter().flatten();
        statuses.filter_map(move |status| of_container(status, word, name))
    });
    // of equals the first
    all.min_by_key(|(rank, _)| *rank)
}

fn of_container(status: &Value, word: &str, pod: &str) -> Option<(Rank, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let container = text(&status["name"]);
    let place = format!("({word} {container} of pod {pod})");
    let (waiting, ended) = (&status["state"]["waiting"], &status["state"]["terminated"]);
    let is_init = word.starts_with("init");
    if let Some(code) = ended["exitCode"].as_i64() {
        let is_bad = code != 0;
        return is_bad.then(|| (Rank::Crash, format!("{} {place}", last_words(ended))));
    }
    let reason = text(&waiting["reason"]);
    let message = text(&waiting["message"]);
    let with_message = |reason: &str| match message.as_str() {
        "" => reason.to_owned(),
        message => format!("{reason}: {message}"),
    };
    match reason.as_str() {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "RegistryUnavailable"
        | "ImageInspectError" => {
            let image = text(&status["image"]);
            // the back-off itself is reported already
            let more = match message.as_str() {
                "" => String::new(),
                message if message.starts_with("Back-off pulling") => String::new(),
                message => format!(": {message}"),
            };
            Some((Rank::Image, format!("{reason}: {image} {place}{more}")))
        }
        "CrashLoopBackOff" => {
            let before = &status["lastState"]["terminated"];
            let why = match before.is_null() {
                true => with_message(&reason),
                false => format!("{reason}: {}", last_words(before)),
            };
            Some((Rank::Crash, format!("{why} {place}")))
        }
        "" => {
            let runs = !status["state"]["running"].is_null();
            let restarts = status["restartCount"].as_i64().unwrap_or(0);
            // an init container that runs will end
            (runs && !is_init && status["ready"] == false).then(|| {
                let why = format!("it runs but is not ready, after {restarts} restarts {place}");
                (Rank::NotReady, why)
            })
        }
        "ContainerCreating" | "PodInitializing" => {
            let why = format!("{} {place}", with_message(&reason));
            Some((Rank::Waiting, why))
        }
        _ => Some((Rank::Config, format!("{} {place}", with_message(&reason)))),
    }
}

/// `OOMKilled, exit code 137`, and its termination message.
fn last_words(ended: &Value) -> String {
    let code = ended["exitCode"].as_i64().unwrap_or(0);
    let mut words = match ended["reason"].as_str() {
        Some(reason) if !matches!(reason, "" | "Error") => format!("{reason}, exit code {code}"),
        _ => format!("exit code {code}"),
    };
    if let Some(message) = ended["message"]
        .as_str()
        .filter(|text| !text.trim().is_empty())
    {
        // the last lines of a log say most
        let last: Vec<&str> = message.trim().lines().rev().take(3).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        words.push_str(": ");
        words.push_str(&last.join(" "));
    }
    words
}

/// The trouble of the pod as a whole.
fn pod_trouble(pod: &Value, name: &str) -> Option<(Rank, String)> {
    let status = &pod["status"];
    let text = |name: &str| status[name].as_str().filter(|text| !text.is_empty());
    if status["phase"] == "Failed" {
        let said: Vec<&str> = [text("reason"), text("message")]
            .into_iter()
            .flatten()
            .collect();
        let said = match said.is_empty() {
            true => "it failed".to_owned(),
            false => said.join(": "),
        };
        return Some((Rank::Failed, format!("{said} (pod {name})")));
    }
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let unscheduled = conditions
        .filter(|condition| condition["status"] == "False")
        .find(|condition| condition["type"] == "PodScheduled")?;
    let said = |name: &str| unscheduled[name].as_str().unwrap_or_default().to_owned();
    let reason = match said("reason") {
        reason if reason.is_empty() => "Unschedulable".to_owned(),
        reason => reason,
    };
    Some((
        Rank::Unschedulable,
        format!("{reason}: {} (pod {name})", said("message")),
    ))
}

fn not_ready(pod: &Value, name: &str) -> Option<(Rank, String)> {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions
        .filter(|condition| condition["type"] == "Ready")
        .any(|condition| condition["status"] == "True");
    if ready {
        return None;
    }
    let (rank, why) = match pod["status"]["phase"].as_str() {
        Some("Running") => (Rank::NotReady, "it runs but is not ready"),
        _ if pod["spec"]["nodeName"].is_string() => (Rank::Waiting, "its node has not started it"),
        _ => (Rank::Waiting, "it has no node yet"),
    };
    Some((rank, format!("{why} (pod {name})")))
}

#[cfg(test)]
mod tests;
