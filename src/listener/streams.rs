//! The streams of one HTTP/2 connection, each a task with a deadline of its own for its response.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::rt::Executor;

use super::clock::EndOfStream;

/// Runs the streams. hyper asks the service for an answer and at once has its stream run, both on the connection's task:
/// what ends a stream is handed over between the two.
#[derive(Clone)]
pub(super) struct Streams {
    write_timeout: Option<Duration>,
    next: Arc<Mutex<Option<Arc<EndOfStream>>>>,
}

impl Streams {
    pub(super) fn new(write_timeout: Option<Duration>) -> Self {
        Self {
            write_timeout,
            next: Arc::default(),
        }
    }

    /// The stream that is run next ends with this.
    pub(super) fn next_ends_with(&self, end: Option<Arc<EndOfStream>>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let end = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let write_timeout = self.write_timeout;
        tokio::spawn(async move {
            let Some(end) = end else {
                stream.await;
                return;
            };
            tokio::select! {
                biased;
                _ = stream => {}
                // a stream that is dropped is reset, and what waits to be sent of it is forgotten
                () = end.passed(write_timeout) => {
                    tracing::debug!("Stream reset: its peer took too long");
                }
            }
        });
    }
}
