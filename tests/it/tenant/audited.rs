//! The audit of whose data an admin sees while they act as another user.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aigc_auth::error::ErrorKind::{self, Denied, InvalidRequest, Unavailable};
use aigc_auth::impersonation::{ActAsAttempt, ActAsPolicy, AuditError, AuditSink};
use aigc_auth::layer::TenantGuardLayer;
use aigc_auth::tenant::{CurrentTenant, TenantPolicy};
use aigc_auth::{ActAsUser, AuthLayer, context};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::support::{Table, ask, unavailable};
use crate::impersonation::support::{FakeDirectory, HEADER, Mood, Sink, TokenVerifier};
use crate::support::Log;

const AS_ALICE: (&str, &str) = (HEADER, "7");

/// The routes take the user, the tenant, either or both; `runs` counts handlers.
fn app(policy: TenantPolicy, sink: impl AuditSink, runs: &Arc<AtomicUsize>) -> Router {
    let told = {
        let runs = runs.clone();
        move || async move {
            runs.fetch_add(1, Ordering::SeqCst);
            Json(json!(context::tenant().map(|tenant| tenant.org_id().clone())))
        }
    };
    let [user, tenant, both, maybe, guarded] = [(); 5].map(|()| told.clone());
    let guarded =
        Router::new().route("/guarded", get(guarded)).route_layer(TenantGuardLayer::new(|_| Ok(())));
    Router::new()
        .route("/user", get(move |_: ActAsUser| user()))
        .route("/tenant", get(move |_: CurrentTenant| tenant()))
        .route("/both", get(move |_: ActAsUser, _: CurrentTenant| both()))
        .route("/maybe", get(move |_: Option<CurrentTenant>| maybe()))
        .merge(guarded)
        .layer(
            AuthLayer::tokens_only(TokenVerifier::new())
                .act_as(ActAsPolicy::new().directory(FakeDirectory::new()).audit(sink))
                .tenants(policy),
        )
}

fn text<T: ToString>(id: Option<&T>) -> Option<String> {
    id.map(ToString::to_string)
}

/// What a row expects of the second record: none, the tenant, or why not.
type Became = Option<Result<(&'static str, Option<&'static str>), ErrorKind>>;

