use super::center::AuthCenter;
use super::fault::Fault;

/// An outage of an [`AuthCenter`], until this is dropped.
#[must_use = "dropped, the outage is over"]
pub struct Outage<'a> {
    center: &'a AuthCenter,
}

impl AuthCenter {
    /// Stops answering: connections are refused, and open ones closed, until the guard is dropped. The port stays the same.
    ///
    /// ```
    /// use aigc_auth::testing::{self, AuthCenter};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let center = AuthCenter::start().await;
    /// center.add_user(testing::user("alice"));
    /// center.add_token("t", "alice");
    /// # #[cfg(feature = "client")] {
    /// let client = aigc_auth::AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
    ///
    /// let outage = center.outage();
    /// assert_eq!(client.user_info("t").await.unwrap_err().status(), 503);
    /// drop(outage);
    /// assert!(client.user_info("t").await.is_ok());
    /// # }
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the guard is dropped, if another process has taken the port.
    pub fn outage(&self) -> Outage<'_> {
        self.outage_by(Fault::Refuse)
    }

    /// The same by another fault of every request, such as [`Fault::Hang`]. It takes the place of that of
    /// [`AuthCenter::inject_fault`]; faults of one endpoint or one credential go before it, and stay when it is over.
    pub fn outage_by(&self, fault: Fault) -> Outage<'_> {
        self.inject_fault(fault);
        Outage { center: self }
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        self.center.server.dispatcher().faults.global = None;
        let reopened = self.center.server.reopen();
        // The test that failed says more than this would.
        if !std::thread::panicking() {
            reopened.expect("the port is still free");
        }
    }
}

impl std::fmt::Debug for Outage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outage").field("center", &self.center.url()).finish()
    }
}
