//! Uploads in forms: which parts count, and what is answered when none does.

use serde_json::json;

use super::{chart_form, files, listed, provenance_form};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::form::Form;
use crate::support::server::TestServer;

const NOTHING: &str = "no package or provenance file found in form fields chart and prov";

#[tokio::test]
async fn a_form_brings_a_chart_a_provenance_file_or_both() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    let saved = http
        .post_form("/api/charts", &chart_form(&package))
        .await
        .expect(201);
    assert_eq!(saved.json(), json!({ "saved": true }));
    assert_eq!(saved.text(), r#"{"saved":true}"#);
    http.post_form("/api/charts", &provenance_form(&provenance))
        .await
        .expect(201);
    let second = ChartBuilder::new("app", "2.0.0").package();
    let both = chart_form(&second).file(
        "prov",
        "y",
        unsigned_provenance("app", "2.0.0", &second).as_bytes(),
    );
    http.post_form("/api/charts", &both).await.expect(201);
    let expected = [
        "app-1.0.0.tgz",
        "app-1.0.0.tgz.prov",
        "app-2.0.0.tgz",
        "app-2.0.0.tgz.prov",
    ];
    assert_eq!(files(server.storage()), expected);
    assert_eq!(
        listed(&http, "/api/charts").await,
        ["app 2.0.0", "app 1.0.0"]
    );
}

#[tokio::test]
async fn only_the_first_file_part_of_a_known_field_counts() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let [first, second] =
        ["first", "second"].map(|name| ChartBuilder::new(name, "1.0.0").package());
    let form = Form::new()
        .value("chart", b"a plain value is no file")
        .file("other", "x", &second)
        .part(
            "Content-Disposition: form-data; name=\"chart\"; filename=\"\"",
            &second,
        )
        .file("chart", "first-1.0.0.tgz", &first)
        .file("chart", "second-1.0.0.tgz", &second);
    http.post_form("/api/charts", &form).await.expect(201);
    assert_eq!(files(server.storage()), ["first-1.0.0.tgz"]);
}

#[tokio::test]
async fn a_form_without_anything_to_store_names_the_fields() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    let server = TestServer::start(&[]);
    let http = server.http();
    for form in [
        Form::new(),
        Form::new().file("unknown", "app-1.0.0.tgz", &package),
        Form::new().value("chart", &package),
    ] {
        http.post_form("/api/charts", &form)
            .await
            .expect_error(400, NOTHING);
    }
    for (content_type, body) in [
        ("multipart/form-data", chart_form(&package).body()),
        (
            "multipart/form-data; boundary=other",
            chart_form(&package).body(),
        ),
        ("multipart/form-data; boundary=x", "no form".into()),
        ("multipart/form-data; boundary=x", "".into()),
    ] {
        let request = http
            .request("POST", "/api/charts")
            .header("content-type", content_type);
        request.body(body).send().await.expect_error(400, NOTHING);
    }
    let named = TestServer::start(&[
        "--chart-post-form-field-name=c",
        "--prov-post-form-field-name=p",
    ]);
    let answer = named.http().post_form("/api/charts", &Form::new()).await;
    answer.expect_error(
        400,
        "no package or provenance file found in form fields c and p",
    );
}

#[tokio::test]
async fn a_chart_in_a_field_of_another_name_is_listed_at_once() {
    let server = TestServer::start(&[
        "--chart-post-form-field-name=c",
        "--prov-post-form-field-name=p",
    ]);
    let http = server.http();
    for (chart_field, prov_field, version) in [
        ("c", "p", "1.0.0"),
        ("chart", "prov", "2.0.0"),
        ("chart", "p", "3.0.0"),
    ] {
        let package = ChartBuilder::new("app", version).package();
        let provenance = unsigned_provenance("app", version, &package);
        let form = Form::new().file(chart_field, "x", &package).file(
            prov_field,
            "y",
            provenance.as_bytes(),
        );
        http.post_form("/api/charts", &form).await.expect(201);
        http.get(&format!("/api/charts/app/{version}"))
            .await
            .expect(200);
        http.get(&format!("/charts/app-{version}.tgz.prov"))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn parts_in_the_wrong_fields_are_refused_and_nothing_is_stored() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    let prov_as_chart = chart_form(provenance.as_bytes());
    http.post_form("/api/charts", &prov_as_chart)
        .await
        .expect_error(400, "gzip: invalid header");
    let chart_as_prov = Form::new().file("prov", "x", &package);
    http.post_form("/api/charts", &chart_as_prov)
        .await
        .expect_error(400, "invalid provenance file");
    let empty_chart = chart_form(b"");
    http.post_form("/api/charts", &empty_chart)
        .await
        .expect_error(400, "EOF");
    // one good part does not help a bad one
    let good_chart = chart_form(&package).file("prov", "x", b"bad");
    http.post_form("/api/charts", &good_chart)
        .await
        .expect_error(400, "invalid provenance file");
    let good_prov = provenance_form(&provenance).file("chart", "x", b"bad");
    http.post_form("/api/charts", &good_prov)
        .await
        .expect_error(400, "gzip: invalid header");
    assert_eq!(files(server.storage()), [""; 0]);
}

#[tokio::test]
async fn the_media_type_decides_letter_by_letter_what_is_a_form() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for (number, content_type) in [
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/json",
        "Multipart/Form-Data; boundary=x",
        "multipart/mixed; boundary=x",
    ]
    .into_iter()
    .enumerate()
    {
        let package = ChartBuilder::new("app", &format!("{number}.0.0")).package();
        let request = http
            .request("POST", "/api/charts")
            .header("content-type", content_type);
        request.body(package).send().await.expect(201);
    }
    let package = ChartBuilder::new("app", "9.0.0").package();
    let form = chart_form(&package);
    let spaced = form.content_type().replace("; ", " ; ");
    let request = http
        .request("POST", "/api/charts")
        .header("content-type", &spaced);
    request.body(form.body()).send().await.expect(201);
}
