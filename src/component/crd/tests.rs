use super::*;

/// What a structural schema may hold, of what we need (the API server knows more keywords, but not in every place).
const KEYWORDS: [&str; 20] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

/// Formats that the API server knows.
const FORMATS: [&str; 3] = ["date-time", "int32", "int64"];

/// Appends what is wrong with `schema`, which is at `path`.
fn faults(path: &str, schema: &Value, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        found.push(format!("{path} is not an object"));
        return;
    };
    for keyword in keywords
        .keys()
        .filter(|key| !KEYWORDS.contains(&key.as_str()))
    {
        found.push(format!("{path} has {keyword}"));
    }
    let kind = schema["type"].as_str();
    match kind {
        Some("object" | "array" | "string" | "integer" | "number" | "boolean") => {}
        other => found.push(format!("{path} has the type {other:?}")),
    }
    if schema["format"]
        .as_str()
        .is_some_and(|format| !FORMATS.contains(&format))
    {
        found.push(format!("{path} has the format {}", schema["format"]));
    }
    if let Some(default) = keywords.get("default") {
        misfits(&format!("{path} default"), default, schema, found);
    }
    if path.contains('.') && schema["description"].as_str().is_none_or(str::is_empty) {
        found.push(format!("{path} has no description"));
    }
    match kind {
        Some("array") => faults_of_items(path, schema, found),
        Some("object") => {
            let free = schema["x-kubernetes-preserve-unknown-fields"] == true;
            let properties = schema["properties"].as_object();
            if properties.is_none() && !free {
                found.push(format!("{path} has neither fields nor freedom"));
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                let known = properties.is_some_and(|all| all.contains_key(name.as_str().unwrap()));
                if !known {
                    found.push(format!("{path} requires {name}, which it does not have"));
                }
            }
            for (name, below) in properties.into_iter().flatten() {
                faults(&format!("{path}.{name}"), below, found);
            }
        }
        _ => {}
    }
}

fn faults_of_items(path: &str, schema: &Value, found: &mut Vec<String>) {
    let items = &schema["items"];
    if !items.is_object() {
        found.push(format!("{path} has no items"));
        return;
    }
    // an item is described by its list
    let mut below = items.clone();
    below["description"] = "an item".into();
    faults(&format!("{path}[]"), &below, found);
    for key in schema["x-kubernetes-list-map-keys"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if !items["required"]
            .as_array()
            .is_some_and(|all| all.contains(key))
        {
            found.push(format!(
                "{path} has the key {key}, which items need not have"
            ));
        }
    }
}

/// Appends where `value` is not what `schema` takes; enough of JSON Schema for what our schema says.
fn misfits(path: &str, value: &Value, schema: &Value, found: &mut Vec<String>) {
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        _ => false,
    };
    if !fits {
        found.push(format!("{path} {value} is not of type {}", schema["type"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|all| !all.contains(value))
    {
        found.push(format!("{path} {value} is not in {}", schema["enum"]));
    }
    for (name, below) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => misfits(&format!("{path}.{name}"), below, schema, found),
            None if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
            None => found.push(format!("{path}.{name} is unknown")),
        }
    }
    for item in value.as_array().into_iter().flatten() {
        misfits(&format!("{path}[]"), item, &schema["items"], found);
    }
}

fn schema() -> Value {
    value().pointer(SCHEMA).unwrap().clone()
}

fn field(path: &str) -> Value {
    let pointer = path.replace('.', "/properties/").replace("[]", "/items");
    let found = schema().pointer(&format!("/properties/{pointer}")).cloned();
    found.unwrap_or_else(|| panic!("the schema has no {path}"))
}

