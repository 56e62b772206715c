//! Basic authentication.

use super::upload;
use crate::support::chart_builder::ChartBuilder;
use crate::support::http::Http;
use crate::support::server::TestServer;

const CREDENTIALS: [&str; 2] = ["--basic-auth-user=mate", "--basic-auth-pass=s3a:ch@rt"];

const PULL: [(&str, &str); 9] = [
    ("GET", "/"),
    ("GET", "/index.yaml"),
    ("HEAD", "/index.yaml"),
    ("GET", "/charts/app-1.0.0.tgz"),
    ("GET", "/artifacthub-repo.yml"),
    ("GET", "/api/charts"),
    ("GET", "/api/charts/app/1.0.0"),
    ("HEAD", "/api/charts/app"),
    ("GET", "/api/charts/app/1.0.0/files/Chart.yaml"),
];

const PUSH: [(&str, &str); 4] = [
    ("POST", "/api/charts"),
    ("POST", "/api/prov"),
    ("DELETE", "/api/charts/app/1.0.0"),
    ("DELETE", "/api/charts/app"),
];

const OPEN: [(&str, &str); 4] = [
    ("GET", "/health"),
    ("GET", "/info"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
];

async fn server(more: &[&str]) -> TestServer {
    let options = TestServer::options()
        .args(CREDENTIALS)
        .args(["--enable-metrics", "--artifact-hub-repo-id=id"]);
    let server = options.args(more).start();
    super::ready(&server).await;
    let http = server.http().with_basic_auth("mate", "s3a:ch@rt");
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    server
}

async fn status(http: &Http, (method, path): (&str, &str)) -> u16 {
    http.request(method, path).send().await.status
}

#[tokio::test]
async fn everything_but_the_servers_own_state_needs_credentials() {
    let server = server(&[]).await;
    let (nobody, wrong) = (
        server.http(),
        server.http().with_basic_auth("mate", "wrong"),
    );
    for route in PULL.into_iter().chain(PUSH) {
        assert_eq!(status(&nobody, route).await, 401, "{route:?}");
        assert_eq!(status(&wrong, route).await, 401, "{route:?}");
    }
    for route in OPEN {
        assert_eq!(status(&nobody, route).await, 200, "{route:?}");
    }
    let known = server.http().with_basic_auth("mate", "s3a:ch@rt");
    for route in PULL {
        assert_eq!(status(&known, route).await, 200, "{route:?}");
    }
    // who may not know is not told what there is, but a path that is none is none for everybody
    assert_eq!(status(&nobody, ("GET", "/nothing")).await, 404);
    let refusal = nobody.get("/index.yaml").await;
    assert_eq!(
        refusal.header("www-authenticate"),
        Some("Basic realm=\"ChartMuseum\"")
    );
    refusal.expect_error(401, "unauthorized");
}

#[tokio::test]
async fn anonymous_get_opens_reading_and_nothing_else() {
    let server = server(&["--auth-anonymous-get"]).await;
    for http in [
        server.http(),
        server.http().with_basic_auth("mate", "wrong"),
    ] {
        for route in PULL.into_iter().chain(OPEN) {
            assert_eq!(status(&http, route).await, 200, "{route:?}");
        }
        for route in PUSH {
            assert_eq!(status(&http, route).await, 401, "{route:?}");
        }
    }
    let known = server.http().with_basic_auth("mate", "s3a:ch@rt");
    known.delete("/api/charts/app/1.0.0").await.expect(200);
}

#[tokio::test]
async fn credentials_may_be_spelled_as_the_standard_allows() {
    let server = server(&[]).await;
    // mate:s3a:ch@rt
    for (header, expected) in [
        ("Basic bWF0ZTpzM2E6Y2hAcnQ=", 200),
        ("basic bWF0ZTpzM2E6Y2hAcnQ=", 200),
        ("Basic  bWF0ZTpzM2E6Y2hAcnQ=", 200),
        ("Basic bWF0ZTpzM2E6Y2hAcnQ", 200),
        ("Bearer bWF0ZTpzM2E6Y2hAcnQ=", 401),
        ("bWF0ZTpzM2E6Y2hAcnQ=", 401),
        ("Basic", 401),
        ("Basic ", 401),
        ("Basic mate:s3a:ch@rt", 401),
        // mate:s3a:ch@r
        ("Basic bWF0ZTpzM2E6Y2hAcg==", 401),
    ] {
        let request = server
            .http()
            .request("GET", "/index.yaml")
            .header("authorization", header);
        assert_eq!(request.send().await.status, expected, "{header:?}");
    }
}

#[tokio::test]
async fn credentials_are_asked_for_before_the_body_is_read() {
    let server = server(&[]).await;
    let request = "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
    let mut connection = crate::support::raw::RawConnection::open(server.address()).await;
    connection.send(request).await;
    let answer = connection
        .read_until(b"\r\n\r\n", std::time::Duration::from_secs(10))
        .await;
    assert!(
        answer.starts_with(b"HTTP/1.1 401 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_password_from_the_environment_stays_out_of_the_log() {
    let server = TestServer::options()
        .arg("--debug")
        .env("BASIC_AUTH_USER", "mate")
        .env("BASIC_AUTH_PASS", "never-to-be-seen")
        .start();
    let http = server.http().with_basic_auth("mate", "never-to-be-seen");
    http.get("/index.yaml").await.expect(200);
    server.http().get("/index.yaml").await.expect(401);
    server
        .eventually("both requests are in the log", async || {
            server.log().matches("Request served").count() >= 2
        })
        .await;
    let log = server.log();
    assert!(
        !log.contains("never-to-be-seen") && !log.contains("bWF0ZTpuZXZlci10by1iZS1zZWVu"),
        "{log}"
    );
}
