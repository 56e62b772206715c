//! Prometheus families of the chart repository, under ChartMuseum's names and labels (docs/chartmuseum.md 10).

mod families;
pub mod registry;
mod size_summary;

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

pub use self::families::Families;
use self::size_summary::SizeSummary;

/// Media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// ChartMuseum's constant `handler` label; dashboards may select by it.
const HANDLER: &str = "helm.sh/chartmuseum/pkg/chartmuseum/router.(*Router).rootHandler-fm";

/// Tenants without charts are only counted while there are fewer tenants than this: anyone can ask for a tenant that
/// does not exist.
const EMPTY_TENANTS: usize = 64;

/// An index without entries is smaller than this many bytes.
const EMPTY_INDEX: u64 = 512;

/// Upper bounds of request durations in seconds.
const DURATION_BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// All families of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    request_sizes: SizeSummary,
    response_sizes: SizeSummary,
    charts: IntGaugeVec,
    chart_versions: IntGaugeVec,
    index_bytes: IntGaugeVec,
    index_limit: IntGauge,
    unread: IntGauge,
}

/// The labels and sizes of one answered request.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The route template, never a client's text.
    pub url: &'a str,
    /// The response's status.
    pub status: StatusCode,
    /// From the request's head to the response's.
    pub duration: Duration,
    /// Bytes of the request: body and, roughly, head.
    pub request_size: u64,
    /// Bytes of the response's body; 0 if there is none.
    pub response_size: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every family in a registry of its own.
    pub fn new() -> Self {
        let registry = Registry::new();
        let new = Families(&registry);
        new.process();
        Self {
            requests: new.counters(
                "chartmuseum_requests_total",
                "How many HTTP requests were served, by status code and method",
                &["code", "method", "handler", "host", "url"],
            ),
            durations: new.histograms(
                "chartmuseum_request_duration_seconds",
                "How long HTTP requests took, in seconds",
                &["code", "method", "url"],
                &DURATION_BUCKETS,
            ),
            request_sizes: new.register(SizeSummary::new(
                "chartmuseum_request_size_bytes",
                "Sizes of HTTP requests, in bytes",
            )),
            response_sizes: new.register(SizeSummary::new(
                "chartmuseum_response_size_bytes",
                "Sizes of HTTP responses, in bytes",
            )),
            charts: new.gauges(
                "chartmuseum_charts_served_total",
                "Charts in the index of a repository",
                &["repo"],
            ),
            chart_versions: new.gauges(
                "chartmuseum_chart_versions_served_total",
                "Chart versions in the index of a repository",
                &["repo"],
            ),
            index_bytes: new.gauges(
                "chart_repository_index_bytes",
                "Bytes of the index of a repository",
                &["repo"],
            ),
            index_limit: new.gauge(
                "chart_repository_index_limit_bytes",
                "Bytes that all indexes together may have before new versions are refused; 0 is no limit",
            ),
            unread: new.gauge(
                "chart_repository_unread",
                "Packages and directories that the storage did not give when they were last read; their entries are old",
            ),
            registry,
        }
    }

    /// Shows what a registry counts.
    pub fn show_registry(&self, counters: &registry::RegistryCounters) {
        counters.register(&Families(&self.registry));
    }

    /// Counts a request. Those answered 404 or 405 are not counted, as in ChartMuseum; nor should the caller report
    /// requests for the metrics themselves.
    pub fn served(&self, served: Served<'_>) {
        if matches!(
            served.status,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        ) {
            return;
        }
        let (code, method) = (served.status.as_str(), method_label(served.method));
        // clients can send any `Host` header, so it is no label (docs/chartmuseum.md 15.21)
        self.requests
            .with_label_values(&[code, method, HANDLER, "", served.url])
            .inc();
        let duration = served.duration.as_secs_f64();
        self.durations
            .with_label_values(&[code, method, served.url])
            .observe(duration);
        self.request_sizes.observe(served.request_size);
        self.response_sizes.observe(served.response_size);
    }

    /// Replaces the gauges of all tenants: name, charts, versions. Of tenants without charts, which any reader
    /// can invent, only some are shown.
    pub fn set_tenants<'a>(&self, tenants: impl Iterator<Item = (&'a str, usize, usize)>) {
        let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
        self.charts.reset();
        self.chart_versions.reset();
        let mut empty = 0;
        for (tenant, charts, versions) in tenants {
            empty += usize::from(charts == 0);
            if charts > 0 || empty <= EMPTY_TENANTS {
                self.charts.with_label_values(&[tenant]).set(count(charts));
                let gauge = self.chart_versions.with_label_values(&[tenant]);
                gauge.set(count(versions));
            }
        }
    }

    /// Replaces the gauges of the indexes: of each tenant its name, bytes, and what could not be read; and the limit of
    /// all bytes together. A tenant without charts is not worth a series.
    pub fn set_index<'a>(
        &self,
        tenants: impl Iterator<Item = (&'a str, u64, usize)>,
        limit: Option<u64>,
    ) {
        let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
        self.index_bytes.reset();
        let mut all_unread = 0;
        for (tenant, bytes, unread) in tenants {
            all_unread += unread as u64;
            if bytes > EMPTY_INDEX {
                let gauge = self.index_bytes.with_label_values(&[tenant]);
                gauge.set(count(bytes));
            }
        }
        self.unread.set(count(all_unread));
        self.index_limit.set(count(limit.unwrap_or(0)));
    }

    /// All families in Prometheus' text format; see [`CONTENT_TYPE`].
    pub fn render(&self) -> Vec<u8> {
        let mut text = String::new();
        // fails only for a family without a name or a sample, and the registry leaves those out
        TextEncoder::new()
            .encode_utf8(&self.registry.gather(), &mut text)
            .expect("families are sound");
        text.into_bytes()
    }
}

