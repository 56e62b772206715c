//! Logs: ChartMuseum's line formats on standard error, as text or JSON (docs/chartmuseum.md 11).
//!
//! Events come from `tracing`: the message is the line's message, the fields follow it in the order they were given,
//! then those of the spans around it.

mod fields;
mod layer;
mod line;
mod writer;

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use chrono::Utc;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use self::layer::LineLayer;
use self::line::Format;
use self::writer::LineWriter;
use crate::config::{LogFormat, LogLevel, Logging};

/// Standard error has one writer in a process, as it is one stream.
static WRITER: OnceLock<LineWriter> = OnceLock::new();

/// Sends this process's events to standard error from now on. Later calls have no effect.
pub fn init(logging: &Logging) {
    let format = match logging.format {
        LogFormat::Json => Format::Json,
        LogFormat::Text if colour_wanted() => Format::ColouredText,
        LogFormat::Text => Format::Text,
    };
    let level = match logging.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let writer = WRITER.get_or_init(|| LineWriter::new(io::stderr()));
    let layer = LineLayer::new(level, format, Utc::now, |line: &str| writer.write(line));
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
}

/// True for a terminal unless NO_COLOR is set (<https://no-color.org>).
fn colour_wanted() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Waits until all lines so far are written, for a bounded time: the reader may have stopped.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush();
    }
}
