//! Usage records that cannot be delivered: in memory, on disk, and as they are given up.

use std::time::Duration;

use aigc_auth::credential::Credential;
use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::usage::ApiRecord;
use serde_json::json;
use test_support::process::Directory;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{FILES, Flight, SPOOL};

fn record(flight: &Flight) -> ApiRecord {
    let form = flight.secret("form password");
    let credential = Credential::new(&flight.secret("bearer token")).unwrap();
    ApiRecord::new("POST", "/reports")
        .status(500)
        .credential(credential)
        .request_header("Authorization", format!("Bearer {}", flight.secret("bearer token")))
        .request_header("Cookie", format!("session={}", flight.secret("cookie")))
        .request_header("X-Api-Key", flight.secret("access key"))
        .response_header("Set-Cookie", format!("refresh={}", flight.secret("refresh token")))
        .query(&format!("token={}&password={form}", flight.secret("query token")))
        .form(format!("password={form}&client_secret={form}").as_bytes())
        .request_body(json!({ "password": form, "nested": [{ "access_token": form, "apiKey": form }] }))
        .request_text(&format!("{{\"password\": \"{form}\"}}"))
}

pub(super) async fn story(flight: &Flight) {
    flight.show(&record(flight));
    let echo = Echo::start().await;
    let directory = Directory::new("canary-spool");
    let short = Duration::from_millis(150);
    for (n, mode) in [Mode::Page(502), MODES[0], MODES[1], MODES[9], MODES[10], Mode::NotJson, Mode::Hang]
        .into_iter()
        .enumerate()
    {
        echo.say(mode);
        let client = echo.client(&flight.secret("app secret")).observer(flight.clone()).build().unwrap();
        let folder = directory.0.join(n.to_string());
        let builder = Spool::builder(&folder);
        flight.show(&builder);
        let spool = flight.outcome(builder.build(&client).await).unwrap();
        let refused = spool.refused();
        let builder = StatsCollector::builder().flush_interval(Duration::from_millis(20)).spool(spool);
        flight.show(&builder);
        let stats = builder.start(&client);
        (0..20).for_each(|_| stats.record(record(flight)));
        flight.show(&stats.flush(short).await);
        flight.show(&stats);
        flight.show(&refused);
        flight.show(&refused.pages(2));
        for batch in flight.outcome(refused.list().await).unwrap() {
            flight.show(&batch);
        }
        let export = directory.0.join(format!("{n}.jsonl"));
        if flight.outcome(refused.export(&export).await).is_some() {
            flight.put(FILES, std::fs::read(&export).unwrap());
        }
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files.into_iter().filter(|file| file.is_file()) {
            flight.put(SPOOL, std::fs::read(&file).unwrap());
        }
        // In use.
        flight.outcome(Spool::builder(&folder).lock_timeout(Duration::from_millis(1)).build(&client).await);
        flight.show(&stats.shutdown(short).await);
    }
    // Records lie there encrypted: what is put in cannot be read, and so it is a file of its own.
    let planted = directory.0.join("planted");
    std::fs::write(&planted, Flight::plant(SPOOL)).unwrap();
    flight.put(SPOOL, std::fs::read(&planted).unwrap());
}
