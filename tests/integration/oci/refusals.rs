//! What is refused, switched off, or asked for credentials.

use super::{IMAGE, Repository, code};
use crate::support::chart_builder::ChartBuilder;
use crate::support::http::Http;
use crate::support::server::TestServer;

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for path in ["/v2", "/v2/"] {
        assert_eq!(http.get(path).await.expect(200).text(), "{}");
    }
    for (method, path, status) in [
        ("GET", "/v2/x", 404),
        ("GET", "/v2/_nothing", 404),
        ("GET", "/v2/A/tags/list", 400),
        ("GET", "/v2/a/../b/tags/list", 400),
        ("POST", "/v2/", 405),
        ("POST", "/v2/a/tags/list", 405),
        ("PUT", "/v2/a/blobs/uploads/", 405),
        ("PATCH", "/v2/a/manifests/x", 405),
        ("POST", "/v2/a/blobs/sha256:0", 405),
    ] {
        let refused = http.request(method, path).send().await.expect(status);
        code(&refused);
        assert_eq!(refused.header("allow").is_some(), status == 405, "{path}");
    }
}

#[tokio::test]
async fn the_api_can_be_switched_off_as_a_whole() {
    let server = TestServer::start(&["--oci=false"]);
    let refused = server.http().get("/v2/").await.expect(404);
    assert_eq!(refused.json()["error"], "not found");
    server.http().get("/index.yaml").await.expect(200);
}

#[tokio::test]
async fn switches_of_the_chart_api_hold_here_too() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    let server = TestServer::start(&["--disable-delete"]);
    let repository = Repository::new(&server.http(), "app");
    repository
        .push_chart("1.0.0", &package, None)
        .await
        .expect(201);
    for path in ["manifests/1.0.0", "blobs/sha256:0"] {
        assert_eq!(
            code(&repository.delete(path).await.expect(405)),
            "UNSUPPORTED"
        );
    }
    // what is not there yet may still be cancelled
    let upload = repository.begin().await;
    server
        .http()
        .request("DELETE", &upload)
        .send()
        .await
        .expect(204);

    let server = TestServer::start(&["--disable-api"]);
    let repository = Repository::new(&server.http(), "app");
    let refused = repository.put("1.0.0", IMAGE, b"{}").await.expect(405);
    assert_eq!(code(&refused), "UNSUPPORTED");
    let path = repository.path("blobs/uploads/");
    server
        .http()
        .request("POST", &path)
        .send()
        .await
        .expect(405);
    repository.get("tags/list").await.expect(404);
}

