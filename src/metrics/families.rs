//! Metric families, made and registered in one step.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

const VALID: &str = "names and labels are valid";

/// Makes families that are registered in this registry.
pub struct Families<'a>(pub &'a Registry);

impl Families<'_> {
    /// Registers a family that was made elsewhere.
    pub fn register<F: Collector + Clone + 'static>(&self, family: F) -> F {
        let registered = self.0.register(Box::new(family.clone()));
        registered.expect("no family is registered twice");
        family
    }

    /// The families of the process itself, `process_…`.
    pub fn process(&self) {
        let registered = self.0.register(Box::new(ProcessCollector::for_self()));
        registered.expect("no family is registered twice");
    }

    /// Counters by these labels.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels).expect(VALID))
    }

    /// One counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help).expect(VALID))
    }

    /// Gauges by these labels.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID))
    }

    /// One gauge.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help).expect(VALID))
    }

    /// Histograms by these labels; `buckets` are upper bounds.
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels).expect(VALID))
    }
}
