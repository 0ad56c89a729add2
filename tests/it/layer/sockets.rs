//! What outlives its request: WebSockets, blocking threads. Their context, and how they end with their credential.

use std::pin::pin;
use std::time::Duration;

use aigc_auth::context::{self, InContext, RequestContext};
use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::{AuthClient, AuthLayer, UserInfo, webhook};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use futures_util::StreamExt;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{self, App, Stopwatch, client, get_as, serve};
use crate::webhook::support::{Notes, config, report};

fn name() -> String {
    context::current_username().unwrap_or_else(|| "nobody".to_owned())
}

async fn greet(mut socket: WebSocket) {
    let _ = socket.send(Message::text(name())).await;
}

/// Opens a socket with this token.
async fn open(app: &App, path: &str, token: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{}{path}", app.address).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let stream = TcpStream::connect(app.address).await.unwrap();
    client_async(request, stream).await.unwrap().0
}

/// The next text of a socket, or the code that it is closed with.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<String, u16> {
    use tokio_tungstenite::tungstenite::Message;
    match timeout(Duration::from_secs(10), socket.next()).await.expect("a message").unwrap().unwrap() {
        Message::Text(text) => Ok(text.to_string()),
        Message::Close(frame) => Err(frame.map_or(1005, |frame| frame.code.into())),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn socket_has_context_only_if_carried() {
    let center = support::center().await;
    let routes = Router::new()
        .route("/bare", get(|ws: WebSocketUpgrade| async { ws.on_upgrade(greet) }))
        .route(
            "/late",
            get(|ws: WebSocketUpgrade| async { ws.on_upgrade(|s| greet(s).in_current_context()) }),
        )
        .route("/carried", get(|ws: WebSocketUpgrade| async { ws.on_upgrade(context::carry(greet)) }))
        .route(
            "/closure",
            get(|ws: WebSocketUpgrade| async {
                ws.on_upgrade(context::carry(|socket: WebSocket| {
                    assert_ne!(name(), "nobody", "the closure itself is within");
                    async move { greet(socket).await }
                }))
            }),
        );
    let app = serve(routes.layer(support::auth(&center))).await;
    for (path, expected) in
        [("/bare", "nobody"), ("/late", "nobody"), ("/carried", "alice"), ("/closure", "alice")]
    {
        let mut socket = open(&app, path, "alice-token").await;
        assert_eq!(next(&mut socket).await.as_deref(), Ok(expected), "{path}");
    }
}

#[tokio::test]
async fn blocking_closure_has_context_only_if_carried() {
    async fn handler() -> String {
        let without = tokio::task::spawn_blocking(name).await.unwrap();
        let with = tokio::task::spawn_blocking(context::carry_blocking(name)).await.unwrap();
        let context = context::current().unwrap();
        let by_hand = tokio::task::spawn_blocking(move || context.enter(name)).await.unwrap();
        format!("{without} {with} {by_hand}")
    }
    let center = support::center().await;
    let app = serve(Router::new().route("/", get(handler)).layer(support::auth(&center))).await;
    assert_eq!(get_as(app.address, "alice-token", "/").await.body, "nobody alice alice");
}

#[test]
fn entered_contexts_nest_and_survive_panics() {
    let named = |name: &str| RequestContext::builder().user(UserInfo::builder(1, name)).build();
    let (outer, inner) = (named("outer"), named("inner"));
    let carried = inner.enter(|| context::carry_blocking(name));
    let panics = inner.enter(|| context::carry(|()| -> std::future::Ready<()> { panic!("in {}", name()) }));
    outer.enter(|| {
        assert_eq!(inner.enter(name), "inner");
        assert_eq!((carried(), name()), ("inner".to_owned(), "outer".to_owned()));
        for panics in [
            Box::new(|| inner.enter(|| -> () { panic!("in {}", name()) })) as Box<dyn FnOnce()>,
            Box::new(|| drop(panics(()))),
        ] {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().unwrap(), "in inner");
            assert_eq!(name(), "outer");
        }
    });
    assert_eq!(name(), "nobody");
    assert_eq!(context::carry_blocking(name)(), "nobody");
}

/// Sends a text each time it gets one, until its user may no longer.
async fn echo(ws: WebSocketUpgrade, State(client): State<AuthClient>) -> Response {
    ws.on_upgrade(context::carry(|mut socket: WebSocket| async move {
        let Some(credential) = context::credential() else { return };
        let mut revoked = pin!(client.revoked(&credential));
        let _ = socket.send(Message::text(name())).await;
        loop {
            tokio::select! {
                error = &mut revoked => {
                    let frame = CloseFrame { code: 1008, reason: error.to_string().into() };
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    return;
                }
                message = socket.recv() => match message {
                    Some(Ok(message @ Message::Text(_))) => drop(socket.send(message).await),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
            }
        }
    }))
}

/// The event of a disabled user closes that user's sockets within a second, and nobody else's.
#[tokio::test]
async fn socket_ends_with_its_user() {
    let center = AuthCenter::start().await;
    for (id, name) in [(7, "alice"), (8, "bob")] {
        center.add_user(testing::user(name).id(id));
        center.add_token(format!("{name}-token"), name);
    }
    let client = client(&center);
    let routes = Router::new().route("/echo", get(echo)).with_state(client.clone());
    let hook = webhook::router(config().invalidate(client.clone()), Notes::default());
    let app = serve(routes.layer(AuthLayer::new(client)).merge(hook)).await;
    let mut alice = open(&app, "/echo", "alice-token").await;
    let mut bob = open(&app, "/echo", "bob-token").await;
    assert_eq!(next(&mut alice).await.as_deref(), Ok("alice"));
    assert_eq!(next(&mut bob).await.as_deref(), Ok("bob"));

    center.disable_user("alice");
    let event = json!({"event": "user.disabled", "data": {"id": 7, "username": "alice"}}).to_string();
    let reported = Stopwatch::start();
    assert_eq!(report(&app, event).await.status, 200);
    assert_eq!(next(&mut alice).await, Err(1008));
    assert!(reported.elapsed() < Duration::from_secs(1), "{:?}", reported.elapsed());

    bob.close(None).await.unwrap();
    assert_eq!(next(&mut bob).await, Err(1005), "bob's was open");
}

#[tokio::test]
async fn context_knows_when_its_credential_ends() {
    let center = support::center().await;
    let end = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    center.add_token_expiring("ends", "alice", end);
    let seconds = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let handler = move |user: aigc_auth::CurrentUser| async move {
        let current = context::current().unwrap();
        let all = [user.valid_until(), context::valid_until(), current.valid_until()];
        format!("{:?}", all.map(|end| end.map(seconds)))
    };
    let app = serve(Router::new().route("/", get(handler)).layer(support::auth(&center))).await;
    let ends = format!("{:?}", [Some(4_000_000_000_u64); 3]);
    for (token, expected) in [("ends", &*ends), ("alice-token", "[None, None, None]")] {
        for round in ["cold", "warm"] {
            assert_eq!(get_as(app.address, token, "/").await.body, expected, "{token}, {round}");
        }
    }
    assert_eq!(context::valid_until(), None);
}
