//! What the server says on standard error.

use serde_json::Value;

use super::upload;
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

/// The objects of a log in JSON; every line must be one.
fn lines(server: &TestServer) -> Vec<Value> {
    let log = server.log();
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    whole.lines().map(parse).collect()
}

/// The lines of requests, once there are as many.
async fn requests(server: &TestServer, count: usize) -> Vec<Value> {
    let served = || -> Vec<Value> {
        let mut lines = lines(server);
        lines.retain(|line| {
            line["M"]
                .as_str()
                .is_some_and(|message| message.ends_with("Request served"))
        });
        lines
    };
    server
        .eventually(&format!("{count} requests are in the log"), async || {
            served().len() >= count
        })
        .await;
    served()
}

#[tokio::test]
async fn a_request_is_a_json_line_with_its_fields_in_order() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let request = http
        .request("GET", "/index.yaml?a=secret")
        .header("x-request-id", "mine");
    request
        .header("x-forwarded-for", "6.6.6.6")
        .send()
        .await
        .expect(200);
    let line = &requests(&server, 1).await[0];
    let expected = [
        "L",
        "T",
        "M",
        "path",
        "comment",
        "clientIP",
        "method",
        "statusCode",
        "latency",
        "reqID",
    ];
    assert_eq!(
        line.as_object().map(|fields| fields.len()),
        Some(expected.len()),
        "{line}"
    );
    let log = server.log();
    let text = log
        .lines()
        .find(|line| line.contains("Request served"))
        .expect("the line");
    let positions = expected.map(|key| text.find(&format!("\"{key}\":")));
    assert!(
        positions.iter().all(Option::is_some) && positions.is_sorted(),
        "{text}"
    );
    assert_eq!(line["L"], "INFO");
    assert_eq!(line["M"], "[1] Request served");
    assert_eq!(line["path"], "/index.yaml");
    assert_eq!(line["comment"], "");
    assert_eq!(
        line["clientIP"], "127.0.0.1",
        "what headers claim is not believed"
    );
    assert_eq!(line["method"], "GET");
    assert_eq!(line["statusCode"], 200);
    assert_eq!(line["reqID"], "mine");
    assert!(
        line["latency"]
            .as_str()
            .is_some_and(|text| text.ends_with('s')),
        "{line}"
    );
    assert!(!log.contains("secret"), "no query in the log");
}

#[tokio::test]
async fn levels_say_whose_fault_it_was() {
    let server = TestServer::start(&["--depth=1"]);
    std::os::unix::fs::symlink("loop", server.storage().join("loop")).expect("a link");
    let http = server.http();
    upload(&http, "/api/org/charts", &ChartBuilder::new("app", "1.0.0")).await;
    http.get("/org/index.yaml").await.expect(200);
    http.get("/org/charts/missing-1.0.0.tgz").await.expect(404);
    http.post("/api/org/charts", "no chart").await.expect(400);
    http.post(
        "/api/org/charts",
        ChartBuilder::new("app", "1.0.0").package(),
    )
    .await
    .expect(409);
    http.get("/loop/index.yaml").await.expect(500);
    let lines = requests(&server, 6).await;
    for (line, (status, level)) in lines.iter().zip([
        (201, "INFO"),
        (200, "INFO"),
        (404, "WARN"),
        (400, "WARN"),
        (409, "WARN"),
        (500, "ERROR"),
    ]) {
        assert_eq!(
            (&line["statusCode"], &line["L"]),
            (&status.into(), &level.into()),
            "{line}"
        );
        assert_eq!(
            line["comment"] != "",
            status == 500,
            "only our own failures have a cause: {line}"
        );
    }
    let numbers: Vec<_> = lines
        .iter()
        .map(|line| line["M"].as_str().expect("a message").to_owned())
        .collect();
    assert!(
        numbers.iter().eq(&(1..=6)
            .map(|n| format!("[{n}] Request served"))
            .collect::<Vec<_>>()),
        "{numbers:?}"
    );
}

