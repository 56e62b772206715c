//! Whose fault it is: the network's is never the values' or the chart's. Helm's texts are "as said" as in the module
//! above, where a row does not say that it is made up.

use super::*;

/// Helm's error over a schema of which this is the part that says what is wrong.
fn schema(said: &str) -> String {
    format!(
        "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n{said}\n"
    )
}

/// https://github.com/apache/airflow/issues/20539: a schema that points to the internet, where there is none.
#[test]
fn a_schema_that_cannot_be_fetched_is_tried_again_and_no_fault_of_the_values() {
    for why in [
        "dial tcp: lookup h.example on 10.0.0.10:53: no such host",
        "dial tcp 10.0.0.1:443: connect: connection refused",
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "tls: first record does not look like a TLS handshake",
        "EOF",
    ] {
        let said = schema(&format!(
            "failing loading \"https://h.example/d.json\": HTTP request failed for https://h.example/d.json: Get \"https://h.example/d.json\": {why}"
        ));
        assert_rows(&[(
            why,
            Install,
            &said,
            Attempt,
            Reason::InstallFailed,
            "with spec.disableSchemaValidation: true the values are not held against it.",
        )]);
    }
    for status in [
        "500 (Internal Server Error)",
        "503 (Service Unavailable)",
        "404 (Not Found)",
    ] {
        let said = schema(&format!(
            "failing loading \"http://h/d\": HTTP request to http://h/d returned status {status}"
        ));
        let reason = Reason::UpgradeFailed;
        assert_rows(&[(status, Upgrade, &said, Attempt, reason, status)]);
    }
    for cut in [
        "unexpected EOF",
        "invalid character '<' looking for beginning of value",
    ] {
        let said = schema(&format!("failing loading \"http://h/d\": {cut}"));
        assert_rows(&[(cut, Install, &said, Attempt, Reason::InstallFailed, cut)]);
    }
}

#[test]
fn a_schema_that_is_broken_is_the_chart_s_fault() {
    for why in [
        "failing loading \"file:///nowhere/d.json\": open /nowhere/d.json: no such file or directory",
        "failing loading \"ftp://h/x\": no URLLoader registered for \"ftp://h/x\"",
        "json-pointer in \"file:///values.schema.json#/definitions/none\" not found",
        "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with \
         'https://json-schema.org/draft/2020-12/schema#'\n- at '': 'allOf' failed\n  - at '/type': 'anyOf' failed",
        "unexpected EOF",
    ] {
        assert_rows(&[(
            why,
            Install,
            &schema(why),
            Terminal,
            Reason::ChartInvalid,
            "left out with spec.disableSchemaValidation: true.",
        )]);
    }
    assert_rows(&[(
        "values that speak of loading",
        Install,
        &schema("- at '/a': value must be 'failing loading \"http'"),
        Terminal,
        Reason::SchemaInvalid,
        "Correct the values.",
    )]);
}

/// What a template asks of the API server.
#[test]
fn a_lookup_that_is_not_answered_is_no_fault_of_the_chart() {
    let lookup = |said: &str| {
        format!(
            "Error: template: c/templates/cm.yaml:4:14: executing \"c/templates/cm.yaml\" at <lookup \"v1\" \"Secret\" \
             \"kube-system\" \"x\">: error calling lookup: {said}\n\nUse --debug flag to render out invalid YAML\n"
        )
    };
    for why in [
        "Get \"https://10.0.0.1:443/api/v1/namespaces/kube-system/secrets/x\": EOF",
        "Get \"https://10.0.0.1:443/api/v1/namespaces/kube-system/secrets/x\": dial tcp 10.0.0.1:443: connect: connection refused",
        "the server is currently unable to handle the request",
        "an error on the server (\"oops\") has prevented the request from succeeding",
        "the server has received too many requests and has asked us to try again later",
    ] {
        assert_rows(&[(
            why,
            Install,
            &lookup(why),
            Transient,
            Reason::ClusterUnreachable,
            "until the API server answers",
        )]);
    }
    let forbidden = "secrets \"x\" is forbidden: User \"nobody\" cannot get resource \"secrets\" in API group \"\" in the \
                     namespace \"kube-system\"";
    assert_rows(&[(
        "a lookup that is not allowed",
        Install,
        &lookup(forbidden),
        Attempt,
        Reason::Forbidden,
        "Give that account the right.",
    )]);
}

/// Made up after the texts of Go's libraries.
#[test]
fn what_the_way_to_the_api_server_does_passes() {
    for why in [
        "dial tcp: lookup api.example on 10.0.0.10:53: server misbehaving",
        "dial tcp: lookup api.example: Temporary failure in name resolution",
        "dial tcp 10.0.0.1:443: connect: connection timed out",
        "dial tcp 10.0.0.1:443: connect: network is unreachable",
        "write tcp 10.0.0.2:1->10.0.0.1:443: write: broken pipe",
        "read tcp 10.0.0.2:1->10.0.0.1:443: use of closed network connection",
        "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z",
        "remote error: tls: internal error",
        "http: server gave HTTP response to HTTPS client",
        "http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=\"\"",
        "unexpected EOF",
        "EOF",
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    ] {
        let said = format!("Error: UPGRADE FAILED: Patch \"https://10.0.0.1/api/v1/x\": {why}\n");
        let reason = Reason::ClusterUnreachable;
        assert_rows(&[(why, Upgrade, &said, Transient, reason, "")]);
    }
    for why in [
        "an error on the server (\"\") has prevented the request from succeeding (post configmaps)",
        "Timeout: the server was unable to return a response in the time allotted, but may still be processing the request (get pods)",
    ] {
        let said = format!("Error: UPGRADE FAILED: {why}\n");
        let reason = Reason::ClusterUnreachable;
        assert_rows(&[(why, Upgrade, &said, Transient, reason, "")]);
    }
}

/// https://github.com/helm/helm/issues/31529: charts that only client-side apply takes.
#[test]
fn what_server_side_apply_cannot_merge_names_the_field_that_turns_it_off() {
    assert_rows(&[
        (
            "a variable named twice, as said",
            Install,
            "Error: server-side apply failed for object shop/web apps/v1, Kind=Deployment: failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"c\"].env: duplicate entries for key [name=\"A\"]\n",
            Attempt,
            Reason::InstallFailed,
            "set spec.serverSideApply: disabled, or correct the chart.",
        ),
        (
            "a number for a text, on Kubernetes 1.20: kubernetes#94275",
            Upgrade,
            "Error: UPGRADE FAILED: failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name=\"c\"].resources.limits.cpu: expected string, got &value.valueUnstructured{Value:1}\n",
            Attempt,
            Reason::UpgradeFailed,
            "set spec.serverSideApply: disabled",
        ),
    ]);
}
