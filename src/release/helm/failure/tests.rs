//! The texts marked "as said" below are those of helm 4.3.1 against API servers 1.37.2 and 1.28.15: of both, unless the
//! row names one. Helm 4.1.4 says the same, but for "server-side apply failed for object …" before what the API server
//! says; rows that name it are its own. The others are made up after the rules of `docs/components.md` 5.

mod network;

use std::time::Duration;

use super::*;
use FailureClass::{Attempt, DecideAgain, Interrupted, Terminal, Transient};
use OperationKind::{Install, Rollback, Uninstall, Upgrade};

fn outcome(ending: Ending, stderr: &str) -> HelmOutcome {
    HelmOutcome {
        ending,
        stderr: stderr.to_owned(),
        max_rss_bytes: None,
        duration: Duration::from_secs(7),
    }
}

#[track_caller]
fn failure(action: OperationKind, stderr: &str) -> Failure {
    judge(action, &outcome(Ending::Failed(1), stderr)).expect("it failed")
}

#[track_caller]
fn assert_rows(rows: &[(&str, OperationKind, &str, FailureClass, Reason, &str)]) {
    for (what, action, stderr, class, reason, message) in rows {
        let failure = failure(*action, stderr);
        assert_eq!(
            (failure.class, failure.reason),
            (*class, *reason),
            "{what}: {}",
            failure.message
        );
        assert!(
            failure.message.contains(message),
            "{what}: {:?} has no {message:?}",
            failure.message
        );
        assert!(
            failure.message.len() <= 1024 && !failure.message.contains('\n'),
            "{what}"
        );
        for noise in ["Error: ", "UPGRADE FAILED", "level="] {
            assert!(
                !failure.message.contains(noise),
                "{what}: {:?}",
                failure.message
            );
        }
    }
}