/// Methods that no route has share one label, so that clients cannot invent series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served<'a>(method: &'a Method, status: u16, url: &'static str) -> Served<'a> {
        let status = StatusCode::from_u16(status).expect("a status");
        Served {
            method,
            url,
            status,
            duration: Duration::from_millis(20),
            request_size: 100,
            response_size: 2048,
        }
    }

    fn rendered(metrics: &Metrics) -> String {
        String::from_utf8(metrics.render()).expect("text")
    }

    #[test]
    fn requests_are_counted_under_the_old_names() {
        let metrics = Metrics::new();
        metrics.served(served(&Method::GET, 200, "/index.yaml"));
        metrics.served(served(&Method::GET, 200, "/index.yaml"));
        metrics.served(served(
            &Method::from_bytes(b"INVENTED").expect("a method"),
            200,
            "/",
        ));
        let text = rendered(&metrics);
        for line in [
            "# TYPE chartmuseum_requests_total counter",
            "chartmuseum_requests_total{code=\"200\",handler=\"helm.sh/chartmuseum/pkg/chartmuseum/router.(*Router).\
             rootHandler-fm\",host=\"\",method=\"GET\",url=\"/index.yaml\"} 2",
            "# TYPE chartmuseum_request_duration_seconds histogram",
            "chartmuseum_request_duration_seconds_bucket{code=\"200\",method=\"GET\",url=\"/index.yaml\",le=\"0.01\"} 0",
            "chartmuseum_request_duration_seconds_bucket{code=\"200\",method=\"GET\",url=\"/index.yaml\",le=\"0.025\"} 2",
            "chartmuseum_request_duration_seconds_count{code=\"200\",method=\"OTHER\",url=\"/\"} 1",
            "# TYPE chartmuseum_request_size_bytes summary",
            "chartmuseum_request_size_bytes_sum 300",
            "chartmuseum_request_size_bytes_count 3",
            "# TYPE chartmuseum_response_size_bytes summary",
            "chartmuseum_response_size_bytes_sum 6144",
            "chartmuseum_response_size_bytes_count 3",
        ] {
            assert!(
                text.lines().any(|other| other == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }

    #[test]
    fn what_is_not_found_is_not_counted() {
        let metrics = Metrics::new();
        metrics.served(served(&Method::GET, 404, "/secret"));
        metrics.served(served(&Method::PUT, 405, "/secret"));
        let text = rendered(&metrics);
        assert!(!text.contains("secret"), "{text}");
        assert!(
            text.contains("chartmuseum_request_size_bytes_count 0"),
            "{text}"
        );
    }

    #[test]
    fn a_tenant_has_two_gauges() {
        let metrics = Metrics::new();
        metrics.set_tenants([("", 0, 0), ("a", 1, 2)].into_iter());
        let text = rendered(&metrics);
        for line in [
            "# TYPE chartmuseum_charts_served_total gauge",
            "chartmuseum_charts_served_total{repo=\"\"} 0",
            "chartmuseum_charts_served_total{repo=\"a\"} 1",
            "chartmuseum_chart_versions_served_total{repo=\"a\"} 2",
        ] {
            assert!(
                text.lines().any(|other| other == line),
                "{line} is not in\n{text}"
            );
        }
        metrics.set_tenants([("", 0, 0)].into_iter());
        assert!(!rendered(&metrics).contains("repo=\"a\""));
    }

    #[test]
    fn an_index_has_its_size_and_what_was_not_read_is_counted() {
        let metrics = Metrics::new();
        metrics.set_index(
            [("", 9_000, 2), ("a", 600, 1), ("b", 100, 0)].into_iter(),
            Some(1 << 20),
        );
        let text = rendered(&metrics);
        for line in [
            "chart_repository_index_bytes{repo=\"\"} 9000",
            "chart_repository_index_bytes{repo=\"a\"} 600",
            "chart_repository_index_limit_bytes 1048576",
            "chart_repository_unread 3",
        ] {
            assert!(
                text.lines().any(|other| other == line),
                "{line} is not in\n{text}"
            );
        }
        assert!(!text.contains("repo=\"b\""), "{text}");
    }

    #[test]
    fn invented_tenants_do_not_pile_up() {
        let metrics = Metrics::new();
        let invented: Vec<String> = (0..2 * EMPTY_TENANTS).map(|n| format!("t{n}")).collect();
        let tenants = invented.iter().map(|name| (name.as_str(), 0, 0));
        metrics.set_tenants(tenants.chain([("real", 1, 1)]));
        let text = rendered(&metrics);
        let gauges = |text: &str| {
            text.lines()
                .filter(|line| line.starts_with("chartmuseum_charts_served_total{"))
                .count()
        };
        assert_eq!(gauges(&text), EMPTY_TENANTS + 1);
        assert!(text.contains("repo=\"real\""));
    }
}
