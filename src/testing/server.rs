//! The door: a port on the loopback interface, and the connections that came through it.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::deliver::{Body, Cut};
use super::state::{Call, State};

/// Where the endpoints lie.
const PREFIX: &str = "/aigc-auth/sdk";
const MAX_BODY: usize = 64 * 1024 * 1024;

/// What the handle and the tasks of a center share. Locks are held for moments, never across an await.
pub(super) struct Server {
    state: Mutex<State>,
    door: Mutex<Door>,
    /// Tells the accepting task that there is a new listener.
    opened: Notify,
    pub(super) address: SocketAddr,
    runtime: Handle,
}

/// Dropping the listener and the connections here takes effect at once, whatever the tasks are doing.
struct Door {
    listener: Option<TcpListener>,
    /// Keeps the port while nobody listens on it, so that nobody else can.
    reserved: Option<TcpSocket>,
    connections: JoinSet<()>,
}

impl Server {
    /// Binds a free port and listens.
    pub(super) fn bind(state: State) -> io::Result<Self> {
        let listener = socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.listen(1024)?;
        Ok(Self {
            state: Mutex::new(state),
            opened: Notify::new(),
            address: listener.local_addr()?,
            runtime: Handle::current(),
            door: Mutex::new(Door { listener: Some(listener), reserved: None, connections: JoinSet::new() }),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens again after [`Server::refuse`].
    pub(super) fn open(&self) -> io::Result<()> {
        let mut door = self.door();
        if door.listener.is_none() {
            let socket = match door.reserved.take() {
                Some(socket) => socket,
                None => socket(self.address)?,
            };
            let _in_runtime = self.runtime.enter();
            door.listener = Some(socket.listen(1024)?);
            self.opened.notify_one();
        }
        Ok(())
    }

    /// Refuses connections from now on, and ends those there are.
    pub(super) fn refuse(&self) {
        let mut door = self.door();
        if door.listener.take().is_some() {
            door.reserved = socket(self.address).ok();
        }
        door.connections.abort_all();
    }

    /// As [`Server::refuse`], and gives the port back.
    pub(super) fn close(&self) {
        let mut door = self.door();
        door.listener = None;
        door.reserved = None;
        door.connections.abort_all();
    }

    /// Accepts connections until it is aborted.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            tokio::select! {
                accepted = poll_fn(|cx| self.poll_accept(cx)) => {
                    if accepted.is_err() {
                        // Out of file descriptors, most likely: wait for some to be closed.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                () = self.opened.notified() => {}
            }
        }
    }

    fn poll_accept(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut door = self.door();
        let Some(listener) = &door.listener else { return Poll::Pending };
        let (stream, _) = ready!(listener.poll_accept(cx))?;
        while door.connections.try_join_next().is_some() {}
        door.connections.spawn(Arc::clone(self).serve(stream));
        Poll::Ready(Ok(()))
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        // Without it, slow bodies would be slower still.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.answer(request));
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let Err(error) = Pin::new(&mut connection).await else { return };
        if error.source().and_then(|source| source.downcast_ref()) == Some(&Cut::Reset) {
            let stream = connection.into_parts().io.into_inner();
            // `set_zero_linger` needs a newer tokio; at zero, a drop does not block.
            #[allow(deprecated)]
            let _ = stream.set_linger(Some(Duration::ZERO));
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Cut::Close)?.to_bytes();
        let path = head.uri.path();
        let call = Call {
            endpoint: path.strip_prefix(PREFIX).unwrap_or(path).to_owned(),
            method: head.method,
            headers: head.headers,
            body: serde_json::from_slice(&body).ok(),
        };
        let (answer, delay) = self.state().receive(call);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        answer.deliver().await
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Elsewhere it lets a port be bound again whose old connections linger; on Windows it lets two listeners
    // share it.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
