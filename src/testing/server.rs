//! Listen on a port of the loopback interface, and serve the connections.

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

use super::call::Call;
use super::deliver::{Body, deliver};
use super::dispatcher::Dispatcher;
use super::response::Disconnect;

/// The path prefix of all endpoints.
const PREFIX: &str = "/aigc-auth/sdk";
/// Whether two sockets of one user can be bound to a port, of which one listens.
const SHARES_PORT: bool = cfg!(any(target_os = "linux", target_os = "macos"));
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Shared by the handle and the tasks of an auth center. Locks are held briefly, never across an await.
pub(super) struct Server {
    dispatcher: Mutex<Dispatcher>,
    sockets: Mutex<Sockets>,
    /// Wakes the accepting task when there is a new listener.
    reopened: Notify,
    pub(super) address: SocketAddr,
    runtime: Handle,
}

/// The listener and the connections. Dropping them here takes effect at once, whatever the tasks are doing.
struct Sockets {
    listener: Option<TcpListener>,
    /// Keeps the port bound while the center does not listen, so that nobody else takes it. From the start where two
    /// sockets can share a port: bound only once the listener is closed, it could come too late.
    reserved: Option<TcpSocket>,
    connections: JoinSet<()>,
}

impl Server {
    /// Binds a free port and listens.
    pub(super) fn bind(dispatcher: Dispatcher) -> io::Result<Self> {
        let listener = socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.listen(1024)?;
        let reserved = if SHARES_PORT { Some(socket(listener.local_addr()?)?) } else { None };
        Ok(Self {
            dispatcher: Mutex::new(dispatcher),
            reopened: Notify::new(),
            address: listener.local_addr()?,
            runtime: Handle::current(),
            sockets: Mutex::new(Sockets { listener: Some(listener), reserved, connections: JoinSet::new() }),
        })
    }

    pub(super) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens again after [`Server::refuse_connections`].
    pub(super) fn reopen(&self) -> io::Result<()> {
        let mut sockets = self.sockets();
        if sockets.listener.is_none() {
            let socket = match sockets.reserved.take_if(|_| !SHARES_PORT) {
                Some(socket) => socket,
                None => socket(self.address)?,
            };
            let _in_runtime = self.runtime.enter();
            sockets.listener = Some(socket.listen(1024)?);
            self.reopened.notify_one();
        }
        Ok(())
    }

    /// Refuses new connections, and closes the open ones.
    pub(super) fn refuse_connections(&self) {
        let mut sockets = self.sockets();
        if sockets.listener.take().is_some() && !SHARES_PORT {
            sockets.reserved = socket(self.address).ok();
        }
        sockets.connections.abort_all();
    }

    /// Does the same as [`Server::refuse_connections`], and releases the port.
    pub(super) fn close(&self) {
        let mut sockets = self.sockets();
        sockets.listener = None;
        sockets.reserved = None;
        sockets.connections.abort_all();
    }

    /// Accepts connections until the task is aborted.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            tokio::select! {
                accepted = poll_fn(|cx| self.poll_accept(cx)) => {
                    if accepted.is_err() {
                        // Most likely out of file descriptors: wait until some are closed.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
                () = self.reopened.notified() => {}
            }
        }
    }

    fn poll_accept(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sockets = self.sockets();
        let Some(listener) = &sockets.listener else { return Poll::Pending };
        let (stream, _) = ready!(listener.poll_accept(cx))?;
        while sockets.connections.try_join_next().is_some() {}
        sockets.connections.spawn(Arc::clone(self).serve(stream));
        Poll::Ready(Ok(()))
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        // Nagle's algorithm would slow down the bodies that are sent byte by byte.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.respond(request));
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let Err(error) = Pin::new(&mut connection).await else { return };
        if error.source().and_then(|source| source.downcast_ref()) == Some(&Disconnect::Reset) {
            let stream = connection.into_parts().io.into_inner();
            // `set_zero_linger` needs a newer tokio; at zero, a drop does not block.
            #[allow(deprecated)]
            let _ = stream.set_linger(Some(Duration::ZERO));
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Disconnect> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Disconnect::Close)?.to_bytes();
        let path = head.uri.path();
        let call = Call {
            endpoint: path.strip_prefix(PREFIX).unwrap_or(path).to_owned(),
            method: head.method,
            headers: head.headers,
            body: serde_json::from_slice(&body).ok(),
        };
        let (response, delay) = self.dispatcher().dispatch(call);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        deliver(response).await
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Lets a port be bound again while old connections are in TIME_WAIT. On Windows it would let two listeners share the
    // port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // For the socket that keeps the port, of the same user.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}
