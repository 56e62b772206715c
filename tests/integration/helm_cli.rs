//! The real helm against the real server: what a user of a chart repository does, with each client people have.

mod access;
mod charts;
mod cm_push;
mod layouts;
mod signatures;

use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::Helm;
use crate::support::http::Http;
use crate::support::server::TestServer;

/// One test per helm for each named behaviour, in a module named after the helm.
macro_rules! with_each_helm {
    ($($behaviour:path => $test:ident,)*) => {
        with_each_helm!(@ helm_4_3_1 "4.3.1" $($behaviour => $test,)*);
        with_each_helm!(@ helm_4_1_4 "4.1.4" $($behaviour => $test,)*);
        with_each_helm!(@ helm_3_22_0 "3.22.0" $($behaviour => $test,)*);
        with_each_helm!(@ helm_3_18_0 "3.18.0" $($behaviour => $test,)*);
        with_each_helm!(@ helm_3_10_1 "3.10.1" $($behaviour => $test,)*);
    };
    (@ $module:ident $version:literal $($behaviour:path => $test:ident,)*) => {
        mod $module {
            use super::*;

            $(#[tokio::test]
            async fn $test() {
                $behaviour(Helm::new($version)).await;
            })*
        }
    };
}

with_each_helm! {
    charts::an_empty_repository_can_be_added => an_empty_repository_can_be_added,
    charts::search_lists_versions_newest_first => search_lists_versions_newest_first,
    charts::pull_brings_the_uploaded_bytes => pull_brings_the_uploaded_bytes,
    charts::show_and_template_read_the_chart => show_and_template_read_the_chart,
    charts::dependencies_come_from_the_repository => dependencies_come_from_the_repository,
    charts::a_deleted_chart_is_gone => a_deleted_chart_is_gone,
    charts::an_overwritten_chart_is_pulled_anew => an_overwritten_chart_is_pulled_anew,
    charts::strings_that_look_like_other_types_stay_strings => strings_that_look_like_other_types_stay_strings,
    charts::built_in_charts_are_served_beside_uploads => built_in_charts_are_served_beside_uploads,
    charts::what_chartroom_packages_is_accepted => what_chartroom_packages_is_accepted,
    signatures::a_signed_chart_is_verified => a_signed_chart_is_verified,
    signatures::a_signed_chart_whose_name_or_version_needs_quotes_is_verified => a_signed_chart_whose_name_or_version_needs_quotes_is_verified,
    signatures::verification_refuses_what_is_not_signed => verification_refuses_what_is_not_signed,
    access::basic_auth_is_asked_of_everyone => basic_auth_is_asked_of_everyone,
    access::anonymous_get_needs_credentials_for_uploads_only => anonymous_get_needs_credentials_for_uploads_only,
    access::https_is_trusted_by_its_authority => https_is_trusted_by_its_authority,
    layouts::a_context_path_is_part_of_the_url => a_context_path_is_part_of_the_url,
    layouts::tenants_live_below_the_root => tenants_live_below_the_root,
    layouts::charts_of_another_host_follow_chart_url => charts_of_another_host_follow_chart_url,
}

/// The index forms: JSON, which is the default, and YAML.
const INDEX_FORMS: [&str; 2] = ["--json-index=true", "--json-index=false"];

/// Uploads a chart as `curl --data-binary` does and returns its package.
async fn upload(http: &Http, path: &str, chart: &ChartBuilder) -> Vec<u8> {
    let package = chart.package();
    http.post(path, package.clone()).await.expect(201);
    package
}

/// Adds the repository at this URL under the name `room` and updates it.
#[track_caller]
fn add(helm: &Helm, url: &str) {
    helm.ok(&["repo", "add", "room", url, "--force-update"]);
    helm.ok(&["repo", "update"]);
}

/// What `helm search repo --versions` finds in `room`, as `name version` in helm's order.
#[track_caller]
fn search(helm: &Helm, more: &[&str]) -> Vec<String> {
    let found = helm.ok(&[
        &["search", "repo", "room/", "--versions", "--output=json"],
        more,
    ]
    .concat());
    let found: serde_json::Value = serde_json::from_str(&found).expect("helm prints JSON");
    let charts = found.as_array().expect("a list of charts");
    charts
        .iter()
        .map(|chart| format!("{} {}", text(chart, "name"), text(chart, "version")))
        .collect()
}

fn text<'a>(object: &'a serde_json::Value, key: &str) -> &'a str {
    object[key].as_str().expect("a string")
}

/// Pulls, checks that the file has this name and these bytes, and removes it.
#[track_caller]
fn assert_pulls(helm: &Helm, arguments: &[&str], file_name: &str, package: &[u8]) {
    helm.ok(&[&["pull"], arguments].concat());
    assert!(
        helm.read(file_name) == package,
        "`pull {arguments:?}` brought other bytes than were uploaded"
    );
    std::fs::remove_file(helm.directory().join(file_name)).expect("the pulled file");
}

/// A server in its simplest form.
fn plain_server() -> TestServer {
    TestServer::start(&[])
}
