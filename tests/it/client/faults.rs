//! Whatever the auth center does wrong, a service answers 401, 403 or 503 as the fault demands.

use std::error::Error;
use std::time::{Duration, Instant};

use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{Fault, TestKey};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use http::StatusCode;

use crate::support::rig::{APP_SECRET, KEY, Rig, Seen, TOKEN, status};
use crate::support::{Counting, Stopwatch, test_process};

/// What the caller of the service is to see of a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// 503 with this `Retry-After`.
    Unavailable(u64),
    NotAccepted,
    Denied,
}

use Verdict::{Denied, NotAccepted, Unavailable};

#[derive(Clone)]
enum How {
    Fault(Fault),
    /// No connection comes about.
    #[cfg(target_os = "linux")]
    Blackhole,
}

#[derive(Clone)]
struct Case {
    name: &'static str,
    how: How,
    verdict: Verdict,
    /// Calls that arrive at the center for one lookup.
    calls: usize,
    /// Whether it lasts until the client's timeout.
    slow: bool,
}

impl Case {
    /// Whether the center is there, and has answered badly: then the credential is not asked about again for a second.
    fn is_bad_answer(&self) -> bool {
        let How::Fault(fault) = &self.how else { return false };
        match fault {
            Fault::Refuse | Fault::Hang | Fault::SlowBytes(_) => false,
            Fault::Status(status, _) => !matches!(status.as_u16(), 429 | 502..=504),
            _ => matches!(self.verdict, Unavailable(_)),
        }
    }

    /// How long the client waits. Only where it does wait, it has to be short.
    fn timeout(&self) -> Duration {
        if self.slow { Duration::from_secs(1) } else { Duration::from_secs(5) }
    }

    /// By when there is an answer, on a busy machine.
    fn bound(&self) -> Duration {
        let at_most = if self.slow { self.timeout() } else { Duration::from_millis(500) };
        at_most + Duration::from_secs(1)
    }

    fn of_center(name: &'static str, fault: Fault, verdict: Verdict, calls: usize) -> Self {
        Self { name, how: How::Fault(fault), verdict, calls, slow: false }
    }
}

/// All faults but flapping, which is one over time. A redirect leads to `elsewhere`.
fn cases(elsewhere: &str) -> Vec<Case> {
    let unavailable = |name, fault, calls| Case::of_center(name, fault, Unavailable(1), calls);
    let pause = |name, fault, seconds, calls| Case::of_center(name, fault, Unavailable(seconds), calls);
    let slow = |case| Case { slow: true, ..case };
    let code = |name, code, verdict| Case::of_center(name, Fault::code(code, "said so"), verdict, 1);
    vec![
        unavailable("refused", Fault::Refuse, 0),
        #[cfg(target_os = "linux")]
        Case { name: "connect timeout", how: How::Blackhole, verdict: Unavailable(1), calls: 0, slow: true },
        slow(unavailable("silent", Fault::Hang, 1)),
        slow(unavailable("slow bytes", Fault::SlowBytes(Duration::from_millis(50)), 1)),
        unavailable("reset", Fault::Reset, 2),
        unavailable("reset mid-body", Fault::ResetMidBody, 1),
        unavailable("truncated", Fault::Truncated, 1),
        unavailable("400", status(400, None), 1),
        unavailable("401: the app's secret is wrong", status(401, None), 1),
        unavailable("403: the app's secret is wrong", status(403, None), 1),
        unavailable("404: no such endpoint", status(404, None), 1),
        unavailable("422", status(422, None), 1),
        pause("400 with Retry-After", status(400, Some("9")), 9, 1),
        pause("429 with Retry-After", status(429, Some("7")), 7, 1),
        pause("429, Retry-After over a minute", status(429, Some("3600")), 60, 1),
        pause("429, Retry-After 0", status(429, Some("0")), 1, 1),
        pause("429, Retry-After a date gone by", status(429, Some("Sun, 06 Nov 1994 08:49:37 GMT")), 1, 1),
        pause("429 without Retry-After", status(429, None), 1, 1),
        pause("429, Retry-After unreadable", status(429, Some("soon")), 1, 1),
        unavailable("500", status(500, None), 1),
        unavailable("501", status(501, None), 1),
        unavailable("502", status(502, None), 2),
        unavailable("503", status(503, None), 2),
        pause("503 with Retry-After", status(503, Some("7")), 7, 2),
        unavailable("504", status(504, None), 2),
        unavailable("204 without a body", status(204, None), 1),
        unavailable("HTML", Fault::Html, 1),
        unavailable("not JSON", Fault::NotJson, 1),
        unavailable("wrong shape", Fault::WrongShape, 1),
        unavailable("missing id", Fault::MissingId, 1),
        unavailable("40 MiB", Fault::Huge, 1),
        unavailable("redirect", Fault::Redirect(format!("{elsewhere}/steal")), 1),
        code("code 401", 401, NotAccepted),
        code("code 403", 403, Denied),
        code("code 404", 404, NotAccepted),
        code("code 400", 400, Unavailable(1)),
        code("code 429", 429, Unavailable(1)),
        code("code 500", 500, Unavailable(1)),
        code("code 10001", 10_001, Unavailable(1)),
        code("code -1", -1, Unavailable(1)),
    ]
}

