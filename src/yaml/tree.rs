//! Building [`Yaml`] trees.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::yaml::scalar::Scalar;
use crate::yaml::walk::{Node, key_text};
use crate::yaml::{Yaml, YamlError};

impl Node for Yaml {
    type Key = String;
    type Items = Vec<Yaml>;
    type Fields = BTreeMap<String, Yaml>;

    fn scalar(scalar: Scalar<'_>) -> Result<Self, YamlError> {
        Ok(match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Int(value) => Self::Int(value),
            Scalar::Uint(value) => Self::Uint(value),
            Scalar::Float(value) => Self::Float(value),
            Scalar::String(text) => Self::String(text.into_owned()),
        })
    }

    fn sequence(items: Vec<Yaml>) -> Self {
        Self::Sequence(items)
    }

    fn mapping(fields: BTreeMap<String, Yaml>) -> Self {
        Self::Mapping(fields)
    }

    fn push(items: &mut Vec<Yaml>, item: Self) {
        items.push(item);
    }

    fn key(text: Cow<'_, str>) -> String {
        text.into_owned()
    }

    fn insert(fields: &mut BTreeMap<String, Yaml>, key: String, value: Self) {
        fields.insert(key, value);
    }

    fn to_key(&self) -> Option<String> {
        let scalar = match self {
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Int(value) => Scalar::Int(*value),
            Self::Float(value) => Scalar::Float(*value),
            Self::String(text) => Scalar::String(text.as_str().into()),
            Self::Null | Self::Uint(_) | Self::Sequence(_) | Self::Mapping(_) => return None,
        };
        key_text(scalar).ok().map(Cow::into_owned)
    }

    fn merge_into(&self, fields: &mut BTreeMap<String, Yaml>) -> bool {
        let Self::Mapping(merged) = self else {
            return false;
        };
        fields.extend(
            merged
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        true
    }

    fn merge_all_into(&self, fields: &mut BTreeMap<String, Yaml>) -> bool {
        let Self::Sequence(items) = self else {
            return false;
        };
        items.iter().rev().all(|item| item.merge_into(fields))
    }
}
