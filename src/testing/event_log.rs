use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ports::observer::{Event, Observer};

/// Bounds the memory of long load tests.
const CAPACITY: usize = 10_000;

/// Keeps the events that an [`Observer`] is told: for `AuthClientBuilder::observer` or
/// [`AuthLayer::observer`](crate::AuthLayer::observer). Clones share the events.
///
/// ```
/// use aigc_auth::observer::{Event, RefusedBy};
/// use aigc_auth::{AuthLayer, testing};
/// use axum::{Router, routing::get};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let events = testing::EventLog::new();
/// let users = testing::users([("t", testing::user("alice"))]);
/// let app: Router =
///     Router::new().route("/", get(|| async {})).layer(AuthLayer::new(users).observer(events.clone()));
/// app.oneshot(http::Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
///
/// let [Event::Refused(refused)] = &events.events()[..] else { panic!("one event") };
/// assert_eq!((refused.status(), refused.by), (401, RefusedBy::Layer));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventLog(Arc<Mutex<VecDeque<Event>>>);

impl EventLog {
    /// Creates an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the latest 10,000 events, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Removes all events.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Observer for EventLog {
    fn observe(&self, event: &Event) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == CAPACITY {
            events.pop_front();
        }
        events.push_back(event.clone());
    }
}
