//! `Retry-After` (RFC 9110 section 10.2.3), against a model: seconds or a date, and never a wait out of bounds.

use std::time::{Duration, SystemTime};

use aigc_auth::__fuzz as internals;
use http::HeaderValue;

pub(super) fn run(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let before = SystemTime::now();
    let read = internals::retry_after(&value);
    let after = SystemTime::now();
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(60));
    assert!(read.is_none_or(|wait| least <= wait && wait <= most), "{value:?}: {read:?}");

    let text = data.trim_ascii();
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        // Of any length: RFC 9110 bounds it nowhere.
        let seconds = text
            .iter()
            .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        assert_eq!(read, Some(Duration::from_secs(seconds).clamp(least, most)), "{value:?}");
        return;
    }
    let date = std::str::from_utf8(text).ok().and_then(|text| httpdate::parse_http_date(text).ok());
    match (date, read) {
        (None, read) => assert_eq!(read, None, "{value:?}"),
        (Some(_), None) => panic!("{value:?} is a date"),
        (Some(date), Some(read)) => {
            let [longest, shortest] =
                [before, after].map(|now| date.duration_since(now).unwrap_or_default().clamp(least, most));
            assert!(shortest <= read && read <= longest, "{value:?}: {read:?}");
        }
    }
}
