//! Search, pull, show, template, dependencies: the everyday commands.

use std::fs;

use super::{INDEX_FORMS, add, assert_pulls, plain_server, search, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::Helm;
use crate::support::server::{self, TestServer};

pub async fn an_empty_repository_can_be_added(helm: Helm) {
    for form in INDEX_FORMS {
        let server = TestServer::start(&[form]);
        add(&helm, &server.url());
        assert_eq!(search(&helm, &[]), Vec::<String>::new(), "{form}");
    }
}

pub async fn search_lists_versions_newest_first(helm: Helm) {
    for form in INDEX_FORMS {
        let server = TestServer::start(&[form]);
        let http = server.http();
        for version in [
            "0.9.0",
            "1.10.0",
            "1.9.0",
            "2.0.0-rc.1",
            "1.10.0-beta.2",
            "1.10.0-beta.11",
        ] {
            upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
        }
        upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("zeta", "v3.0.0+build.7"),
        )
        .await;
        add(&helm, &server.url());
        let stable = [
            "room/app 1.10.0",
            "room/app 1.9.0",
            "room/app 0.9.0",
            "room/zeta v3.0.0+build.7",
        ];
        assert_eq!(search(&helm, &[]), stable, "{form}");
        let all = [
            "room/app 2.0.0-rc.1",
            "room/app 1.10.0",
            "room/app 1.10.0-beta.11",
            "room/app 1.10.0-beta.2",
            "room/app 1.9.0",
            "room/app 0.9.0",
            "room/zeta v3.0.0+build.7",
        ];
        assert_eq!(search(&helm, &["--devel"]), all, "{form}");
    }
}

pub async fn pull_brings_the_uploaded_bytes(helm: Helm) {
    for form in INDEX_FORMS {
        let server = TestServer::start(&[form]);
        let http = server.http();
        let old = upload(&http, "/api/charts", &ChartBuilder::new("app", "0.1.0")).await;
        let patched = upload(&http, "/api/charts", &ChartBuilder::new("app", "0.1.7")).await;
        let newest = upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("app", "1.2.3+build.5"),
        )
        .await;
        let coming = upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("app", "2.0.0-rc.1"),
        )
        .await;
        add(&helm, &server.url());
        assert_pulls(
            &helm,
            &["room/app", "--version=0.1.0"],
            "app-0.1.0.tgz",
            &old,
        );
        assert_pulls(
            &helm,
            &["room/app", "--version=~0.1"],
            "app-0.1.7.tgz",
            &patched,
        );
        assert_pulls(
            &helm,
            &["room/app", "--version=<1.0.0"],
            "app-0.1.7.tgz",
            &patched,
        );
        assert_pulls(&helm, &["room/app"], "app-1.2.3+build.5.tgz", &newest);
        assert_pulls(
            &helm,
            &["room/app", "--version=1.2.3+build.5"],
            "app-1.2.3+build.5.tgz",
            &newest,
        );
        assert_pulls(
            &helm,
            &["room/app", "--devel"],
            "app-2.0.0-rc.1.tgz",
            &coming,
        );
        assert_pulls(
            &helm,
            &["app", "--repo", &server.url()],
            "app-1.2.3+build.5.tgz",
            &newest,
        );
        let url = server.url_of("/charts/app-0.1.0.tgz");
        assert_pulls(&helm, &[&url], "app-0.1.0.tgz", &old);
        helm.fails(&["pull", "room/app", "--version=9.9.9"]);
    }
}