#[test]
fn what_only_a_change_of_inputs_can_cure_is_terminal() {
    assert_rows(&[
        (
            "values against the schema, as said",
            Install,
            "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nschema:\n- at '': missing property 'port'\n- at '/a': got string, want integer\n\n",
            Terminal,
            Reason::SchemaInvalid,
            "schema: - at '': missing property 'port' - at '/a': got string, want integer. Correct the values.",
        ),
        (
            "a cluster that is too old, as said",
            Install,
            "Error: chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.37.2\n",
            Terminal,
            Reason::KubeVersionMismatch,
            ">=1.99 which is incompatible with Kubernetes v1.37.2",
        ),
        (
            "a required value, as said",
            Install,
            "Error: execution error at (req/templates/x.yaml:1:6): a password is needed\n",
            Terminal,
            Reason::ValuesError,
            "a password is needed",
        ),
        (
            "a chart that calls fail, as said",
            Upgrade,
            "Error: UPGRADE FAILED: execution error at (tf/templates/x.yaml:1:6): no way\n",
            Terminal,
            Reason::ValuesError,
            "The upgrade failed: execution error at (tf/templates/x.yaml:1:6): no way.",
        ),
        (
            "a template that does not end, as said",
            Install,
            "Error: parse error at (parse/templates/x.yaml:2): unclosed action started at parse/templates/x.yaml:1\n",
            Terminal,
            Reason::ChartInvalid,
            "unclosed action",
        ),
        (
            "a value of a value that is not there, as said",
            Install,
            "Error: nilp/templates/x.yaml:1:13\n  executing \"nilp/templates/x.yaml\" at <.Values.x.y.z>:\n    nil pointer evaluating interface {}.y\n",
            Terminal,
            Reason::ChartInvalid,
            "nil pointer evaluating interface {}.y",
        ),
        (
            "a template of an earlier Helm 4",
            Upgrade,
            "Error: UPGRADE FAILED: template: x/templates/x.yaml:1:2: executing \"x/templates/x.yaml\" at <.Values.a>: nil pointer\n",
            Terminal,
            Reason::ChartInvalid,
            "nil pointer",
        ),
        (
            "output that is no YAML, as said",
            Install,
            "Error: YAML parse error on yamlbad/templates/x.yaml: error converting YAML to JSON: yaml: line 2: did not find expected ',' or ']'\n",
            Terminal,
            Reason::ChartInvalid,
            "did not find expected",
        ),
        (
            "an object of another release, as said",
            Install,
            "Error: unable to continue with install: ConfigMap \"good\" in namespace \"default\" exists and cannot be imported into the current release: invalid ownership metadata; annotation validation error: key \"meta.helm.sh/release-name\" must equal \"own\": current value is \"good\"\n",
            Terminal,
            Reason::OwnershipConflict,
            "takeOwnership: Always",
        ),
        (
            "an immutable field, as said by 1.37",
            Upgrade,
            "level=WARN msg=\"upgrade failed\" name=dep error=\"server-side apply failed for object default/dep apps/v1, Kind=Deployment: Deployment.apps \\\"dep\\\" is invalid: spec.selector: Invalid value: {\\\"matchLabels\\\":{\\\"app\\\":\\\"q\\\"}}: field is immutable\"\nError: UPGRADE FAILED: server-side apply failed for object default/dep apps/v1, Kind=Deployment: Deployment.apps \"dep\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"q\"}}: field is immutable\n",
            Terminal,
            Reason::ImmutableField,
            "The upgrade failed: server-side apply failed for object default/dep apps/v1, Kind=Deployment: Deployment.apps \"dep\" is invalid: spec.selector",
        ),
        (
            "the same, as said by 1.28",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/dep apps/v1, Kind=Deployment: Deployment.apps \"dep\" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"q\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "the same, as said by helm 4.1.4",
            Upgrade,
            "Error: UPGRADE FAILED: Deployment.apps \"dep\" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"q\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable\n",
            Terminal,
            Reason::ImmutableField,
            "The upgrade failed: Deployment.apps \"dep\" is invalid: spec.selector",
        ),
        (
            "an immutable field with --force-replace, as said",
            Upgrade,
            "Error: UPGRADE FAILED: failed to replace object: Deployment.apps \"dep\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"q\"}}: field is immutable\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "a Service's address, as said",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/svc /v1, Kind=Service: Service \"svc\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.9.9\"]: may not change once set\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "a claim's class, as said by 1.37",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/pvc /v1, Kind=PersistentVolumeClaim: PersistentVolumeClaim \"pvc\" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n@@ -10,7 +10,7 @@\n   }\n\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "the same, as said by 1.28",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/pvc /v1, Kind=PersistentVolumeClaim: PersistentVolumeClaim \"pvc\" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests for bound claims\n  core.PersistentVolumeClaimSpec{\n\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "a StatefulSet's service, as said by 1.37",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/sts apps/v1, Kind=StatefulSet: StatefulSet.apps \"sts\" is invalid: spec.serviceName: Invalid value: \"2\": field is immutable\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "the same, as said by 1.28",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/sts apps/v1, Kind=StatefulSet: StatefulSet.apps \"sts\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "a Pod's container, as said",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/pod /v1, Kind=Pod: Pod \"pod\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`\n\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "whose role a binding gives, as said by 1.37",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/rb rbac.authorization.k8s.io/v1, Kind=RoleBinding: RoleBinding.rbac.authorization.k8s.io \"rb\" is invalid: roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"2\"}: field is immutable\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "the same, as said by 1.28",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/rb rbac.authorization.k8s.io/v1, Kind=RoleBinding: RoleBinding.rbac.authorization.k8s.io \"rb\" is invalid: roleRef: Invalid value: rbac.RoleRef{APIGroup:\"rbac.authorization.k8s.io\", Kind:\"Role\", Name:\"2\"}: cannot change roleRef\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "a priority, as said",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object /pc scheduling.k8s.io/v1, Kind=PriorityClass: PriorityClass.scheduling.k8s.io \"pc\" is invalid: value: Forbidden: may not be changed in an update.\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "a provisioner, as said by 1.28",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object /sc storage.k8s.io/v1, Kind=StorageClass: StorageClass.storage.k8s.io \"sc\" is invalid: provisioner: Forbidden: updates to provisioner are forbidden.\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "an immutable ConfigMap, as said",
            Upgrade,
            "Error: UPGRADE FAILED: server-side apply failed for object default/imm /v1, Kind=ConfigMap: ConfigMap \"imm\" is invalid: data: Forbidden: field is immutable when `immutable` is set\n",
            Terminal,
            Reason::ImmutableField,
            "Delete that object",
        ),
        (
            "another field manager, as said",
            Upgrade,
            "Error: UPGRADE FAILED: conflict occurred while applying object default/conf-cm /v1, Kind=ConfigMap: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using v1: .data.a\n",
            Terminal,
            Reason::OwnershipConflict,
            "kubectl-patch",
        ),
        (
            "a release that is too large, as said by 1.37",
            Install,
            "Error: create: failed to create: Secret \"sh.helm.release.v1.big.v1\" is invalid: data: Too long: may not be more than 1048576 bytes\n",
            Terminal,
            Reason::ReleaseTooLarge,
            "at most 1 MiB: make the chart smaller.",
        ),
        (
            "the same, as said by 1.28",
            Install,
            "Error: create: failed to create: Secret \"sh.helm.release.v1.big.v1\" is invalid: data: Too long: must have at most 1048576 bytes\n",
            Terminal,
            Reason::ReleaseTooLarge,
            "at most 1 MiB: make the chart smaller.",
        ),
        (
            "a release of more than 3 MiB, as said",
            Install,
            "Error: create: failed to create: Request entity too large: limit is 3145728\n",
            Terminal,
            Reason::ReleaseTooLarge,
            "at most 1 MiB: make the chart smaller.",
        ),
        (
            "a release that etcd refuses",
            Install,
            "Error: create: failed to create: etcdserver: request is too large\n",
            Terminal,
            Reason::ReleaseTooLarge,
            "1 MiB",
        ),
        (
            "a release name, as said",
            Install,
            "Error: release name is invalid: Bad_Name\n",
            Terminal,
            Reason::InvalidSpec,
            "Bad_Name",
        ),
        (
            "a package that is none, as said",
            Install,
            "Release \"j\" does not exist. Installing it now.\nError: file '/cache/junk.tgz' does not appear to be a gzipped archive; got 'application/octet-stream'\n",
            Terminal,
            Reason::ChartInvalid,
            "gzipped archive",
        ),
        (
            "a package without a chart",
            Install,
            "Error: Chart.yaml file is missing\n",
            Terminal,
            Reason::ChartInvalid,
            "Chart.yaml",
        ),
        (
            "the same, as said",
            Install,
            "Error: unable to detect chart version, no Chart.yaml found\n",
            Terminal,
            Reason::ChartInvalid,
            "no Chart.yaml found. Upload a sound package",
        ),
        (
            "an empty package, as said",
            Install,
            "Error: unable to load chart archive\n",
            Terminal,
            Reason::ChartInvalid,
            "unable to load",
        ),
        (
            "values that are no mapping, as said",
            Install,
            "Error: failed to parse -: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}\n",
            Terminal,
            Reason::ValuesError,
            "cannot unmarshal array",
        ),
        (
            "a flag that this Helm lacks, as said",
            Upgrade,
            "Error: unknown flag: --bogus\n",
            Terminal,
            Reason::UpgradeFailed,
            "restart the controller",
        ),
    ]);
}