#[tokio::test]
async fn health_is_not_worth_a_line_unless_asked_for() {
    for (arguments, expected) in [(&[][..], false), (&["--log-health"], true)] {
        let server = TestServer::start(arguments);
        let http = server.http();
        super::ready(&server).await;
        http.get("/health").await.expect(200);
        upload(&http, "/api/charts", &ChartBuilder::new("health", "1.0.0")).await;
        http.get("/api/charts/health").await.expect(200);
        server
            .eventually("the last request is in the log", async || {
                server.log().contains("/api/charts/health")
            })
            .await;
        let lines = requests(&server, 2).await;
        for path in ["/health", "/readyz"] {
            let told = (lines.iter()).any(|line| line["path"] == path && line["statusCode"] == 200);
            assert_eq!(told, expected, "{path} with {arguments:?}");
        }
        // a chart of that name is not health
        assert!(
            lines
                .iter()
                .any(|line| line["path"] == "/api/charts/health")
        );
    }
}

#[tokio::test]
async fn latency_can_be_nanoseconds() {
    let server = TestServer::start(&["--log-latency-integer"]);
    server.http().get("/index.yaml").await.expect(200);
    let line = &requests(&server, 1).await[0];
    assert!(
        line["latency"]
            .as_u64()
            .is_some_and(|nanoseconds| nanoseconds > 0),
        "{line}"
    );
}

#[tokio::test]
async fn debug_adds_what_comes_in() {
    for (arguments, expected) in [(&[][..], false), (&["--debug"], true)] {
        let server = TestServer::start(arguments);
        server.http().get("/index.yaml").await.expect(200);
        requests(&server, 1).await;
        let lines = lines(&server);
        assert_eq!(
            lines.iter().any(|line| line["L"] == "DEBUG"),
            expected,
            "{arguments:?}"
        );
        let incoming = lines
            .iter()
            .any(|line| line["M"] == "[1] Incoming request: /index.yaml");
        assert_eq!(incoming, expected, "{arguments:?}");
    }
}

#[tokio::test]
async fn text_lines_are_tab_separated_and_plain_in_a_pipe() {
    let server = TestServer::start(&["--log-json=false"]);
    server.http().get("/missing").await.expect(404);
    server
        .http()
        .get("/charts/a%1b%5b31mb-1.tgz")
        .await
        .expect(404);
    server
        .eventually("both are in the log", async || {
            server.log().matches("Request served").count() == 2
        })
        .await;
    let log = server.log();
    assert!(
        !log.contains('\u{1b}'),
        "no colour, and nobody's escapes either: {log:?}"
    );
    let line = log
        .lines()
        .find(|line| line.contains("[1] Request served"))
        .expect("the line");
    let columns: Vec<&str> = line.split('\t').collect();
    let [time, level, message, fields] = columns[..] else {
        panic!("four columns: {line}")
    };
    assert!(
        time.len() == "2031-04-05T06:07:08.123Z".len() && time.ends_with('Z'),
        "{time}"
    );
    assert_eq!((level, message), ("WARN", "[1] Request served"));
    assert!(
        fields.starts_with(
            "{\"path\": \"/missing\", \"comment\": \"\", \"clientIP\": \"127.0.0.1\", "
        ),
        "{fields}"
    );
    let fields: Value = serde_json::from_str(fields).expect("fields are JSON");
    assert_eq!(fields["statusCode"], 404);
}

#[tokio::test]
async fn the_start_and_warnings_are_told() {
    let server = TestServer::start(&["--disable-metrics", "--auth-anonymous-get"]);
    let lines = lines(&server);
    let started = lines.iter().find(|line| {
        line["M"]
            .as_str()
            .is_some_and(|text| text.starts_with("Starting ChartMuseum"))
    });
    let started = started.expect("the line that people look for");
    assert_eq!(started["host"], "127.0.0.1");
    assert_eq!(started["port"], server.address().port());
    for warning in ["--disable-metrics", "--auth-anonymous-get"] {
        let told = lines.iter().any(|line| {
            line["L"] == "WARN"
                && line["M"]
                    .as_str()
                    .is_some_and(|text| text.contains(warning.trim_start_matches('-')))
        });
        assert!(told, "{warning} in {lines:?}");
    }
}
