//! The bound on a release, with the real helm and a real API server as the judges.

use chartroom::controller::charts::{RELEASE_LIMIT, release_size_estimate};

use super::*;
use crate::support::control_plane::ControlPlane;
use crate::support::helm::{HELM, Helm};
use crate::support::server::TestServer;

/// Text and noise by turns, `len` bytes: what charts are made of, at its worst.
fn mixture(len: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..len)
        .map(|at| {
            if at / 1000 % 4 == 0 {
                b"replicas: 1\n"[at % 12]
            } else {
                next()
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_as_too_large_helm_cannot_install() {
    let fill = mixture(2_000_000);
    let estimate = |len: usize| release_size_estimate([("files/fill", &fill[..len])]);
    // the shortest fill that is refused
    let (mut fits, mut refused) = (0, fill.len());
    while refused - fits > 100 {
        let middle = fits.midpoint(refused);
        if estimate(middle) > RELEASE_LIMIT {
            refused = middle
        } else {
            fits = middle
        }
    }
    let server = TestServer::start(&[]);
    let helm = Helm::new(HELM);
    let kubectl = ControlPlane::shared().namespace();
    let kubeconfig = ControlPlane::shared().kubeconfig().display().to_string();
    for (version, len, refuses) in [
        ("1.0.0", refused, true),
        ("0.9.0", refused * 93 / 100, false),
    ] {
        let package = demo(version).file("files/fill", &fill[..len]).package();
        server.http().post("/api/charts", package).await.expect(201);
        let room = Room::new(&server.url());
        let versions = room.versions().await.expect("a version");
        let listed = versions
            .iter()
            .find(|listed| listed.text == version)
            .expect("it is listed");
        let chart = room
            .charts
            .fetch(None, listed, None)
            .await
            .expect("a package");
        assert_eq!(
            chart.is_too_large_for_a_release().is_some(),
            refuses,
            "{len}"
        );
        let file = chart.path.display().to_string();
        let namespace = format!("--namespace={}", kubectl.namespace());
        let release = format!("r{}", version.replace('.', "-"));
        let install = helm.run(&[
            "install",
            &release,
            &file,
            &namespace,
            "--kubeconfig",
            &kubeconfig,
        ]);
        assert_eq!(
            install.code() != Some(0),
            refuses,
            "{len}: {}",
            install.stderr()
        );
        assert_eq!(
            install.stderr().contains("Too long"),
            refuses,
            "{len}: {}",
            install.stderr()
        );
    }
}
