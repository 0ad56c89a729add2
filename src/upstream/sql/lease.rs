use sqlx::Database;
use sqlx::pool::PoolConnection;

/// A connection that goes back to the pool only if its work came to an end: after half of it, for example if its future is
/// dropped, the connection is closed, since the answers to the rest are still to come.
pub(super) struct Lease<D: Database> {
    pub(super) connection: PoolConnection<D>,
    pub(super) ended: bool,
}

impl<D: Database> Lease<D> {
    pub(super) fn new(connection: PoolConnection<D>) -> Self {
        Self { connection, ended: false }
    }
}

impl<D: Database> Drop for Lease<D> {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
