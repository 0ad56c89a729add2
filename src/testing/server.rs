//! Listen on a port, and serve the connections.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::dispatcher::Dispatcher;
use super::limits::Limits;
use super::respond::Responder;
use super::response::Disconnect;

/// Whether two sockets of one user can be bound to a port, of which one listens.
const SHARES_PORT: bool = cfg!(any(target_os = "linux", target_os = "macos"));

/// Shared by the handle and the tasks of an auth center. Locks are held briefly, never across an await.
pub(super) struct Server {
    responder: Responder,
    sockets: Mutex<Sockets>,
    /// Wakes the accepting task when there is a new listener, or room for a connection.
    reopened: Notify,
    /// Wakes the accepting task for the first time.
    resumed: Notify,
    /// Becomes true when connections are to end after their current request.
    closing: watch::Sender<bool>,
    pub(super) address: SocketAddr,
    runtime: Handle,
    limits: Limits,
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
    /// Binds a port and listens.
    pub(super) fn bind(address: SocketAddr, responder: Responder, limits: Limits) -> io::Result<Self> {
        if address.port() != 0 {
            // Sockets that share a port would share it with another center of the same user as well.
            drop(std::net::TcpListener::bind(address)?);
        }
        let listener = socket(address)?.listen(1024)?;
        let address = listener.local_addr()?;
        let reserved = if SHARES_PORT { Some(socket(address)?) } else { None };
        Ok(Self {
            responder,
            reopened: Notify::new(),
            resumed: Notify::new(),
            closing: watch::Sender::new(false),
            address,
            runtime: Handle::current(),
            sockets: Mutex::new(Sockets { listener: Some(listener), reserved, connections: JoinSet::new() }),
            limits,
        })
    }

    pub(super) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        self.responder.dispatcher()
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

    /// Releases the port, and waits until the requests that have arrived are answered, at most this long.
    pub(super) async fn drain(&self, timeout: Duration) {
        let mut connections = {
            let mut sockets = self.sockets();
            sockets.listener = None;
            sockets.reserved = None;
            std::mem::take(&mut sockets.connections)
        };
        self.closing.send_replace(true);
        let _ =
            tokio::time::timeout(timeout, async { while connections.join_next().await.is_some() {} }).await;
    }

    pub(super) fn resume(&self) {
        self.resumed.notify_one();
    }

    /// Accepts connections, once resumed, until the task is aborted.
    pub(super) async fn run(self: Arc<Self>) {
        self.resumed.notified().await;
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
        while sockets.connections.try_join_next().is_some() {}
        if sockets.connections.len() >= self.limits.connections {
            // The end of a connection wakes this task.
            return Poll::Pending;
        }
        let Some(listener) = &sockets.listener else { return Poll::Pending };
        let (stream, _) = ready!(listener.poll_accept(cx))?;
        sockets.connections.spawn(Arc::clone(self).serve(stream));
        Poll::Ready(Ok(()))
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        // Nagle's algorithm would slow down the bodies that are sent byte by byte.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.responder.respond(request));
        let mut builder = http1::Builder::new();
        if let Some(timeout) = self.limits.head_timeout {
            builder.timer(TokioTimer::new()).header_read_timeout(timeout);
        }
        let mut connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut closing = self.closing.subscribe();
        let served = tokio::select! {
            served = Pin::new(&mut connection) => Some(served),
            _ = closing.wait_for(|closing| *closing) => None,
        };
        let served = match served {
            Some(served) => served,
            None => {
                Pin::new(&mut connection).graceful_shutdown();
                Pin::new(&mut connection).await
            }
        };
        if let Err(error) = served
            && error.source().and_then(|source| source.downcast_ref()) == Some(&Disconnect::Reset)
        {
            let stream = connection.into_parts().io.into_inner();
            // `set_zero_linger` needs a newer tokio; at zero, a drop does not block.
            #[allow(deprecated)]
            let _ = stream.set_linger(Some(Duration::ZERO));
        }
        if self.limits.connections != usize::MAX {
            self.reopened.notify_one();
        }
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
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
