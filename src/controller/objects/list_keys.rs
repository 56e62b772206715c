//! Fields that old API servers need in an apply, because they tell the items of a list apart.

use serde_json::Value;

/// Says `protocol: TCP` of ports of Services and containers that name no protocol. It is the default, but API servers
/// up to 1.20 refuse an apply without it: "associative list with keys has an element that omits key field".
pub fn complete(object: &mut Value) {
    let kind = object["kind"].as_str().unwrap_or_default();
    let pod = match kind {
        "Service" => {
            complete_ports(object.pointer_mut("/spec/ports"));
            return;
        }
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "DaemonSet"
        | "Deployment"
        | "Job"
        | "ReplicaSet"
        | "ReplicationController"
        | "StatefulSet" => "/spec/template/spec",
        _ => return,
    };
    for list in ["containers", "initContainers"] {
        let containers = object.pointer_mut(&format!("{pod}/{list}"));
        let containers = containers.and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            complete_ports(container.pointer_mut("/ports"));
        }
    }
}

fn complete_ports(ports: Option<&mut Value>) {
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut()
            && port.get("protocol").is_none_or(Value::is_null)
        {
            port.insert("protocol".to_owned(), "TCP".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_without_a_protocol_say_tcp() {
        let pod = |ports: Value| json!({"containers": [{"name": "a", "ports": ports}], "initContainers": [{}]});
        let (before, after) = (
            json!([{"containerPort": 1}, {"containerPort": 2, "protocol": "UDP"}]),
            json!([{"containerPort": 1, "protocol": "TCP"}, {"containerPort": 2, "protocol": "UDP"}]),
        );
        let of = |kind: &str, ports: &Value| match kind {
            "Service" => json!({"kind": kind, "spec": {"ports": ports}}),
            "Pod" => json!({"kind": kind, "spec": pod(ports.clone())}),
            "CronJob" => json!({"kind": kind, "spec": {"jobTemplate": {"spec": {"template": {
                "spec": pod(ports.clone()),
            }}}}}),
            _ => json!({"kind": kind, "spec": {"template": {"spec": pod(ports.clone())}}}),
        };
        for kind in [
            "Service",
            "Pod",
            "CronJob",
            "Deployment",
            "StatefulSet",
            "Job",
        ] {
            let mut object = of(kind, &before);
            complete(&mut object);
            assert_eq!(object, of(kind, &after), "{kind}");
        }
        let mut other = of("Widget", &before);
        complete(&mut other);
        assert_eq!(other, of("Widget", &before));
        let mut headless = json!({"kind": "Service", "spec": {"clusterIP": "None"}});
        complete(&mut headless);
        assert_eq!(
            headless,
            json!({"kind": "Service", "spec": {"clusterIP": "None"}})
        );
    }
}