pub async fn show_and_template_read_the_chart(helm: Helm) {
    let server = plain_server();
    let chart = ChartBuilder::new("app", "1.0.0").file("README.md", "Read me first.\n");
    upload(&server.http(), "/api/charts", &chart).await;
    add(&helm, &server.url());
    let all = helm.ok(&["show", "all", "room/app"]);
    for part in [
        "description: A chart of the tests",
        "greeting: hello",
        "Read me first.",
    ] {
        assert!(all.contains(part), "`show all` lacks {part:?}: {all}");
    }
    assert_eq!(
        helm.ok(&["show", "values", "room/app"]).trim(),
        "# of app\ngreeting: hello"
    );
    let rendered = helm.ok(&["template", "mine", "room/app", "--set", "greeting=ahoy"]);
    assert!(
        rendered.contains("name: mine-app") && rendered.contains("greeting: \"ahoy\""),
        "{rendered}"
    );
}

pub async fn dependencies_come_from_the_repository(helm: Helm) {
    for form in INDEX_FORMS {
        let server = TestServer::start(&[form]);
        let http = server.http();
        let database = upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("database", "2.4.1"),
        )
        .await;
        upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("database", "3.0.0"),
        )
        .await;
        let cache = upload(
            &http,
            "/api/charts",
            &ChartBuilder::new("cache", "0.3.0+edge"),
        )
        .await;
        add(&helm, &server.url());
        // one by the URL of the repository, one by its local name
        let parent = ChartBuilder::new("shop", "1.0.0").dependencies(&[
            ("database", "^2.0.0", &server.url()),
            ("cache", ">=0.1.0", "@room"),
        ]);
        let parent = parent.write_directory(helm.directory());
        helm.ok(&["dependency", "update", "shop"]);
        let brought =
            |name: &str| fs::read(parent.join("charts").join(name)).expect("a dependency");
        assert!(
            brought("database-2.4.1.tgz") == database && brought("cache-0.3.0+edge.tgz") == cache,
            "{form}"
        );

        fs::remove_dir_all(parent.join("charts")).expect("the dependencies");
        helm.ok(&["dependency", "build", "shop"]);
        assert!(
            brought("database-2.4.1.tgz") == database && brought("cache-0.3.0+edge.tgz") == cache,
            "{form}"
        );
        let rendered = helm.ok(&["template", "mine", "shop"]);
        assert!(
            rendered.contains("mine-database") && rendered.contains("mine-cache"),
            "{rendered}"
        );
        fs::remove_dir_all(parent).expect("the chart");
    }
}

pub async fn a_deleted_chart_is_gone(helm: Helm) {
    let server = plain_server();
    let http = server.http();
    upload(
        &http,
        "/api/charts",
        &ChartBuilder::new("app", "0.1.0-SNAPSHOT-1"),
    )
    .await;
    upload(&http, "/api/charts", &ChartBuilder::new("app", "0.2.0")).await;
    add(&helm, &server.url());
    assert_eq!(
        search(&helm, &["--devel"]),
        ["room/app 0.2.0", "room/app 0.1.0-SNAPSHOT-1"]
    );
    http.delete("/api/charts/app/0.1.0-SNAPSHOT-1")
        .await
        .expect(200);
    http.get("/api/charts/app/0.1.0-SNAPSHOT-1")
        .await
        .expect(404);
    helm.ok(&["repo", "update"]);
    assert_eq!(search(&helm, &["--devel"]), ["room/app 0.2.0"]);
    http.delete("/api/charts/app/0.2.0").await.expect(200);
    helm.ok(&["repo", "update"]);
    assert_eq!(search(&helm, &["--devel"]), Vec::<String>::new());
    helm.fails(&["pull", "room/app", "--version=0.2.0"]);
}

pub async fn an_overwritten_chart_is_pulled_anew(helm: Helm) {
    let server = plain_server();
    let http = server.http();
    let first = ChartBuilder::new("app", "1.0.0");
    let before = upload(&http, "/api/charts", &first).await;
    add(&helm, &server.url());
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &before);
    let second = first.file("values.yaml", "greeting: second thoughts\n");
    http.post("/api/charts", second.package())
        .await
        .expect_error(409, "file already exists");
    let after = upload(&http, "/api/charts?force", &second).await;
    // helm 4 keeps packages by the digest in the index: a digest that stayed would bring the old bytes back
    helm.ok(&["repo", "update"]);
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &after);
    assert!(
        helm.ok(&["show", "values", "room/app"])
            .contains("second thoughts")
    );
}

