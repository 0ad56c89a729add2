use serde_json::{Value, json};

use super::data;
use crate::testing::{AuthCenter, Dialect};
use crate::types::user::UserGroup;

#[tokio::test]
async fn groups_are_listed_with_ids_in_order() {
    for dialect in [Dialect::V1_1_54, Dialect::V1_1_59] {
        let center = AuthCenter::builder().dialect(dialect).start().await;
        assert_eq!(data(&center, "/groups/list", json!({})).await, json!({"items": []}));
        center.add_group(UserGroup::new("ops").with_id(3).with_name("Operations"));
        center.add_group("staff");
        center.add_group(UserGroup::new("guests").with_id("g-1").with_description("from outside"));
        let staff = json!({"id": 4, "name": null, "code": "staff", "description": null});
        let guests = json!({"id": "g-1", "name": null, "code": "guests", "description": "from outside"});
        let ops =
            |id: Value, name: Value| json!({"id": id, "name": name, "code": "ops", "description": null});
        let list = || data(&center, "/groups/list", json!({}));
        assert_eq!(list().await, json!({"items": [ops(json!(3), json!("Operations")), staff, guests]}));
        for (group, expected) in [
            (UserGroup::new("ops").with_name("Ops"), ops(json!(3), json!("Ops"))),
            (UserGroup::new("ops").with_id("new"), ops(json!("new"), json!(null))),
        ] {
            center.add_group(group);
            assert_eq!(list().await, json!({"items": [expected, staff, guests]}));
        }
    }
}
