//! The controller's metrics (docs/components.md 15). Labels are names and fixed words, never messages.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::{
    HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use crate::component::conditions::Reason;
use crate::metrics::Families;
use crate::release::helm::FailureClass;

/// Upper bounds of the durations of Helm operations, in seconds.
const OPERATION_BUCKETS: [f64; 12] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// Upper bounds of the durations of reconciles, in seconds.
const PASS_BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0, 300.0];

/// All families of one controller.
#[derive(Debug)]
pub struct ControllerMetrics {
    registry: Registry,
    install_duration: HistogramVec,
    reconciles: IntCounterVec,
    reconcile_duration: HistogramVec,
    info: IntGaugeVec,
    ready: IntGaugeVec,
    operations: IntCounterVec,
    slots: IntGaugeVec,
    queue_depth: IntGauge,
    drift: IntCounterVec,
    retries: IntCounterVec,
    blocked: IntCounterVec,
    helm_max_rss: IntGauge,
    chart_bytes: IntCounter,
    leader: IntGauge,
    /// Component, action and result of every series of `install_duration`. Locked while several series change, so
    /// that a scrape sees all or none of the change.
    series: Mutex<BTreeSet<[String; 3]>>,
}

impl Default for ControllerMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl ControllerMetrics {
    /// Registers every family in a registry of its own.
    pub fn new() -> Self {
        let registry = Registry::new();
        let new = Families(&registry);
        new.process();
        Self {
            install_duration: new.histograms(
                "component_install_duration_seconds",
                "How long Helm operations of a Component took, in seconds",
                &["component", "action", "result"],
                &OPERATION_BUCKETS,
            ),
            reconciles: new.counters(
                "controller_reconcile_total",
                "Passes over Components, by how they ended",
                &["result"],
            ),
            reconcile_duration: new.histograms(
                "controller_reconcile_duration_seconds",
                "How long reconciles of Components took, in seconds",
                &["result"],
                &PASS_BUCKETS,
            ),
            info: new.gauges(
                "component_info",
                "Always 1: a Component, its phase and the version of its chart",
                &["name", "namespace", "phase", "version"],
            ),
            ready: new.gauges(
                "component_ready",
                "1 if a Component is ready, else 0",
                &["name", "namespace"],
            ),
            operations: new.counters(
                "component_operations_total",
                "Helm operations, by what came of them",
                &["action", "result", "reason"],
            ),
            slots: new.gauges(
                "component_operation_slots",
                "Helm operations at once: how many run, how many may",
                &["state"],
            ),
            queue_depth: new.gauge("component_queue_depth", "Components that wait for a slot"),
            drift: new.counters(
                "component_drift_total",
                "Drift that was found, by mode and by what came of it",
                &["mode", "result"],
            ),
            retries: new.counters(
                "component_retry_total",
                "Failures that are tried again, by class",
                &["class"],
            ),
            blocked: new.counters(
                "component_dependency_blocked",
                "Passes that ended because of a dependency, by reason",
                &["reason"],
            ),
            helm_max_rss: new.gauge(
                "component_helm_child_max_rss_bytes",
                "The most memory that a helm process has used, in bytes",
            ),
            chart_bytes: new.counter(
                "component_chart_fetch_bytes_total",
                "Bytes of chart packages that were fetched",
            ),
            leader: new.gauge(
                "controller_leader",
                "1 if this replica is the one that works",
            ),
            registry,
            series: Mutex::default(),
        }
    }

    /// A reconcile ended: `success`, `conflict` (another write came first) or `error`.
    pub fn reconciled(&self, result: &str, duration: Duration) {
        self.reconciles.with_label_values(&[result]).inc();
        let durations = self.reconcile_duration.with_label_values(&[result]);
        durations.observe(duration.as_secs_f64());
    }

    /// A Helm operation ended.
    pub fn operation(&self, action: &str, result: &str, reason: &str) {
        let labels = [action, result, reason];
        self.operations.with_label_values(&labels).inc();
    }

    /// How long a Helm operation of `component` (namespace/name) took.
    pub fn install_duration(&self, component: &str, action: &str, result: &str, seconds: f64) {
        let labels = [component, action, result];
        let mut series = self.series();
        self.install_duration
            .with_label_values(&labels)
            .observe(seconds);
        series.insert(labels.map(str::to_owned));
    }

    /// How many slots are in use, and how many there are.
    pub fn slots(&self, used: usize, total: usize) {
        self.slots.with_label_values(&["used"]).set(whole(used));
        self.slots.with_label_values(&["total"]).set(whole(total));
    }

    /// How many Components wait for a slot.
    pub fn queue_depth(&self, waiting: usize) {
        self.queue_depth.set(whole(waiting));
    }

    /// Drift was found.
    pub fn drift(&self, mode: &str, result: &str) {
        self.drift.with_label_values(&[mode, result]).inc();
    }

    /// A failure is retried.
    pub fn retry(&self, class: FailureClass) {
        let word = match class {
            FailureClass::Transient => "transient",
            FailureClass::Attempt => "attempt",
            FailureClass::Terminal => "terminal",
            FailureClass::Interrupted => "interrupted",
            FailureClass::DecideAgain => "decide-again",
        };
        self.retries.with_label_values(&[word]).inc();
    }

