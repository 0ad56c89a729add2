//! Remove a credential from the protocols that a WebSocket is opened with.

use http::HeaderMap;
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};

/// The protocol before the credential, which the layer chooses if the handler chooses none.
pub(super) const NAME: &str = "bearer";

/// Removes `bearer` and the entry after it, and returns such entries as sent: "" where none follows. Names of protocols are
/// case-sensitive (RFC 6455 section 11.3.4).
pub(super) fn remove(headers: &mut HeaderMap) -> Vec<Box<[u8]>> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().map(HeaderValue::as_bytes);
    let entries = lines.flat_map(|line| line.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut entries = entries.filter(|entry| !entry.is_empty());
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    while let Some(entry) = entries.next() {
        if entry == NAME.as_bytes() {
            removed.push(entries.next().unwrap_or_default().into());
        } else {
            kept.push(entry);
        }
    }
    if removed.is_empty() {
        return removed;
    }
    // Parts of a header's value are one, too.
    match HeaderValue::from_bytes(&kept.join(&b", "[..])) {
        Ok(rest) if !rest.is_empty() => headers.insert(SEC_WEBSOCKET_PROTOCOL, rest),
        _ => headers.remove(SEC_WEBSOCKET_PROTOCOL),
    };
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pair_is_removed() {
        for (lines, kept, removed) in [
            (&[][..], None, &[][..]),
            (&["chat, soap"], Some("chat, soap"), &[]),
            (&["chat,  soap ,"], Some("chat,  soap ,"), &[]),
            (&["bearer, t"], None, &["t"]),
            (&["bearer,t,chat"], Some("chat"), &["t"]),
            (&["chat, bearer, t%2F, soap"], Some("chat, soap"), &["t%2F"]),
            (&["chat", "bearer", "t", "soap"], Some("chat, soap"), &["t"]),
            (&["chat, bearer"], Some("chat"), &[""]),
            (&["bearer,, t"], None, &["t"]),
            (&["bearer, t, bearer, u"], None, &["t", "u"]),
            (&["bearer, bearer, t"], Some("t"), &["bearer"]),
            (&["Bearer, t"], Some("Bearer, t"), &[]),
            (&["bearer t"], Some("bearer t"), &[]),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(line));
            }
            let seen: Vec<_> = remove(&mut headers)
                .iter()
                .map(|entry| String::from_utf8_lossy(entry).into_owned())
                .collect();
            assert_eq!(seen, removed, "{lines:?}");
            let left: Vec<_> =
                headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().map(|line| line.to_str().unwrap()).collect();
            let expected = if removed.is_empty() { lines.to_vec() } else { kept.into_iter().collect() };
            assert_eq!(left, expected, "{lines:?}");
        }
    }
}
