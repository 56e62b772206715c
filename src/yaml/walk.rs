//! From parser events to a tree: nesting, keys, anchors, merges, and what they may cost.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::yaml::input::{GuardedInput, ReadAhead};
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
}

enum Frame<N: Node> {
    Sequence {
        anchor: usize,
        nodes: usize,
        levels: usize,
        items: N::Items,
    },
    Mapping {
        anchor: usize,
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

struct Walk<N: Node> {
    limits: Limits,
    /// Nodes built or kept for repetition so far.
    spent: usize,
    frames: Vec<Frame<N>>,
    /// By the parser's anchor number; `None` until the anchored node is complete.
    anchors: Vec<Option<Measured<N>>>,
    root: Option<N>,
}

/// Reads the first document, and nothing beyond it.
pub(super) fn walk<N: Node>(text: &str, limits: Limits) -> Result<N, YamlError> {
    match documents(text, limits, 1)?.pop() {
        Some(document) => Ok(document),
        None => N::scalar(Scalar::Null),
    }
}

/// Reads all documents; `limits` are for all of them together.
pub(super) fn walk_all<N: Node>(text: &str, limits: Limits) -> Result<Vec<N>, YamlError> {
    documents(text, limits, usize::MAX)
}

/// Reads documents, at most `wanted` of them. One without content is null.
fn documents<N: Node>(text: &str, limits: Limits, wanted: usize) -> Result<Vec<N>, YamlError> {
    // two tokens a node, itself and what separates it from the next; and room for tags, anchors and document markers
    let ahead = ReadAhead::new(limits.nodes.saturating_mul(2).saturating_add(64));
    let mut parser = Parser::new(GuardedInput::new(text, &ahead));
    let mut walk = Walk {
        limits,
        spent: 0,
        frames: Vec::new(),
        anchors: Vec::new(),
        root: None,
    };
    let mut documents = Vec::new();
    while documents.len() < wanted {
        let event = match parser.next_event() {
            None => break,
            Some(_) if ahead.is_exhausted() => {
                return Err(YamlError::TooManyNodes {
                    limit: limits.nodes,
                });
            }
            Some(Ok((event, _))) => event,
            Some(Err(error)) => return Err(YamlError::Syntax(error.to_string())),
        };
        ahead.renew();
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            Event::DocumentEnd => documents.push(walk.end_document()?),
            Event::StreamEnd => break,
            Event::Scalar(text, style, anchor, tag) => {
                walk.scalar(text, style, anchor, tag.as_deref())?
            }
            Event::Alias(anchor) => walk.alias(anchor)?,
            Event::SequenceStart(anchor, _) => walk.open(Frame::Sequence {
                anchor,
                nodes: 1,
                levels: 0,
                items: N::Items::default(),
            })?,
            Event::MappingStart(anchor, _) => walk.open(Frame::Mapping {
                anchor,
                nodes: 1,
                levels: 0,
                fields: N::Fields::default(),
                key: None,
            })?,
            Event::SequenceEnd | Event::MappingEnd => walk.close()?,
        }
    }
    Ok(documents)
}

impl<N: Node> Walk<N> {
    /// The document that is complete now. The next one is counted on, but its anchors are its own.
    fn end_document(&mut self) -> Result<N, YamlError> {
        self.anchors.clear();
        match self.root.take() {
            Some(root) => Ok(root),
            None => N::scalar(Scalar::Null),
        }
    }

    fn spend(&mut self, nodes: usize) -> Result<(), YamlError> {
        self.spent = self.spent.saturating_add(nodes);
        if self.spent > self.limits.nodes {
            return Err(YamlError::TooManyNodes {
                limit: self.limits.nodes,
            });
        }
        Ok(())
    }

    /// True if the next node is a mapping's key.
    fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Mapping { key: None, .. }))
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), YamlError> {
        self.spend(1)?;
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
        let hint = match tag.as_deref() {
            None if style == ScalarStyle::Plain => Hint::Guess,
            None => Hint::Text,
            Some("!") => Hint::Guess,
            Some(tag) => Hint::Tag(tag),
        };
        let cost = 1 + text.len() / TEXT_OF_A_NODE;
        let wants_key = self.wants_key();
        if wants_key
            && text == "<<"
            && (hint == Hint::Guess || hint == Hint::Tag("tag:yaml.org,2002:merge"))
        {
            return self.take_key(Key::Merge, cost);
        }
        let scalar = scalar::resolve(hint, text)?;
        if wants_key && anchor == 0 {
            return self.take_key(Key::Field(N::key(key_text(scalar)?)), cost);
        }
        let node = N::scalar(scalar)?;
        self.complete(
            anchor,
            Measured {
                node,
                nodes: cost,
                levels: 0,
            },
        )
    }

    fn alias(&mut self, anchor: usize) -> Result<(), YamlError> {
        let Some(Some(repeated)) = self.anchors.get(anchor) else {
            return Err(YamlError::Syntax(
                "an anchor's value contains itself".to_owned(),
            ));
        };
        let nodes = repeated.nodes;
        if self.frames.len() + repeated.levels > self.limits.depth {
            return Err(YamlError::TooDeep {
                limit: self.limits.depth,
            });
        }
        // before the copy is made
        self.spend(nodes)?;
        let repeated = self.anchors[anchor].clone().expect("found above");
        self.complete(0, repeated)
    }

    fn open(&mut self, frame: Frame<N>) -> Result<(), YamlError> {
        self.spend(1)?;
        if self.wants_key() {
            return Err(YamlError::Syntax(
                "invalid map key: a collection".to_owned(),
            ));
        }
        if self.frames.len() >= self.limits.depth {
            return Err(YamlError::TooDeep {
                limit: self.limits.depth,
            });
        }
        self.frames.push(frame);
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
    fn complete(&mut self, anchor: usize, measured: Measured<N>) -> Result<(), YamlError> {
        if anchor > 0 {
            self.spend(measured.nodes)?;
            if self.anchors.len() <= anchor {
                self.anchors.resize_with(anchor + 1, || None);
            }
            self.anchors[anchor] = Some(measured.clone());
        }
        if self.wants_key() {
            let Some(key) = measured.node.to_key() else {
                return Err(YamlError::Syntax(
                    "invalid map key: a collection or null".to_owned(),
                ));
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
                    Key::Field(key) => N::insert(fields, key, measured.node),
                    Key::Merge => {
                        if !measured.node.merge_into(fields)
                            && !measured.node.merge_all_into(fields)
                        {
                            let text = "map merge requires map or sequence of maps as the value";
                            return Err(YamlError::Syntax(text.to_owned()));
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
        Scalar::Null => return Err(YamlError::Syntax("unsupported map key: null".to_owned())),
        Scalar::Uint(value) => {
            return Err(YamlError::Syntax(format!("unsupported map key: {value}")));
        }
    })
}