#[test]
fn what_passes_by_itself_is_transient() {
    assert_rows(&[
        (
            "no API server, as said",
            Install,
            "Error: kubernetes cluster unreachable: Get \"https://127.0.0.1:1/version\": dial tcp 127.0.0.1:1: connect: connection refused\n",
            Transient,
            Reason::ClusterUnreachable,
            "connection refused",
        ),
        (
            "a slow network",
            Upgrade,
            "Error: UPGRADE FAILED: Get \"https://10.0.0.1/api\": dial tcp 10.0.0.1:443: i/o timeout\n",
            Transient,
            Reason::ClusterUnreachable,
            "i/o timeout",
        ),
        (
            "etcd does not answer the API server, as said",
            Install,
            "Error: query: failed to query with labels: rpc error: code = Unavailable desc = keepalive ping failed to receive ACK within timeout\n",
            Transient,
            Reason::ClusterUnreachable,
            "keepalive ping failed",
        ),
        (
            "etcd changes its leader",
            Upgrade,
            "Error: UPGRADE FAILED: etcdserver: leader changed\n",
            Transient,
            Reason::ClusterUnreachable,
            "leader changed",
        ),
        (
            "too many requests",
            Upgrade,
            "Error: UPGRADE FAILED: Too many requests, please try again later\n",
            Transient,
            Reason::ClusterUnreachable,
            "",
        ),
        (
            "an aggregated API that is down",
            Install,
            "Error: unable to get API versions: the server is currently unable to handle the request\n",
            Transient,
            Reason::ClusterUnreachable,
            "currently unable",
        ),
        (
            "TLS",
            Install,
            "Error: net/http: TLS handshake timeout\n",
            Transient,
            Reason::ClusterUnreachable,
            "TLS",
        ),
        (
            "a 409",
            Upgrade,
            "Error: UPGRADE FAILED: Operation cannot be fulfilled on secrets \"x\": the object has been modified; please apply your changes to the latest version and try again\n",
            Transient,
            Reason::UpgradeFailed,
            "has been modified",
        ),
        (
            "somebody else's operation, as said",
            Upgrade,
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n",
            Transient,
            Reason::PendingRelease,
            "in progress",
        ),
        (
            "the loser of a race",
            Install,
            "Error: create: failed to create: release: already exists\n",
            Transient,
            Reason::PendingRelease,
            "already exists",
        ),
        (
            "the loser of a race for a revision",
            Upgrade,
            "Error: UPGRADE FAILED: create: failed to create: secrets \"sh.helm.release.v1.x.v2\" already exists\n",
            Transient,
            Reason::PendingRelease,
            "already exists",
        ),
        (
            "a namespace that ends, as said",
            Install,
            "Error: create: failed to create: secrets \"sh.helm.release.v1.interm2.v1\" is forbidden: unable to create new content in namespace term because it is being terminated\n",
            Transient,
            Reason::NamespaceTerminating,
            "when the namespace is gone",
        ),
        (
            "no namespace, as said",
            Install,
            "Error: create: failed to create: namespaces \"nope\" not found\n",
            Transient,
            Reason::NamespaceMissing,
            "\"nope\"",
        ),
        (
            "a webhook that does not answer, as said: not the API server",
            Install,
            "Error: server-side apply failed for object default/wh-cm /v1, Kind=ConfigMap: Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \"https://127.0.0.1:1/x?timeout=1s\": dial tcp 127.0.0.1:1: connect: connection refused\n",
            Transient,
            Reason::WebhookUnavailable,
            "w.example.com",
        ),
        (
            "a package that left the cache, as said",
            Upgrade,
            "Release \"j\" does not exist. Installing it now.\nError: path \"/cache/missing.tgz\" not found\n",
            Transient,
            Reason::UpgradeFailed,
            "fetched again",
        ),
    ]);
}

