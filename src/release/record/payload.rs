//! The payload's envelope (base64, gzip, JSON): decoded with limits, encoded as Helm does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use crate::release::record::{Hook, Record, RecordedChart, ReleaseStatus};

/// The most bytes of an inflated payload: a Secret holds at most 1 MiB (docs/components.md 5.1).
pub const MAX_JSON_BYTES: usize = 32 * 1024 * 1024;

/// The most values in its JSON: text can inflate a thousandfold, and so would the memory for `[{},{},…`.
const MAX_VALUES: usize = 200_000;

/// The magic bytes of gzip, by which Helm distinguishes it from the plain JSON of very old releases.
const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Why a release's record is not usable.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The payload is not base64.
    #[error("the release record is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The payload is gzip that ends early or is damaged.
    #[error("the release record cannot be unpacked: {0}")]
    Gzip(#[source] std::io::Error),
    /// More than [`MAX_JSON_BYTES`].
    #[error("the release record is larger than {MAX_JSON_BYTES} bytes when unpacked")]
    TooLarge,
    /// More than 200,000 values, of which no release that fits a Secret has a tenth.
    #[error("the release record has more than {MAX_VALUES} values")]
    TooManyValues,
    /// The payload is not the JSON of a release.
    #[error("the release record is not what Helm writes: {0}")]
    Json(#[from] serde_json::Error),
}

/// The same payload with `info.status` `failed` and this `info.description`: what unlocks a `pending-*` revision.
///
/// It goes into the Secret together with the label `status=failed` (docs/components.md 5.4). All other fields keep
/// their values, known here or not. Integers of more than 64 bits come back as the 64-bit float that Helm reads them
/// as.
///
/// # Errors
/// As [`Record::decode`], or an `info` that is no object.
pub fn interrupted(data: &[u8], description: &str) -> Result<Vec<u8>, RecordError> {
    let mut release: Map<String, Value> = serde_json::from_slice(&open(data)?)?;
    let info = release
        .entry("info")
        .or_insert_with(|| Value::Object(Map::new()));
    let info = info
        .as_object_mut()
        .ok_or_else(|| serde_json::Error::custom("`info` is not an object"))?;
    info.insert("status".to_owned(), ReleaseStatus::Failed.as_str().into());
    info.insert("description".to_owned(), description.into());
    seal(&serde_json::to_vec(&release)?)
}

/// The JSON in a payload.
pub(super) fn open(data: &[u8]) -> Result<Vec<u8>, RecordError> {
    let packed = BASE64_STANDARD.decode(data.trim_ascii())?;
    let json = if packed.starts_with(&GZIP_MAGIC) {
        let mut json = Vec::new();
        let bound = MAX_JSON_BYTES as u64 + 1;
        MultiGzDecoder::new(packed.as_slice())
            .take(bound)
            .read_to_end(&mut json)
            .map_err(RecordError::Gzip)?;
        json
    } else {
        packed
    };
    if json.len() > MAX_JSON_BYTES {
        return Err(RecordError::TooLarge);
    }
    if most_values(&json) > MAX_VALUES {
        return Err(RecordError::TooManyValues);
    }
    Ok(json)
}

/// As many values as a JSON text can have at most, by its brackets and commas.
fn most_values(json: &[u8]) -> usize {
    let mut values = 1;
    let mut in_text = false;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_text = !in_text,
            // whatever it escapes, a quote perhaps
            b'\\' if in_text => {
                bytes.next();
            }
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values
}

/// The payload that holds this JSON.
pub(super) fn seal(json: &[u8]) -> Result<Vec<u8>, RecordError> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed
        .write_all(json)
        .and_then(|()| packed.finish())
        .map(|packed| BASE64_STANDARD.encode(packed).into_bytes())
        .map_err(RecordError::Gzip)
}

/// The fields of Helm's payload that are used here. Go omits empty fields, and reads null as empty.
#[derive(Deserialize)]
struct Payload {
    name: String,
    version: i64,
    namespace: Option<String>,
    info: Option<Info>,
    chart: Option<Chart>,
    config: Option<Map<String, Value>>,
    manifest: Option<String>,
    hooks: Option<Vec<PayloadHook>>,
    labels: Option<BTreeMap<String, String>>,
    apply_method: Option<String>,
}

#[derive(Default, Deserialize)]
struct Info {
    status: Option<String>,
    description: Option<String>,
    first_deployed: Option<String>,
    last_deployed: Option<String>,
    notes: Option<String>,
}

#[derive(Default, Deserialize)]
struct Chart {
    metadata: Option<ChartMetadata>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChartMetadata {
    name: Option<String>,
    version: Option<String>,
    app_version: Option<String>,
}

#[derive(Deserialize)]
struct PayloadHook {
    name: Option<String>,
    kind: Option<String>,
    path: Option<String>,
    manifest: Option<String>,
    events: Option<Vec<String>>,
    delete_policies: Option<Vec<String>>,
}

/// [`Record::decode`].
pub(super) fn read(data: &[u8]) -> Result<Record, RecordError> {
    read_json(&open(data)?)
}

/// [`Record::printed`].
pub(super) fn read_json(json: &[u8]) -> Result<Record, RecordError> {
    let payload: Payload = serde_json::from_slice(json)?;
    let info = payload.info.unwrap_or_default();
    let chart = payload.chart.and_then(|chart| chart.metadata);
    let chart = chart.unwrap_or_default();
    let hooks = payload.hooks.unwrap_or_default();
    Ok(Record {
        name: payload.name,
        namespace: payload.namespace.unwrap_or_default(),
        revision: payload.version,
        status: info
            .status
            .map_or(ReleaseStatus::Unknown, |word| ReleaseStatus::parse(&word)),
        description: info.description.unwrap_or_default(),
        first_deployed: info.first_deployed.as_deref().and_then(time),
        last_deployed: info.last_deployed.as_deref().and_then(time),
        chart: RecordedChart {
            name: chart.name.unwrap_or_default(),
            version: chart.version.unwrap_or_default(),
            app_version: chart.app_version.filter(|version| !version.is_empty()),
        },
        config: payload.config.unwrap_or_default(),
        manifest: payload.manifest.unwrap_or_default(),
        hooks: hooks.into_iter().map(hook).collect(),
        labels: payload.labels.unwrap_or_default(),
        apply_method: payload.apply_method.filter(|method| !method.is_empty()),
        notes: info.notes.unwrap_or_default(),
    })
}

fn hook(hook: PayloadHook) -> Hook {
    Hook {
        name: hook.name.unwrap_or_default(),
        kind: hook.kind.unwrap_or_default(),
        path: hook.path.unwrap_or_default(),
        manifest: hook.manifest.unwrap_or_default(),
        events: hook.events.unwrap_or_default(),
        delete_policies: hook.delete_policies.unwrap_or_default(),
    }
}

/// A time as Go writes it. Go's zero time is that of the year 1, which Helm also writes as an empty text.
fn time(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .filter(|time| *time > Timestamp::UNIX_EPOCH)
}
