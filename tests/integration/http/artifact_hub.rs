//! `artifacthub-repo.yml`, per tenant.

use super::parsed;
use crate::support::server::TestServer;

const IDS: [&str; 4] = [
    "--artifact-hub-repo-id=id-of-root",
    "--artifact-hub-repo-id=org=id-of-org",
    "--artifact-hub-repo-id=org/team=id-of-team",
    "--artifact-hub-repo-id=org/team/repo=id-of-repo",
];

const TENANTS: [(&str, &str); 4] = [
    ("", "id-of-root"),
    ("/org", "id-of-org"),
    ("/org/team", "id-of-team"),
    ("/org/team/repo", "id-of-repo"),
];

#[tokio::test]
async fn each_tenant_shows_its_own_id_at_every_depth() {
    for (depth, (tenant, id)) in TENANTS.into_iter().enumerate() {
        let server = TestServer::options()
            .args(IDS)
            .arg(format!("--depth={depth}"))
            .start();
        let answer = server
            .http()
            .get(&format!("{tenant}/artifacthub-repo.yml"))
            .await
            .expect(200);
        assert_eq!(answer.text(), format!("repositoryID: {id}\n"));
        assert_eq!(answer.header("content-type"), Some("application/x-yaml"));
        assert_eq!(parsed(&answer)["repositoryID"], id);
    }
}

#[tokio::test]
async fn a_dynamic_depth_shows_them_too() {
    let server = TestServer::options()
        .args(IDS)
        .arg("--depth-dynamic")
        .start();
    for (tenant, id) in TENANTS {
        let answer = server
            .http()
            .get(&format!("{tenant}/artifacthub-repo.yml"))
            .await
            .expect(200);
        assert_eq!(answer.text(), format!("repositoryID: {id}\n"));
    }
}

#[tokio::test]
async fn a_tenant_without_an_id_says_so() {
    let server = TestServer::options().args(IDS).arg("--depth=1").start();
    let answer = server.http().get("/other/artifacthub-repo.yml").await;
    answer.expect_error(404, "Artifact Hub repository ID not found");
}

#[tokio::test]
async fn the_environment_gives_one_id() {
    let server = TestServer::options()
        .env("ARTIFACT_HUB_REPO_ID", "from-env")
        .start();
    let answer = server.http().get("/artifacthub-repo.yml").await.expect(200);
    assert_eq!(answer.text(), "repositoryID: from-env\n");
}
