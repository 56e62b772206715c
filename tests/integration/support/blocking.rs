//! Asynchronous work from tests that are not, and from those that are.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc::channel;

use tokio::runtime::{Builder, Runtime};

/// Runs `work` on a runtime that all tests share, and waits for it.
pub fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(1).enable_all();
        builder.build().expect("a runtime")
    });
    let (send, receive) = channel();
    runtime.spawn(async move {
        send.send(work.await).ok();
    });
    // a channel and not `block_on`, which an asynchronous test must not call
    receive.recv().expect("the work does not panic")
}
