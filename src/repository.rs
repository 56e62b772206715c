//! The chart repository: keeps the store and the index in step.
