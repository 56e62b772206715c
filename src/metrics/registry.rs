//! What the registry has done.

use prometheus::{IntCounter, IntCounterVec, Opts};

use super::families::Families;

const VALID: &str = "names and labels are valid";

/// Counters of one registry, which clones share.
#[derive(Clone, Debug)]
pub struct RegistryCounters {
    pushes: IntCounterVec,
    pulls: IntCounterVec,
    bytes: IntCounterVec,
    collected: IntCounterVec,
    collected_bytes: IntCounter,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Manifests.
    Manifest,
    /// Blobs.
    Blob,
    /// Unfinished uploads.
    Upload,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Upload => "upload",
        }
    }
}

impl Default for RegistryCounters {
    fn default() -> Self {
        let by = |name: &str, help: &str, label: &str| {
            IntCounterVec::new(Opts::new(name, help), &[label]).expect(VALID)
        };
        Self {
            pushes: by(
                "chartroom_registry_pushes_total",
                "Manifests and blobs that were pushed",
                "kind",
            ),
            pulls: by(
                "chartroom_registry_pulls_total",
                "Manifests and blobs that were asked for and sent",
                "kind",
            ),
            bytes: by(
                "chartroom_registry_blob_bytes_total",
                "Bytes of blobs that were pushed or asked for",
                "direction",
            ),
            collected: by(
                "chartroom_registry_collected_total",
                "What nobody needed any more and was removed",
                "kind",
            ),
            collected_bytes: IntCounter::new(
                "chartroom_registry_collected_bytes_total",
                "Bytes of the manifests and blobs that were removed",
            )
            .expect(VALID),
        }
    }
}

impl RegistryCounters {
    /// Shows them among these families.
    pub(super) fn register(&self, families: &Families<'_>) {
        families.register(self.pushes.clone());
        families.register(self.pulls.clone());
        families.register(self.bytes.clone());
        families.register(self.collected.clone());
        families.register(self.collected_bytes.clone());
    }

    /// Something of so many bytes was pushed.
    pub fn pushed(&self, kind: Kind, bytes: u64) {
        self.pushes.with_label_values(&[kind.label()]).inc();
        if kind == Kind::Blob {
            self.bytes.with_label_values(&["in"]).inc_by(bytes);
        }
    }

    /// So many bytes of something are sent.
    pub fn pulled(&self, kind: Kind, bytes: u64) {
        self.pulls.with_label_values(&[kind.label()]).inc();
        if kind == Kind::Blob {
            self.bytes.with_label_values(&["out"]).inc_by(bytes);
        }
    }

    /// So many were removed.
    pub fn collected(&self, kind: Kind, count: usize) {
        let counter = self.collected.with_label_values(&[kind.label()]);
        counter.inc_by(count as u64);
    }

    /// So many bytes were.
    pub fn collected_bytes(&self, bytes: u64) {
        self.collected_bytes.inc_by(bytes);
    }
}