#[test]
fn the_schema_is_structural_and_every_field_is_described() {
    let mut found = Vec::new();
    faults("", &schema(), &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_of_the_schema_finds_faults() {
    let rows = [
        (json!({"type": "string", "nullable": true}), " has nullable"),
        (json!({"properties": {}}), " has the type None"),
        (
            json!({"type": "object", "anyOf": [], "properties": {}}),
            " has anyOf",
        ),
        (json!({"type": "array"}), " has no items"),
        (json!({"type": "object"}), " has neither fields nor freedom"),
        (
            json!({"type": "integer", "format": "uint32"}),
            " has the format \"uint32\"",
        ),
        (
            json!({"type": "integer", "default": "5"}),
            " default \"5\" is not of type \"integer\"",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            ".a has no description",
        ),
    ];
    for (schema, expected) in rows {
        let mut found = Vec::new();
        faults("", &schema, &mut found);
        assert!(found.contains(&expected.to_owned()), "{schema}: {found:?}");
    }
}

#[test]
fn names_columns_and_subresource_are_the_published_ones_and_ours() {
    let crd = value();
    assert_eq!(crd["metadata"]["name"], "components.ext.theriseunion.io");
    assert_eq!(crd["spec"]["group"], "ext.theriseunion.io");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    assert_eq!(crd["spec"]["names"]["kind"], "Component");
    assert_eq!(crd["spec"]["names"]["plural"], "components");
    assert_eq!(crd["spec"]["names"]["singular"], "component");
    assert_eq!(crd["spec"]["names"]["shortNames"], json!(["comp"]));
    let version = &crd["spec"]["versions"][0];
    assert_eq!(version["name"], "v1alpha1");
    assert_eq!(version["served"], true);
    assert_eq!(version["storage"], true);
    assert_eq!(version["subresources"], json!({"status": {}}));
    let columns: Vec<(&str, i64)> = version["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            (
                column["name"].as_str().unwrap(),
                column["priority"].as_i64().unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        ("Enabled", 0),
        ("Phase", 0),
        ("Version", 0),
        ("Ready", 0),
        ("Age", 0),
        ("Resolved", 1),
        ("Message", 1),
    ];
    assert_eq!(columns, expected);
}

#[test]
fn published_fields_take_whatever_they_took() {
    // far above what anybody writes: an API server must know what a rule may cost
    let text = json!({"type": "string", "maxLength": 65_536});
    let rows = [
        ("spec.enabled", json!({"type": "boolean", "default": true})),
        ("spec.version", text.clone()),
        ("spec.chart.name", json!({"type": "string"})),
        (
            "spec.chart.namespace",
            json!({"type": "string", "default": "edge-system", "maxLength": 65_536}),
        ),
        ("spec.chart.releaseName", text),
        ("spec.chart.repository", json!({"type": "string"})),
        (
            "spec.values",
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        ),
        ("status.phase", json!({"type": "string"})),
        ("status.message", json!({"type": "string"})),
        ("status.observedHash", json!({"type": "string"})),
        ("status.releaseName", json!({"type": "string"})),
        (
            "status.releaseVersion",
            json!({"type": "integer", "format": "int64"}),
        ),
        (
            "status.retryCount",
            json!({"type": "integer", "format": "int64"}),
        ),
        (
            "status.lastFailureTime",
            json!({"type": "string", "format": "date-time"}),
        ),
        (
            "status.lastTransitionTime",
            json!({"type": "string", "format": "date-time"}),
        ),
    ];
    for (path, expected) in rows {
        let mut found = field(path);
        found.as_object_mut().unwrap().remove("description");
        assert_eq!(found, expected, "{path}");
    }
    assert_eq!(field("spec")["required"], json!(["enabled"]));
    assert_eq!(field("spec")["default"], json!({"enabled": false}));
    assert_eq!(schema().get("required"), None);
    assert_eq!(field("spec.chart").get("required"), None);
    assert_eq!(field("status").get("required"), None);
}

#[test]
fn enums_ranges_and_patterns_are_in_the_schema() {
    assert_eq!(
        field("spec.crds")["enum"],
        json!(["Skip", "Create", "CreateReplace"])
    );
    assert_eq!(field("spec.crds")["default"], "CreateReplace");
    assert_eq!(
        field("spec.install.wait")["enum"],
        json!(["watcher", "hookOnly", "legacy"])
    );
    assert_eq!(field("spec.driftDetection.mode")["default"], "enabled");
    assert_eq!(field("spec.timeout")["default"], "5m");
    assert!(field("spec.upgrade.timeout")["pattern"].is_string());
    assert_eq!(field("spec.upgrade.timeout").get("default"), None);
    assert_eq!(field("spec.upgrade.retries")["default"], 3);
    assert_eq!(field("spec.historyLimit")["minimum"], 1);
    assert_eq!(field("spec.historyLimit")["maximum"], 100);
    assert_eq!(field("spec.dependsOn[]")["required"], json!(["name"]));
    assert_eq!(field("spec.valuesFrom[].key")["default"], "values.yaml");
    assert_eq!(
        field("status.conditions")["x-kubernetes-list-map-keys"],
        json!(["type"])
    );
    assert_eq!(field("status.conditions[].message")["maxLength"], 32768);
}

#[test]
fn the_text_is_the_definition() {
    let text = yaml();
    let read = crate::yaml::parse(text.as_bytes(), crate::yaml::Limits::default()).unwrap();
    assert_eq!(read.to_json(), value());
    assert_eq!(
        crd().metadata.name.as_deref(),
        Some("components.ext.theriseunion.io")
    );
    assert_eq!(text, yaml());
    // a text in quotes is not folded, nor is one without a space
    let is_folded = |line: &&str| !line.ends_with('"') && line.trim().contains(' ');
    for line in text.lines().filter(is_folded) {
        assert!(line.len() <= 120, "{line}");
    }
}