#[test]
fn what_may_work_next_time_is_an_attempt() {
    assert_rows(&[
        (
            "objects that are not ready, as said",
            Install,
            "Error: resource Deployment/default/dep not ready. status: InProgress, message: Replicas: 0/1\ncontext deadline exceeded\n",
            Attempt,
            Reason::Timeout,
            "The install failed: not ready in time: Deployment/default/dep (InProgress: Replicas: 0/1)",
        ),
        (
            "a rollback that is not ready, as said",
            Rollback,
            "Error: release dep failed: resource Deployment/default/dep not ready. status: InProgress, message: Replicas: 0/1\ncontext deadline exceeded\n",
            Attempt,
            Reason::Timeout,
            "The rollback failed: release dep failed: not ready in time: Deployment/default/dep",
        ),
        (
            "an object's own words of a network",
            Install,
            "Error: resource Pod/a/b not ready. status: InProgress, message: pull: dial tcp: i/o timeout\ncontext deadline exceeded\n",
            Attempt,
            Reason::Timeout,
            "Pod/a/b (InProgress: pull: dial tcp: i/o timeout)",
        ),
        (
            "a finalizer, as said",
            Uninstall,
            "Error: uninstallation completed with 1 error(s): resource ConfigMap/default/cm still exists. status: Terminating, message: Resource scheduled for deletion\ncontext deadline exceeded\n",
            Attempt,
            Reason::Timeout,
            "not gone in time: ConfigMap/default/cm (Terminating: Resource scheduled for deletion)",
        ),
        (
            "the legacy way of waiting, as said",
            Install,
            "Error: context deadline exceeded\n",
            Attempt,
            Reason::Timeout,
            "context deadline exceeded",
        ),
        (
            "Helm 3's way of waiting",
            Upgrade,
            "Error: UPGRADE FAILED: timed out waiting for the condition\n",
            Attempt,
            Reason::Timeout,
            "timed out",
        ),
        (
            "an install hook, as said",
            Install,
            "Error: failed pre-install: resource Job/default/hook-job not ready. status: InProgress, message: Job in progress\ncontext deadline exceeded\n",
            Attempt,
            Reason::InstallFailed,
            "failed pre-install: not ready in time: Job/default/hook-job",
        ),
        (
            "an upgrade hook, as said",
            Upgrade,
            "Error: UPGRADE FAILED: pre-upgrade hooks failed: resource Job/default/hook-job not ready. status: InProgress, message: Job in progress\ncontext deadline exceeded\n",
            Attempt,
            Reason::UpgradeFailed,
            "pre-upgrade hooks failed: not ready in time: Job/default/hook-job",
        ),
        (
            "an uninstall hook, as said",
            Uninstall,
            "Error: resource Job/default/uh-job not ready. status: InProgress, message: Job in progress\ncontext deadline exceeded\n",
            Attempt,
            Reason::Timeout,
            "Job/default/uh-job",
        ),
        (
            "unknown kinds, as said",
            Install,
            "Error: unable to build kubernetes objects from release manifest: [resource mapping not found for name: \"x\" namespace: \"\" from \"\": no matches for kind \"Foo\" in version \"a.b/v1\"\nensure CRDs are installed first, resource mapping not found for name: \"x\" namespace: \"\" from \"\": no matches for kind \"ServiceMonitor\" in version \"monitoring.coreos.com/v1\"\nensure CRDs are installed first]\n",
            Attempt,
            Reason::MissingCRDs,
            "the cluster does not know Foo (a.b/v1), ServiceMonitor (monitoring.coreos.com/v1). Install",
        ),
        (
            "a webhook that says no",
            Install,
            "Error: admission webhook \"v.example.com\" denied the request: no latest tags\n",
            Attempt,
            Reason::InstallFailed,
            "no latest tags",
        ),
        (
            "a policy that says no, as said",
            Install,
            "Error: server-side apply failed for object default/x-cm /v1, Kind=ConfigMap: configmaps \"x-cm\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no latest tags\n",
            Attempt,
            Reason::InstallFailed,
            "denied request: no latest tags",
        ),
        (
            "a pod below the standard of its namespace, as said",
            Install,
            "Error: server-side apply failed for object default/pod /v1, Kind=Pod: pods \"pod\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true)\n",
            Attempt,
            Reason::InstallFailed,
            "violates PodSecurity",
        ),
        (
            "a field that nobody knows, as said",
            Install,
            "Error: server-side apply failed for object default/unk /v1, Kind=ConfigMap: failed to create typed patch object (default/unk; /v1, Kind=ConfigMap): .spec: field not declared in schema\n",
            Attempt,
            Reason::InstallFailed,
            ".spec: field not declared in schema",
        ),
        (
            "a quota, as said",
            Install,
            "Error: server-side apply failed for object default/quota2-cm /v1, Kind=ConfigMap: configmaps \"quota2-cm\" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=0, limited: configmaps=0\n",
            Attempt,
            Reason::QuotaExceeded,
            "requested: configmaps=1",
        ),
        (
            "an account without rights, as said",
            Install,
            "Error: query: failed to query with labels: secrets is forbidden: User \"system:serviceaccount:default:limited\" cannot list resource \"secrets\" in API group \"\" in the namespace \"default\"\n",
            Attempt,
            Reason::Forbidden,
            "cannot list resource \"secrets\"",
        ),
        (
            "an object that the API server refuses, as said",
            Install,
            "Error: server-side apply failed for object default/Bad_Name /v1, Kind=ConfigMap: ConfigMap \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain\n",
            Attempt,
            Reason::InstallFailed,
            "metadata.name",
        ),
        (
            "a chart's own Secret that is too large, as said by 1.37",
            Install,
            "Error: server-side apply failed for object default/web /v1, Kind=Secret: Secret \"web\" is invalid: data: Too long: may not be more than 1048576 bytes\n",
            Attempt,
            Reason::InstallFailed,
            "Secret \"web\"",
        ),
        (
            "words that nobody knows",
            Upgrade,
            "Error: UPGRADE FAILED: the moon is full\n",
            Attempt,
            Reason::UpgradeFailed,
            "The upgrade failed: the moon is full",
        ),
        (
            "no words at all",
            Uninstall,
            "",
            Attempt,
            Reason::UninstallFailed,
            "exit code 1 and said nothing",
        ),
        (
            "a crash",
            Rollback,
            "fatal error: runtime: out of memory\n\ngoroutine 1 [running]:\n",
            Attempt,
            Reason::RollbackFailed,
            "The rollback failed: fatal error: runtime: out of memory",
        ),
    ]);
}

