//! An API server that takes requests and never answers.

use std::time::{Duration, Instant};

use chartroom::config::LeaseTimes;
use chartroom::controller::lease::{Elector, Leadership, Lost, TakenOver};
use kube::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const TIMES: LeaseTimes = LeaseTimes {
    duration: Duration::from_secs(4),
    renew_deadline: Duration::from_secs(2),
    retry_period: Duration::from_millis(300),
};

/// A candidate whose API server accepts connections and says nothing.
async fn candidate() -> (Elector, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let url = format!("http://{address}").parse().expect("a URL");
    let client = Client::try_from(kube::Config::new(url)).expect("a client");
    (
        Elector::new(client, "default", "lease", "first", TIMES),
        silent,
    )
}

#[tokio::test]
async fn a_server_that_hangs_ends_the_term_at_the_deadline() {
    let (elector, _silent) = candidate().await;
    let leadership = Leadership {
        identity: "first".to_owned(),
        transitions: 0,
        acquired: Instant::now(),
        taken_over: TakenOver::Created,
        previous_holder: None,
    };
    let lost = elector.keep(&leadership, &CancellationToken::new()).await;
    let kept = leadership.acquired.elapsed();
    let Lost::Lost(why) = lost else {
        panic!("it was not lost");
    };
    assert!(why.contains("did not answer within"), "{why}");
    assert!(kept >= TIMES.renew_deadline, "{kept:?}");
    // the others wait for so long, and not longer
    assert!(kept < TIMES.duration, "{kept:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_hangs_when_told_to_stop() {
    let (elector, _silent) = candidate().await;
    let stop = CancellationToken::new();
    let (acquired, ()) = tokio::join!(elector.acquire(&stop), async { stop.cancel() });
    assert_eq!(acquired, None);
    let start = Instant::now();
    elector.release().await;
    assert!(start.elapsed() < Duration::from_secs(10));
}