#[tokio::test]
async fn limits_are_those_of_charts_and_of_blobs() {
    let server = TestServer::start(&["--max-upload-size=2000", "--oci-max-blob-size=100000"]);
    let repository = Repository::new(&server.http(), "app");
    let chart = ChartBuilder::new("app", "1.0.0").file("noise.bin", noise(5000));
    let refused = repository
        .push_chart("1.0.0", &chart.package(), None)
        .await
        .expect(413);
    assert!(
        refused.text().contains("--max-upload-size"),
        "{}",
        refused.text()
    );
    let upload = repository.begin().await;
    let large = vec![0; 200_000];
    let request = server.http().request("PATCH", &upload).body(large);
    let refused = request.send().await.expect(413);
    assert!(
        refused.text().contains("--oci-max-blob-size"),
        "{}",
        refused.text()
    );
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

const CREDENTIALS: [&str; 2] = ["--basic-auth-user=user", "--basic-auth-pass=secret"];

#[tokio::test]
async fn a_closed_registry_asks_everybody() {
    let server = TestServer::start(&CREDENTIALS);
    let (stranger, user) = (
        server.http(),
        server.http().with_basic_auth("user", "secret"),
    );
    for (method, path) in [
        ("GET", "/v2/"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/app/tags/list"),
        ("PUT", "/v2/app/manifests/1"),
        ("POST", "/v2/app/blobs/uploads/"),
        ("DELETE", "/v2/app/manifests/1"),
    ] {
        let refused = stranger
            .request(method, path)
            .body("body")
            .send()
            .await
            .expect(401);
        assert_eq!(code(&refused), "UNAUTHORIZED");
        let challenge = refused.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
        let wrong = server.http().with_basic_auth("user", "wrong");
        wrong.request(method, path).send().await.expect(401);
    }
    user.get("/v2/").await.expect(200);
    Repository::new(&user, "app")
        .push_image("1", b"layer")
        .await;
}

#[tokio::test]
async fn an_open_door_for_reading_still_challenges_who_wants_to_write() {
    let server = TestServer::start(&[CREDENTIALS[0], CREDENTIALS[1], "--auth-anonymous-get"]);
    let user = server.http().with_basic_auth("user", "secret");
    Repository::new(&user, "app")
        .push_image("1", b"layer")
        .await;
    let stranger = Repository::new(&server.http(), "app");
    stranger.get("manifests/1").await.expect(200);
    stranger.put("2", IMAGE, b"{}").await.expect(401);
    let open = server.http().get("/v2/").await.expect(200);
    assert!(
        open.header("www-authenticate").is_some(),
        "skopeo sends no credentials without"
    );
    // as skopeo sends when it has none
    let none = server
        .http()
        .request("GET", "/v2/")
        .header("authorization", "Basic Og==");
    none.send().await.expect(200);
    let wrong = server.http().with_basic_auth("user", "wrong");
    wrong.get("/v2/").await.expect(401);
    user.get("/v2/").await.expect(200);
}

#[tokio::test]
async fn the_api_is_at_the_root_of_the_host_whatever_the_context_path() {
    let server = TestServer::start(&["--context-path=/helm"]);
    let http = server.http();
    http.get("/v2/").await.expect(200);
    let package = ChartBuilder::new("app", "1.0.0").package();
    let repository = Repository::new(&http, "app");
    repository
        .push_chart("1.0.0", &package, None)
        .await
        .expect(201);
    assert!(
        http.get("/helm/charts/app-1.0.0.tgz")
            .await
            .expect(200)
            .body
            == package
    );
}

#[tokio::test]
async fn the_registrys_directory_is_no_tenant() {
    let server = TestServer::start(&["--depth-dynamic"]);
    Repository::new(&server.http(), "app")
        .push_image("1", b"layer")
        .await;
    for path in [
        "/.oci/index.yaml",
        "/api/.oci/charts",
        "/.oci/blobs/index.yaml",
    ] {
        server.http().get(path).await.expect(404);
    }
}

/// A token for as much of one repository as there is.
async fn token(http: &Http) -> String {
    let path = "/v2/_token?service=chartroom&scope=repository:app:pull,push";
    let answer = http.get(path).await.expect(200).json();
    answer["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn tokens_are_handed_out_for_what_somebody_may_do() {
    let server = TestServer::start(&[
        CREDENTIALS[0],
        CREDENTIALS[1],
        "--auth-anonymous-get",
        "--oci-auth=token",
    ]);
    let (stranger, user) = (
        server.http(),
        server.http().with_basic_auth("user", "secret"),
    );
    Repository::new(&user, "app")
        .push_image("1", b"layer")
        .await;
    let asked = stranger.get("/v2/").await.expect(401);
    let challenge = asked.header("www-authenticate").expect("a challenge");
    let realm = format!("Bearer realm=\"{}\"", server.url_of("/v2/_token"));
    assert!(challenge.starts_with(&realm), "{challenge}");
    let with = |token: &str, method: &str, path: &str| {
        let request = stranger.request(method, path);
        request
            .header("authorization", &format!("Bearer {token}"))
            .send()
    };
    let (reading, writing) = (token(&stranger).await, token(&user).await);
    for (token, method, path, status) in [
        (&reading, "GET", "/v2/app/manifests/1", 200),
        (&reading, "POST", "/v2/app/blobs/uploads/", 401),
        (&writing, "POST", "/v2/app/blobs/uploads/", 202),
        (&writing, "POST", "/v2/other/blobs/uploads/", 401),
        (&writing, "GET", "/v2/", 200),
        (&"x.y".to_owned(), "GET", "/v2/", 401),
    ] {
        let answer = with(token, method, path).await.expect(status);
        if status == 401 && path != "/v2/" {
            let challenge = answer.header("www-authenticate").expect("a challenge");
            let name = path.split('/').nth(2).expect("a name");
            let scope =
                format!(",scope=\"repository:{name}:pull,push\",error=\"insufficient_scope\"");
            assert!(challenge.ends_with(&scope), "{challenge}");
        }
    }
    // a proxy in front has another address
    let proxied = stranger
        .request("GET", "/v2/")
        .header("x-forwarded-proto", "https");
    let proxied = proxied
        .header("host", "site.example")
        .send()
        .await
        .expect(401);
    let challenge = proxied.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.starts_with("Bearer realm=\"https://site.example/v2/_token\""),
        "{challenge}"
    );
    let form = |body: &'static str| stranger.request("POST", "/v2/_token").body(body).send();
    form("grant_type=password&username=user&password=secret&scope=repository%3Aapp%3Apush")
        .await
        .expect(200);
    form("grant_type=password&username=user&password=wrong")
        .await
        .expect(401);
    form("grant_type=refresh_token&refresh_token=x")
        .await
        .expect(400);
    let wrong = server.http().with_basic_auth("user", "wrong");
    wrong
        .get("/v2/_token?scope=repository:app:pull")
        .await
        .expect(401);
}