pub async fn strings_that_look_like_other_types_stay_strings(helm: Helm) {
    for form in INDEX_FORMS {
        let server = TestServer::start(&[form]);
        let http = server.http();
        let odd = "apiVersion: v2\nname: \"1234\"\nversion: \"1.10\"\nappVersion: \"1e3\"\ndescription: \"yes\"\n\
                   keywords: [\"true\", \"~\", \"12:30:45\", \"0x1F\"]\nannotations: {\"on\": \"no\", a: \"null\"}\n\
                   maintainers: [{name: \"007\", email: \"2020-01-01\"}]\nhome: \"# not a comment\"\n";
        let odd = ChartBuilder::new("1234", "1.10").chart_yaml(odd);
        let package = upload(&http, "/api/charts", &odd).await;
        let prose =
            "description: \"two: lines\\nand 'quotes' \\\"of\\\" both - # kinds \\u2028 \\u00e9\"";
        let prose = ChartBuilder::new("true", "1.0.0").chart_yaml(format!(
            "apiVersion: v2\nname: \"true\"\nversion: \"1.0.0\"\n{prose}\n"
        ));
        upload(&http, "/api/charts", &prose).await;
        add(&helm, &server.url());
        assert_eq!(
            search(&helm, &[]),
            ["room/1234 1.10", "room/true 1.0.0"],
            "{form}"
        );
        assert_pulls(
            &helm,
            &["room/1234", "--version=1.10"],
            "1234-1.10.tgz",
            &package,
        );
    }
}

pub async fn built_in_charts_are_served_beside_uploads(helm: Helm) {
    let shipped = tempfile::tempdir().expect("a temporary directory");
    ChartBuilder::new("base", "1.0.0").write_directory(shipped.path());
    let packaged = ChartBuilder::new("packed", "0.4.0");
    fs::write(
        shipped.path().join(packaged.file_name()),
        packaged.package(),
    )
    .expect("a writable directory");
    let server = TestServer::options()
        .arg("--builtin-charts")
        .arg(shipped.path())
        .start();
    let newer = upload(
        &server.http(),
        "/api/charts",
        &ChartBuilder::new("base", "1.1.0"),
    )
    .await;
    add(&helm, &server.url());
    assert_eq!(
        search(&helm, &[]),
        ["room/base 1.1.0", "room/base 1.0.0", "room/packed 0.4.0"]
    );
    assert_pulls(&helm, &["room/base"], "base-1.1.0.tgz", &newer);
    assert_pulls(
        &helm,
        &["room/packed"],
        "packed-0.4.0.tgz",
        &packaged.package(),
    );
    let rendered = helm.ok(&["template", "mine", "room/base", "--version=1.0.0"]);
    assert!(rendered.contains("version: \"1.0.0\""), "{rendered}");
}

pub async fn what_chartroom_packages_is_accepted(helm: Helm) {
    let chart = ChartBuilder::new("app", "1.0.0")
        .file(".helmignore", "*.secret\n")
        .file("note.secret", "hidden");
    chart.file("icon.txt", "").write_directory(helm.directory());
    server::chartroom(
        &["package", "app", "--destination", "out"],
        helm.directory(),
    )
    .succeeded();
    let package = "out/app-1.0.0.tgz";
    helm.ok(&["lint", package]);
    assert!(
        helm.ok(&["show", "all", package])
            .contains("greeting: hello")
    );
    assert!(helm.ok(&["template", "mine", package]).contains("mine-app"));
    let first = helm.read(package);
    server::chartroom(
        &["package", "app", "--destination", "again"],
        helm.directory(),
    )
    .succeeded();
    assert!(
        helm.read("again/app-1.0.0.tgz") == first,
        "packaged twice, the bytes differ"
    );
}
