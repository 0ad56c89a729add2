//! Answer the requests of a connection: by an endpoint, by a further route, or by a fault.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tower_service::Service;

use super::call::Call;
use super::deliver::{Body, deliver};
use super::dispatcher::Dispatcher;
use super::limits::Limits;
use super::observed_call::{Observation, ObservedCall, Observer, shortened};
use super::read_body::{Bodies, Unread};
use super::response::{Delivery, Disconnect, EnvelopeResponse};
use super::store::Store;

/// The path prefix of all endpoints.
const PREFIX: &str = "/aigc-auth/sdk";

pub(super) struct Responder {
    dispatcher: Mutex<Dispatcher>,
    bodies: Bodies,
    routes: Option<Router>,
    observer: Option<Observer>,
    store: Option<Store>,
    limits: Limits,
}

impl Responder {
    pub(super) fn new(
        dispatcher: Dispatcher,
        routes: Option<Router>,
        observer: Option<Observer>,
        store: Option<Store>,
    ) -> Self {
        let limits = dispatcher.state.limits;
        Self {
            dispatcher: Mutex::new(dispatcher),
            bodies: Bodies::default(),
            routes,
            observer,
            store,
            limits,
        }
    }

    pub(super) fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Disconnect> {
        let path = request.uri().path();
        let is_endpoint = path.starts_with(PREFIX);
        let endpoint = path.strip_prefix(PREFIX).unwrap_or(path).to_owned();
        let mut observation = self.observe(&endpoint, request.headers());
        let (delivery, delay) = match &self.routes {
            Some(routes) if !is_endpoint => {
                let (fault, delay) = self.dispatcher().fault_of_route(&endpoint);
                mark(&mut observation, |call| call.is_faulty = fault.is_some());
                match fault {
                    None => {
                        tokio::time::sleep(delay).await;
                        let response = route(routes, request).await;
                        mark(&mut observation, |call| call.status = Some(response.status()));
                        return Ok(response);
                    }
                    Some(fault) => {
                        let response = match fault.needs_response() {
                            true => collected(route(routes, request).await).await?,
                            false => Response::default(),
                        };
                        (fault.apply_to_route(response), delay)
                    }
                }
            }
            _ => self.call(endpoint, request, &mut observation).await?,
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let status = delivery.status();
        let delivered = deliver(delivery).await;
        mark(&mut observation, |call| call.status = status);
        delivered
    }

    async fn call(
        &self,
        endpoint: String,
        request: Request<Incoming>,
        observation: &mut Option<Observation>,
    ) -> Result<(Delivery, Duration), Disconnect> {
        let (head, body) = request.into_parts();
        let body = match self.bodies.read(body, &self.limits).await {
            Ok(body) => body,
            Err(Unread::Broken) => return Err(Disconnect::Close),
            Err(unread) => return Ok((refusal(unread).into(), Duration::ZERO)),
        };
        let body = serde_json::from_slice(&body).ok();
        let call = Call { endpoint, method: head.method, headers: head.headers, body };
        let dispatched = self.dispatcher().dispatch(call);
        mark(observation, |call| {
            call.code = dispatched.code;
            call.is_faulty = dispatched.is_faulty;
            call.username = dispatched.username;
        });
        if dispatched.has_changed
            && let Some(store) = &self.store
            && !store.all().await
        {
            return Ok((not_stored().into(), dispatched.delay));
        }
        Ok((dispatched.delivery, dispatched.delay))
    }

    fn observe(&self, endpoint: &str, headers: &HeaderMap) -> Option<Observation> {
        let observer = self.observer.clone()?;
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(shortened);
        let call = ObservedCall {
            endpoint: shortened(endpoint),
            app_id: header("x-app-id"),
            trace_id: header("x-trace-id"),
            username: None,
            arrived: SystemTime::now(),
            latency: Duration::ZERO,
            status: None,
            code: None,
            is_faulty: false,
            dialect: self.dispatcher().state.dialect,
        };
        Some(Observation::new(call, observer))
    }
}

fn mark(observation: &mut Option<Observation>, change: impl FnOnce(&mut ObservedCall)) {
    if let Some(observation) = observation {
        change(&mut observation.call);
    }
}

async fn route(routes: &Router, request: Request<Incoming>) -> Response<Body> {
    // A router is always ready.
    let Ok(response) = routes.clone().call(request.map(axum::body::Body::new)).await;
    response.map(|body| body.map_err(|_| Disconnect::Close).boxed_unsync())
}

async fn collected(response: Response<Body>) -> Result<Response<bytes::Bytes>, Disconnect> {
    let (head, body) = response.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

fn not_stored() -> EnvelopeResponse {
    let status = StatusCode::INSUFFICIENT_STORAGE;
    EnvelopeResponse::failure(status, status.as_u16().into(), "done, but not stored: the center says why")
}

fn refusal(unread: Unread) -> EnvelopeResponse {
    let (status, message) = match unread {
        Unread::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        Unread::Busy | Unread::Broken => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many bodies are being read: try again")
        }
    };
    EnvelopeResponse::failure(status, status.as_u16().into(), message)
}
