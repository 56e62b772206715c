//! Pages of other origins.

use super::upload;
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

#[tokio::test]
async fn api_answers_allow_the_origin_and_others_do_not() {
    for context_path in ["", "/x"] {
        let server = TestServer::start(&[
            "--cors-alloworigin=https://ui.test",
            &format!("--context-path={context_path}"),
        ]);
        let http = server.http();
        upload(
            &http,
            &format!("{context_path}/api/charts"),
            &ChartBuilder::new("app", "1.0.0"),
        )
        .await;
        for (path, status) in [
            ("/api/charts", 200),
            ("/api/charts/app/1.0.0", 200),
            ("/api/charts/missing", 404),
            ("/api/charts?limit=0", 400),
        ] {
            let answer = http
                .get(&format!("{context_path}{path}"))
                .await
                .expect(status);
            assert_eq!(
                answer.header(ALLOW_ORIGIN),
                Some("https://ui.test"),
                "{context_path}{path}"
            );
        }
        for path in [
            "/index.yaml",
            "/charts/app-1.0.0.tgz",
            "/health",
            "/",
            "/api/nothing",
        ] {
            let answer = http.get(&format!("{context_path}{path}")).await;
            assert_eq!(answer.header(ALLOW_ORIGIN), None, "{context_path}{path}");
        }
    }
}

#[tokio::test]
async fn without_the_option_no_origin_is_allowed() {
    let server = TestServer::start(&[]);
    let answer = server.http().get("/api/charts").await.expect(200);
    assert_eq!(answer.header(ALLOW_ORIGIN), None);
}

#[tokio::test]
async fn a_refusal_of_credentials_allows_no_origin() {
    let server = TestServer::start(&[
        "--cors-alloworigin=*",
        "--basic-auth-user=u",
        "--basic-auth-pass=p",
    ]);
    let http = server.http();
    let refused = http.get("/api/charts").await.expect(401);
    assert_eq!(refused.header(ALLOW_ORIGIN), None);
    let allowed = http
        .with_basic_auth("u", "p")
        .get("/api/charts")
        .await
        .expect(200);
    assert_eq!(allowed.header(ALLOW_ORIGIN), Some("*"));
}

#[tokio::test]
async fn a_preflight_is_answered_without_credentials() {
    for context_path in ["", "/x"] {
        let server = TestServer::start(&[
            "--cors-alloworigin=https://ui.test",
            "--basic-auth-user=u",
            "--basic-auth-pass=p",
            &format!("--context-path={context_path}"),
        ]);
        let http = server.http();
        for path in [
            "/api/charts",
            "/api/charts/app",
            "/api/charts/app/1.0.0",
            "/api/prov",
        ] {
            let request = http.request("OPTIONS", &format!("{context_path}{path}"));
            let request = request.header("origin", "https://ui.test");
            let request = request.header("access-control-request-method", "POST");
            let answer = request
                .header("access-control-request-headers", "authorization")
                .send()
                .await;
            let answer = answer.expect(204);
            assert_eq!(
                answer.header(ALLOW_ORIGIN),
                Some("https://ui.test"),
                "{path}"
            );
            let methods = answer
                .header("access-control-allow-methods")
                .unwrap_or_default();
            assert!(
                methods.contains("POST") && methods.contains("DELETE"),
                "{path}: {methods}"
            );
            assert_eq!(
                answer.header("access-control-allow-headers"),
                Some("authorization"),
                "{path}"
            );
        }
        let answer = http
            .request("OPTIONS", &format!("{context_path}/index.yaml"))
            .send()
            .await;
        answer.expect(404);
    }
}
