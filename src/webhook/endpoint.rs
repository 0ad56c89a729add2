//! An event on its way from the wire to its handler, and the answer back.

use std::any::Any;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::StatusCode;
use serde_json::Value;
use tracing::Instrument;

use super::body;
use super::config::WebhookConfig;
use super::event::{Report, UserEvent};
use super::handler::Handler;
use super::proof::Proof;
use super::rejection::{self, WebhookRejection};
use super::replays::Replays;
use super::signature::Tag;
use crate::context::{InContext, RequestContext};
use crate::envelope::Envelope;
use crate::flights::{Flights, NoAnswer};

pub(super) struct Endpoint<H> {
    core: Arc<Core<H>>,
    /// Handlers at work. A delivery that comes again meanwhile waits for the same one; a sender who hangs up stops none.
    running: Flights<Tag, Outcome>,
}

struct Core<H> {
    config: WebhookConfig,
    replays: Replays,
    handler: H,
}

/// What became of an event: all who sent it are told the same.
#[derive(Clone)]
enum Outcome {
    Answered(Bytes),
    HandledBefore,
    Failed(ErrorId),
}

/// Tells the sender nothing, and finds the line in the log.
#[derive(Clone, Copy)]
struct ErrorId(u64);

impl<H: Handler> Endpoint<H> {
    pub(super) fn new(config: WebhookConfig, handler: H) -> Self {
        let (window, clock) = config.replays();
        Self {
            running: Flights::new(config.limit()),
            core: Arc::new(Core { replays: Replays::new(window, clock), handler, config }),
        }
    }

    pub(super) async fn receive(&self, request: Request) -> Response {
        match self.accept(request).await {
            Ok(outcome) => outcome.into_response(),
            Err(rejection) => {
                self.core.config.warn(&rejection);
                axum::response::IntoResponse::into_response(rejection)
            }
        }
    }

    async fn accept(&self, request: Request) -> Result<Outcome, WebhookRejection> {
        let core = &self.core;
        let (parts, body) = request.into_parts();
        let claims = core.config.claims(&parts.headers)?;
        let body = body::read(body).await?;
        let proof = core.config.check(&claims, &body)?;
        let report = Report::read(&body)?;
        // Also when it comes again: to forget too much costs a call, to forget too little may let somebody in.
        core.config.forget(&report);
        let event = report.typed()?;
        if core.replays.contain(&proof) {
            return Ok(Outcome::HandledBefore);
        }
        let context = RequestContext::by_default(&parts, None);
        let name = event.name().to_owned();
        let run = || core.clone().run(event, proof).in_context(context).in_current_span();
        match self.running.join(proof.delivery, run).await {
            Ok(outcome) => Ok(outcome),
            Err(NoAnswer::Full) => Err(WebhookRejection::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many events are being handled",
            )),
            Err(NoAnswer::Lost) => Ok(fail(&name, "the handler's task ended")),
        }
    }
}

impl<H: Handler> Core<H> {
    async fn run(self: Arc<Self>, event: UserEvent, proof: Proof) -> Outcome {
        // Since whoever started this looked, an earlier run may have ended.
        if self.replays.contain(&proof) {
            return Outcome::HandledBefore;
        }
        let name = event.name().to_owned();
        // Caught here, where it is told of once, however many wait, and also if nobody does any more. What a panic leaves
        // behind in the handler is as visible to the next event as if the task had ended by it.
        let handling = AssertUnwindSafe(async { self.handler.handle(event).await }).catch_unwind();
        match tokio::time::timeout(self.config.timeout(), handling).await {
            Ok(Ok(Ok(answer))) => {
                self.replays.add(&proof);
                tracing::debug!(event = name, "webhook handled");
                Outcome::Answered(to_json(&answer))
            }
            Ok(Ok(Err(error))) => fail(&name, &chain(&*error)),
            Ok(Err(panic)) => fail(&name, &format!("the handler panicked: {}", said(&*panic))),
            Err(_) => fail(&name, "the handler took too long and was dropped"),
        }
    }
}

impl Outcome {
    fn into_response(self) -> Response {
        match self {
            Self::Answered(json) => rejection::json(StatusCode::OK, json),
            Self::HandledBefore => {
                let before =
                    Envelope { message: "handled before".to_owned(), ..Envelope::success(Value::Null) };
                rejection::json(StatusCode::OK, to_json(&before))
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

/// The error goes to the log, its id to both.
fn fail(event: &str, error: &str) -> Outcome {
    let id = ErrorId(fastrand::u64(..));
    tracing::error!(error_id = %format_args!("{:016x}", id.0), event, error, "webhook failed");
    Outcome::Failed(id)
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    formatted.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

fn to_json(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}
