//! Threads that read through packages for answers, as many as there are cores.
//!
//! They are the same ones again and again: the allocator keeps for each thread what the largest package took that was read
//! on it, and the threads of the runtime's pool are many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped.
#[derive(Debug)]
pub struct Readers {
    permits: Arc<Semaphore>,
    jobs: Sender<Job>,
}

/// The right to one of the threads, until it is dropped.
#[derive(Debug)]
pub struct ReaderPermit {
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    /// So many threads.
    pub fn new(threads: usize) -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(format!("reader-{number}"))
                .spawn(move || work(&queue))
                .expect("the system has room for a thread");
        }
        Self {
            permits: Arc::new(Semaphore::new(threads)),
            jobs,
        }
    }

    /// Waits for a thread.
    pub async fn permit(&self) -> ReaderPermit {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        ReaderPermit {
            _permit: permit.expect("the semaphore is never closed"),
        }
    }

    /// Does `job` on one of the threads. The permit comes back with the result, and is free again when the job is done if
    /// nobody waits for that any more.
    ///
    /// # Panics
    /// The job did.
    pub async fn run<T: Send + 'static>(
        &self,
        permit: ReaderPermit,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> (T, ReaderPermit) {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            let result = job();
            // whoever waited for it has left
            done.send((result, permit)).ok();
        });
        self.jobs
            .send(job)
            .expect("the threads live as long as this");
        result.await.expect("reading a package does not panic")
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // whoever waits for the result finds out
        catch_unwind(AssertUnwindSafe(job)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_permit_is_kept_by_the_work_and_not_by_who_waits_for_it() {
        let readers = Readers::new(1);
        let (go_on, wait) = channel::<()>();
        let permit = readers.permit().await;
        {
            let running = readers.run(permit, move || wait.recv());
            let mut running = std::pin::pin!(running);
            assert!(futures_util::poll!(&mut running).is_pending());
        }
        let mut next = std::pin::pin!(readers.permit());
        assert!(futures_util::poll!(&mut next).is_pending());
        go_on.send(()).expect("the job waits for it");
        let (number, _permit) = readers.run(next.await, || 7).await;
        assert_eq!(number, 7);
    }

    #[tokio::test]
    async fn a_thread_outlives_a_panic() {
        let readers = Arc::new(Readers::new(1));
        let panicking = Arc::clone(&readers);
        let panicked = tokio::spawn(async move {
            let permit = panicking.permit().await;
            panicking.run(permit, || panic!("a fault")).await
        });
        assert!(panicked.await.is_err());
        let permit = readers.permit().await;
        assert_eq!(readers.run(permit, || 7).await.0, 7);
    }
}
