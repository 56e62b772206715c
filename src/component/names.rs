//! The annotations, labels and finalizer of Components and of what they install (docs/components.md 2).

/// Namespace of a release whose Component names none, as in the published definition.
pub const DEFAULT_NAMESPACE: &str = "edge-system";

/// Finalizer: the release is uninstalled before its Component goes.
pub const FINALIZER: &str = "ext.theriseunion.io/component";

/// The controller's own field manager.
pub const FIELD_MANAGER: &str = "component-controller";

/// Annotations of a Component.
pub mod annotation {
    /// `"true"`: the release is left alone; its state is still reported.
    pub const SKIP_RECONCILE: &str = "ext.theriseunion.io/skip-reconcile";
    /// `"true"`: the release was installed by other means and is never touched.
    pub const PRE_INSTALLED: &str = "ext.theriseunion.io/pre-installed";
    /// How it was installed: `helm-direct` is a plain `helm install`.
    pub const INSTALLATION_METHOD: &str = "ext.theriseunion.io/installation-method";
    /// A new value requests a reconcile at once.
    pub const REQUESTED_AT: &str = "ext.theriseunion.io/requestedAt";
    /// A new value requests one upgrade, even if in sync.
    pub const FORCE_AT: &str = "ext.theriseunion.io/forceAt";
    /// A new value clears the failure counters.
    pub const RESET_AT: &str = "ext.theriseunion.io/resetAt";
    /// `"true"`: may be deleted or disabled while others need it.
    pub const ALLOW_BREAK_DEPENDENTS: &str = "ext.theriseunion.io/allow-break-dependents";
    /// `"true"`: the release may be moved although it is in a namespace of Kubernetes' own.
    pub const ALLOW_MOVE: &str = "ext.theriseunion.io/allow-move";
    /// On a deployed object: `disabled` exempts it from drift detection.
    pub const DRIFT_DETECTION: &str = "ext.theriseunion.io/driftDetection";
    /// On a definition: the Component, as namespace/name, whose release dropped it and for which it was kept.
    pub const KEPT_FOR: &str = "ext.theriseunion.io/kept-for";
    /// In memory alone: the nulls that an ordinary `kubectl apply` dropped from the values.
    pub const DROPPED_NULLS: &str = "ext.theriseunion.io/dropped-nulls";
    pub use crate::chart::index::REQUIRES;
}

/// Labels.
pub mod label {
    /// On a Component that the controller created for a dependency: `"true"`.
    pub const IMPLICIT: &str = "ext.theriseunion.io/implicit";
    /// On a release: the short form of the spec hash.
    pub const HASH: &str = "ext.theriseunion.io/hash";
    /// On a release: the id of the operation that made the revision.
    pub const OPERATION: &str = "ext.theriseunion.io/op";
    /// On a Secret beside a release: `"true"`, the original record of a revision that was converted.
    pub const ORIGINAL: &str = "ext.theriseunion.io/original";
    /// On a release: its Component, as namespace.name.
    pub const OWNER: &str = "ext.theriseunion.io/owner";
}
