//! A service on a real socket, a client that sends any bytes, and an auth center with three users.

use std::convert::Infallible;
use std::net::SocketAddr;

use aigc_auth::testing::{self, AuthCenter, TestKey};
use axum::extract::Request;
use axum::{Router, ServiceExt as _, body::Body};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tower::{Service, ServiceExt as _};

/// A service that runs until this is dropped.
pub struct App {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn serve(router: Router) -> App {
    serve_service(router).await
}

/// Serves what need not be a `Router`, with connect info.
pub async fn serve_service<S, B>(service: S) -> App
where
    S: Service<Request, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service.map_response(|response: Response<B>| response.map(Body::new));
    let make = service.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move { axum::serve(listener, make).await.unwrap() });
    App { address, task }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub trailers: HeaderMap,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What an answer comes to: the body of a 200, or else the status.
pub fn verdict(answer: &Answer) -> Result<&str, u16> {
    if answer.status == 200 { Ok(&answer.body) } else { Err(answer.status) }
}

/// A `GET` of this target, which goes out as it is.
pub async fn get(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Answer {
    request(address, "GET", target, headers).await
}

pub async fn request(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    send(address, method, target, &headers).await
}

/// As [`get`], by someone with this token or access key.
pub async fn get_as(address: SocketAddr, credential: &str, target: &str) -> Answer {
    get(address, target, &[("authorization", &format!("Bearer {credential}"))]).await
}

/// Sends a request whose header values may be any bytes, on a connection of its own.
pub async fn send(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &[u8])]) -> Answer {
    exchange(address, &head(method, target, headers)).await
}

/// A `POST` of a body that may be any bytes, and of any length.
pub async fn post<V: AsRef<[u8]>>(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, V)],
    body: impl AsRef<[u8]>,
) -> Answer {
    let body = body.as_ref();
    let length = body.len().to_string();
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    headers.push(("content-length", length.as_bytes()));
    exchange(address, &[&head("POST", target, &headers), body].concat()).await
}

/// What a request starts with: all but its body.
pub fn head<V: AsRef<[u8]>>(method: &str, target: &str, headers: &[(&str, V)]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        head.extend([name.as_bytes(), b": ", value.as_ref(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// Sends these bytes, a request or its beginning, on a connection that stays open until the answer is there.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let answer = exchange_bytes(address, request).await;
    parse(&answer).unwrap_or_else(|| panic!("no HTTP answer: {:?}", String::from_utf8_lossy(&answer)))
}

/// The same, for what is more than one answer.
pub async fn exchange_bytes(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    // A server that has seen enough answers before the end and closes: neither half is surprised.
    let writing = async move {
        let _ = write.write_all(request).await;
        write
    };
    let reading = async move {
        let (mut answer, mut chunk) = (Vec::new(), [0; 8192]);
        while let Ok(len @ 1..) = read.read(&mut chunk).await {
            answer.extend_from_slice(&chunk[..len]);
        }
        answer
    };
    let (_open, answer) = tokio::join!(writing, reading);
    answer
}

/// The first answer of what came back.
pub fn parse(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let (status_line, lines) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = status_line.split(' ').nth(1)?.parse().ok()?;
    let headers = fields(lines);
    let chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    let (body, trailers) = if chunked { unchunked(rest)? } else { (rest.to_owned(), HeaderMap::new()) };
    Some(Answer { status, headers, body, trailers })
}

fn fields(lines: &str) -> HeaderMap {
    let fields = lines.split("\r\n").filter_map(|line| line.split_once(':'));
    let field = |(name, value): (&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in fields.map(field) {
        headers.append(name, value);
    }
    headers
}

fn unchunked(mut rest: &str) -> Option<(String, HeaderMap)> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some((body, fields(after)));
        }
        body.push_str(after.get(..size)?);
        rest = after.get(size + 2..)?;
    }
}

/// An auth center with alice (an editor who reads reports), bob (who may nothing) and root (an admin), their tokens
/// `alice-token`, `bob-token` and `root-token`, and alice's access key `ak_alice`.
pub async fn center() -> AuthCenter {
    let center = AuthCenter::start().await;
    center.add_user(
        testing::user("alice")
            .nickname("Alice")
            .roles(["editor"])
            .groups(["ops"])
            .permissions(["report:read", "article:edit"]),
    );
    center.add_user(testing::user("bob"));
    center.add_user(testing::user("root").admin(true));
    for name in ["alice", "bob", "root"] {
        center.add_token(format!("{name}-token"), name);
    }
    center.add_access_key("ak_alice", TestKey::user("alice"));
    center
}
