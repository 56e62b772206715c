//! The page at `/` and what a custom one brings along.

use std::fs;

use tempfile::TempDir;

use crate::support::raw;
use crate::support::server::TestServer;

#[tokio::test]
async fn the_welcome_page_is_the_same_bytes_at_every_depth() {
    let mut pages = Vec::new();
    for arguments in [
        &["--depth=0"][..],
        &["--depth=1"],
        &["--depth-dynamic", "--context-path=/x"],
    ] {
        let server = TestServer::start(arguments);
        let path = if arguments.len() > 1 { "/x/" } else { "/" };
        let page = server.http().get(path).await.expect(200);
        assert_eq!(page.header("content-type"), Some("text/html"));
        pages.push(page.body);
    }
    assert!(pages.iter().all(|page| page == &pages[0]));
    assert!(pages[0].starts_with(b"<!DOCTYPE html>"));
    let server = TestServer::start(&["--depth=1"]);
    for path in ["/org", "/org/"] {
        assert!(
            server.http().get(path).await.expect(200).body == pages[0],
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_custom_page_and_its_files_are_served_as_they_are() {
    let directory = template_directory();
    let server = TestServer::start(&[&format!(
        "--web-template-path={}",
        directory.path().display()
    )]);
    let http = server.http();
    let page = http.get("/").await.expect(200);
    assert_eq!(page.text(), "<title>Our charts</title>");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let css = http.get("/static/main.css").await.expect(200);
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(css.text(), "body { color: navy }\n");
    let modified = css.header("last-modified").expect("a time").to_owned();
    let known = http
        .request("GET", "/static/main.css")
        .header("if-modified-since", &modified);
    known.send().await.expect(304);
    assert!(
        http.head("/static/main.css")
            .await
            .expect(200)
            .body
            .is_empty()
    );
    let missing = http.get("/static/missing.css").await.expect(404);
    assert_eq!(missing.text(), "404 page not found\n");
    for directory in ["/static", "/static/"] {
        let answer = http.get(directory).await.expect(404);
        assert!(
            !answer.text().contains("main.css"),
            "no listing: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn static_files_do_not_lead_out_of_their_directory() {
    let directory = template_directory();
    fs::write(directory.path().join("secret.txt"), "secret").expect("a writable directory");
    let outside = TempDir::new().expect("a temporary directory");
    fs::write(outside.path().join("other.txt"), "secret").expect("a writable directory");
    std::os::unix::fs::symlink(outside.path(), directory.path().join("static/out"))
        .expect("a link");
    let path = directory.path().join("static");
    let server = TestServer::start(&[&format!("--web-template-path={}", path.display())]);
    for path in [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/..%5csecret.txt",
        "/static/out/other.txt",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(server.address(), request).await;
        let refused = answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 404 ");
        assert!(refused && !answer.ends_with("secret"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_template_directory_that_does_not_exist_gives_the_default_page() {
    let own = TestServer::start(&[]).http().get("/").await.expect(200);
    let server = TestServer::start(&["--web-template-path=does-not-exist"]);
    let page = server.http().get("/").await.expect(200);
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert!(page.body == own.body);
    server.http().get("/static/main.css").await.expect(404);
}

fn template_directory() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    fs::create_dir(directory.path().join("static")).expect("a writable directory");
    for (name, content) in [
        ("index.html", "<title>Our charts</title>"),
        ("static/main.css", "body { color: navy }\n"),
    ] {
        fs::write(directory.path().join(name), content).expect("a writable directory");
    }
    directory
}
