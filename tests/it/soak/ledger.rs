//! Which requests have to be billed, and which were: each once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aigc_auth::testing::AuthCenter;

/// How often a request may be billed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bill {
    Never,
    Once,
    /// Its caller left, or was left: whether it got as far as to be somebody's, only the service knows.
    AtMostOnce,
}

#[derive(Default)]
struct Books {
    expected: HashMap<String, Bill>,
    /// For each request how often it came, by the key of its report.
    arrived: HashMap<String, HashMap<Arc<str>, u64>>,
    hung_up: u64,
    records: u64,
    others: u64,
    last: u64,
}

#[derive(Default)]
pub(super) struct Ledger(Mutex<Books>);

/// What came of all that.
#[derive(Debug, Default)]
pub(super) struct Balance {
    pub(super) billed: u64,
    /// Records, those of reports that came again included.
    pub(super) records: u64,
    /// Of reports whose answer was lost, so that they came again.
    pub(super) again: u64,
    /// Of calls to other services and of what those called.
    pub(super) others: u64,
    /// Of callers who were gone, with status 499.
    pub(super) hung_up: u64,
    pub(super) wrong: Vec<String>,
}

impl Ledger {
    pub(super) fn expect(&self, id: &str, bill: Bill) {
        self.0.lock().unwrap().expected.insert(id.to_owned(), bill);
    }

    /// Takes what has arrived at the center since the last time.
    pub(super) fn collect(&self, center: &AuthCenter) {
        let mut books = self.0.lock().unwrap();
        loop {
            let news = center.usage_after(books.last, 2_000);
            let Some(last) = news.last() else { return };
            let before = books.last;
            assert_eq!(news[0].number, before + 1, "the center has dropped records before they were read");
            books.last = last.number;
            for usage in news {
                books.records += 1;
                let record = &usage.record;
                let is_own = record["api_path"].as_str().is_some_and(|path| path.starts_with('/'));
                let id = record["request_params"]["headers"]["x-request-id"].as_str();
                let (Some(id), true) = (id, is_own) else {
                    books.others += 1;
                    continue;
                };
                books.hung_up += u64::from(record["status_code"] == 499);
                let key = usage.idempotency_key.expect("each report has a key");
                *books.arrived.entry(id.to_owned()).or_default().entry(key).or_default() += 1;
            }
        }
    }

    pub(super) fn balance(&self) -> Balance {
        let books = self.0.lock().unwrap();
        let Books { records, others, hung_up, .. } = *books;
        let mut balance = Balance { records, others, hung_up, ..Balance::default() };
        // All records of a report come as often as it does.
        let mut times: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
        for (key, count) in books.arrived.values().flatten() {
            let least = times.entry(key).or_insert(*count);
            *least = (*least).min(*count);
        }
        for (id, reports) in &books.arrived {
            balance.billed += 1;
            balance.again += reports.values().sum::<u64>() - 1;
            let twice = reports.len() > 1 || reports.iter().any(|(key, count)| *count > times[key]);
            match books.expected.get(id) {
                _ if twice => balance.wrong.push(format!("{id} was billed twice: {reports:?}")),
                Some(Bill::Never) => balance.wrong.push(format!("{id} was billed")),
                None => balance.wrong.push(format!("{id} was billed, and never sent")),
                Some(Bill::Once | Bill::AtMostOnce) => {}
            }
        }
        for (id, bill) in &books.expected {
            if *bill == Bill::Once && !books.arrived.contains_key(id) {
                balance.wrong.push(format!("{id} was not billed"));
            }
        }
        balance
    }
}

#[tokio::test]
async fn what_is_billed_twice_or_not_at_all_is_found() {
    use serde_json::{Value, json};
    use test_support::http::post;

    let center = AuthCenter::start().await;
    let ledger = Ledger::default();
    for (id, bill) in [
        ("once", Bill::Once),
        ("again", Bill::Once),
        ("again too", Bill::Once),
        ("two reports", Bill::Once),
        ("twice in one", Bill::Once),
        ("lost", Bill::Once),
        ("left", Bill::AtMostOnce),
        ("left early", Bill::AtMostOnce),
        ("a stranger's", Bill::Never),
    ] {
        ledger.expect(id, bill);
    }
    let record =
        |id: &&str| json!({ "api_path": "/me", "request_params": { "headers": { "x-request-id": id } } });
    for (key, ids) in [
        ("k-1", &["once", "left"][..]),
        ("k-2", &["again", "again too"]),
        ("k-2", &["again", "again too"]),
        ("k-3", &["two reports"]),
        ("k-4", &["two reports", "twice in one", "twice in one"]),
        ("k-5", &["a stranger's", "of nobody"]),
    ] {
        let body = json!({ "stats": ids.iter().map(record).collect::<Vec<Value>>() }).to_string();
        let headers = [
            ("x-app-id", center.app_id()),
            ("x-app-secret", center.app_secret()),
            ("authorization", "Bearer t"),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let answer = post(center.address(), "/aigc-auth/sdk/stats/report/batch", &headers, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (200, &json!(0)));
    }
    ledger.collect(&center);
    let mut balance = ledger.balance();
    balance.wrong.sort();
    let wrong: Vec<_> = balance.wrong.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        wrong,
        [
            "a stranger's was billed",
            "lost was not billed",
            "of nobody was billed, and never sent",
            "twice in one was billed twice",
            "two reports was billed twice",
        ]
    );
    // Of the two that came again, and of the two that should not have come.
    assert_eq!((balance.records, balance.again), (12, 4));
}
