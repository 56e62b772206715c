//! From parser events to a tree: nesting, keys, anchors, merges, and what they may cost.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::yaml::parser::{EventKind, Parser};
use crate::yaml::scalar::{self, Hint, Scalar};
use crate::yaml::{Limits, YamlError, go_float_text};

/// What is made of the nodes: a tree, or only what the rules need to know.
pub(super) trait Node: Clone {
    /// A mapping's key.
    type Key;
    /// A sequence that is not complete yet.
    type Items: Default;
    /// A mapping that is not complete yet.
    type Fields: Default;

    fn scalar(scalar: Scalar<'_>) -> Result<Self, YamlError>;
    fn sequence(items: Self::Items) -> Self;
    fn mapping(fields: Self::Fields) -> Self;
    fn push(items: &mut Self::Items, item: Self);
    fn key(text: Cow<'_, str>) -> Self::Key;
    fn insert(fields: &mut Self::Fields, key: Self::Key, value: Self);

    /// The key that a repeated node makes, `None` if it cannot be one.
    fn to_key(&self) -> Option<Self::Key>;
    /// Adds all fields of this node, `false` if it is no mapping.
    fn merge_into(&self, fields: &mut Self::Fields) -> bool;
    /// Adds the fields of all mappings in this sequence, the first one last so that it wins; `false` if it is none.
    fn merge_all_into(&self, fields: &mut Self::Fields) -> bool;
}

/// Bytes of text that a repetition counts as one more node, so that repeating a long text is not free.
const TEXT_OF_A_NODE: usize = 64;

/// A node, and what a repetition of it costs.
#[derive(Clone)]
struct Measured<N> {
    node: N,
    nodes: usize,
    /// Levels of collections in it: 0 for a scalar.
    levels: usize,
    /// It stands here as an alias.
    is_alias: bool,
}

enum Frame<N: Node> {
    Sequence {
        anchor: Option<usize>,
        nodes: usize,
        levels: usize,
        items: N::Items,
    },
    Mapping {
        anchor: Option<usize>,
        nodes: usize,
        levels: usize,
        fields: N::Fields,
        key: Option<Key<N::Key>>,
    },
}

enum Key<K> {
    Field(K),
    /// `<<`
    Merge,
}

/// Takes a field.
type Take<'t, N> = dyn FnMut(<N as Node>::Key, N) + 't;

/// Takes the fields of one mapping below the root one after the other, so that they are not kept.
pub(super) struct Taker<'t, N: Node> {
    /// True for the key of that mapping in the root.
    pub is_it: &'t dyn Fn(&N::Key) -> bool,
    /// Takes a field of it.
    pub take: &'t mut Take<'t, N>,
    /// Takes the fields that a merge brought, and leaves none.
    pub drain: fn(&mut N::Fields, &mut Take<'_, N>),
    /// The most nodes of one field; those of all are in [`Limits`].
    pub most: usize,
}

struct Walk<'a, 't, N: Node> {
    limits: Limits,
    taker: Option<Taker<'t, N>>,
    /// What was spent when the last field was taken.
    taken: usize,
    /// Nodes kept for repetition, which outlive the field that they are in.
    repeatable: usize,
    /// Nodes built or kept for repetition so far.
    spent: usize,
    frames: Vec<Frame<N>>,
    /// The anchored nodes; `None` until one is complete.
    anchored: Vec<Option<Measured<N>>>,
    /// Which of them a name stands for now.
    anchors: HashMap<&'a str, usize>,
    root: Option<N>,
}

/// Reads the first document, and nothing beyond it.
pub(super) fn walk<N: Node>(text: &str, mut limits: Limits) -> Result<N, YamlError> {
    walk_within(text, &mut limits)
}

/// Reads the first document, and takes what it costs from `limits`. One without content is null.
pub(super) fn walk_within<N: Node>(text: &str, limits: &mut Limits) -> Result<N, YamlError> {
    walk_taking(text, limits, None)
}

/// The same, and hands the fields of one mapping over as they come.
pub(super) fn walk_taking<'t, N: Node>(
    text: &str,
    limits: &mut Limits,
    taker: Option<Taker<'t, N>>,
) -> Result<N, YamlError> {
    let mut parser = Parser::new(text);
    let mut walk = Walk {
        limits: *limits,
        taker,
        taken: 0,
        repeatable: 0,
        spent: 0,
        frames: Vec::new(),
        anchored: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
    loop {
        let event = parser.next_event()?;
        let done = match event.kind {
            EventKind::DocumentStart => Ok(()),
            EventKind::DocumentEnd | EventKind::StreamEnd => break,
            EventKind::Scalar {
                text,
                is_plain,
                anchor,
                tag,
            } => walk.scalar(text, is_plain, anchor, tag.as_deref()),
            EventKind::Alias(name) => walk.alias(name),
            EventKind::SequenceStart { anchor } => walk.open(anchor, |anchor| Frame::Sequence {
                anchor,
                nodes: 1,
                levels: 0,
                items: N::Items::default(),
            }),
            EventKind::MappingStart { anchor } => walk.open(anchor, |anchor| Frame::Mapping {
                anchor,
                nodes: 1,
                levels: 0,
                fields: N::Fields::default(),
                key: None,
            }),
            EventKind::SequenceEnd | EventKind::MappingEnd => walk.close(),
        };
        done.map_err(|error| error.at_line(event.start.line + 1))?;
    }
    limits.nodes -= walk.spent;
    match walk.root {
        Some(root) => Ok(root),
        None => N::scalar(Scalar::Null),
    }
}

impl<'a, N: Node> Walk<'a, '_, N> {
    fn spend(&mut self, nodes: usize) -> Result<(), YamlError> {
        self.spent = self.spent.saturating_add(nodes);
        if self.spent > self.limits.nodes {
            let limit = self.limits.nodes;
            return Err(YamlError::TooManyNodes { limit });
        }
        match &self.taker {
            Some(Taker { most, .. })
                if self.spent - self.taken > *most || self.repeatable > *most =>
            {
                Err(YamlError::TooManyNodes { limit: *most })
            }
            _ => Ok(()),
        }
    }

    /// True if the mapping that is open is the one whose fields are taken.
    fn is_taken_from(&self) -> bool {
        match (&self.taker, &*self.frames) {
            (
                Some(taker),
                [
                    Frame::Mapping {
                        key: Some(Key::Field(key)),
                        anchor: None,
                        ..
                    },
                    Frame::Mapping { anchor: None, .. },
                ],
            ) => (taker.is_it)(key),
            _ => false,
        }
    }

    /// True if the next node is a mapping's key.
    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Mapping { key: None, .. }))
    }

    /// The next node is called `name`, from its start on: in it the name is its own.
    fn anchor(&mut self, name: Option<&'a str>) -> Option<usize> {
        let number = self.anchored.len();
        self.anchors.insert(name?, number);
        self.anchored.push(None);
        Some(number)
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        is_plain: bool,
        anchor: Option<&'a str>,
        tag: Option<&str>,
    ) -> Result<(), YamlError> {
        self.spend(1)?;
        let hint = match tag {
            None if is_plain => Hint::Guess,
            None => Hint::Text,
            Some(tag) => Hint::Tag(tag),
        };
        let cost = 1 + text.len() / TEXT_OF_A_NODE;
        let wants_key = self.wants_key();
        let is_merge = matches!(
            hint,
            Hint::Guess | Hint::Tag("!" | "tag:yaml.org,2002:merge")
        );
        if wants_key && text == "<<" && is_merge {
            return self.take_key(Key::Merge, cost);
        }
        let scalar = scalar::resolve(hint, text)?;
        if wants_key && anchor.is_none() {
            return self.take_key(Key::Field(N::key(key_text(scalar)?)), cost);
        }
        let anchor = self.anchor(anchor);
        let node = N::scalar(scalar)?;
        self.complete(
            anchor,
            Measured {
                node,
                nodes: cost,
                levels: 0,
                is_alias: false,
            },
        )
    }

    fn alias(&mut self, name: &str) -> Result<(), YamlError> {
        let Some(number) = self.anchors.get(name).copied() else {
            return Err(YamlError::syntax(format!(
                "unknown anchor '{name}' referenced"
            )));
        };
        let Some(repeated) = &self.anchored[number] else {
            return Err(YamlError::syntax(format!(
                "anchor '{name}' value contains itself"
            )));
        };
        let nodes = repeated.nodes;
        if self.frames.len() + repeated.levels > self.limits.depth {
            return Err(YamlError::TooDeep {
                limit: self.limits.depth,
            });
        }
        // before the copy is made
        self.spend(nodes)?;
        let mut repeated = self.anchored[number].clone().expect("found above");
        repeated.is_alias = true;
        self.complete(None, repeated)
    }

    fn open(
        &mut self,
        anchor: Option<&'a str>,
        frame: impl FnOnce(Option<usize>) -> Frame<N>,
    ) -> Result<(), YamlError> {
        self.spend(1)?;
        if self.wants_key() {
            return Err(YamlError::syntax("invalid map key: a collection"));
        }
        if self.frames.len() >= self.limits.depth {
            return Err(YamlError::TooDeep {
                limit: self.limits.depth,
            });
        }
        let anchor = self.anchor(anchor);
        self.frames.push(frame(anchor));
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlError> {
        let frame = self
            .frames
            .pop()
            .expect("the parser ends only what it has started");
        let (anchor, nodes, levels, node) = match frame {
            Frame::Sequence {
                anchor,
                nodes,
                levels,
                items,
            } => (anchor, nodes, levels, N::sequence(items)),
            Frame::Mapping {
                anchor,
                nodes,
                levels,
                fields,
                ..
            } => (anchor, nodes, levels, N::mapping(fields)),
        };
        self.complete(
            anchor,
            Measured {
                node,
                nodes,
                levels: levels + 1,
                is_alias: false,
            },
        )
    }

    fn take_key(&mut self, new: Key<N::Key>, cost: usize) -> Result<(), YamlError> {
        if let Some(Frame::Mapping { key, nodes, .. }) = self.frames.last_mut() {
            *key = Some(new);
            *nodes += cost;
        }
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn complete(&mut self, anchor: Option<usize>, measured: Measured<N>) -> Result<(), YamlError> {
        if let Some(anchor) = anchor {
            self.repeatable = self.repeatable.saturating_add(measured.nodes);
            self.spend(measured.nodes)?;
            self.anchored[anchor] = Some(measured.clone());
        }
        if self.wants_key() {
            let Some(key) = measured.node.to_key() else {
                return Err(YamlError::syntax("invalid map key: a collection or null"));
            };
            return self.take_key(Key::Field(key), measured.nodes);
        }
        if let Some(Frame::Mapping {
            key: Some(Key::Merge),
            ..
        }) = self.frames.last()
        {
            // the fields are copied, and once more by every merge around this one
            self.spend(measured.nodes)?;
        }
        let is_taken = self.is_taken_from();
        match self.frames.last_mut() {
            None => self.root = Some(measured.node),
            Some(Frame::Sequence {
                nodes,
                levels,
                items,
                ..
            }) => {
                *nodes += measured.nodes;
                *levels = measured.levels.max(*levels);
                N::push(items, measured.node);
            }
            Some(Frame::Mapping {
                nodes,
                levels,
                fields,
                key,
                ..
            }) => {
                *nodes += measured.nodes;
                *levels = measured.levels.max(*levels);
                match key.take().expect("a mapping that wants no key has one") {
                    Key::Field(key) => match &mut self.taker {
                        Some(taker) if is_taken => {
                            (taker.take)(key, measured.node);
                            self.taken = self.spent;
                        }
                        _ => N::insert(fields, key, measured.node),
                    },
                    Key::Merge => {
                        // an alias of a sequence is no sequence to go-yaml
                        if !measured.node.merge_into(fields)
                            && (measured.is_alias || !measured.node.merge_all_into(fields))
                        {
                            let text = "map merge requires map or sequence of maps as the value";
                            return Err(YamlError::syntax(text));
                        }
                        if let Some(taker) = self.taker.as_mut().filter(|_| is_taken) {
                            (taker.drain)(fields, taker.take);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// A key as `sigs.k8s.io/yaml` spells it for JSON. Null and numbers above 63 bits cannot be keys there.
pub(super) fn key_text(scalar: Scalar<'_>) -> Result<Cow<'_, str>, YamlError> {
    Ok(match scalar {
        Scalar::String(text) => text,
        Scalar::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Scalar::Int(value) => Cow::Owned(value.to_string()),
        Scalar::Float(value) if value.is_nan() => Cow::Borrowed(".nan"),
        Scalar::Float(value) if value.is_infinite() => {
            Cow::Borrowed(if value > 0.0 { ".inf" } else { "-.inf" })
        }
        Scalar::Float(value) => Cow::Owned(go_float_text(value)),
        Scalar::Null => return Err(YamlError::syntax("unsupported map key: null")),
        Scalar::Uint(value) => {
            return Err(YamlError::syntax(format!("unsupported map key: {value}")));
        }
    })
}
