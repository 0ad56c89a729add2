//! An auth center that does as little as one can: it knows one user, and counts usage records without reading them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// Larger than any batch.
const LONGEST: usize = 16 * 1024 * 1024;

/// On a thread of its own, until the process ends.
pub(crate) struct Center {
    pub(crate) url: String,
    records: Arc<AtomicU64>,
}

impl Center {
    pub(crate) fn start() -> Self {
        let (sender, receiver) = mpsc::channel();
        let records = Arc::new(AtomicU64::new(0));
        let app = app(records.clone());
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address: SocketAddr = listener.local_addr().expect("bound");
                sender.send(address).expect("somebody waits");
                axum::serve(listener, app).await.expect("served");
            });
        });
        Self { url: format!("http://{}", receiver.recv().expect("the center starts")), records }
    }

    /// Usage records since the last call.
    pub(crate) fn take_records(&self) -> u64 {
        self.records.swap(0, Ordering::Relaxed)
    }
}

fn app(records: Arc<AtomicU64>) -> Router {
    let alice = json!({
        "id": 7, "username": "alice", "nickname": "Alice", "email": "alice@example.com", "phone": null, "avatar": null,
        "roles": ["editor"], "permissions": ["report:read", "article:edit"], "department": "Reports", "company": null,
        "is_admin": false, "status": "active",
    });
    Router::new()
        .route("/sdk/user/info", post(move || async move { Json(answer(&alice)) }))
        .route("/sdk/stats/report/batch", post(count))
        .fallback(|| async { Json(answer(&json!({}))) })
        .with_state(records)
}

fn answer(data: &Value) -> Value {
    json!({ "code": 0, "message": "ok", "data": data })
}

async fn count(State(records): State<Arc<AtomicU64>>, body: Body) -> Json<Value> {
    let body = axum::body::to_bytes(body, LONGEST).await.expect("a batch");
    // Every record has this key once, and the headers of these requests have no such text.
    let count = std::str::from_utf8(&body).expect("JSON").matches("\"api_path\"").count();
    records.fetch_add(count as u64, Ordering::Relaxed);
    Json(answer(&json!({})))
}
