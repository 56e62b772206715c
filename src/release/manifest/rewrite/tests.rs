//! Manifests before and after, each with the one difference that it should have.

use super::*;

/// What a server of today serves of what one of 2021 did.
fn unserved() -> Unserved {
    let at = |version: &str| Served::At(version.to_owned());
    [
        ("policy/v1beta1", "PodDisruptionBudget", at("policy/v1")),
        ("extensions/v1beta1", "Ingress", at("networking.k8s.io/v1")),
        ("policy/v1beta1", "PodSecurityPolicy", Served::Nowhere),
    ]
    .map(|(version, kind, served)| (ApiKind::new(version, kind), served))
    .into()
}

#[track_caller]
fn assert_rewritten(what: &str, before: &str, after: &str) {
    let told = rewrite(before, &unserved()).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(told, after, "{what}");
    let again = rewrite(&told, &unserved()).expect("a sound manifest");
    assert_eq!(again, after, "{what}: twice is once");
}

const BUDGET: &str = "kind: PodDisruptionBudget\nmetadata: {name: a}\n";

#[test]
fn the_api_version_changes_and_nothing_else() {
    let rows = [
        ("plain", "apiVersion: ~\n"),
        (
            "a comment behind it",
            "apiVersion:   ~   # was: policy/v1beta1\n",
        ),
        ("in quotes", "apiVersion: \"~\"\n"),
        ("in single quotes", "'apiVersion': '~' \n"),
        ("with a tag", "apiVersion: !!str ~\n"),
        (
            "with an anchor that nothing repeats",
            "apiVersion: &version ~\n",
        ),
        ("on a line of its own", "apiVersion:\n  ~\n"),
        ("CRLF", "# policy/v1beta1, \u{436}\r\napiVersion: ~\r\n"),
        (
            "after a key of the same value",
            "x: policy/v1beta1\napiVersion: ~\n",
        ),
    ];
    for (what, line) in rows {
        for around in ["", "---\n", "---\n# Source: budget/templates/budget.yaml\n"] {
            let text = |version: &str| format!("{around}{}{BUDGET}", line.replace('~', version));
            assert_rewritten(what, &text("policy/v1beta1"), &text("policy/v1"));
        }
    }
    let json = |version: &str| {
        format!(
            "{{\"kind\": \"PodDisruptionBudget\",\n \"metadata\": {{\"name\": \"a\"}}, \"apiVersion\":\"{version}\" }}\n"
        )
    };
    assert_rewritten("JSON", &json("policy/v1beta1"), &json("policy/v1"));
}

#[test]
fn other_documents_stay_byte_for_byte() {
    let around = |budget: &str, rule: &str| {
        format!(
            "# head\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  text: |\n    apiVersion: \
             policy/v1beta1\n    kind: PodDisruptionBudget\n    ---\n\n---\n# Source: a\napiVersion: {budget}\n{BUDGET}---\n\
             apiVersion: {rule}\nkind: Ingress\nmetadata:\n  name: \u{436}\nspec: {{apiVersion: \
             policy/v1beta1}}\n---\n# nothing\n---\napiVersion: policy/v1\n{BUDGET}...\n"
        )
    };
    let before = around("policy/v1beta1", "extensions/v1beta1");
    let after = around("policy/v1", "networking.k8s.io/v1");
    assert_rewritten("between others", &before, &after);
    assert_rewritten("nothing to do", &after, &after);
    for empty in ["", "\n", "---\n", "# a\n---\n"] {
        assert_rewritten("empty", empty, empty);
    }
}

#[test]
fn what_is_served_nowhere_is_left_out() {
    let policy = "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: b}\n";
    let budget = format!("apiVersion: policy/v1\n{BUDGET}");
    let rows = [
        (
            "in the middle",
            format!("---\n{budget}---\n# Source: b\n{policy}---\n{budget}"),
            format!("---\n{budget}---\n{budget}"),
        ),
        (
            "at the end",
            format!("{budget}---\n{policy}"),
            budget.clone(),
        ),
        (
            "at the beginning",
            format!("{policy}---\n{budget}"),
            format!("---\n{budget}"),
        ),
        ("alone", policy.to_owned(), String::new()),
        (
            "all of a list",
            format!(
                "{budget}---\n{{apiVersion: v1, kind: List, items: [{{apiVersion: policy/v1beta1, kind: \
                 PodSecurityPolicy, metadata: {{name: b}}}}]}}\n"
            ),
            budget.clone(),
        ),
    ];
    for (what, before, after) in rows {
        assert_rewritten(what, &before, &after);
    }
}

