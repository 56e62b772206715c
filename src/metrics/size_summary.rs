//! A summary of sizes without quantiles: how many, and how much in all. The Prometheus client has no summary of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily, MetricType, Summary};

/// A family of type `summary` without labels.
#[derive(Clone, Debug)]
pub(super) struct SizeSummary {
    desc: Desc,
    count: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl SizeSummary {
    pub(super) fn new(name: &str, help: &str) -> Self {
        let desc = Desc::new(
            name.to_owned(),
            help.to_owned(),
            Vec::new(),
            Default::default(),
        );
        Self {
            desc: desc.expect("the name is valid"),
            count: Arc::default(),
            bytes: Arc::default(),
        }
    }

    pub(super) fn observe(&self, bytes: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Collector for SizeSummary {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut summary = Summary::default();
        summary.set_sample_count(self.count.load(Ordering::Relaxed));
        summary.set_sample_sum(self.bytes.load(Ordering::Relaxed) as f64);
        let mut metric = Metric::default();
        metric.set_summary(summary);
        let mut family = MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(MetricType::SUMMARY);
        family.set_metric(vec![metric]);
        vec![family]
    }
}
