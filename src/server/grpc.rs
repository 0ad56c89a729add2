//! The user and errors in gRPC services of tonic, below [`AuthLayer`](crate::AuthLayer).
//!
//! The layer goes around the services, as in `Server::builder().layer(auth)`, or around the router that they share with REST.
//! It answers gRPC calls as gRPC clients read it: `UNAUTHENTICATED` without a valid credential, `PERMISSION_DENIED` for users
//! who are not admitted, `UNAVAILABLE` while the credential cannot be verified. [`context`](crate::context) works in a
//! service as in a handler, and an [`AuthError`] is a [`Status`] by `?`:
//!
//! ```
//! use aigc_auth::grpc;
//! use tonic::{Request, Response, Status};
//!
//! # struct Report; struct ReportId;
//! async fn get_report(request: Request<ReportId>) -> Result<Response<Report>, Status> {
//!     let user = grpc::require(&request, "report:read")?;
//!     println!("{} reads a report", user.username());
//!     Ok(Response::new(Report))
//! }
//!
//! // The same for every method of a service: `ReportsServer::with_interceptor(service, readers)`.
//! fn readers(request: Request<()>) -> Result<Request<()>, Status> {
//!     grpc::require(&request, "report:read")?;
//!     Ok(request)
//! }
//! ```

use std::sync::Arc;

use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use crate::request::auth_state;
use crate::request::context;
use crate::request::refusals::{code, metadata};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// Returns the verified user of a call, in a service or an interceptor.
///
/// # Errors
/// `UNAUTHENTICATED` or `UNAVAILABLE` as the layer would have answered, below
/// [`allow_anonymous`](crate::AuthLayer::allow_anonymous); `INTERNAL` without a layer, and on excluded paths.
pub fn user<T>(request: &Request<T>) -> Result<&UserInfo, Status> {
    Ok(auth_state::required(request.extensions())?)
}

/// Returns the verified user of a call, who needs this permission.
///
/// # Errors
/// As [`user`], and `PERMISSION_DENIED` without the permission.
pub fn require<'a, T>(request: &'a Request<T>, permission: &str) -> Result<&'a UserInfo, Status> {
    let user = user(request)?;
    user.require(permission)?;
    Ok(user)
}

/// Converts an error into the status that the layer answers it with: code, message in the layer's language, and in the
/// metadata the challenge and when to retry (`retry-after`, `grpc-retry-pushback-ms`). The error is its source.
impl From<AuthError> for Status {
    fn from(error: AuthError) -> Self {
        context::note_refusal(&error);
        let wording = context::wording();
        let metadata = MetadataMap::from_headers(metadata(&wording, &error));
        let code = Code::from_i32(code(&error).into());
        let mut status = Self::with_metadata(code, wording.message(&error), metadata);
        status.set_source(Arc::new(error));
        status
    }
}
