//! Users in the three shapes of listings, and in both spellings of their names: the same users.

use aigc_auth::__fuzz as internals;
use aigc_auth::UserInfo;
use serde_json::{Map, Value, json};

pub(super) fn run(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(data) else { return };
    let list = match document {
        Value::Array(items) => items,
        item => vec![item],
    };
    let bare = internals::users(&Value::from(list.clone()).to_string().into_bytes());
    for shape in [
        json!({ "items": list }),
        json!({ "users": list }),
        json!({ "users": [], "items": list, "notFound": [], "total": 7 }),
        json!({ "users": list, "items": null, "not_found": ["x"] }),
    ] {
        assert_eq!(internals::users(shape.to_string().as_bytes()), bare, "{shape}");
    }
    for item in &list {
        let Value::Object(fields) = item else { continue };
        let Ok(user) = serde_json::from_value::<UserInfo>(item.clone()) else { continue };
        // What is written is read again.
        let written = serde_json::to_value(&user).unwrap();
        let again: UserInfo =
            serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert_eq!(again, user, "{written}");
        assert_eq!(serde_json::to_value(&again).unwrap(), written);
        // One spelling only: of both, camel case counts.
        let other = other_spelling(fields);
        if other.len() == fields.len() && fields.keys().all(|name| !has_twin(fields, name)) {
            let other: UserInfo = serde_json::from_value(Value::Object(other))
                .unwrap_or_else(|error| panic!("{error}: {item}"));
            assert_eq!(other, user, "{item}");
        }
    }
}

const NAMES: [(&str, &str); 5] = [
    ("isAdmin", "is_admin"),
    ("feishuUserId", "feishu_user_id"),
    ("feishuOpenId", "feishu_open_id"),
    ("feishuUnionId", "feishu_union_id"),
    ("feishuTenantKey", "feishu_tenant_key"),
];

fn has_twin(fields: &Map<String, Value>, name: &str) -> bool {
    NAMES.iter().any(|(camel, snake)| {
        (name == *camel && fields.contains_key(*snake)) || (name == *snake && fields.contains_key(*camel))
    })
}

fn other_spelling(fields: &Map<String, Value>) -> Map<String, Value> {
    let other = |name: &str| {
        let found = NAMES.iter().find_map(|(camel, snake)| match name {
            _ if name == *camel => Some(*snake),
            _ if name == *snake => Some(*camel),
            _ => None,
        });
        found.unwrap_or(name).to_owned()
    };
    fields.iter().map(|(name, value)| (other(name), value.clone())).collect()
}