/// The age of the client's cache entry for the credential.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Age {
    Cold,
    Warm,
    Stale,
    Expired,
}

const AGES: [Age; 4] = [Age::Cold, Age::Warm, Age::Stale, Age::Expired];

/// One cell of the matrix, on a center of its own.
async fn cell(case: Case, age: Age, credential: &str) {
    let name = format!("{}, {age:?}, {credential}", case.name);
    let expected = match case.verdict {
        Unavailable(seconds) => Seen::unavailable(seconds),
        NotAccepted if credential == KEY => Seen::invalid_key(),
        NotAccepted => Seen::invalid_token(),
        Denied => Seen::denied("Access is denied"),
    };
    let alice = Seen::user("alice");

    let timeout = case.timeout();
    let rig = Rig::with(|builder| builder.timeout(timeout).connect_timeout(Duration::from_millis(100))).await;
    if age != Age::Cold {
        assert_eq!(rig.ask(credential).await, alice, "{name}: healthy");
    }
    rig.advance(match age {
        Age::Cold | Age::Warm => 0,
        Age::Stale => 599,
        Age::Expired => 600,
    });
    rig.center.clear_requests();
    #[cfg(target_os = "linux")]
    let mut blackhole = None;
    match &case.how {
        How::Fault(fault) => rig.center.inject_fault(fault.clone()),
        #[cfg(target_os = "linux")]
        How::Blackhole => {
            blackhole = Some(crate::support::Blackhole::in_place_of(&rig.center).await);
        }
    }

    let (start, ran) = (Instant::now(), Stopwatch::start());
    let seen = rig.ask(credential).await;
    let (took, ran) = (start.elapsed(), ran.elapsed());
    let (expected, calls) = match age {
        Age::Warm => (&alice, 0),
        Age::Stale if matches!(case.verdict, Unavailable(_)) => (&alice, case.calls),
        _ => (&expected, case.calls),
    };
    assert_eq!(seen, *expected, "{name}");
    assert_eq!(rig.calls(), calls, "{name}: calls");
    assert!(ran < case.bound(), "{name}: took {ran:?}");
    let waited = took >= Duration::from_millis(150);
    assert!(waited || !case.slow || age == Age::Warm, "{name}: nothing was waited for, {took:?}");
    #[cfg(target_os = "linux")]
    drop(blackhole);

    if age == Age::Stale && case.verdict == Unavailable(1) {
        rig.advance(1);
        rig.center.inject_fault(Fault::Refuse);
        assert_eq!(rig.ask(credential).await, Seen::unavailable(1), "{name}: past stale-if-error");
    }
    rig.center.clear_faults();
    match case.verdict {
        // An unavailable answer is not cached: the next request looks up again, unless the center demanded a pause.
        Unavailable(pause) => {
            if matches!(&case.how, How::Fault(Fault::Status(StatusCode::TOO_MANY_REQUESTS, _))) {
                if !matches!(age, Age::Warm | Age::Stale) {
                    assert_eq!(rig.ask(credential).await, *expected, "{name}: it demanded a pause");
                    assert_eq!(rig.calls(), calls, "{name}: it demanded a pause");
                }
                rig.advance(pause);
            }
            if case.is_bad_answer() && matches!(age, Age::Cold | Age::Expired) {
                assert_eq!(rig.ask(credential).await, Seen::unavailable(1), "{name}: a pause of its own");
                assert_eq!(rig.calls(), calls, "{name}: a pause of its own");
                rig.advance(1);
            }
        }
        // A refusal is cached for the negative TTL, and replaces the user that was cached before.
        NotAccepted | Denied if age != Age::Warm => {
            rig.clock.advance(Duration::from_millis(4_999));
            assert_eq!(rig.ask(credential).await, *expected, "{name}: cached for 5 s");
            assert_eq!(rig.calls(), calls, "{name}: cached for 5 s");
            rig.clock.advance(Duration::from_millis(1));
            rig.center.inject_fault(Fault::Refuse);
            assert_eq!(rig.ask(credential).await, Seen::unavailable(1), "{name}: expired");
            rig.center.clear_faults();
        }
        NotAccepted | Denied => {}
    }
    assert_eq!(rig.ask(credential).await, alice, "{name}: healthy again");
}

