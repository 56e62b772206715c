//! Limits on size, on versions of a chart and on objects of a tenant, in both forms of upload.

use super::{chart_form, files, listed, provenance_form, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::form::Form;
use crate::support::http::Response;
use crate::support::raw;
use crate::support::server::TestServer;

#[track_caller]
fn assert_too_large(answer: Response) {
    let answer = answer.expect(413);
    let error = answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(error.starts_with("request too large"), "{error}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_in_json_in_every_form() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    let form = chart_form(&package);
    for limit in ["0", "1", "100"] {
        let server = TestServer::start(&[&format!("--max-upload-size={limit}")]);
        let http = server.http();
        assert_too_large(http.post("/api/charts", package.clone()).await);
        let provenance = unsigned_provenance("app", "1.0.0", &package);
        assert_too_large(http.post("/api/prov", provenance).await);
        assert_too_large(http.post_form("/api/charts", &form).await);
        assert_too_large(http.post_form_chunked("/api/charts", &form).await);
        let chunked = http
            .request("POST", "/api/charts")
            .chunked_body(package.clone());
        assert_too_large(chunked.send().await);
        assert_eq!(files(server.storage()), [""; 0]);
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    for (body, is_form) in [
        (package.clone(), false),
        (chart_form(&package).body().to_vec(), true),
    ] {
        for (limit, status) in [(body.len(), 201), (body.len() - 1, 413)] {
            let server = TestServer::start(&[&format!("--max-upload-size={limit}")]);
            let mut request = server.http().request("POST", "/api/charts");
            if is_form {
                request = request.header("content-type", &Form::new().content_type());
            }
            request.body(body.clone()).send().await.expect(status);
        }
    }
}

#[tokio::test]
async fn the_limit_is_of_uploads_and_of_nobody_else() {
    let server = TestServer::start(&[
        "--max-upload-size=10",
        "--basic-auth-user=u",
        "--basic-auth-pass=p",
    ]);
    let http = server.http();
    let large = vec![0; 100_000];
    http.post("/nothing", large.clone()).await.expect(404);
    http.post("/api/charts", large.clone()).await.expect(401);
    http.request("GET", "/health")
        .body(large)
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_body_announced_too_large_is_refused_before_it_is_sent() {
    let server = TestServer::start(&["--max-upload-size=1000"]);
    let request = "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n";
    let mut connection = raw::RawConnection::open(server.address()).await;
    connection.send(request).await;
    let answer = connection
        .read_until(b"\r\n\r\n", std::time::Duration::from_secs(10))
        .await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn expect_100_continue_is_honoured() {
    let server = TestServer::start(&[]);
    let package = ChartBuilder::new("app", "1.0.0").package();
    let mut connection = raw::RawConnection::open(server.address()).await;
    let head = format!(
        "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        package.len()
    );
    connection.send(head).await;
    let ten_seconds = std::time::Duration::from_secs(10);
    let interim = connection.read_until(b"\r\n\r\n", ten_seconds).await;
    assert!(
        interim.starts_with(b"HTTP/1.1 100 "),
        "{}",
        String::from_utf8_lossy(&interim)
    );
    connection.send(&package).await;
    let answer = connection.read_to_end(ten_seconds).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn the_oldest_upload_makes_room_and_not_the_lowest_version() {
    for as_form in [false, true] {
        let server = TestServer::start(&["--per-chart-limit=2"]);
        let http = server.http();
        upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("mychart-service", "0.0.1"),
        )
        .await;
        for version in ["0.0.1", "0.2.0", "0.1.0"] {
            let package = ChartBuilder::new("mychart", version).package();
            if as_form {
                let provenance = unsigned_provenance("mychart", version, &package);
                let form = chart_form(&package).file("prov", "x", provenance.as_bytes());
                http.post_form("/api/charts", &form).await.expect(201);
            } else {
                http.post("/api/charts", package).await.expect(201);
            }
        }
        let expected = ["mychart 0.2.0", "mychart 0.1.0", "mychart-service 0.0.1"];
        assert_eq!(
            listed(&http, "/api/charts").await,
            expected,
            "as a form: {as_form}"
        );
        http.get("/charts/mychart-0.0.1.tgz").await.expect(404);
        http.get("/charts/mychart-0.0.1.tgz.prov").await.expect(404);
        if as_form {
            http.get("/charts/mychart-0.1.0.tgz.prov").await.expect(200);
        }
    }
}

#[tokio::test]
async fn overwriting_and_refused_uploads_evict_nothing() {
    let server = TestServer::start(&["--per-chart-limit=2"]);
    let http = server.http();
    for version in ["0.1.0", "0.2.0"] {
        upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
    }
    let changed = ChartBuilder::new("app", "0.1.0")
        .file("changed", "")
        .package();
    for (path, status) in [("/api/charts", 409), ("/api/charts?force", 201)] {
        http.post(path, changed.clone()).await.expect(status);
        http.post_form(path, &chart_form(&changed))
            .await
            .expect(status);
        assert_eq!(
            listed(&http, "/api/charts").await,
            ["app 0.2.0", "app 0.1.0"],
            "{path}"
        );
    }
    let bad = chart_form(&ChartBuilder::new("app", "0.3.0").package()).file("prov", "x", b"bad");
    http.post_form("/api/charts", &bad).await.expect(400);
    assert_eq!(
        listed(&http, "/api/charts").await,
        ["app 0.2.0", "app 0.1.0"]
    );
}

#[tokio::test]
async fn what_is_above_the_limit_already_goes_one_by_one_with_new_versions() {
    let server = TestServer::start(&["--per-chart-limit=2", "--always-regenerate-chart-index"]);
    let http = server.http();
    for (age, version) in [(4, "0.4.0"), (3, "0.1.0"), (2, "0.2.0"), (1, "0.3.0")] {
        let chart = ChartBuilder::new("app", version);
        put_by_hand(server.storage(), &chart.file_name(), &chart.package());
        let file = std::fs::File::options()
            .write(true)
            .open(server.storage().join(chart.file_name()));
        let modified = std::time::SystemTime::now() - std::time::Duration::from_secs(3600 * age);
        file.expect("the file")
            .set_modified(modified)
            .expect("a time");
    }
    assert_eq!(listed(&http, "/api/charts").await.len(), 4);
    // a replacement adds nothing, so nothing makes room for it
    let changed = ChartBuilder::new("app", "0.2.0")
        .file("changed", "")
        .package();
    http.post("/api/charts?force", changed).await.expect(201);
    assert_eq!(listed(&http, "/api/charts").await.len(), 4);
    upload(&http, "/api/charts", &ChartBuilder::new("app", "0.5.0")).await;
    let expected = ["app 0.5.0", "app 0.3.0", "app 0.2.0", "app 0.1.0"];
    assert_eq!(listed(&http, "/api/charts").await, expected);
}

#[tokio::test]
async fn a_full_tenant_takes_replacements_only() {
    let server = TestServer::start(&["--max-storage-objects=1", "--allow-overwrite", "--depth=1"]);
    let directory = server.storage().join("org");
    let app = ChartBuilder::new("app", "1.0.0").package();
    let of_app = unsigned_provenance("app", "1.0.0", &app);
    put_by_hand(&directory, "app-1.0.0.tgz", &app);
    put_by_hand(&directory, "app-1.0.0.tgz.prov", of_app.as_bytes());
    let http = server.http();
    let other = ChartBuilder::new("other", "1.0.0").package();
    let of_other = unsigned_provenance("other", "1.0.0", &other);
    let reached = "repo has reached storage limit";
    http.post("/api/org/charts", app.clone()).await.expect(201);
    http.post("/api/org/prov", of_app.clone()).await.expect(201);
    http.post_form("/api/org/charts", &chart_form(&app))
        .await
        .expect(201);
    http.post("/api/org/charts", other.clone())
        .await
        .expect_error(507, reached);
    http.post("/api/org/prov", of_other.clone())
        .await
        .expect_error(507, reached);
    http.post_form("/api/org/charts", &chart_form(&other))
        .await
        .expect_error(507, reached);
    http.post_form("/api/org/charts", &provenance_form(&of_other))
        .await
        .expect_error(507, reached);
    assert_eq!(files(&directory), ["app-1.0.0.tgz", "app-1.0.0.tgz.prov"]);
    http.post("/api/another/charts", other).await.expect(201);
}

#[tokio::test]
async fn the_quota_counts_charts_and_provenance_files_and_no_caches() {
    let server = TestServer::start(&["--max-storage-objects=3"]);
    put_by_hand(server.storage(), "index-cache.yaml", b"entries: {}");
    put_by_hand(server.storage(), "README.md", b"somebody's notes");
    let http = server.http();
    let first = ChartBuilder::new("app", "1.0.0").package();
    let form = chart_form(&first).file(
        "prov",
        "x",
        unsigned_provenance("app", "1.0.0", &first).as_bytes(),
    );
    http.post_form("/api/charts", &form).await.expect(201);
    // a pair for which there is half the room is not stored by half
    let second = ChartBuilder::new("app", "2.0.0").package();
    let form = chart_form(&second).file(
        "prov",
        "x",
        unsigned_provenance("app", "2.0.0", &second).as_bytes(),
    );
    http.post_form("/api/charts", &form)
        .await
        .expect_error(507, "repo has reached storage limit");
    http.post("/api/charts", second).await.expect(201);
    let third = ChartBuilder::new("app", "3.0.0").package();
    http.post("/api/charts", third.clone())
        .await
        .expect_error(507, "repo has reached storage limit");
    http.delete("/api/charts/app/1.0.0").await.expect(200);
    http.post("/api/charts", third).await.expect(201);
}
