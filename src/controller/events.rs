//! Events about Components.
