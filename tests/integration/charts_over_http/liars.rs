//! Servers that lie, break off, drag on or send somewhere else; and what is no repository at all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::support::liar::{Answer, Liar};

const LISTED: &str = "/api/charts/demo";

/// A server that lists `demo` 1.0.0 with the digest of `promised`, and answers for the package what `package` says.
async fn selling(promised: &[u8], package: impl Fn() -> Answer + Send + Sync + 'static) -> Liar {
    let listing = listing(Sha256Hex::of(promised));
    Liar::start(move |head| match head {
        _ if head.starts_with(&format!("GET {LISTED} ")) => Answer::ok(&listing),
        _ if head.starts_with("GET /charts/demo-1.0.0.tgz ") => package(),
        _ => Answer::not_found(),
    })
    .await
}

#[tokio::test]
async fn a_package_that_is_not_what_was_promised_is_refused_by_name() {
    let good = demo("1.0.0").package();
    let noise = b"this is no chart".to_vec();
    let other = ChartBuilder::new("other", "1.0.0").package();
    let wrong_version = demo("1.0.1").package();
    let odd = demo("1.0.0")
        .more_yaml("annotations:\n  ext.theriseunion.io/requires: '[1]'")
        .package();
    let honest = |package: Vec<u8>| (package.clone(), package);
    for ((promised, sent), reason, class, words) in [
        (
            (good.clone(), noise.clone()),
            "DigestMismatch",
            ErrorClass::Transient,
            "that its index names",
        ),
        (
            honest(noise),
            "ChartInvalid",
            ErrorClass::Terminal,
            "gzip: invalid header",
        ),
        (
            honest(other),
            "ChartInvalid",
            ErrorClass::Terminal,
            "chart other 1.0.0 for chart demo 1.0.0",
        ),
        (
            honest(wrong_version),
            "ChartInvalid",
            ErrorClass::Terminal,
            "chart demo 1.0.1 for chart demo 1.0.0",
        ),
        (
            honest(odd),
            "ChartInvalid",
            ErrorClass::Terminal,
            "requires[0] must be a mapping with a name",
        ),
        (
            honest(Vec::new()),
            "ChartInvalid",
            ErrorClass::Terminal,
            "EOF",
        ),
    ] {
        let server = selling(&promised, move || Answer::ok(&sent)).await;
        let room = Room::new(&server.url());
        let (told_reason, told_class, message) =
            told(&room.newest().await.expect_err("no good package"));
        assert_eq!((told_reason, told_class), (reason, class), "{message}");
        assert!(message.contains(words), "{message}");
        let unfinished = room
            .files()
            .into_iter()
            .filter(|name| name.ends_with(".part"));
        assert_eq!(unfinished.count(), 0, "{message}");
    }
}

#[tokio::test]
async fn a_library_is_fetched_and_found_unfit() {
    let package = demo("1.0.0")
        .chart_yaml("apiVersion: v2\nname: demo\nversion: 1.0.0\ntype: library\n")
        .package();
    let promised = package.clone();
    let server = selling(&promised, move || Answer::ok(&package)).await;
    let chart = Room::new(&server.url()).newest().await.expect("a package");
    assert!(chart.is_library);
    let version = chartroom::chart::version::Version::parse("1.30.0").expect("a version");
    let (reason, class, message) = told(&chart.check(&version).expect_err("a library"));
    assert_eq!((reason, class), ("ChartInvalid", ErrorClass::Terminal));
    assert!(
        message.starts_with("chart demo 1.0.0 is a library"),
        "{message}"
    );
}

