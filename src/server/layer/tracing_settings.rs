use super::layer::AuthLayer;

impl AuthLayer {
    /// Records the id of the verified user into the span of the request, as `user.id`: the field that OpenTelemetry's semantic
    /// conventions have for it. Off by default, for an id is personal data.
    ///
    /// The span is the current one where this layer is called, such as that of tower-http's `TraceLayer` outside of it. It has to
    /// declare the field, since a span of `tracing` takes no others: an undeclared one is left out without a word. While an admin acts
    /// as another user, it is the admin's id. Services have none.
    ///
    /// ```
    /// # use aigc_auth::credential::BearerToken;
    /// # use aigc_auth::{AuthLayer, Verify};
    /// use axum::Router;
    /// use tower_http::trace::TraceLayer;
    ///
    /// # fn app(routes: Router, verifier: impl Verify<BearerToken>) -> Router {
    /// let trace = TraceLayer::new_for_http().make_span_with(|request: &http::Request<_>| {
    ///     tracing::info_span!("request", method = %request.method(), user.id = tracing::field::Empty)
    /// });
    /// routes.layer(AuthLayer::tokens_only(verifier).record_user_id()).layer(trace)
    /// # }
    /// ```
    pub fn record_user_id(mut self) -> Self {
        self.config_mut().after.record_user_id();
        self
    }
}