async fn matrix(cells: Vec<(Case, Age)>, credential: &'static str) {
    // Those that wait run all at once; the others a few at a time, lest they be late for want of a processor.
    let (slow, quick): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(case, _)| case.slow);
    let run = |(case, age)| cell(case, age, credential);
    stream::iter(quick.into_iter().map(run)).buffer_unordered(8).collect::<Vec<()>>().await;
    join_all(slow.into_iter().map(run)).await;
}

#[tokio::test]
async fn every_fault_at_every_cache_age_with_token() {
    let elsewhere = Counting::start(|_| async {}).await;
    let cases = cases(&elsewhere.url());
    matrix(cases.iter().flat_map(|case| AGES.map(|age| (case.clone(), age))).collect(), TOKEN).await;
    assert_eq!(elsewhere.connections(), 0, "no redirect is followed, and no secret sent along");
}

#[tokio::test]
async fn main_faults_at_every_cache_age_with_access_key() {
    let elsewhere = Counting::start(|_| async {}).await;
    let main = [
        "refused",
        "silent",
        "reset",
        "truncated",
        "429 with Retry-After",
        "503 with Retry-After",
        "HTML",
        "wrong shape",
        "missing id",
        "40 MiB",
        "redirect",
        "code 401",
        "code 403",
        "code 404",
        "code 500",
    ];
    let cases: Vec<_> =
        cases(&elsewhere.url()).into_iter().filter(|case| main.contains(&case.name)).collect();
    assert_eq!(cases.len(), main.len());
    matrix(cases.iter().flat_map(|case| AGES.map(|age| (case.clone(), age))).collect(), KEY).await;
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn access_key_types_map_to_users() {
    let rig = Rig::new().await;
    let app_id = rig.center.app_id().to_owned();
    let another = "The access key belongs to another app";
    for (text, key, expected) in [
        ("ak_user", TestKey::user("alice"), Seen::user("alice")),
        ("ak_app", TestKey::app(app_id.clone()), Seen::user("ak_app_test-app")),
        ("ak_global", TestKey::global(), Seen::user("ak_global")),
        ("ak_robot", TestKey::of_type("robot"), Seen::not_accepted("The access key has an unknown type")),
        ("ak_other", TestKey::app("other-app"), Seen::denied(another)),
        ("ak_number", TestKey::app(42), Seen::denied(another)),
    ] {
        rig.center.clear_requests();
        rig.center.add_access_key(text, key);
        for _ in 0..3 {
            assert_eq!(rig.ask(text).await, expected, "{text}");
        }
        assert_eq!(rig.calls(), 1, "{text}: cached");
    }
    assert_eq!(rig.ask("ak_unknown").await, Seen::invalid_key());

    rig.center.disable_user("alice");
    rig.center.add_access_key("ak_disabled", TestKey::user("alice"));
    assert_eq!(rig.ask("ak_disabled").await, Seen::denied("Access is denied"));
    rig.center.remove_user("alice");
    rig.center.add_access_key("ak_removed", TestKey::user("alice"));
    assert_eq!(rig.ask("ak_removed").await, Seen::invalid_key());
}

/// Prints, in a process of its own, every error with its sources, and all that is traced or logged on the way.
#[tokio::test]
async fn child_process_prints_errors_and_traces() {
    if std::env::var_os("AIGC_AUTH_TEST_CHILD").is_none() {
        return;
    }
    // Bridges `log` too, which reqwest writes to.
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init();
    let elsewhere = Counting::start(|_| async {}).await;
    let repeats = format!("you sent {TOKEN} and {KEY} with {APP_SECRET}");
    let messages = [401, 403, 404, 500].map(|code| {
        Case::of_center("a message that repeats all", Fault::code(code, repeats.clone()), NotAccepted, 1)
    });
    // One that waits is enough.
    let slow = |case: &Case| case.slow && case.name != "silent";
    let cases = cases(&elsewhere.url()).into_iter().filter(|case| !slow(case)).chain(messages);
    join_all(cases.map(print_all)).await;
    println!("all printed");
}

async fn print_all(case: Case) {
    let How::Fault(fault) = case.how else { return };
    let timeout = Duration::from_millis(if matches!(fault, Fault::Hang) { 100 } else { 5_000 });
    let rig = Rig::with(|builder| builder.timeout(timeout)).await;
    println!("{} {:?} {:?}", case.name, rig.client, rig.app());
    rig.center.inject_fault(fault);
    for credential in [TOKEN, KEY] {
        println!("{:?}", rig.ask(credential).await);
    }
    rig.advance(60);
    let errors = [
        rig.client.user_info(TOKEN).await.err(),
        rig.client.access_key_user(KEY).await.err(),
        rig.client.verify_token(TOKEN).await.err(),
        rig.client.verify_access_key(KEY).await.err(),
        rig.client.check_permissions(TOKEN, ["a"]).await.err(),
        rig.client.batch_users(["alice"]).await.err(),
    ];
    for error in errors.into_iter().flatten() {
        println!("{error} {error:?} {error:#?}");
        let mut source = error.source();
        while let Some(error) = source {
            println!("from {error} {error:?}");
            source = error.source();
        }
    }
}

#[test]
fn errors_and_traces_contain_no_secret() {
    let output = test_process(module_path!(), "child_process_prints_errors_and_traces")
        .env("AIGC_AUTH_TEST_CHILD", "1")
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("all printed"), "{text}");
    for part in ["request refused", "a message that repeats all", "the auth center failed", "redirect"] {
        assert!(text.contains(part), "{part} is missing, so what was searched? {text}");
    }
    for secret in [TOKEN, KEY, APP_SECRET] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was printed");
    }
}