#[test]
fn an_interruption_is_no_attempt() {
    assert_rows(&[
        (
            "a first install, as said",
            Install,
            "Error: context canceled\n",
            Interrupted,
            Reason::Interrupted,
            "The install was interrupted",
        ),
        (
            "an upgrade, as said",
            Upgrade,
            "level=WARN msg=\"upgrade failed\" name=fine error=\"context canceled\"\nError: UPGRADE FAILED: context canceled\n",
            Interrupted,
            Reason::Interrupted,
            "The upgrade was interrupted",
        ),
        (
            "in a hook",
            Upgrade,
            "Error: UPGRADE FAILED: pre-upgrade hooks failed: context canceled\n",
            Interrupted,
            Reason::Interrupted,
            "",
        ),
    ]);
}

#[test]
fn a_release_that_is_not_as_assumed_is_looked_at_again() {
    assert_rows(&[
        (
            "nothing to upgrade, as said",
            Upgrade,
            "Error: UPGRADE FAILED: \"uh\" has no deployed releases\n",
            DecideAgain,
            Reason::UpgradeFailed,
            "\"uh\"",
        ),
        (
            "nothing to roll back, as said",
            Rollback,
            "Error: release: not found\n",
            DecideAgain,
            Reason::RollbackFailed,
            "not found",
        ),
        (
            "a revision that is gone, as said",
            Rollback,
            "Error: release has no 99 version\n",
            DecideAgain,
            Reason::MissingRollbackTarget,
            "99",
        ),
    ]);
    for gone in [
        "Error: uninstall: Release not loaded: nothere: release: not found\n",
        "Error: the release named \"kh\" is already deleted\n",
    ] {
        let judged = judge(Uninstall, &outcome(Ending::Failed(1), gone));
        assert_eq!(judged, None, "what is gone is uninstalled: {gone}");
    }
}