#[tokio::test]
async fn what_breaks_off_or_falls_silent_or_never_ends_leaves_nothing_behind() {
    let good = demo("1.0.0").package();
    let half = good[..good.len() / 2].to_vec();
    let head =
        |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [&b"10000\r\n"[..], &[7; 0x10000], b"\r\n"].concat();
    let cut = [head(good.len()), half.clone()].concat();
    let dragging = [head(good.len()), half].concat();
    type Sends = Box<dyn Fn() -> Answer + Send + Sync>;
    let rows: Vec<(Sends, &str, ErrorClass, &str)> = vec![
        (
            Box::new(move || Answer::Bytes(cut.clone())),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "broke off",
        ),
        (
            Box::new(move || Answer::Silence(dragging.clone())),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "says nothing for 0.3 seconds",
        ),
        (
            Box::new(|| Answer::Silence(Vec::new())),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "says nothing for",
        ),
        (
            Box::new(|| Answer::Bytes(b"nonsense\r\n\r\n".to_vec())),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "broke off",
        ),
        (
            Box::new(move || Answer::Silence(head(1 << 30))),
            "ReleaseTooLarge",
            ErrorClass::Terminal,
            "larger than 1000000 bytes",
        ),
        (
            Box::new(move || Answer::Endless([&chunked[..], &chunk].concat())),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "broke off",
        ),
        (
            Box::new(|| Answer::new("503 Service Unavailable", "", b"")),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "answers 503",
        ),
        (
            Box::new(Answer::not_found),
            "VersionNotFound",
            ErrorClass::Blocked,
            "does not have its package; push it again",
        ),
    ];
    for (sends, reason, class, words) in rows {
        let server = selling(&good, sends).await;
        let room = Room::with(&server.url(), |settings| {
            settings.read_timeout = Duration::from_millis(300);
            settings.connect_timeout = Duration::from_secs(1);
            settings.max_package = 1_000_000;
        });
        let start = Instant::now();
        let (told_reason, told_class, message) =
            told(&room.newest().await.expect_err("no whole package"));
        assert_eq!((told_reason, told_class), (reason, class), "{message}");
        assert!(message.contains(words), "{message}");
        assert!(start.elapsed() < Duration::from_secs(20), "{message}");
        assert_eq!(room.files(), [""; 0], "{message}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_at_the_limit() {
    // without length or chunks, a body lasts as long as the connection: this one lasts for ever
    let first = Arc::new(AtomicUsize::new(0));
    let server = selling(b"", move || {
        let head = if first.fetch_add(1, Ordering::Relaxed) == 0 {
            "HTTP/1.1 200 OK\r\n\r\n"
        } else {
            ""
        };
        Answer::Endless([head.as_bytes(), &[7; 4096]].concat())
    })
    .await;
    let room = Room::with(&server.url(), |settings| settings.max_package = 1_000_000);
    let (reason, _, message) = told(&room.newest().await.expect_err("a huge body"));
    assert_eq!(reason, "ReleaseTooLarge", "{message}");
    assert_eq!(room.files(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_repository_is_said_to_be_none() {
    type Says = fn(&str) -> Answer;
    let rows: [(Says, &str, ErrorClass, &str); 5] = [
        (
            |_| Answer::not_found(),
            "RepositoryUnavailable",
            ErrorClass::Blocked,
            "name the address that `helm repo add` takes",
        ),
        (
            |_| Answer::ok("<html>welcome</html>"),
            "RepositoryUnavailable",
            ErrorClass::Blocked,
            "the answer is no index",
        ),
        (
            |_| Answer::new("500 Internal Server Error", "", br#"{"error":"disk"}"#),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "500 Internal Server Error (disk)",
        ),
        (
            |_| Answer::new("403 Forbidden", "", b""),
            "RepositoryUnavailable",
            ErrorClass::Blocked,
            "403 Forbidden; give credentials",
        ),
        (
            |_| Answer::new("302 Found", "location: /\r\n", b""),
            "RepositoryUnavailable",
            ErrorClass::Transient,
            "redirects",
        ),
    ];
    for (says, reason, class, words) in rows {
        let server = Liar::start(says).await;
        let room = Room::new(&server.url());
        let (told_reason, told_class, message) =
            told(&room.versions().await.expect_err("no repository"));
        assert_eq!((told_reason, told_class), (reason, class), "{message}");
        assert!(message.contains(words), "{message}");
    }
    let room = Room::new("http://127.0.0.1:1");
    for (url, words) in [
        ("oci://room/x", "oci:// registries are not supported"),
        ("room", "it is not an address"),
    ] {
        let (reason, class, message) = told(
            &room
                .charts
                .versions(Some(url), "demo")
                .await
                .expect_err("no address"),
        );
        assert_eq!((reason, class), ("InvalidSpec", ErrorClass::Terminal));
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn an_index_is_asked_for_by_its_tag_and_lists_other_hosts() {
    let package = demo("1.0.0").package();
    let sent = package.clone();
    let elsewhere = Liar::start(move |_| Answer::ok(&sent)).await;
    let index = format!(
        "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    urls: [\"{}/moved/demo.tgz\"]\n",
        elsewhere.url()
    );
    let server = Liar::start(move |head| match head {
        _ if !head.starts_with("GET /charts/index.yaml ") => Answer::not_found(),
        _ if head.contains("if-none-match: \"v1\"") => Answer::new("304 Not Modified", "", b""),
        _ => Answer::new("200 OK", "etag: \"v1\"\r\n", index.as_bytes()),
    })
    .await;
    // on this machine, only the room's own repository may be named by an index
    let room = Room::new(&elsewhere.url());
    let url = server.url().replace("//", "//me:hushhush@") + "/charts";
    let versions = || room.charts.versions(Some(&url), "demo");
    // the list has no digest: what comes is taken, and known by its digest from then on
    let listed = versions().await.expect("a version");
    let chart = room.charts.fetch(Some(&url), &listed[0], None).await;
    let chart = chart.expect("a package");
    assert_eq!(chart.digest, Sha256Hex::of(&package));
    assert!(room.charts.cached(chart.digest).await.is_some());
    let asked = elsewhere.requests("/moved/demo.tgz");
    assert!(
        !asked[0].to_lowercase().contains("authorization"),
        "{asked:?}"
    );
    let asked = server.requests("/charts/index.yaml");
    assert!(asked[0].contains("authorization: Basic"), "{asked:?}");

    // asked again at once, the index is still fresh; a moment later its tag is sent
    let probes = server.requests("/api/").len();
    let end = Instant::now() + Duration::from_secs(20);
    while !server
        .requests("/charts/index.yaml")
        .iter()
        .any(|head| head.contains("if-none-match: \"v1\""))
    {
        assert!(Instant::now() < end, "the index is asked for again");
        versions().await.expect("a version");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    versions().await.expect("it has not changed");
    assert_eq!(
        server.requests("/api/").len(),
        probes,
        "the way is remembered"
    );
}

/// A repository that redirects its package to this address.
async fn redirecting(package: &[u8], to: &str) -> Liar {
    let location = format!("location: {to}\r\n");
    selling(package, move || Answer::new("302 Found", &location, b"")).await
}

/// The newest version of `demo` in this repository beside the room's own.
async fn newest_of(room: &Room, repository: &str) -> Result<(), ChartsError> {
    let versions = room.charts.versions(Some(repository), "demo").await?;
    let fetched = room
        .charts
        .fetch(Some(repository), &versions[0], None)
        .await;
    fetched.map(drop)
}

#[tokio::test]
async fn a_redirect_is_followed_and_takes_no_credentials_to_strangers() {
    let package = demo("1.0.0").package();
    let sent = package.clone();
    let stranger = Liar::start(move |_| Answer::ok(&sent)).await;
    let server = redirecting(&package, &format!("{}/signed?token=x", stranger.url())).await;
    // whose origin is the room's own repository may be led to, wherever it is
    let room = Room::new(&stranger.url());
    let with_credentials = server.url().replace("//", "//me:hushhush@");
    newest_of(&room, &with_credentials)
        .await
        .expect("a package");
    let asked = stranger.requests("/signed?token=x");
    assert_eq!(asked.len(), 1);
    assert!(
        !asked[0].to_lowercase().contains("authorization"),
        "{asked:?}"
    );
    assert!(server.requests(LISTED)[0].contains("authorization: Basic"));
}

#[tokio::test]
async fn nothing_leads_to_this_machine_or_to_what_is_not_allowed() {
    let package = demo("1.0.0").package();
    let sent = package.clone();
    let secret = Liar::start(move |_| Answer::ok(&sent)).await;
    let port = secret.url();
    let port = port.rsplit_once(':').expect("a port").1;
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let to = format!("http://{host}:{port}/demo-1.0.0.tgz");
        let redirects = redirecting(&package, &to).await;
        let answer = newest_of(&Room::new("http://127.0.0.1:1"), &redirects.url()).await;
        let message = answer.expect_err(host).message();
        let says = [
            "on this machine or its link",
            "where no redirect and no index may lead",
        ];
        assert!(
            says.iter().any(|word| message.contains(word)),
            "{host}: {message}"
        );
        // an index that names it is no better
        let listing = listing(Sha256Hex::of(&package)).replace("charts/demo-1.0.0.tgz", &to);
        let lists = Liar::start(move |head| match head {
            _ if head.starts_with(&format!("GET {LISTED} ")) => Answer::ok(&listing),
            _ => Answer::not_found(),
        })
        .await;
        let answer = newest_of(&Room::new("http://127.0.0.1:1"), &lists.url()).await;
        let message = answer.expect_err(host).message();
        assert!(
            says.iter().any(|word| message.contains(word)),
            "{host}: {message}"
        );
    }
    let redirects = redirecting(&package, "http://elsewhere.example.com/x.tgz").await;
    let few = |settings: &mut ChartsSettings| {
        let allowed = redirects.url().replace("http://", "");
        settings.allowed = allowed.parse().expect("a pattern");
    };
    let room = Room::with("http://127.0.0.1:1", few);
    let message = newest_of(&room, &redirects.url())
        .await
        .expect_err("refused")
        .message();
    assert!(message.contains("elsewhere.example.com"), "{message}");
    assert!(message.contains("--allowed-repositories"), "{message}");
    assert_eq!(secret.requests("/"), Vec::<String>::new());
}

#[tokio::test]
async fn a_repository_that_comes_back_counts_as_changed() {
    let state = Arc::new(AtomicUsize::new(0));
    let answers = Arc::clone(&state);
    let server = Liar::start(move |_| match answers.load(Ordering::Relaxed) {
        0 => Answer::ok("apiVersion: v1\nentries: {}\n"),
        1 => Answer::new("503 Service Unavailable", "", b""),
        _ => Answer::ok("apiVersion: v1\nentries: {}\n"),
    })
    .await;
    let room = Arc::new(Room::new(&server.url()));
    let watching = Arc::clone(&room);
    let watch =
        tokio::spawn(async move { watching.charts.changes(Duration::from_millis(10)).await });
    for next in [1, 2] {
        // two more looks, so that one of them began after this
        let looks = server.requests("/index.yaml").len() + 2;
        while server.requests("/index.yaml").len() < looks {
            assert!(
                !watch.is_finished(),
                "nothing has changed before state {next}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        state.store(next, Ordering::Relaxed);
    }
    let change = tokio::time::timeout(Duration::from_secs(10), watch).await;
    change
        .expect("that it is back is noticed")
        .expect("no panic");
}

/// There is one limit for what a repository lists, whichever way it does, and the message names its option.
#[tokio::test]
async fn an_index_beyond_the_limit_is_refused_with_the_option_that_raises_it() {
    let package = demo("1.0.0").package();
    let api = listing(Sha256Hex::of(&package));
    let index = format!(r#"{{"apiVersion":"v1","entries":{{"demo":{api}}}}}"#);
    for (path, text) in [(LISTED, api), ("/index.yaml", index)] {
        let size = text.len() as u64;
        let answers = text.clone();
        let server = Liar::start(move |head| match head {
            _ if head.starts_with(&format!("GET {path} ")) => Answer::ok(&answers),
            _ => Answer::not_found(),
        })
        .await;
        let room = |max_index| Room::with(&server.url(), |settings| settings.max_index = max_index);
        room(size).versions().await.expect("it fits");
        let (reason, class, message) =
            told(&room(size - 1).versions().await.expect_err("too large"));
        assert_eq!(
            (reason, class),
            ("RepositoryUnavailable", ErrorClass::Blocked)
        );
        let expected = format!(
            "the index of {} is larger than {} bytes; raise --helm-index-max-size",
            server.url(),
            size - 1
        );
        assert_eq!(message, expected);
    }
}
