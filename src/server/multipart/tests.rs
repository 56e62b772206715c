use std::convert::Infallible;
use std::io;

use futures_util::stream;
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use proptest::prelude::*;

use super::*;

const TYPE: HeaderValue = HeaderValue::from_static("multipart/form-data; boundary=XyZ");
const FIELDS: [&str; 2] = ["chart", "prov"];

fn read_to_end(
    content_type: &str,
    body: &str,
    limit: u64,
) -> Result<Form, MultipartError<Infallible>> {
    let content_type = HeaderValue::from_str(content_type).expect("a header value");
    block_on(read_form(
        &content_type,
        Full::new(Bytes::copy_from_slice(body.as_bytes())),
        limit,
        &FIELDS,
    ))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn text(form: &Form, field: &str) -> Option<String> {
    form.file(field)
        .map(|file| String::from_utf8_lossy(file).into_owned())
}

/// A form of parts, each given as its parameters and its content.
fn form(parts: &[(&str, &str)]) -> String {
    let part = |(parameters, content): &(&str, &str)| {
        format!("--XyZ\r\nContent-Disposition: form-data; {parameters}\r\n\r\n{content}\r\n")
    };
    parts.iter().map(part).collect::<String>() + "--XyZ--\r\n"
}

const CHART: &str = r#"name="chart"; filename="/tmp/helm-push-1/x-1.tgz""#;

#[test]
fn the_first_file_of_each_field_is_kept() {
    for (case, parts, chart, prov) in [
        ("a chart", &[(CHART, "tgz")][..], Some("tgz"), None),
        (
            "both",
            &[(CHART, "tgz"), ("name=prov; filename=x", "sig")],
            Some("tgz"),
            Some("sig"),
        ),
        (
            "the other order",
            &[("name=prov; filename=x", "sig"), (CHART, "tgz")],
            Some("tgz"),
            Some("sig"),
        ),
        (
            "the field twice",
            &[(CHART, "one"), (CHART, "two")],
            Some("one"),
            None,
        ),
        ("an empty file", &[(CHART, "")], Some(""), None),
        (
            "a value first",
            &[("name=chart", "value"), (CHART, "tgz")],
            Some("tgz"),
            None,
        ),
        ("a value only", &[("name=chart", "value")], None, None),
        (
            "an empty file name",
            &[(r#"name="chart"; filename="""#, "value")],
            None,
            None,
        ),
        (
            "an extended file name",
            &[("name=chart; filename*=UTF-8''x.tgz", "tgz")],
            Some("tgz"),
            None,
        ),
        (
            "another field",
            &[("name=other; filename=x", "long"), (CHART, "tgz")],
            Some("tgz"),
            None,
        ),
        ("no name", &[("filename=x", "tgz")], None, None),
        (
            "a path of Windows",
            &[(r#"name="chart"; filename="C:\dir\x.tgz""#, "tgz")],
            Some("tgz"),
            None,
        ),
        (
            "content like a boundary",
            &[(CHART, "a\r\n--Xy\r\n-\r--XyZ")],
            Some("a\r\n--Xy\r\n-\r--XyZ"),
            None,
        ),
        ("nothing", &[], None, None),
    ] {
        let read =
            read_to_end("multipart/form-data; boundary=XyZ", &form(parts), 10_000).expect(case);
        assert_eq!(text(&read, "chart").as_deref(), chart, "{case}");
        assert_eq!(text(&read, "prov").as_deref(), prov, "{case}");
    }
}

#[test]
fn the_layout_of_a_form_may_vary() {
    let disposition = "Content-Disposition: form-data; name=chart; filename=x";
    for (case, body) in [
        (
            "more headers",
            format!("--XyZ\r\nContent-Type: x/y\r\n{disposition}\r\nA: b\r\n\r\ntgz\r\n--XyZ--"),
        ),
        (
            "lower case",
            format!(
                "--XyZ\r\n{}\r\n\r\ntgz\r\n--XyZ--\r\n",
                disposition.to_lowercase()
            ),
        ),
        (
            "a preamble",
            format!("hello\r\n--XyZ\r\n{disposition}\r\n\r\ntgz\r\n--XyZ--\r\n"),
        ),
        (
            "an epilogue",
            format!("--XyZ\r\n{disposition}\r\n\r\ntgz\r\n--XyZ--\r\nbye\r\n--XyZ\r\n"),
        ),
        (
            "padding",
            format!("--XyZ \t\r\n{disposition}\r\n\r\ntgz\r\n--XyZ--"),
        ),
    ] {
        let read = read_to_end("multipart/form-data; boundary=\"XyZ\"", &body, 10_000).expect(case);
        assert_eq!(text(&read, "chart").as_deref(), Some("tgz"), "{case}");
    }
}

#[test]
fn what_makes_no_sense_has_no_files() {
    let good = form(&[(CHART, "tgz")]);
    let many = form(&vec![("name=a", ""); 1001]) + &good;
    for (case, content_type, body) in [
        ("no boundary", "multipart/form-data", good.as_str()),
        ("an empty boundary", "multipart/form-data; boundary=", &good),
        (
            "another boundary",
            "multipart/form-data; boundary=Abc",
            &good,
        ),
        (
            "an unclosed quote",
            "multipart/form-data; boundary=\"XyZ",
            &good,
        ),
        ("an empty body", "multipart/form-data; boundary=XyZ", ""),
        ("not a form", "multipart/form-data; boundary=XyZ", "tgz"),
        (
            "no end",
            "multipart/form-data; boundary=XyZ",
            &good[..good.len() - 5],
        ),
        (
            "cut in the content",
            "multipart/form-data; boundary=XyZ",
            &good[..good.len() - 14],
        ),
        (
            "text behind a boundary",
            "multipart/form-data; boundary=XyZ",
            &good.replacen("XyZ\r", "XyZ?\r", 1),
        ),
        ("too many parts", "multipart/form-data; boundary=XyZ", &many),
    ] {
        let read = read_to_end(content_type, body, 1_000_000).expect(case);
        assert_eq!(read, Form::default(), "{case}");
    }
}

#[test]
fn the_limit_counts_the_whole_body() {
    let body = form(&[("name=other", "0123456789"), (CHART, "tgz")]);
    let length = body.len() as u64;
    assert!(read_to_end("multipart/form-data; boundary=XyZ", &body, length).is_ok());
    let error = read_to_end("multipart/form-data; boundary=XyZ", &body, length - 1)
        .expect_err("one byte too many");
    assert!(
        matches!(error, MultipartError::TooLarge { limit } if limit == length - 1),
        "{error}"
    );

    let endless =
        stream::repeat_with(|| Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"--XyZ"))));
    let error = block_on(read_form(&TYPE, StreamBody::new(endless), 1000, &FIELDS))
        .expect_err("it has no end");
    assert!(
        matches!(error, MultipartError::TooLarge { limit: 1000 }),
        "{error}"
    );
}

#[test]
fn a_body_that_breaks_off_is_an_error() {
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"--XyZ\r\n"))),
        Err(io::Error::other("gone")),
    ];
    let error = block_on(read_form(
        &TYPE,
        StreamBody::new(stream::iter(frames)),
        1000,
        &FIELDS,
    ))
    .expect_err("broken");
    assert!(matches!(error, MultipartError::Body(cause) if cause.to_string() == "gone"));
}

