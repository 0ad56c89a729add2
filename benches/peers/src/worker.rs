//! A process that has the cases of one version of axum, and runs them as it is told to.
//!
//! An order is a line on standard input: `run CASE COUNT`, answered by nanoseconds, or `serve CASE`, answered by the address,
//! the thread's account and the credential to send. Under valgrind there is one order, in the environment.

use std::future::Future;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::account::account;
use crate::material::Material;
use crate::table::Place;
use crate::valgrind;

/// The cases of one version of axum.
pub(crate) trait Cases: 'static {
    type App: Send;

    /// Makes a case. In the process there is nobody who takes what it sends.
    fn app(name: &str, material: Material, place: Place) -> impl Future<Output = Self::App> + Send;

    /// What sends one request in the process.
    fn send(app: Self::App) -> Box<dyn FnMut()>;

    /// The line of the header that a request needs.
    fn credential(app: &Self::App) -> String;

    fn listen(app: Self::App, listener: TcpListener) -> impl Future<Output = ()>;
}

pub(crate) fn serve<C: Cases>(file: &str) {
    let material = Material::read(file);
    // One thread, which has nothing to do once an app is made.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    if let Some((name, count)) = valgrind::ordered() {
        let mut send = made::<C>(&runtime, &name, &material);
        return (0..count).for_each(|_| send());
    }
    let mut made_before = Vec::<(String, Box<dyn FnMut()>)>::new();
    for order in std::io::stdin().lock().lines() {
        let order = order.expect("an order");
        let words: Vec<&str> = order.split(' ').collect();
        let answer = match words[..] {
            ["run", name, count] => {
                let at = made_before.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
                    made_before.push((name.to_owned(), made::<C>(&runtime, name, &material)));
                    made_before.len() - 1
                });
                timed(&mut made_before[at].1, count.parse().expect("a number")).to_string()
            }
            ["serve", name] => listening::<C>(name.to_owned(), material.clone()),
            _ => panic!("no such order: {order}"),
        };
        println!("{answer}");
        std::io::stdout().flush().expect("somebody reads");
    }
}

fn made<C: Cases>(runtime: &Runtime, name: &str, material: &Material) -> Box<dyn FnMut()> {
    C::send(runtime.block_on(C::app(name, material.clone(), Place::Process)))
}

/// Nanoseconds of so many requests, after some that warm up.
fn timed(send: &mut Box<dyn FnMut()>, count: u32) -> u128 {
    (0..count / 8).for_each(|_| send());
    let started = Instant::now();
    (0..count).for_each(|_| send());
    started.elapsed().as_nanos()
}

/// Serves a case on a thread of its own, whose account then holds all that it costs.
fn listening<C: Cases>(name: String, material: Material) -> String {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let app = C::app(&name, material, Place::Loopback).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address: SocketAddr = listener.local_addr().expect("bound");
            let answer = format!("{address} {} {}", account(), C::credential(&app));
            sender.send(answer).expect("somebody waits");
            C::listen(app, listener).await;
        });
    });
    receiver.recv().expect("the server starts")
}