    /// A dependency holds a Component up.
    pub fn dependency_blocked(&self, reason: Reason) {
        self.blocked.with_label_values(&[reason.as_str()]).inc();
    }

    /// The most memory that a helm process used, in bytes.
    pub fn helm_max_rss(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.helm_max_rss.set(self.helm_max_rss.get().max(bytes));
    }

    /// The bytes of packages fetched so far.
    pub fn chart_bytes(&self, bytes: u64) {
        let counted = self.chart_bytes.get();
        self.chart_bytes.inc_by(bytes.saturating_sub(counted));
    }

    /// Whether this replica is the leader.
    pub fn leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Replaces the Components: name, namespace, phase, version, and whether they are ready. Series of others
    /// disappear, their durations included.
    pub fn set_components<'a>(
        &self,
        components: impl Iterator<Item = (&'a str, &'a str, &'a str, &'a str, bool)>,
    ) {
        let mut series = self.series();
        let mut alive = BTreeSet::new();
        self.info.reset();
        self.ready.reset();
        for (name, namespace, phase, version, ready) in components {
            let labels = [name, namespace, phase, version];
            self.info.with_label_values(&labels).set(1);
            let ready = i64::from(ready);
            self.ready.with_label_values(&[name, namespace]).set(ready);
            alive.insert(format!("{namespace}/{name}"));
        }
        series.retain(|labels| {
            let stays = alive.contains(&labels[0]);
            if !stays {
                let removed = self.install_duration.remove_label_values(labels);
                removed.expect("what was counted is there");
            }
            stays
        });
    }

    /// The families in Prometheus' text format.
    pub fn render(&self) -> String {
        let families = {
            let _held = self.series();
            self.registry.gather()
        };
        let text = TextEncoder::new().encode_to_string(&families);
        text.expect("families of ours can be written")
    }

    fn series(&self) -> MutexGuard<'_, BTreeSet<[String; 3]>> {
        // the next `set_components` repairs what a panic left incomplete
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_the_contracts_name_and_components_that_go_leave_no_trace() {
        let metrics = ControllerMetrics::new();
        metrics.reconciled("success", Duration::from_millis(3));
        metrics.operation("Install", "success", "InstallSucceeded");
        metrics.install_duration("edge/web", "Install", "success", 0.4);
        metrics.slots(1, 3);
        metrics.queue_depth(2);
        metrics.drift("enabled", "corrected");
        metrics.retry(FailureClass::Attempt);
        metrics.dependency_blocked(Reason::DependencyMissing);
        metrics.helm_max_rss(200);
        metrics.helm_max_rss(100);
        metrics.chart_bytes(7);
        metrics.leader(true);
        metrics.set_components([("web", "edge", "Deployed", "1.0.0", true)].into_iter());
        let text = metrics.render();
        for line in [
            "component_install_duration_seconds_count{action=\"Install\",component=\"edge/web\",result=\"success\"} 1",
            "controller_reconcile_total{result=\"success\"} 1",
            "controller_reconcile_duration_seconds_count{result=\"success\"} 1",
            "component_info{name=\"web\",namespace=\"edge\",phase=\"Deployed\",version=\"1.0.0\"} 1",
            "component_ready{name=\"web\",namespace=\"edge\"} 1",
            "component_operations_total{action=\"Install\",reason=\"InstallSucceeded\",result=\"success\"} 1",
            "component_operation_slots{state=\"total\"} 3",
            "component_operation_slots{state=\"used\"} 1",
            "component_queue_depth 2",
            "component_drift_total{mode=\"enabled\",result=\"corrected\"} 1",
            "component_retry_total{class=\"attempt\"} 1",
            "component_dependency_blocked{reason=\"DependencyMissing\"} 1",
            "component_helm_child_max_rss_bytes 200",
            "component_chart_fetch_bytes_total 7",
            "controller_leader 1",
        ] {
            assert!(text.contains(line), "{line} is in\n{text}");
        }
        metrics.install_duration("edge/db", "Install", "failure", 0.4);
        metrics.set_components([("db", "edge", "Failed", "2.0.0", false)].into_iter());
        let text = metrics.render();
        assert!(!text.contains("web"), "{text}");
        for line in [
            "component_install_duration_seconds_count{action=\"Install\",component=\"edge/db\",result=\"failure\"} 1",
            "component_ready{name=\"db\",namespace=\"edge\"} 0",
        ] {
            assert!(text.contains(line), "{line} is in\n{text}");
        }
    }

    #[test]
    fn a_component_is_shown_in_one_phase_at_a_time() {
        let metrics = ControllerMetrics::new();
        for phase in ["Installing", "Deployed"] {
            metrics.set_components([("web", "edge", phase, "1.0.0", true)].into_iter());
        }
        let text = metrics.render();
        assert_eq!(text.matches("component_info{").count(), 1, "{text}");
        assert!(text.contains("phase=\"Deployed\""), "{text}");
    }

    #[test]
    fn families_without_labels_are_there_from_the_start() {
        let text = ControllerMetrics::new().render();
        for line in [
            "\ncontroller_leader 0\n",
            "\ncomponent_queue_depth 0\n",
            "\ncomponent_chart_fetch_bytes_total 0\n",
            "\nprocess_resident_memory_bytes ",
        ] {
            assert!(text.contains(line), "{line} is in\n{text}");
        }
    }
}