#[test]
fn a_form_is_told_by_its_media_type() {
    for (content_type, expected) in [
        ("multipart/form-data", true),
        ("multipart/form-data; boundary=x", true),
        ("multipart/form-data boundary=x", true),
        ("Multipart/Form-Data; boundary=x", false),
        ("multipart/form-data2", false),
        ("multipart/mixed; boundary=x", false),
        ("application/octet-stream", false),
        ("", false),
    ] {
        assert_eq!(
            is_form(Some(&HeaderValue::from_static(content_type))),
            expected,
            "{content_type}"
        );
    }
    assert!(!is_form(None));
}

proptest! {
    #[test]
    fn the_chunks_do_not_matter(
        content in "(\r|\n|-|X|y|\r\n--Xy|\r\n--|[ -~]){0,40}",
        sizes in prop::collection::vec(1usize..20, 1..200),
    ) {
        prop_assume!(!content.contains("\r\n--XyZ"));
        let body = form(&[("name=other", &content), (CHART, &content), ("name=prov; filename=p", "sig")]);
        let mut rest = Bytes::from(body);
        let mut frames = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            frames.push(Ok::<_, Infallible>(Frame::data(rest.split_to((*size).min(rest.len())))));
        }
        let read = block_on(read_form(&TYPE, StreamBody::new(stream::iter(frames)), 10_000, &FIELDS)).expect("a form");
        prop_assert_eq!(text(&read, "chart"), Some(content));
        prop_assert_eq!(text(&read, "prov"), Some("sig".to_owned()));
    }
}
