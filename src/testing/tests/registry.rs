use serde_json::json;

use super::{data, rejection};
use crate::testing::AuthCenter;

#[tokio::test]
async fn webhooks_are_registered_and_unregistered() {
    let center = AuthCenter::start().await;
    let webhook = json!({"url": "http://me/auth", "events": ["user.updated"], "secret": "s"});
    assert_eq!(data(&center, "/webhook/register", webhook).await, json!({"webhook_id": 1, "success": true}));
    assert_eq!(
        center.webhooks(),
        [json!({"webhook_id": 1, "url": "http://me/auth", "events": ["user.updated"], "secret": "s"})]
    );
    assert_eq!(rejection(&center, "/webhook/register", json!({"events": []})).await, 400);
    assert_eq!(data(&center, "/webhook/unregister", json!({"webhookId": 1})).await, json!({}));
    assert_eq!(rejection(&center, "/webhook/unregister", json!({"webhookId": 1})).await, 404);
    assert!(center.webhooks().is_empty());
}

#[tokio::test]
async fn services_are_registered_and_send_heartbeats() {
    let center = AuthCenter::start().await;
    let one = json!({"name": "orders", "environment": "test", "instanceId": "a:1", "ips": [], "port": 1});
    let other = json!({"name": "orders", "environment": "test", "instanceId": "b:1"});
    assert_eq!(
        data(&center, "/service/register", one.clone()).await,
        json!({"service_id": 1, "instance_id": "a:1", "config": {}, "config_version": 1})
    );
    center.set_config("orders", json!({"limit": 5}));
    assert_eq!(
        data(&center, "/service/register", other.clone()).await,
        json!({"service_id": 1, "instance_id": "b:1", "config": {"limit": 5}, "config_version": 2})
    );
    let heartbeat = json!({"name": "orders", "environment": "test", "instanceId": "a:1", "port": 2});
    assert_eq!(
        data(&center, "/service/heartbeat", heartbeat).await,
        json!({"config": {"limit": 5}, "config_version": 2})
    );
    let services = center.services();
    assert_eq!(services.len(), 2);
    assert_eq!(
        services[0],
        json!({
            "name": "orders", "environment": "test", "instanceId": "a:1", "ips": [], "port": 2,
            "service_id": 1, "heartbeats": 1, "online": true,
        })
    );
    assert_eq!(data(&center, "/service/unregister", other.clone()).await, json!({}));
    assert_eq!(rejection(&center, "/service/unregister", other).await, 404);
    center.clear_services();
    assert_eq!(rejection(&center, "/service/heartbeat", one).await, 404);
    assert_eq!(rejection(&center, "/service/heartbeat", json!({"name": "orders"})).await, 400);
}
