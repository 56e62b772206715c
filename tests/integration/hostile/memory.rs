//! Many uploads as large as they may be, all at once: the memory of the server has a bound.

use super::assert_unharmed;
use crate::support::chart_builder::ChartBuilder;
use crate::support::form::Form;
use crate::support::random::Random;
use crate::support::server::TestServer;
use crate::support::tar::Tar;

/// The default of `--max-upload-size`.
const MAX_UPLOAD: usize = 20 * 1024 * 1024;

/// Bytes that do not compress, `len` of them.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut random = Random::from_environment("CHARTROOM_NOISE_SEED");
    std::iter::repeat_with(|| random.next().to_le_bytes())
        .flatten()
        .take(len)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_uploads_at_once_stay_within_bounds() {
    let server = TestServer::start(&[]);
    let idle = server.memory().resident;
    let noise = noise(4 << 20);
    let chart_yaml = b"apiVersion: v2\nname: x\nversion: 1.0.0\n";
    let large = (0..4).fold(Tar::new().file("x/Chart.yaml", chart_yaml), |tar, n| {
        tar.file(&format!("x/{n}"), &noise)
    });
    let bomb = (0..20)
        .fold(large, |tar, n| tar.zeros(&format!("x/zeros{n}"), 5 << 20))
        .gzip();
    let too_large = vec![0; MAX_UPLOAD + 1];
    let valid = (0..4).fold(ChartBuilder::new("x", "1.0.0"), |chart, n| {
        chart.file(&format!("files/{n}"), &noise[..])
    });
    let valid = valid.package();
    assert!(
        bomb.len() > 16 << 20
            && bomb.len() < MAX_UPLOAD
            && valid.len() > 16 << 20
            && valid.len() < MAX_UPLOAD
    );
    for (what, package, status) in [
        ("bombs", &bomb, 400),
        ("too large", &too_large, 413),
        ("valid", &valid, 201),
    ] {
        let uploads: Vec<_> = (0..8)
            .map(|n| {
                let (http, package) = (server.http(), package.clone());
                tokio::spawn(async move {
                    if n % 2 == 0 {
                        return http.post("/api/charts?force", package).await.status;
                    }
                    http.post_form_chunked(
                        "/api/charts?force",
                        &Form::new().file("chart", "x.tgz", &package),
                    )
                    .await
                    .status
                })
            })
            .collect();
        for upload in uploads {
            assert_eq!(upload.await.unwrap(), status, "{what}");
        }
        let peak = server.memory().peak;
        println!(
            "eight uploads at once ({what}): {} MiB at the most, {} MiB when idle",
            peak >> 20,
            idle >> 20
        );
    }
    // four uploads of 20 MiB are held at a time, and a buffer that grows is there twice for a moment: measured 130 to 180
    let peak = server.memory().peak;
    assert!(peak < 320 << 20, "{} MiB at the most", peak >> 20);
    server.http().get("/index.yaml").await.expect(200);
    assert_unharmed(&server);
}
