use std::pin::pin;
use std::time::Duration;

/// How many times the runtime has to come round to a timer.
const STEPS: u32 = 5;

/// Waits for this long, in steps; `None` if it was in vain.
///
/// While the process is so busy that its own timers are late, so is everything that it has not come to read: a step that ends late
/// counts for one, and whoever was asked is not taken for slow.
pub(crate) async fn fair_timeout<F: Future>(timeout: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..STEPS {
        if let Ok(output) = tokio::time::timeout(timeout / STEPS, &mut future).await {
            return Some(output);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::sync::oneshot;

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(50);

    /// An answer that is there after a few turns of the runtime, such as one that a task has to read first.
    fn answer() -> oneshot::Receiver<u8> {
        let (sender, answer) = oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            let _ = sender.send(7);
        });
        answer
    }

    #[tokio::test]
    async fn time_in_which_the_process_was_busy_does_not_count() {
        let busy = || {
            tokio::spawn(async { std::thread::sleep(TIMEOUT * 3) });
        };
        let plain = answer();
        busy();
        assert!(tokio::time::timeout(TIMEOUT, plain).await.is_err(), "what this is for");
        let fair = answer();
        busy();
        assert_eq!(fair_timeout(TIMEOUT, fair).await, Some(Ok(7)));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_waited_for_in_vain() {
        let started = Instant::now();
        assert_eq!(fair_timeout(TIMEOUT, std::future::pending::<()>()).await, None);
        assert!(started.elapsed() >= TIMEOUT, "{:?}", started.elapsed());
    }
}
