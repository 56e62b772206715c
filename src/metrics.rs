//! Prometheus families of the chart repository.
