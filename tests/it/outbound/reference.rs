//! Calls to other services beside those of the reference client, field by field.

use aigc_auth::context::InContext;
use aigc_auth::outbound::OutboundClient;
use serde_json::{Value, json};

use crate::outbound::support::{ALL, Heard, Host, Records, alice, outbound};
use crate::support::Reference;

/// The same calls: for the script, and for our client.
fn calls(host: &Host) -> Vec<Value> {
    let url = |path: &str| host.at(path);
    vec![
        json!({"method": "GET", "url": url("/plain")}),
        json!({"method": "GET", "url": url("/query"), "params": {"page": "1 2", "q": "爱"}}),
        json!({"method": "POST", "url": url("/json"), "json": {"a": {"b": "爱"}, "n": [1, 2.5, null]}}),
        json!({"method": "PUT", "url": url("/form"), "data": {"a": "b&c", "d": "爱"}}),
        json!({"method": "DELETE", "url": url("/own"), "headers": {"X-Own": "own"}}),
        json!({"method": "GET", "url": url("/own"), "headers": {"X-Trace-ID": "own", "X-App-ID": "own"}}),
        json!({"method": "GET", "url": url("/cost")}),
        json!({"method": "PATCH", "url": url("/go?status=503")}),
        json!({"method": "GET", "url": url("/go?status=404")}),
        json!({"method": "GET", "url": "http://127.0.0.1:1/nobody"}),
    ]
}

async fn ours(client: &OutboundClient, call: &Value) -> Value {
    let method = call["method"].as_str().unwrap().parse().unwrap();
    let mut request = client.request(method, call["url"].as_str().unwrap());
    for (name, value) in call["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    if let Some(params) = call.get("params") {
        request = request.query(params);
    }
    if let Some(body) = call.get("json") {
        request = request.json(body);
    }
    if let Some(form) = call.get("data") {
        request = request.form(form);
    }
    match request.send().in_context(alice()).await {
        Ok(answer) => json!(answer.status().as_u16()),
        Err(_) => json!("ConnectionError"),
    }
}

/// Method, target and body.
fn said(heard: &Heard) -> (String, String, Value) {
    let body = String::from_utf8_lossy(&heard.body).into_owned();
    // JSON has spaces there and none here.
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    (heard.method.to_string(), heard.target.clone(), body)
}

/// The headers, but for `accept-encoding`: we decompress nothing.
fn context_headers(heard: &Heard) -> Vec<String> {
    heard.context_headers().into_iter().filter(|line| !line.starts_with("accept-encoding")).collect()
}

/// The records that the reference reports.
fn reported(center: &Host) -> Vec<Value> {
    let reports = center.heard().into_iter().filter(|heard| heard.method == "POST");
    reports
        .flat_map(|heard| {
            let body: Value = serde_json::from_slice(&heard.body).unwrap();
            body["stats"].as_array().unwrap().clone()
        })
        .collect()
}

async fn theirs(reference: &Reference, center: &Host, session: bool, mut calls: Vec<Value>) -> Value {
    for call in &mut calls {
        call["session"] = session.into();
    }
    let context = json!({
        "ip_address": "203.0.113.7", "user_agent": "hunter-agent", "token": "hunter-token",
        "app_id": "hunter-app", "app_secret": "hunter-secret", "trace_id": "hunter-trace", "username": "alice",
    });
    let input = json!({ "context": context, "calls": calls });
    reference.run("outbound_requests.py", &[("STATS_URL", &center.url)], &input).await
}

#[tokio::test]
async fn requests_and_records_match_reference_except_listed() {
    for reference in Reference::all_versions() {
        let (host, center) = (Host::http().await, Host::http().await);
        let records = Records::default();
        let client = outbound(&[&host], |builder| builder.with_stats(records.clone()));
        let mut answers = vec![];
        for call in calls(&host) {
            answers.push(ours(&client, &call).await);
        }
        let ours = host.heard();
        let records = records.take();
        for session in [true, false] {
            assert_eq!(theirs(&reference, &center, session, calls(&host)).await, json!(answers));
            let (theirs, reports) = (host.heard(), reported(&center));
            assert_eq!((theirs.len(), reports.len()), (ours.len(), records.len()));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(said(ours), said(theirs), "session: {session}");
                let mut expected = context_headers(ours);
                // There, the context goes before the caller's own headers; here, the caller's win.
                for line in &mut expected {
                    match &**line {
                        "x-trace-id: own" => *line = "x-trace-id: hunter-trace".to_owned(),
                        "x-app-id: own" if session => *line = "x-app-id: hunter-app".to_owned(),
                        _ => {}
                    }
                }
                if !session {
                    // `auth_request` does not say which app and which user it is, as its manual has it.
                    let kept = |line: &String| {
                        line == "x-app-id: own"
                            || !["auth", "x-app-"].iter().any(|name| line.starts_with(name))
                    };
                    expected.retain(kept);
                }
                assert_eq!(context_headers(theirs), expected, "session: {session}");
            }
            for (ours, theirs) in records.iter().zip(&reports) {
                // Every failure is 500 there; here, what was answered.
                let status = ours["status_code"].as_u64().unwrap();
                assert_eq!(
                    theirs["status_code"],
                    if status < 400 { status } else { 500 },
                    "{ours:#} {theirs:#}"
                );
                for field in ["api_path", "api_method"] {
                    assert_eq!(ours[field], theirs[field], "{ours:#} {theirs:#}");
                }
                // Theirs is the exception's text, which shows the query.
                assert_eq!(ours["error_message"].is_null(), theirs["error_message"].is_null());
                let (our_params, their_params) = (&ours["request_params"], &theirs["request_params"]);
                let name = "X-Match-Username";
                assert_eq!(our_params["headers"][name], their_params["headers"][name]);
                // A query that was part of the URL is left out there.
                let by_params = ours["api_path"] == host.at("/query");
                let query = if by_params { our_params["query_params"].clone() } else { json!({}) };
                assert_eq!(their_params["query_params"], query);
                // Of the answer's headers, ours are those for billing; of the request, no body and no other headers, which
                // there have the app's secret and the user's token among them.
                for (header, value) in ours["response_headers"].as_object().into_iter().flatten() {
                    assert_eq!(theirs["response_headers"][header], *value);
                }
                assert_eq!(our_params["headers"].as_object().unwrap().len(), 1);
                let has_secret = their_params["headers"].get("X-App-Secret").is_some();
                assert_eq!(has_secret, session, "{their_params}");
            }
        }
    }
}

/// An intended difference: the reference sends all headers to every host, and along every redirect.
#[tokio::test]
async fn reference_sends_credentials_to_untrusted_hosts() {
    for reference in Reference::all_versions() {
        let (host, center, untrusted) = (Host::http().await, Host::http().await, Host::http().await);
        let calls = vec![
            json!({"method": "GET", "url": untrusted.at("/")}),
            json!({"method": "GET", "url": host.go(302, &untrusted.at("/"))}),
        ];
        let client = outbound(&[&host], |builder| builder);
        for call in &calls {
            assert_eq!(ours(&client, call).await, 200);
            assert_eq!(untrusted.one().context_headers(), [""; 0]);
        }
        assert_eq!(theirs(&reference, &center, true, calls).await, json!([200, 200]));
        let heard = untrusted.heard();
        assert_eq!(context_headers(&heard[0]), ALL);
        // Of all of them, only `Authorization` stays behind.
        assert_eq!(context_headers(&heard[1]), ALL[1..]);
    }
}
