use std::any::Any;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tracing::Instrument;

use super::config::WebhookConfig;
use super::event::{RawEvent, UserEvent};
use super::handler::Handler;
use super::rejection::{self, WebhookRejection};
use super::replays::{Claim, Identity, Lease, Replays, Seen};
use super::signature::Tag;
use super::watched::Watched;
use crate::ports::observer::WebhookOutcome;
use crate::request::context::{self, InContext, RequestContext};
use crate::request::delivery::{Delivery, DeliveryId};
use crate::types::envelope::Envelope;
use crate::util::single_flight::{FlightError, SingleFlight};

/// Receives webhook requests and runs the handler.
pub(super) struct Endpoint<H> {
    core: Arc<Core<H>>,
    /// The handlers in flight. Repeated deliveries share one run; a sender that disconnects cancels none.
    in_flight: SingleFlight<Tag, Outcome>,
}

struct Core<H> {
    config: WebhookConfig,
    replays: Replays,
    handler: H,
}

/// The outcome of an event, the same for all its deliveries in flight.
#[derive(Clone)]
enum Outcome {
    Handled(Bytes),
    Replayed,
    /// Another process is handling it.
    Busy,
    Failed(ErrorId),
}

/// Identifies an error in the log without disclosing it to the sender.
#[derive(Clone, Copy)]
struct ErrorId(u64);

impl<H: Handler> Endpoint<H> {
    pub(super) fn new(config: WebhookConfig, handler: H) -> Self {
        Self {
            in_flight: SingleFlight::new(config.in_flight_limit()),
            core: Arc::new(Core { replays: config.replays(), handler, config }),
        }
    }

    pub(super) async fn receive(&self, request: Request) -> Response {
        let mut watched = Watched::new(self.core.config.watch());
        match self.accept(request, &mut watched).await {
            Ok(outcome) => {
                let told = outcome.told();
                watched.answered(told, outcome.into_response())
            }
            Err(rejection) => {
                self.core.config.log_rejection(&rejection);
                let response = axum::response::IntoResponse::into_response(rejection);
                watched.answered(WebhookOutcome::Refused, response)
            }
        }
    }

    async fn accept(&self, request: Request, watched: &mut Watched<'_>) -> Result<Outcome, WebhookRejection> {
        let core = &self.core;
        let (mut parts, body) = request.into_parts();
        let claims = core.config.claims(&parts.headers)?;
        // The head is not needed while the body arrives, which a stranger may draw out, nor while the handler runs.
        parts.headers = context::detached(&parts.headers);
        let context = RequestContext::with_default_settings(&parts, None);
        drop(parts);
        let (body, delivery) = core.config.read_verified(&claims, body).await?;
        let event = RawEvent::parse(&body)?;
        // Also for replays: a needless invalidation costs one call, a missing one may grant access that was revoked.
        core.config.invalidate_by(&event, &delivery).await?;
        let identity = Identity::new(&core.config.path(), &event, &delivery);
        let event = event.into_event()?;
        watched.is_of(event.name());
        let id = claims.id().map_or_else(|| DeliveryId::Body(body), |id| DeliveryId::Sent(id.into()));
        // Before it takes the place of a handler.
        let mut seen = core.replays.look_up(&identity).await;
        loop {
            if seen == Seen::Handled {
                return Ok(Outcome::Replayed);
            }
            let mut is_own = false;
            let run = || {
                is_own = true;
                let delivery = Delivery::new(id.clone());
                let run = core.clone().run(event.clone(), identity.clone(), delivery);
                run.in_context(context.clone()).in_current_span()
            };
            let outcome = match self.in_flight.join(delivery.key, run).await {
                Ok(outcome) => outcome,
                Err(FlightError::AtCapacity) => {
                    let message = "Too many events are being handled";
                    return Err(WebhookRejection::new(StatusCode::SERVICE_UNAVAILABLE, message));
                }
                Err(FlightError::Cancelled) => fail(event.name(), "the handler's task was cancelled"),
            };
            let will_come_again = matches!(outcome, Outcome::Failed(_) | Outcome::Busy);
            if is_own || seen != Seen::Overtaking || will_come_again {
                return Ok(outcome);
            }
            // That was the run of an event that came before the user's latest. This one comes after it, and is handled, too;
            // its copies may have started that by now.
            seen = match core.replays.look_up(&identity).await {
                Seen::Overtaking => Seen::New,
                seen => seen,
            };
        }
    }
}

impl<H: Handler> Core<H> {
    async fn run(self: Arc<Self>, event: UserEvent, identity: Identity, delivery: Delivery) -> Outcome {
        let lease = match self.replays.begin(&identity).await {
            Claim::Granted(lease) => lease,
            Claim::Replay => return Outcome::Replayed,
            Claim::Busy => return Outcome::Busy,
        };
        let outcome = self.handle(event, &delivery).await;
        let was_handled = matches!(outcome, Outcome::Handled(_));
        self.replays.end(&identity, lease, was_handled, delivery.may_repeat()).await;
        outcome
    }

    async fn handle(&self, event: UserEvent, delivery: &Delivery) -> Outcome {
        let name = event.name().to_owned();
        // A panic is caught here, so that it is logged exactly once, no matter how many deliveries wait. Unwind safety:
        // the handler's state after a panic would be just as visible to later events if the task had panicked.
        let handling =
            AssertUnwindSafe(delivery.scope(async { self.handler.handle(event).await })).catch_unwind();
        match tokio::time::timeout(self.config.timeout(), handling).await {
            Ok(Ok(Ok(response))) => {
                tracing::debug!(event = name, "webhook handled");
                Outcome::Handled(to_json(&response))
            }
            Ok(Ok(Err(error))) => fail(&name, &chain(&*error)),
            Ok(Err(panic)) => fail(&name, &format!("the handler panicked: {}", panic_message(&*panic))),
            Err(_) => fail(&name, "the handler timed out"),
        }
    }
}

impl Outcome {
    fn told(&self) -> WebhookOutcome {
        match self {
            Self::Handled(_) => WebhookOutcome::Accepted,
            Self::Replayed => WebhookOutcome::Replayed,
            Self::Busy => WebhookOutcome::Busy,
            Self::Failed(_) => WebhookOutcome::Failed,
        }
    }

    fn into_response(self) -> Response {
        match self {
            Self::Handled(json) => rejection::json(StatusCode::OK, json),
            Self::Replayed => {
                let replayed =
                    Envelope { message: "handled before".to_owned(), ..Envelope::success(Value::Null) };
                rejection::json(StatusCode::OK, to_json(&replayed))
            }
            Self::Busy => {
                let message = "Another process is handling this event";
                let busy = WebhookRejection::new(StatusCode::SERVICE_UNAVAILABLE, message);
                let mut response = axum::response::IntoResponse::into_response(busy);
                // By then, the claim of a process that was killed has ended.
                let retry_after = HeaderValue::from(Lease::DURATION.as_secs());
                response.headers_mut().insert(RETRY_AFTER, retry_after);
                response
            }
            Self::Failed(ErrorId(id)) => {
                let message = format!("The event could not be handled; error id {id:016x}");
                rejection::json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    to_json(&Envelope::<()>::failure(500, message)),
                )
            }
        }
    }
}

/// Logs an error with a new id, which is also sent to the sender.
fn fail(event: &str, error: &str) -> Outcome {
    let id = ErrorId(fastrand::u64(..));
    tracing::error!(error_id = %format_args!("{:016x}", id.0), event, error, "webhook failed");
    Outcome::Failed(id)
}

/// Formats an error with its sources.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    formatted.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

fn to_json(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}
