//! The layer that turns `tracing` events into lines: which are logged, and what the spans around them add.

use chrono::{DateTime, Utc};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::fields::Fields;
use crate::telemetry::line::{Format, line};

/// Passes each event that is logged to `write`, as a finished line.
pub struct LineLayer<Write> {
    level: LevelFilter,
    format: Format,
    now: fn() -> DateTime<Utc>,
    write: Write,
}

impl<Write: Fn(&str)> LineLayer<Write> {
    /// Our own events are logged from `level` on, those of dependencies from warnings on at most, and those that repeat
    /// what we log ourselves only for debugging.
    pub fn new(
        level: LevelFilter,
        format: Format,
        now: fn() -> DateTime<Utc>,
        write: Write,
    ) -> Self {
        Self {
            level,
            format,
            now,
            write,
        }
    }
}

impl<S, Write> Layer<S> for LineLayer<Write>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    Write: Fn(&str) + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let level = if is_ours(metadata.target()) {
            self.level
        } else if is_repeated(metadata.target()) && self.level < LevelFilter::DEBUG {
            LevelFilter::OFF
        } else {
            self.level.min(LevelFilter::WARN)
        };
        *metadata.level() <= level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(around) = span.extensions().get::<Fields>() {
                fields.append_missing(around);
            }
        }
        (self.write)(&line(
            self.format,
            (self.now)(),
            *event.metadata().level(),
            &fields,
        ));
    }
}

/// Dependencies that log each failed request, which its caller reports anyway.
fn is_repeated(target: &str) -> bool {
    target.starts_with("kube_client::")
}

fn is_ours(target: &str) -> bool {
    target
        .strip_prefix("chartroom")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, error, info, info_span, warn};
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const HEAD: &str = "1970-01-01T00:00:00.000Z\t";

    /// The lines that `log` writes, without their time.
    fn lines(level: LevelFilter, log: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let layer = LineLayer::new(level, Format::Text, DateTime::default, move |line: &str| {
            let line = line.strip_prefix(HEAD).unwrap().strip_suffix('\n').unwrap();
            sink.lock().unwrap().push(line.to_owned());
        });
        tracing::subscriber::with_default(Registry::default().with(layer), log);
        let written = written.lock().unwrap();
        written.clone()
    }

    #[test]
    fn fields_keep_their_order_and_type() {
        let error = std::io::Error::other("disk on fire");
        let written = lines(LevelFilter::INFO, || {
            info!(
                zebra = 1,
                chart.name = "nats",
                ratio = 0.5,
                not_a_number = f64::NAN,
                ok = true,
                debugged = ?Some("x"),
                shown = %"y",
                error = &error as &dyn std::error::Error,
                "{} served",
                2
            );
        });
        assert_eq!(
            written,
            [
                "INFO\t2 served\t{\"zebra\": 1, \"chart.name\": \"nats\", \"ratio\": 0.5, \"not_a_number\": \"NaN\", \
              \"ok\": true, \"debugged\": \"Some(\\\"x\\\")\", \"shown\": \"y\", \"error\": \"disk on fire\"}"
            ]
        );
    }

    #[test]
    fn an_error_is_logged_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("{text}")]
        struct Chained {
            text: &'static str,
            source: Option<Box<Chained>>,
        }
        let cause = Chained {
            text: "no space",
            source: None,
        };
        let error = Chained {
            text: "cannot store",
            source: Some(Box::new(cause)),
        };
        let written = lines(LevelFilter::INFO, || {
            warn!(error = &error as &dyn std::error::Error, "failed");
        });
        assert_eq!(
            written,
            ["WARN\tfailed\t{\"error\": \"cannot store: no space\"}"]
        );
    }

    #[test]
    fn debug_events_count_only_when_asked_for() {
        let log = || {
            debug!("fine print");
            info!("news");
        };
        assert_eq!(lines(LevelFilter::INFO, log), ["INFO\tnews"]);
        assert_eq!(
            lines(LevelFilter::DEBUG, log),
            ["DEBUG\tfine print", "INFO\tnews"]
        );
    }

    #[test]
    fn dependencies_are_heard_from_warnings_on() {
        let written = lines(LevelFilter::DEBUG, || {
            info!(target: "hyper::proto", "chatter");
            info!(target: "chartroomette", "a neighbour");
            warn!(target: "hyper::proto", "trouble");
            error!(target: "h2", "worse");
            debug!(target: "chartroom", "the program itself");
        });
        assert_eq!(
            written,
            ["WARN\ttrouble", "ERROR\tworse", "DEBUG\tthe program itself"]
        );
    }

    #[test]
    fn only_errors_count_when_only_errors_are_asked_for() {
        let log = || {
            info!("news");
            warn!("trouble");
            error!("worse");
            warn!(target: "hyper::proto", "trouble");
            error!(target: "h2", "worst");
        };
        assert_eq!(
            lines(LevelFilter::ERROR, log),
            ["ERROR\tworse", "ERROR\tworst"]
        );
        assert_eq!(
            lines(LevelFilter::WARN, log),
            [
                "WARN\ttrouble",
                "ERROR\tworse",
                "WARN\ttrouble",
                "ERROR\tworst"
            ]
        );
    }

    #[test]
    fn spans_add_their_fields_innermost_first_without_repeating() {
        let written = lines(LevelFilter::INFO, || {
            let outer = info_span!("request", reqID = "r1", repo = tracing::field::Empty);
            outer.record("repo", "org1");
            outer.in_scope(|| {
                info_span!("upload", package = "a-1.tgz", reqID = "inner").in_scope(|| {
                    info!(package = "b-1.tgz", "stored");
                });
            });
            info!("outside");
        });
        assert_eq!(
            written,
            [
                "INFO\tstored\t{\"package\": \"b-1.tgz\", \"reqID\": \"inner\", \"repo\": \"org1\"}",
                "INFO\toutside"
            ]
        );
    }
}
