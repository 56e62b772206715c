//! Checking a document without keeping it.

use std::borrow::Cow;

use crate::yaml::scalar::Scalar;
use crate::yaml::walk::Node;
use crate::yaml::{YamlError, go_float_text};

/// As much of a node as the rules ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    Null,
    /// A scalar that can be a key.
    Key,
    /// A scalar that cannot.
    Number,
    Sequence {
        mappings_only: bool,
    },
    Mapping,
}

/// What is known of a sequence so far.
#[derive(Debug, Default)]
pub(super) struct Items {
    has_other_than_mapping: bool,
}

impl Node for Shape {
    type Key = ();
    type Items = Items;
    type Fields = ();

    fn scalar(scalar: Scalar<'_>) -> Result<Self, YamlError> {
        match scalar {
            Scalar::Null => Ok(Self::Null),
            Scalar::Bool(_) | Scalar::Int(_) | Scalar::String(_) => Ok(Self::Key),
            Scalar::Float(value) if value.is_finite() => Ok(Self::Key),
            Scalar::Float(value) => Err(YamlError::syntax(format!(
                "json: unsupported value: {}",
                go_float_text(value)
            ))),
            Scalar::Uint(_) => Ok(Self::Number),
        }
    }

    fn sequence(items: Items) -> Self {
        Self::Sequence {
            mappings_only: !items.has_other_than_mapping,
        }
    }

    fn mapping((): ()) -> Self {
        Self::Mapping
    }

    fn push(items: &mut Items, item: Self) {
        items.has_other_than_mapping |= item != Self::Mapping;
    }

    fn key(_: Cow<'_, str>) {}

    fn insert((): &mut (), (): (), _: Self) {}

    fn to_key(&self) -> Option<()> {
        (*self == Self::Key).then_some(())
    }

    fn merge_into(&self, (): &mut ()) -> bool {
        *self == Self::Mapping
    }

    fn merge_all_into(&self, (): &mut ()) -> bool {
        *self
            == Self::Sequence {
                mappings_only: true,
            }
    }
}
