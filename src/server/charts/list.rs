//! Lists of chart versions as JSON, made while they are sent.

use std::io;
use std::sync::Arc;

use axum::body::Body;

use crate::listener::{Reservation, Source, Streamed};
use crate::repository::entry::Entry;
use crate::repository::index::Chart;
use crate::server::ServerState;
use crate::server::error::HttpError;

/// A list up to this size is made at once.
const AT_ONCE: usize = 64 * 1024;

/// The object of name to versions.
pub(super) async fn all(state: &ServerState, charts: Vec<Arc<Chart>>) -> Result<Body, HttpError> {
    let len = charts.iter().map(|chart| named_len(chart) + 1).sum();
    // braces, and a comma between two charts
    let len: usize = 2 + usize::saturating_sub(len, 1);
    let taken = charts.capacity() * size_of::<Arc<Chart>>();
    body(state, Versions::new(charts, true), len, taken).await
}

/// The array of one chart's versions.
pub(super) async fn one(state: &ServerState, chart: Arc<Chart>) -> Result<Body, HttpError> {
    let len = versions_len(&chart);
    body(state, Versions::new(vec![chart], false), len, 0).await
}

async fn body(
    state: &ServerState,
    mut versions: Versions,
    len: usize,
    taken: usize,
) -> Result<Body, HttpError> {
    if len <= AT_ONCE {
        let room = state.room(len).await?;
        let mut out = Vec::with_capacity(len);
        while versions.write(&mut out) {}
        return Ok(room.hold(out).into());
    }
    versions.reserved = Some(state.room(taken).await?);
    let streamed = Streamed::new(versions, len as u64, state.budget.clone());
    Ok(Body::new(streamed))
}

fn named_len(chart: &Chart) -> usize {
    name_of(chart).len() + 1 + versions_len(chart)
}

fn versions_len(chart: &Chart) -> usize {
    let versions = chart.versions();
    let lines: usize = versions.iter().map(|entry| entry.api_json_len()).sum();
    2 + lines + versions.len().saturating_sub(1)
}

/// The chart's name as JSON.
fn name_of(chart: &Chart) -> String {
    let name = chart.versions().first().map_or("", |entry| &*entry.name);
    serde_json::Value::from(name).to_string()
}

/// Versions on their way into a list.
struct Versions {
    charts: Vec<Arc<Chart>>,
    /// Chart and version that come next.
    at: (usize, usize),
    /// As an object of name to versions; otherwise the array of the one chart.
    named: bool,
    ended: bool,
    reserved: Option<Reservation>,
}

impl Versions {
    fn new(charts: Vec<Arc<Chart>>, named: bool) -> Self {
        Self {
            charts,
            at: (0, 0),
            named,
            ended: false,
            reserved: None,
        }
    }

    /// Writes one version with what stands around it; false at the end.
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        if self.ended {
            return false;
        }
        let (chart, version) = self.at;
        if self.named && self.at == (0, 0) {
            out.push(b'{');
        }
        let Some(current) = self.charts.get(chart) else {
            if self.named {
                out.push(b'}');
            }
            self.ended = true;
            return false;
        };
        if version == 0 {
            begin(out, current, chart, self.named);
        }
        let versions = current.versions();
        if let Some(entry) = versions.get(version) {
            write_entry(out, entry, version);
        }
        self.at = if version + 1 < versions.len() {
            (chart, version + 1)
        } else {
            out.push(b']');
            (chart + 1, 0)
        };
        true
    }
}

fn begin(out: &mut Vec<u8>, chart: &Chart, number: usize, named: bool) {
    if number > 0 {
        out.push(b',');
    }
    if named {
        out.extend_from_slice(name_of(chart).as_bytes());
        out.push(b':');
    }
    out.push(b'[');
}

fn write_entry(out: &mut Vec<u8>, entry: &Entry, number: usize) {
    if number > 0 {
        out.push(b',');
    }
    entry.write_api_json(out);
}

impl Source for Versions {
    fn next(&mut self, room: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(room);
        while out.len() < room && self.write(&mut out) {}
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IndexFormat;
    use crate::repository::entry::tests::entry;
    use crate::repository::index::{Change, IndexStyle, RepositoryIndex};

    fn charts() -> Vec<Arc<Chart>> {
        let style = IndexStyle {
            format: IndexFormat::Json,
            context_path: String::new(),
        };
        let mut index = RepositoryIndex::new(style);
        let versions = [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")];
        index.apply(versions.map(|(name, version)| Change::Insert(Arc::new(entry(name, version)))));
        index.charts().map(|(_, chart)| Arc::clone(chart)).collect()
    }

    fn written(mut versions: Versions, room: usize) -> String {
        let mut all = Vec::new();
        loop {
            let piece = versions.next(room).expect("nothing fails");
            if piece.is_empty() {
                return String::from_utf8(all).expect("text");
            }
            all.extend_from_slice(&piece);
        }
    }

    #[test]
    fn a_list_is_the_same_in_pieces_of_any_size_and_as_long_as_was_said() {
        let len = |charts: &[Arc<Chart>]| {
            2 + charts
                .iter()
                .map(|chart| named_len(chart) + 1)
                .sum::<usize>()
                .saturating_sub(1)
        };
        let lists = [(charts(), r#"{"a":[{"#), (Vec::new(), "{}")];
        for (charts, begin) in lists {
            let whole = written(Versions::new(charts.clone(), true), 1 << 20);
            assert!(whole.starts_with(begin), "{whole}");
            serde_json::from_str::<serde_json::Value>(&whole).expect("JSON");
            assert_eq!(whole.len(), len(&charts));
            for room in [1, 10, 300] {
                assert_eq!(written(Versions::new(charts.clone(), true), room), whole);
            }
        }
        let chart = charts().remove(0);
        let array = written(Versions::new(vec![Arc::clone(&chart)], false), 7);
        serde_json::from_str::<Vec<serde_json::Value>>(&array).expect("an array");
        assert_eq!(array.len(), versions_len(&chart));
    }
}
