//! Metadata that is larger than an index should repeat.

use serde::Serialize;

use super::Metadata;

impl Metadata {
    /// Leaves out the annotations, or else the largest of the other fields that a chart can be found and installed
    /// without. Returns its name, `None` if nothing is left that can go.
    pub fn leave_out_largest(&mut self) -> Option<&'static str> {
        if !self.annotations.is_empty() {
            self.annotations.clear();
            return Some("annotations");
        }
        let sizes = [
            ("home", self.home.len()),
            ("sources", size(&self.sources)),
            ("description", self.description.len()),
            ("keywords", size(&self.keywords)),
            ("maintainers", size(&self.maintainers)),
            ("icon", self.icon.len()),
            ("condition", self.condition.len()),
            ("tags", self.tags.len()),
            ("appVersion", self.app_version.len()),
            ("kubeVersion", self.kube_version.len()),
            ("dependencies", size(&self.dependencies)),
        ];
        let (field, _) = (sizes.into_iter())
            .filter(|(_, size)| *size > 0)
            .max_by_key(|(_, size)| *size)?;
        match field {
            "home" => self.home.clear(),
            "sources" => self.sources.clear(),
            "description" => self.description.clear(),
            "keywords" => self.keywords.clear(),
            "maintainers" => self.maintainers.clear(),
            "icon" => self.icon.clear(),
            "condition" => self.condition.clear(),
            "tags" => self.tags.clear(),
            "appVersion" => self.app_version.clear(),
            "kubeVersion" => self.kube_version.clear(),
            _ => self.dependencies.clear(),
        }
        Some(field)
    }
}

/// Bytes of a list as the index writes it; 0 if it is empty.
fn size<T: Serialize>(list: &[T]) -> usize {
    if list.is_empty() {
        return 0;
    }
    let written = serde_json::to_vec(list);
    written.map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_go_first_then_the_largest_and_name_and_version_stay() {
        let mut metadata = Metadata {
            name: "n".repeat(1000),
            version: "1.0.0".to_owned(),
            description: "d".repeat(50),
            keywords: vec!["k".repeat(40), "k".repeat(40)],
            annotations: [("a".to_owned(), "b".to_owned())].into(),
            ..Metadata::default()
        };
        let mut left_out = Vec::new();
        while let Some(field) = metadata.leave_out_largest() {
            left_out.push(field);
        }
        assert_eq!(left_out, ["annotations", "keywords", "description"]);
        assert_eq!((metadata.name.len(), &*metadata.version), (1000, "1.0.0"));
    }
}
