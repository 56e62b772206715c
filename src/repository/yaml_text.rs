//! Index entries as block YAML.

use serde_json::Value;

use crate::repository::entry::Entry;
use crate::yaml::block::{write_item, write_string};

/// Appends `entry` under `entries:`, with its chart's key before it if it is the first of its chart.
pub(super) fn write_entry(out: &mut Vec<u8>, entry: &Entry, first_of_chart: bool) {
    if first_of_chart {
        out.extend_from_slice(b"  ");
        write_string(out, &entry.name);
        out.extend_from_slice(b":\n");
    }
    let value: Value = serde_json::from_str(entry.line()).expect("an entry's line is JSON");
    write_item(out, &value, 2);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::entry::tests::listing;
    use crate::repository::entry::{Entry, Layer};

    #[test]
    fn an_entry_is_a_list_item_with_sorted_keys() {
        let mut listing = listing("demo", "1.0.0", "demo-1.0.0.tgz");
        listing.head = concat!(
            r#"{"name":"demo","version":"1.0.0","keywords":["a","1"],"deprecated":true,"#,
            r#""dependencies":[{"name":"b","repository":"","import-values":[{"child":"x"},"y"]}]"#
        )
        .into();
        let entry = Entry::new(listing, Layer::Upload, "charts/");
        let mut out = Vec::new();
        write_entry(&mut out, &entry, true);
        let expected = format!(
            "  demo:\n  - created: \"2030-03-17T17:46:40.120Z\"\n    dependencies:\n    - import-values:\n      - child: x\n      - \"y\"\n      name: b\n      repository: \"\"\n    deprecated: true\n    digest: {}\n    keywords:\n    - a\n    - \"1\"\n    name: demo\n    urls:\n    - charts/demo-1.0.0.tgz\n    version: \"1.0.0\"\n",
            {
                let d = entry.digest.to_string();
                if d.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    d
                } else {
                    format!("\"{d}\"")
                }
            }
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
