use std::fs;
use std::os::unix::fs::symlink;

use http::header::{CONTENT_LENGTH, IF_MODIFIED_SINCE, LAST_MODIFIED};
use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::*;

async fn shown(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let media_type = response
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().expect("ASCII").to_owned());
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (
        status,
        media_type.unwrap_or_default(),
        String::from_utf8_lossy(&body).into_owned(),
    )
}

fn row(status: u16, media_type: &str, body: &str) -> (u16, String, String) {
    (status, media_type.to_owned(), body.to_owned())
}

/// `web/` with a page and static files, beside `secret.txt`.
fn site() -> TempDir {
    let dir = TempDir::new().expect("a directory");
    let web = dir.path().join("web");
    fs::create_dir_all(web.join("static/sub.d")).expect("a directory");
    fs::write(dir.path().join("secret.txt"), "secret").expect("a file");
    fs::write(web.join("index.html"), "<p>{{ .Title }}").expect("a file");
    fs::write(web.join("static/main.css"), "body {}").expect("a file");
    fs::write(web.join("static/sub.d/a b.JS"), "1").expect("a file");
    fs::write(web.join("static/LICENSE"), "free").expect("a file");
    fs::write(web.join("static/empty.txt"), "").expect("a file");
    symlink("main.css", web.join("static/inside.css")).expect("a link");
    symlink("../../secret.txt", web.join("static/outside.txt")).expect("a link");
    symlink("../..", web.join("static/up")).expect("a link");
    dir
}

#[tokio::test]
async fn our_own_page_has_a_fixed_type_and_names_what_there_is() {
    let (status, media_type, body) = shown(Welcome::default().page()).await;
    assert_eq!((status, media_type.as_str()), (200, "text/html"));
    for word in ["helm repo add", "index.yaml", "api/charts", "info"] {
        assert!(body.contains(word), "{word}");
    }
    assert!(body.is_ascii(), "the type names no character set");
}

#[tokio::test]
async fn a_page_of_ones_own_is_served_as_it_is() {
    let dir = site();
    let welcome = Welcome::from_directory(&dir.path().join("web"));
    assert_eq!(
        shown(welcome.page()).await,
        row(200, "text/html; charset=utf-8", "<p>{{ .Title }}")
    );
}

#[tokio::test]
async fn without_a_page_of_ones_own_there_is_ours() {
    let dir = site();
    for directory in ["web/static", "missing", "secret.txt"] {
        let (status, media_type, body) =
            shown(Welcome::from_directory(&dir.path().join(directory)).page()).await;
        assert_eq!(
            (status, media_type.as_str(), body.as_str()),
            (200, "text/html", OWN_PAGE),
            "{directory}"
        );
    }
}

#[tokio::test]
async fn static_files_are_those_below_the_directory() {
    let dir = site();
    let welcome = Welcome::from_directory(&dir.path().join("web"));
    let missing = row(404, "text/plain; charset=utf-8", "404 page not found\n");
    let invalid = row(400, "text/plain; charset=utf-8", "invalid URL path\n");
    for (path, expected) in [
        (
            "/static/main.css",
            &row(200, "text/css; charset=utf-8", "body {}"),
        ),
        (
            "/static/sub.d/a b.JS",
            &row(200, "text/javascript; charset=utf-8", "1"),
        ),
        (
            "/static/LICENSE",
            &row(200, "application/octet-stream", "free"),
        ),
        (
            "/static/empty.txt",
            &row(200, "text/plain; charset=utf-8", ""),
        ),
        (
            "/static/inside.css",
            &row(200, "text/css; charset=utf-8", "body {}"),
        ),
        ("/static/outside.txt", &missing),
        ("/static/up/secret.txt", &missing),
        ("/static/none.css", &missing),
        ("/static/sub.d", &missing),
        ("/static/sub.d/", &missing),
        ("/static/main.css/x", &missing),
        ("/static//etc/passwd", &missing),
        ("/static", &missing),
        ("/static/../index.html", &invalid),
        ("/static/../../secret.txt", &invalid),
        ("/static/..", &invalid),
        ("/static/..\\x", &invalid),
    ] {
        let response = welcome
            .static_file(&Method::GET, path, &HeaderMap::new())
            .await;
        assert_eq!(&shown(response).await, expected, "{path}");
    }
    let nothing = Welcome::default()
        .static_file(&Method::GET, "/static/main.css", &HeaderMap::new())
        .await;
    assert_eq!(shown(nothing).await, missing);
}

#[tokio::test]
async fn a_file_can_be_asked_for_without_its_content() {
    let dir = site();
    let welcome = Welcome::from_directory(&dir.path().join("web"));
    let head = welcome
        .static_file(&Method::HEAD, "/static/main.css", &HeaderMap::new())
        .await;
    assert_eq!(head.headers()[CONTENT_LENGTH], "7");
    let modified = head.headers()[LAST_MODIFIED].clone();
    assert_eq!(shown(head).await, row(200, "text/css; charset=utf-8", ""));

    for (since, status) in [
        (modified.to_str().expect("ASCII"), 304),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 304),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 200),
        ("yesterday", 200),
    ] {
        let headers = [(
            IF_MODIFIED_SINCE,
            HeaderValue::from_str(since).expect("a header value"),
        )];
        let response = welcome
            .static_file(
                &Method::GET,
                "/static/main.css",
                &headers.into_iter().collect(),
            )
            .await;
        assert_eq!(response.status().as_u16(), status, "{since}");
        assert_eq!(response.headers()[LAST_MODIFIED], modified, "{since}");
    }
}