#[test]
fn lists_are_told_item_by_item() {
    let list = |version: &str| {
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {{name: a}}\n- kind: \
             PodDisruptionBudget\n  apiVersion: {version} # two\n  metadata: {{name: a}}\n- apiVersion: v1\n  kind: \
             List\n  items: [{{apiVersion: {version}, kind: PodDisruptionBudget, metadata: {{name: b}}}}]\n"
        )
    };
    assert_rewritten("a list", &list("policy/v1beta1"), &list("policy/v1"));
    let typed = |version: &str| {
        format!(
            "apiVersion: {version}\nkind: PodDisruptionBudgetList\nitems:\n- metadata: {{name: a}}\n- metadata: {{name: b}}\n"
        )
    };
    assert_rewritten("of one kind", &typed("policy/v1beta1"), &typed("policy/v1"));
    // an object of its own that is called a list
    let named = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudgetList\nmetadata: {name: mine}\nitems: []\n";
    assert_rewritten("a name", named, named);
}

#[test]
fn what_cannot_be_changed_in_its_place_is_written_anew() {
    let rows = [
        (
            "an alias",
            "---\n# Source: a\nx: &v policy/v1beta1\napiVersion: *v\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
            "---\n{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"name\":\"a\"},\"x\":\"policy/v1beta1\"}\n",
        ),
        (
            "an anchor that is repeated",
            "apiVersion: &v policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a, labels: {v: *v, \u{e9}: \"\\u2028\"}}\n",
            "{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"labels\":{\"v\":\"policy/v1beta1\",\"\\u00e9\":\"\\u2028\"},\"name\":\"a\"}}\n",
        ),
        (
            "a block of text",
            "apiVersion: >-\n  policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
            "apiVersion: >-\n  policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n",
        ),
        (
            "escapes",
            "apiVersion: \"policy\\x2fv1beta1\"\nkind: PodDisruptionBudget\nmetadata: {name: a}\nnumber: 9007199254740993\n",
            "{\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":{\"name\":\"a\"},\"number\":9007199254740993}\n",
        ),
        (
            "a list that loses an item",
            "kind: List\napiVersion: v1\nitems:\n- {apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {name: a}}\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n---\na: 1\n",
            "{\"apiVersion\":\"v1\",\"items\":[{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"b\"}}],\"kind\":\"List\"}\n---\na: 1\n",
        ),
    ];
    for (what, before, after) in rows {
        assert_rewritten(what, before, after);
    }
}

#[test]
fn the_kinds_of_a_manifest_are_told_once() {
    let manifest = format!(
        "apiVersion: policy/v1\n{BUDGET}---\napiVersion: policy/v1\n{BUDGET}---\n{{apiVersion: v1, kind: ConfigMapList, \
         items: [{{metadata: {{name: a}}}}]}}\n"
    );
    let expected = [("policy/v1", "PodDisruptionBudget"), ("v1", "ConfigMap")];
    let expected = expected.map(|(version, kind)| ApiKind::new(version, kind));
    assert_eq!(kinds(&manifest).expect("sound"), expected.into());
    assert!(rewrite("a: [", &unserved()).is_err());
}

#[test]
fn definitions_are_left_out_by_name_and_nothing_else_is_touched() {
    let definition = |name: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {name}}} # x\n"
        )
    };
    let other = "# Source: web\napiVersion: v1\nkind: Service\nmetadata: {name: as.x}\n";
    let names = BTreeSet::from(["as.x".to_owned(), "bs.x".to_owned()]);
    let without = |manifest: &str| without_definitions(manifest, &names).expect("a sound manifest");
    let manifest = [
        &definition("as.x"),
        other,
        &definition("cs.x"),
        &definition("bs.x"),
    ]
    .join("---\n");
    assert_eq!(
        without(&manifest),
        ["", other, &definition("cs.x")].join("---\n")
    );
    assert_eq!(without(other), other);
    let item = |name: &str| {
        format!(
            "{{\"kind\": \"CustomResourceDefinition\", \"metadata\": {{\"name\": \"{name}\"}}}}"
        )
    };
    let list = |kind: &str, items: &[String]| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"{kind}\", \"items\": [{}]}}",
            items.join(", ")
        )
    };
    let left = without(&list("List", &[item("as.x"), item("cs.x")]));
    let read: Value = serde_json::from_str(&left).expect("JSON");
    assert_eq!(read["items"].as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(read["items"][0]["metadata"]["name"], "cs.x");
    assert_eq!(without(&list("List", &[item("as.x"), item("bs.x")])), "");
    let unnamed = "{\"metadata\": {\"name\": \"as.x\"}}".to_owned();
    assert_eq!(
        without(&list("CustomResourceDefinitionList", &[unnamed])),
        ""
    );
}