#[tokio::test]
async fn error_detail_names_failure_and_cause() {
    let rig = Rig::with(|builder| builder.timeout(Duration::from_secs(1))).await;
    for (fault, detail, has_source) in [
        (Fault::Refuse, "POST /user/info: cannot connect", true),
        (Fault::Hang, "POST /user/info: no answer in time", false),
        (Fault::Reset, "POST /user/info: the connection broke before an answer", true),
        (Fault::Truncated, "POST /user/info: the connection broke within the answer", true),
        (
            Fault::status(401),
            "POST /user/info: the auth center rejected the call; check app id and app secret (401 Unauthorized)",
            false,
        ),
        (
            Fault::status(404),
            "POST /user/info: endpoint not found; check the base URL, and whether the auth center is new enough for this call (404 Not Found)",
            false,
        ),
        (
            Fault::Html,
            "POST /user/info: the answer is not an auth center envelope; expected JSON with `code`, `message` and `data`",
            false,
        ),
        (Fault::Huge, "POST /user/info: the answer is too large", false),
        (Fault::code(500, "database is locked"), "database is locked", false),
    ] {
        rig.center.inject_fault(fault);
        let error = rig.client.user_info(TOKEN).await.unwrap_err();
        assert_eq!((error.kind(), error.detail()), (ErrorKind::Unavailable, Some(detail)));
        assert_eq!(error.source().is_some(), has_source, "{detail}");
        rig.center.clear_faults();
        rig.client.invalidate(TOKEN);
    }
}
