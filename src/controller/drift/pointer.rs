//! JSON pointers (RFC 6901): the names from an object's root to a field.

/// The names of a pointer, unescaped. A pointer that does not begin with a slash is read as if it did.
pub fn names(pointer: &str) -> Vec<String> {
    if pointer.is_empty() {
        return Vec::new();
    }
    let way = pointer.strip_prefix('/').unwrap_or(pointer);
    way.split('/')
        .map(|name| name.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// The pointer to a field below `parent`.
pub fn below(parent: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    format!("{parent}/{name}")
}

/// The pointer in the canonical spelling, that of [`below`].
pub fn normal(pointer: &str) -> String {
    names(pointer)
        .iter()
        .fold(String::new(), |parent, name| below(&parent, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_and_written_as_the_standard_says() {
        let rows: [(&str, &[&str]); 5] = [
            ("", &[]),
            ("/", &[""]),
            ("/spec/replicas", &["spec", "replicas"]),
            (
                "/metadata/annotations/a~1b~0c",
                &["metadata", "annotations", "a/b~c"],
            ),
            ("/spec/ports/0", &["spec", "ports", "0"]),
        ];
        for (pointer, expected) in rows {
            assert_eq!(names(pointer), expected, "{pointer}");
            assert_eq!(normal(pointer), pointer);
        }
        assert_eq!(normal("spec/replicas"), "/spec/replicas");
    }
}