#[test]
fn what_a_hook_logs_is_not_judged() {
    let stderr = "field is immutable\ncontext canceled\nError: execution error at a hook\nconnection refused\n\
        Error: failed post-install: it did not work\n";
    let failure = failure(Install, stderr);
    assert_eq!(
        (failure.class, failure.reason),
        (Attempt, Reason::InstallFailed)
    );
    assert_eq!(
        failure.message,
        "The install failed: failed post-install: it did not work"
    );
    // nor what a chart's object quotes in the middle of an error
    let quoted = "Error: admission webhook \"w\" denied the request: template: execution error at parse error at\n";
    assert_eq!(self::failure(Install, quoted).class, Attempt);
}

#[test]
fn the_way_it_ended_is_judged_before_the_words() {
    let refused = "Error: connection refused\n";
    let rows = [
        ("exit code 0", Ending::Succeeded, None),
        (
            "another exit code",
            Ending::Failed(2),
            Some((Transient, Reason::ClusterUnreachable)),
        ),
        (
            "memory ran out",
            Ending::Killed(9),
            Some((Attempt, Reason::UpgradeFailed)),
        ),
        (
            "the same in a shell",
            Ending::Failed(137),
            Some((Attempt, Reason::UpgradeFailed)),
        ),
        (
            "a stranger's SIGTERM",
            Ending::Killed(15),
            Some((Interrupted, Reason::Interrupted)),
        ),
        (
            "the same in a shell",
            Ending::Failed(143),
            Some((Interrupted, Reason::Interrupted)),
        ),
        (
            "a crash",
            Ending::Killed(11),
            Some((Attempt, Reason::UpgradeFailed)),
        ),
        (
            "our deadline",
            Ending::DeadlineExceeded,
            Some((Attempt, Reason::Timeout)),
        ),
        (
            "our stop",
            Ending::Stopped,
            Some((Interrupted, Reason::Interrupted)),
        ),
        (
            "no start",
            Ending::NotStarted("no such file".to_owned()),
            Some((Transient, Reason::UpgradeFailed)),
        ),
    ];
    for (what, ending, expected) in rows {
        let judged = judge(Upgrade, &outcome(ending, refused));
        let judged = judged.map(|failure| (failure.class, failure.reason));
        assert_eq!(judged, expected, "{what}");
    }
}

