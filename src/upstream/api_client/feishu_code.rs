//! Find Feishu's own code in the auth center's message about a Feishu message that was refused.

/// The codes that the protocol names.
const NAMED: [u32; 5] = [230_006, 230_013, 230_027, 230_034, 230_053];

/// Finds the code: the number after the word `code`, else one that the protocol names, else the only one that could be it.
pub(super) fn find(message: &str) -> Option<u32> {
    let candidates: Vec<(usize, u32)> = numbers(message).collect();
    let is_announced = |start: usize| {
        let before = message.get(..start).unwrap_or_default();
        let before = before
            .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '：' | '"' | '\''));
        let before = before.to_lowercase();
        before.ends_with("code") || before.ends_with("错误码")
    };
    let announced = candidates.iter().find(|(start, _)| is_announced(*start));
    let named = candidates.iter().find(|(_, code)| NAMED.contains(code));
    match (announced.or(named), &candidates[..]) {
        (Some((_, code)), _) | (None, [(_, code)]) => Some(*code),
        _ => None,
    }
}

/// The numbers of six digits that begin with 230, as all codes of messages do, and where they start.
fn numbers(message: &str) -> impl Iterator<Item = (usize, u32)> {
    let words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words = words.filter(|word| word.len() == 6 && word.starts_with("230"));
    words.filter_map(|word| Some((word.as_ptr() as usize - message.as_ptr() as usize, word.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_where_the_message_has_it() {
        let far = format!("{} 230013", "用".repeat(300));
        for (message, expected) in [
            ("feishu error 230013: Bot has NO availability to this user", Some(230_013)),
            ("飞书接口返回错误：230053，用户已停止接收", Some(230_053)),
            ("code=230006", Some(230_006)),
            (r#"{"code": 230099, "msg": "x", "request": 230013}"#, Some(230_099)),
            ("错误码：230034", Some(230_034)),
            ("[230027] Lack of necessary permissions", Some(230_027)),
            ("request 230915 failed: code 230013", Some(230_013)),
            ("log_id=20230915 at 230101, code=230013", Some(230_013)),
            ("at 230101: 230013", Some(230_013)),
            ("at 230101: 230102", None),
            ("failed: 230099", Some(230_099)),
            (&far, Some(230_013)),
            ("user 1230013 is unknown", None),
            ("message 23001 of 2300134", None),
            ("om_230034 om230034", None),
            ("no such app", None),
            ("", None),
        ] {
            assert_eq!(find(message), expected, "{message}");
        }
    }
}
