//! Several instances of one service at a time, which start and stop in any order.

use std::collections::BTreeSet;

use aigc_auth::registry::{Registration, RegistrationState};
use aigc_auth::testing::{AuthCenter, Fault};

use crate::registry::settings::instance_ids_of_two_children;
use crate::registry::support::{PATIENCE, heartbeats_until, is, online, orders};
use crate::support::{client, random, until};

/// The ids in the register.
fn registered(center: &AuthCenter) -> BTreeSet<String> {
    center.services().iter().map(|service| service["instanceId"].as_str().unwrap().to_owned()).collect()
}

fn id(handle: &Registration) -> String {
    handle.service().instance_id.clone()
}

#[tokio::test]
async fn workers_of_one_host_are_instances_of_their_own() {
    let center = AuthCenter::start().await;
    let worker = || Registration::builder("worker");
    let template = worker().port(8000);
    let (first, second) = (online(worker(), &center).await, online(worker(), &center).await);
    // As with `SO_REUSEPORT`, or replicas of a container with a set host name.
    let (third, fourth) = (online(template.clone(), &center).await, online(template, &center).await);
    let ids = [&first, &second, &third, &fourth].map(id);
    assert_eq!(registered(&center), BTreeSet::from(ids.clone()), "{ids:?}");
    first.shutdown(PATIENCE).await.unwrap();
    third.shutdown(PATIENCE).await.unwrap();
    assert_eq!(registered(&center), BTreeSet::from([ids[1].clone(), ids[3].clone()]));
    drop((second, fourth));
}

#[test]
fn processes_of_one_host_have_ids_of_their_own() {
    for variables in [&[][..], &[("AIGC_SERVICE_PORT", "8000")]] {
        let [one, other] = instance_ids_of_two_children(variables);
        assert_ne!(one, other, "{variables:?}");
    }
}

/// Two workers that are restarted: the new process before the old one stops, after it, or at the same time.
#[tokio::test]
async fn register_shows_the_living_after_restarts_in_any_order() {
    let mut random = random();
    let center = AuthCenter::start().await;
    let workers = [Registration::builder("worker"), Registration::builder("worker").port(8000)];
    // Of processes of their own: each has a client.
    let start = |worker: usize| workers[worker].clone().start(&client(&center)).unwrap();
    let mut living = [start(0), start(1)];
    for restart in 1..=50 {
        let worker = random.usize(..living.len());
        let order = ["before", "after", "together"][random.usize(..3)];
        // If not, the next restart may stop one that the auth center does not know yet.
        let waits = random.bool();
        println!("restart {restart}: of worker {worker}; the new one starts {order}; waits: {waits}");
        let stop = async |old: Registration| old.shutdown(PATIENCE).await.unwrap();
        let [one, other] = living;
        let (old, kept) = if worker == 0 { (one, other) } else { (other, one) };
        let new = match order {
            "before" => {
                let new = start(worker);
                if waits {
                    is(&new, RegistrationState::Online).await;
                }
                stop(old).await;
                new
            }
            "after" => {
                stop(old).await;
                start(worker)
            }
            _ => tokio::join!(async { start(worker) }, stop(old)).0,
        };
        if waits {
            for handle in [&new, &kept] {
                is(handle, RegistrationState::Online).await;
            }
            assert_eq!(registered(&center), BTreeSet::from([&new, &kept].map(id)), "restart {restart}");
        }
        living = if worker == 0 { [new, kept] } else { [kept, new] };
    }
    for handle in &living {
        is(handle, RegistrationState::Online).await;
    }
    assert_eq!(registered(&center), living.iter().map(id).collect());
    heartbeats_until("the living send heartbeats", || {
        center.services().iter().all(|service| service["heartbeats"] != 0)
    })
    .await;
    assert_eq!(center.services().len(), 2);
}

/// With a set id, two processes may mean the same instance: one that has put nothing into the register takes nothing off.
#[tokio::test]
async fn shutdown_removes_only_what_was_registered() {
    let center = AuthCenter::start().await;
    let same = || orders().instance_id("orders-1");
    let first = online(same(), &center).await;
    for fault in [Fault::code(403, "not you"), crate::support::rig::status(401, None)] {
        center.inject_fault_on("/service/register", fault.clone());
        let second = same().start(&client(&center)).unwrap();
        is(&second, RegistrationState::Retrying).await;
        second.shutdown(PATIENCE).await.unwrap();
        assert_eq!(center.calls("/service/unregister"), 0, "{fault:?}");
        center.clear_faults();
    }
    // What was broken off may have arrived.
    center.inject_fault_on("/service/register", Fault::Reset);
    let second = same().instance_id("orders-2").start(&client(&center)).unwrap();
    is(&second, RegistrationState::Retrying).await;
    center.clear_faults();
    second.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/service/unregister"), 1);

    // No connection: it has not.
    let unreachable = aigc_auth::AuthClient::builder("a", "b", "http://127.0.0.1:1").build().unwrap();
    let second = same().start(&unreachable).unwrap();
    is(&second, RegistrationState::Retrying).await;
    second.shutdown(PATIENCE).await.expect("there is nothing to remove");
    assert_eq!(registered(&center), BTreeSet::from(["orders-1".to_owned()]));
    first.shutdown(PATIENCE).await.unwrap();
    until("it is gone", || center.services().is_empty()).await;
}