#[test]
fn endings_without_words_still_say_what_happened() {
    let message = |ending, stderr| {
        judge(Install, &outcome(ending, stderr))
            .expect("a failure")
            .message
    };
    assert!(message(Ending::Killed(9), "").contains("Raise the memory limit of the controller"));
    assert!(
        message(Ending::NotStarted("no such file".to_owned()), "")
            .ends_with("did not start: no such file")
    );
    assert_eq!(
        message(Ending::DeadlineExceeded, "Error: context canceled\n"),
        "The install had not ended after 7 s, and Helm was stopped: context canceled"
    );
    assert_eq!(
        message(Ending::DeadlineExceeded, ""),
        "The install had not ended after 7 s, and Helm was stopped."
    );
}

#[test]
fn messages_are_bounded_and_keep_what_matters() {
    let many: String = (0..200)
        .map(|number| format!("resource Deployment/default/web-{number} not ready. status: InProgress, message: Replicas: 0/1\n"))
        .collect();
    let message = failure(
        Install,
        &format!("Error: {many}context deadline exceeded\n"),
    )
    .message;
    assert!(message.len() <= 1024, "{}", message.len());
    assert!(
        message.contains("Deployment/default/web-0 (") && message.ends_with(" more"),
        "{message}"
    );
    let long = format!(
        "Error: ConfigMap is invalid: {}: field is immutable\n",
        "x".repeat(60_000)
    );
    let message = failure(Upgrade, &long).message;
    assert!(message.len() <= 1024, "{}", message.len());
    assert!(
        message.starts_with("The upgrade failed: ConfigMap is invalid: xxx"),
        "{message}"
    );
    assert!(
        message.contains("xxx: field is immutable. Delete that object"),
        "{message}"
    );
}

#[test]
fn secrets_are_taken_out_before_the_text_is_shortened() {
    let stderr = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\njsonsch:\n- at '/b': 'topsecret' does not match pattern '^x'\n";
    let outcome = outcome(Ending::Failed(1), stderr).redacted(&["topsecret".to_owned()]);
    let message = judge(Install, &outcome).expect("a failure").message;
    assert!(message.contains("'[redacted]' does not match"), "{message}");
}

#[test]
fn a_chart_that_renders_what_the_cluster_gave_up_must_change() {
    use crate::release::manifest::served::{ApiKind, Served, Unserved};

    let said = "Error: UPGRADE FAILED: unable to build kubernetes objects from new release manifest: [resource mapping \
                not found for name: \"f\" namespace: \"\" from \"\": no matches for kind \"FlowSchema\" in version \
                \"flowcontrol.apiserver.k8s.io/v1beta3\"\nensure CRDs are installed first, resource mapping not found \
                for name: \"p\" namespace: \"\" from \"\": no matches for kind \"PodSecurityPolicy\" in version \
                \"policy/v1beta1\"\nensure CRDs are installed first]\n";
    let flow = ApiKind::new("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema");
    let policy = ApiKind::new("policy/v1beta1", "PodSecurityPolicy");
    let widget = ApiKind::new("example.com/v1", "Widget");
    let unknown = unknown_kinds(said);
    assert_eq!(unknown, [flow.clone(), policy.clone()]);

    let at = |version: &str| Served::At(version.to_owned());
    let mut unserved = Unserved::from([
        (flow, at("flowcontrol.apiserver.k8s.io/v1")),
        (policy, Served::Nowhere),
    ]);
    let failure = of_unserved(Upgrade, &unknown, &unserved).expect("no definition helps");
    assert_eq!(
        (failure.class, failure.reason),
        (Terminal, Reason::KubeVersionMismatch)
    );
    assert_eq!(
        failure.message,
        "The upgrade failed: the chart renders what the cluster no longer serves: FlowSchema \
         (flowcontrol.apiserver.k8s.io/v1beta3), which it serves in flowcontrol.apiserver.k8s.io/v1, PodSecurityPolicy \
         (policy/v1beta1), which this version of Kubernetes no longer has. The chart must change: choose a version of \
         it, or values, for this version of Kubernetes."
    );
    // a definition would help, or has just come
    let with_widget = [&unknown[..], std::slice::from_ref(&widget)].concat();
    assert_eq!(of_unserved(Upgrade, &with_widget, &unserved), None);
    unserved.insert(widget.clone(), Served::Nowhere);
    assert_eq!(of_unserved(Upgrade, &[widget], &unserved), None);
    assert_eq!(of_unserved(Upgrade, &[], &unserved), None);
}
