//! All of it, one after the other.

use crate::center::Center;
use crate::in_process::{self, Measured};
use crate::loopback;
use crate::markdown;
use crate::material::Material;
use crate::options::Options;
use crate::orders::Worker;
use crate::plot;
use crate::services::{self, Service};
use crate::table::{AXUM_0_7, AXUM_0_8};

/// What was seen.
pub(crate) struct Seen {
    pub(crate) in_process: Vec<Measured>,
    pub(crate) loopback: Vec<Measured>,
    pub(crate) services: Option<Vec<Service>>,
    /// Bytes of the token that most cases get.
    pub(crate) token_len: usize,
    /// The worker of another revision, and its name.
    pub(crate) baseline: Option<(usize, String)>,
}

pub(crate) fn run(options: &Options) {
    let center = Center::start();
    let file = options.room.join("material.json");
    let material = Material::make(center.url.clone());
    material.write(&file);
    let program = std::env::current_exe().expect("this program");
    let mut workers =
        vec![Worker::start(&program, AXUM_0_8, &file, None), Worker::start(&program, AXUM_0_7, &file, None)];
    let mut other = None;
    if let Some(baseline) = &options.baseline {
        other = Some((workers.len(), baseline.revision.clone()));
        workers.push(Worker::start(&baseline.worker, AXUM_0_8, &file, Some(&baseline.revision)));
    }
    let step = |what: &str| eprintln!("peers: {what}");
    step("time in the process");
    let mut in_process = in_process::measure(&mut workers, options.is_check);
    step("processor time over loopback");
    let loopback = loopback::measure(&mut workers, options.is_check);
    if options.is_check {
        return step("every case works");
    }
    step("instructions and allocations, by valgrind");
    in_process::count(&mut in_process, &workers, &file);
    drop(workers);
    step("services under load");
    let services = services::measure(options, &center, &material.hs256);
    let seen = Seen { in_process, loopback, services, token_len: material.hs256.len(), baseline: other };
    println!("{}", markdown::baseline(&seen));
    let sections = markdown::sections(&seen);
    for (name, text) in &sections {
        println!("## {name}\n\n{text}");
    }
    if let Some(docs) = &options.docs {
        let page = docs.join("peers.md");
        let text = std::fs::read_to_string(&page).expect("the page that the tables are for");
        std::fs::write(&page, markdown::fill(text, &sections)).expect("written");
        std::fs::write(docs.join("peers.svg"), plot::draw(&seen)).expect("written");
    }
}