#[tokio::test]
async fn attempt_has_the_tenant_that_was_asked_for_and_a_second_record_what_became_of_it() {
    let (acme, design) = (("x-org-id", "acme"), ("x-team-id", "design"));
    let (table, sink, runs) = (Table::new(), Sink::new(Mood::Well), Arc::default());
    table.refuse(7, Some("down"), unavailable());
    let strict = app(TenantPolicy::new(table.clone()), sink.clone(), &runs);
    let lax = TenantPolicy::new(table.clone()).ignore_foreign_teams().without_default_org();
    let lax = app(lax.org_header("x-workspace"), sink.clone(), &runs);
    let foreign = ("x-team-id", "app");
    for (app, headers, asked, became) in [
        (&strict, vec![acme], (Some("acme"), None), Some(Ok(("acme", None)))),
        (&strict, vec![acme, design], (Some("acme"), Some("design")), Some(Ok(("acme", Some("design"))))),
        (&strict, vec![], (None, None), Some(Ok(("home-7", None)))),
        (&strict, vec![("x-org-id", "evil")], (Some("evil"), None), Some(Err(Denied))),
        (&strict, vec![acme, foreign], (Some("acme"), Some("app")), Some(Err(Denied))),
        (&strict, vec![acme, acme, design], (None, Some("design")), Some(Err(InvalidRequest))),
        (&strict, vec![("x-org-id", "down")], (Some("down"), None), Some(Err(Unavailable))),
        // What was asked for and what it became differ.
        (&lax, vec![("x-workspace", "acme"), foreign], (Some("acme"), Some("app")), Some(Ok(("acme", None)))),
        // Of no organisation, neither asked for nor there.
        (&lax, vec![acme], (None, None), None as Became),
    ] {
        for path in ["/tenant", "/both", "/guarded", "/maybe"] {
            let what = format!("{path} {headers:?}");
            let headers = [&[AS_ALICE], &*headers].concat();
            let (status, _) = ask(app, path, "root-token", &headers).await;
            let passes = matches!(became, Some(Ok(_))) || (became.is_none() && path == "/maybe");
            assert_eq!(status == 200, passes, "{what}: {status}");
            let attempts = sink.take();
            let [attempt] = &attempts[..] else { panic!("{what}: {attempts:?}") };
            let requested = (text(attempt.requested_org.as_ref()), text(attempt.requested_team.as_ref()));
            assert_eq!((requested.0.as_deref(), requested.1.as_deref()), asked, "{what}");
            assert!(attempt.refusal.is_none(), "{what}");

            let events = sink.take_tenants();
            let seen: Vec<_> = events
                .iter()
                .map(|event| match (&event.tenant, &event.refusal) {
                    (Some(tenant), None) => {
                        Ok((tenant.org_id().to_string(), text(tenant.team_id()), tenant.user_id().as_i64()))
                    }
                    (None, Some(refusal)) => Err(refusal.kind()),
                    other => panic!("{what}: {other:?}"),
                })
                .collect();
            let expected = became
                .map(|became| became.map(|(org, team)| (org.to_owned(), team.map(str::to_owned), Some(7))));
            assert_eq!(seen, Vec::from_iter(expected), "{what}");
            for event in events {
                let of = (event.attempt.actor.id().as_i64(), event.attempt.target_id.as_ref());
                assert_eq!(
                    (of, &*event.attempt.path),
                    ((Some(1), attempt.target_id.as_ref()), path),
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn second_record_is_for_tenants_that_are_looked_up() {
    let (table, sink, runs) = (Table::new(), Sink::new(Mood::Well), Arc::default());
    let app = app(TenantPolicy::new(table.clone()), sink.clone(), &runs);
    for (what, path, token, headers, attempts) in [
        ("nobody asks for a tenant", "/user", "root-token", vec![AS_ALICE, ("x-org-id", "acme")], 1),
        ("the attempt is refused", "/both", "alice-token", vec![(HEADER, "1"), ("x-org-id", "acme")], 1),
        ("nobody is acted for", "/both", "alice-token", vec![("x-org-id", "acme")], 0),
        ("an admin names themselves", "/both", "root-token", vec![(HEADER, "1"), ("x-org-id", "acme")], 0),
    ] {
        ask(&app, path, token, &headers).await;
        let asked: Vec<_> = sink.take().iter().map(|attempt| text(attempt.requested_org.as_ref())).collect();
        assert_eq!(asked, vec![Some("acme".to_owned()); attempts], "{what}");
        assert!(sink.take_tenants().is_empty(), "{what}");
    }
    // Where the layer has no tenants, the headers are anybody's.
    let without = Router::new().route("/", get(|_: ActAsUser| async {})).layer(
        AuthLayer::tokens_only(TokenVerifier::new())
            .act_as(ActAsPolicy::new().directory(FakeDirectory::new()).audit(sink.clone())),
    );
    assert_eq!(ask(&without, "/", "root-token", &[AS_ALICE, ("x-org-id", "acme")]).await.0, 200);
    assert_eq!(sink.take()[0].requested_org, None);
}

#[tokio::test]
async fn tenant_that_cannot_be_recorded_is_refused() {
    let log = Log::start();
    let (sink, runs) = (Sink::new(Mood::Well), Arc::<AtomicUsize>::default());
    let app = app(TenantPolicy::new(Table::new()), sink.clone(), &runs);
    let (acme, evil) = (("x-org-id", "acme"), ("x-org-id", "evil"));
    sink.turn_about_tenants(Mood::Failing);
    for path in ["/tenant", "/both", "/guarded", "/maybe"] {
        // A refusal stays what it is.
        for (org, status) in [(acme, 503), (evil, 403)] {
            log.take();
            let (answered, body) = ask(&app, path, "root-token", &[AS_ALICE, org]).await;
            assert_eq!(answered, status, "{path} {org:?}");
            assert!(!body.to_string().contains("audit"), "not disclosed to the caller: {body}");
            let lines = log.take();
            assert!(
                lines.contains("the audit sink failed") && lines.contains("disk of the audit"),
                "{lines}"
            );
            assert!(lines.contains("in their organisation was refused"), "{lines}");
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0, "no handler has run");
    // Who asks for no tenant is not concerned, nor is who acts for nobody.
    assert_eq!(ask(&app, "/user", "root-token", &[AS_ALICE, acme]).await.0, 200);
    assert_eq!(ask(&app, "/tenant", "alice-token", &[acme]).await.0, 200);
    sink.turn_about_tenants(Mood::Well);
    assert_eq!(ask(&app, "/both", "root-token", &[AS_ALICE, acme]).await, (200, json!("acme")));
}

#[tokio::test(start_paused = true)]
async fn hanging_sink_refuses_a_tenant_after_5_s() {
    let (sink, runs) = (Sink::new(Mood::Well), Arc::<AtomicUsize>::default());
    let app = app(TenantPolicy::new(Table::new()), sink.clone(), &runs);
    sink.turn_about_tenants(Mood::Hanging);
    let start = tokio::time::Instant::now();
    let (status, _) = ask(&app, "/tenant", "root-token", &[AS_ALICE]).await;
    assert_eq!((status, start.elapsed().as_secs(), runs.load(Ordering::SeqCst)), (503, 5, 0));
}

/// As sinks are that were written before there were tenants.
struct AttemptsAlone;

impl AuditSink for AttemptsAlone {
    async fn record(&self, _: &ActAsAttempt) -> Result<(), AuditError> {
        Ok(())
    }
}

#[tokio::test]
async fn log_has_what_was_asked_for_and_what_it_became() {
    let app = app(TenantPolicy::new(Table::new()), AttemptsAlone, &Arc::default());
    let forged = r#"a" org_id="acme"#;
    for (headers, first, second) in [
        (
            vec![("x-org-id", "acme"), ("x-team-id", "design")],
            r#"target_id="7" requested_org_id="acme" requested_team_id="design" method=GET path="/tenant""#,
            r#"INFO aigc_auth::audit: acting as another user in their organisation actor_id="1" actor_email="root@example.com" target_id="7" org_id="acme" team_id="design" method=GET path="/tenant" trace_id="t-1""#,
        ),
        (vec![], r#"target_id="7" method=GET"#, r#"target_id="7" org_id="home-7" method=GET"#),
        (
            vec![("x-org-id", "evil")],
            r#"requested_org_id="evil" method"#,
            r#"WARN aigc_auth::audit: acting as another user in their organisation was refused actor_id="1" actor_email="root@example.com" target_id="7" requested_org_id="evil" method=GET path="/tenant" trace_id="t-1" refusal=Access is denied"#,
        ),
        (
            vec![("x-org-id", forged)],
            r#"requested_org_id="a\" org_id=\"acme" method"#,
            r#"requested_org_id="a\" org_id=\"acme" method"#,
        ),
    ] {
        let log = Log::start();
        let headers = [&[AS_ALICE, ("x-trace-id", "t-1")], &*headers].concat();
        ask(&app, "/tenant", "root-token", &headers).await;
        let lines = log.take();
        let lines: Vec<_> = lines.lines().filter(|line| line.contains("aigc_auth::audit")).collect();
        let [attempt, tenant] = lines[..] else { panic!("{lines:?}") };
        assert!(attempt.contains(first), "{first}: {attempt}");
        assert!(tenant.contains(second), "{second}: {tenant}");
    }
}

/// The policy may look at what was asked for: support of one customer.
#[tokio::test]
async fn condition_sees_the_tenant_that_was_asked_for() {
    let only_acme = ActAsPolicy::new()
        .directory(FakeDirectory::new())
        .only_if(|attempt| attempt.requested_org.as_ref().is_some_and(|org| *org == *"acme"));
    let app = Router::new().route("/", get(|_: ActAsUser| async { Json(Value::Null) })).layer(
        AuthLayer::tokens_only(TokenVerifier::new())
            .act_as(only_acme)
            .tenants(TenantPolicy::new(Table::new())),
    );
    for (headers, expected) in [
        (vec![AS_ALICE, ("x-org-id", "acme")], 200),
        (vec![AS_ALICE, ("x-org-id", "umbrella")], 403),
        (vec![AS_ALICE], 403),
    ] {
        assert_eq!(ask(&app, "/", "root-token", &headers).await.0, expected, "{headers:?}");
    }
}
