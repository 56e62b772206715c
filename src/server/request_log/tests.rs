use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use super::*;

/// Keeps events as `LEVEL message name=value …`; quotes show that a field is text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
        } else {
            self.0 += &format!(" {}={value:?}", field.name());
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let level: &Level = event.metadata().level();
        self.0
            .lock()
            .expect("no panic")
            .push(format!("{level} {}", line.0));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Logs one request and gives the lines and the response.
fn log(
    log: &RequestLog,
    request: Request<()>,
    mut response: Response<()>,
) -> (Vec<String>, Response<()>) {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let logged = log.begin(&request);
        log.end(logged, &mut response);
    });
    let lines = std::mem::take(&mut *lines.0.lock().expect("no panic"));
    (lines, response)
}

fn get(path: &str) -> Request<()> {
    Request::get(path)
        .header("X-Request-Id", "r1")
        .body(())
        .expect("a request")
}

fn status(status: u16) -> Response<()> {
    Response::builder()
        .status(status)
        .body(())
        .expect("a response")
}

#[test]
fn a_request_is_one_line_with_its_fields_in_order() {
    let mut request = get("/charts/a%20b.tgz?x=y");
    request
        .extensions_mut()
        .insert(ClientAddress("[::1]:7".parse().expect("an address")));
    let (lines, _) = log(&RequestLog::new(false, true), request, status(200));
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        "DEBUG [1] Incoming request: /charts/a%20b.tgz reqID=r1"
    );
    let (before, after) = lines[1].split_once(" latency=").expect("a latency");
    assert_eq!(
        before,
        r#"INFO [1] Request served path="/charts/a%20b.tgz" comment="" clientIP=::1 method="GET" statusCode=200"#
    );
    let (latency, id) = after.split_once(' ').expect("an id");
    assert!(latency.parse::<u64>().is_ok(), "{latency}");
    assert_eq!(id, "reqID=r1");
}

#[test]
fn the_level_says_whose_fault_it_is() {
    let numbered = RequestLog::new(false, false);
    for (n, (code, level)) in [
        (200, "INFO"),
        (201, "INFO"),
        (304, "INFO"),
        (400, "WARN"),
        (401, "WARN"),
        (404, "WARN"),
        (409, "WARN"),
        (413, "WARN"),
        (500, "ERROR"),
        (507, "ERROR"),
    ]
    .into_iter()
    .enumerate()
    {
        let (lines, _) = log(&numbered, get("/"), status(code));
        let start = format!("{level} [{}] Request served ", n + 1);
        assert!(lines[1].starts_with(&start), "{code}: {}", lines[1]);
    }
}

#[test]
fn a_cause_is_logged_and_not_sent() {
    let mut response = status(500);
    response
        .extensions_mut()
        .insert(ErrorCause("disk on fire".to_owned()));
    let (lines, response) = log(&RequestLog::new(false, false), get("/"), response);
    assert!(
        lines[1].contains(r#" comment="disk on fire" "#),
        "{}",
        lines[1]
    );
    assert_eq!(response.extensions().get::<ErrorCause>(), None);
}

#[test]
fn health_is_logged_when_it_is_bad_or_asked_for() {
    for (log_health, code, expected) in [(false, 200, 1), (true, 200, 2), (false, 503, 2)] {
        let mut response = status(code);
        response.extensions_mut().insert(HealthProbe);
        let (lines, _) = log(
            &RequestLog::new(log_health, false),
            get("/health"),
            response,
        );
        assert_eq!(lines.len(), expected, "{lines:?}");
    }
    let (lines, _) = log(
        &RequestLog::new(false, false),
        get("/api/charts/health"),
        status(200),
    );
    assert_eq!(lines.len(), 2, "a chart called health is no probe");
}

#[test]
fn an_id_is_echoed_or_made() {
    for given in ["r1", " inner space ", "caf\u{e9}"] {
        let request = Request::get("/")
            .header("X-Request-Id", given.as_bytes())
            .body(())
            .expect("a request");
        let (_, response) = log(&RequestLog::new(false, false), request, status(404));
        assert_eq!(
            response.headers()[X_REQUEST_ID].as_bytes(),
            given.as_bytes()
        );
    }
    let numbered = RequestLog::new(false, false);
    let empty = || {
        Request::get("/")
            .header("X-Request-Id", "")
            .body(())
            .expect("a request")
    };
    let id = |response: Response<()>| {
        response.headers()[X_REQUEST_ID]
            .to_str()
            .expect("ASCII")
            .to_owned()
    };
    let first = id(log(&numbered, empty(), status(200)).1);
    let second = id(log(&numbered, Request::new(()), status(200)).1);
    assert_eq!(
        Uuid::parse_str(&first).expect("a UUID").get_version_num(),
        4
    );
    assert_ne!(first, second);
}
