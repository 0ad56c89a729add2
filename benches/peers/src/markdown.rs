//! Tables for readers.

use std::fmt::Write;

use crate::compare::Seen;
use crate::in_process::Measured;
use crate::services::{Kind, Service};
use crate::spread::Spread;
use crate::table::{OURS, OURS_AROUND, OURS_STATS, OURS_STATS_APART, OURS_STATS_AROUND};

/// The bare router of a case: of the same worker, and so of the same axum and revision.
pub(crate) fn bare<'a>(all: &'a [Measured], of: &Measured) -> &'a Measured {
    all.iter().find(|case| case.worker == of.worker && case.peer.is_bare()).expect("every worker has one")
}

/// The ratio to the bare router.
pub(crate) fn ratio(all: &[Measured], of: &Measured) -> Spread {
    Spread::of_ratios(&of.rounds, &bare(all, of).rounds)
}

/// This tree's case of that name.
fn ours<'a>(all: &'a [Measured], name: &str) -> &'a Measured {
    all.iter().find(|case| case.worker == 0 && case.peer.name == name).expect("a case of this name")
}

fn is_of_this_tree(seen: &Seen, case: &Measured) -> bool {
    seen.baseline.as_ref().is_none_or(|(worker, _)| case.worker != *worker)
}

/// `12,345`.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How much more, by a sign and a number; `–` where valgrind is not installed.
fn more(of: Option<f64>, to: Option<f64>) -> String {
    let Some((of, to)) = of.zip(to) else { return "–".to_owned() };
    let more = (of - to).round();
    if more == 0.0 {
        "0".to_owned()
    } else {
        format!("{}{}", if more < 0.0 { '−' } else { '+' }, grouped(more))
    }
}

/// The sections of the page, by the names of their markers.
pub(crate) fn sections(seen: &Seen) -> Vec<(&'static str, String)> {
    let mut sections =
        vec![("goals", goals(seen)), ("in-process", in_process(seen)), ("loopback", loopback(seen))];
    sections.extend(seen.services.as_ref().map(|services| ("services", services_table(services))));
    sections
}

fn goals(seen: &Seen) -> String {
    let mut text = "| | added to a bare router's request, or ratio | goal |\n|---|---|---|\n".to_owned();
    let all = &seen.in_process;
    let mut added = |what: &str, of: &str, to: Option<&str>| {
        let of = ours(all, of);
        let to = to.map_or_else(|| bare(all, of), |to| ours(all, to));
        let time = Spread::of(
            of.rounds
                .iter()
                .zip(&to.rounds)
                .zip(&bare(all, of).rounds)
                .map(|((of, to), bare)| (of - to) / bare),
        );
        let [instructions, allocations] =
            [more(of.instructions, to.instructions), more(of.allocations, to.allocations)];
        let time = time.show();
        let _ = writeln!(
            text,
            "| {what} | {instructions} instructions, {allocations} allocations; time +{time} of the bare router's | |"
        );
    };
    added("warm, as a router layer", OURS, None);
    added("warm, around the router", OURS_AROUND, None);
    added("usage records on top, as a router layer", OURS_STATS, Some(OURS));
    added("usage records on top, around the router", OURS_STATS_AROUND, Some(OURS_AROUND));
    let mut over_loopback = |what: &str, of: &str, goal: &str| {
        let processor = ratio(&seen.loopback, ours(&seen.loopback, of)).show();
        let _ = writeln!(text, "| processor time over loopback, {what} | {processor} × | {goal} |");
    };
    over_loopback("without usage records", OURS, "");
    over_loopback("everything on, of the request's thread", OURS_STATS_APART, "≤ 1.08 ×");
    over_loopback("everything on, with what sends the records", OURS_STATS, "");
    if let Some([ours, sdk]) = seen.services.as_ref().and_then(|services| services.first_chunk()) {
        let faster = Spread::of_ratios(&ours.per_second, &sdk.per_second).show();
        let sooner = Spread::of_ratios(&sdk.p99, &ours.p99).show();
        let but = if ours.counts() && sdk.counts() {
            ""
        } else {
            ", of services that did not have their cores: does not count"
        };
        let _ = writeln!(
            text,
            "| `full_service` and the reference SDK: requests a second{but} | {faster} × | ≥ 70 × |"
        );
        let _ = writeln!(
            text,
            "| … the SDK's 99th percentile, divided by that of `full_service`{but} | {sooner} | ≥ 50 |"
        );
    }
    text
}

fn in_process(seen: &Seen) -> String {
    let mut text = format!("A token of {} bytes, with HS256.\n\n", seen.token_len);
    text += "| | time, bare router = 1 | instructions | allocations | checks for each request | a token is revoked |\n\
             |---|---|---|---|---|---|\n";
    for case in seen.in_process.iter().filter(|case| is_of_this_tree(seen, case)) {
        let peer = case.peer;
        let (time, instructions, allocations) = if peer.is_bare() {
            let whole = |count: Option<f64>| count.map_or("–".to_owned(), grouped);
            let time = format!("1 = {:.0} ns", Spread::of(case.rounds.iter().copied()).median);
            (time, whole(case.instructions), whole(case.allocations))
        } else {
            let bare = bare(&seen.in_process, case);
            let time = ratio(&seen.in_process, case).show();
            (time, more(case.instructions, bare.instructions), more(case.allocations, bare.allocations))
        };
        let mark = if peer.is_ours() { "**" } else { "" };
        let _ = writeln!(
            text,
            "| {mark}{}{mark} | {time} | {instructions} | {allocations} | {} | {} |",
            peer.title(),
            peer.checks,
            peer.revocation
        );
    }
    text
}

fn loopback(seen: &Seen) -> String {
    let mut text = "| | processor time, bare router = 1 |\n|---|---|\n".to_owned();
    for case in seen.loopback.iter().filter(|case| is_of_this_tree(seen, case)) {
        let mark = if case.peer.is_ours() { "**" } else { "" };
        let time = if case.peer.is_bare() {
            format!("1 = {:.1} µs", Spread::of(case.rounds.iter().copied()).median / 1e3)
        } else {
            ratio(&seen.loopback, case).show()
        };
        let _ = writeln!(text, "| {mark}{}{mark} | {time} |", case.peer.title());
    }
    text
}

fn services_table(services: &[Service]) -> String {
    let mut text = "| | requests a second | median, ms | 99 %, ms | processor time a request, µs | of its core | of the load's core | records that arrived, a request |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let show = |values: &[f64]| Spread::of(values.iter().copied()).show();
    let mut row = |name: &str, service: &Service| {
        let Service { per_second, median, p99, processor, busy, load_busy, records, .. } = service;
        let per_second = Spread::of(per_second.iter().copied());
        let [low, middle, high] = [per_second.low, per_second.median, per_second.high].map(grouped);
        let [median, p99, processor, busy, load_busy, records] =
            [median, p99, processor, busy, load_busy, records].map(|values| show(values));
        let _ = writeln!(
            text,
            "| {name} | {middle} ({low}–{high}) | {median} | {p99} | {processor} | {busy} | {load_busy} | {records} |"
        );
    };
    let of = |kind| services.iter().find(|service| service.kind == kind);
    if let Some((ours, sdk)) = of(Kind::Ours).zip(of(Kind::Sdk)) {
        row("**`full_service`**", ours);
        row("reference SDK 1.1.62, FastAPI, uvicorn with uvloop", sdk);
        let ratio = |of: &[f64], to: &[f64]| Spread::of_ratios(of, to).show();
        let _ = writeln!(
            text,
            "| ratio | {} | 1 / {} | 1 / {} | 1 / {} | | | |",
            ratio(&ours.per_second, &sdk.per_second),
            ratio(&sdk.median, &ours.median),
            ratio(&sdk.p99, &ours.p99),
            ratio(&sdk.processor, &ours.processor)
        );
    }
    text
}

/// This tree beside another revision: ratios below 1 are gains, but of requests a second. Empty without one.
pub(crate) fn baseline(seen: &Seen) -> String {
    let Some((worker, revision)) = &seen.baseline else { return String::new() };
    let mut text = format!(
        "## Beside {revision}\n\n| | time | instructions added, there | here | processor time over loopback |\n|---|---|---|---|---|\n"
    );
    for there in seen.in_process.iter().filter(|case| case.worker == *worker) {
        let here = ours(&seen.in_process, there.peer.name);
        let added = |case: &Measured| more(case.instructions, bare(&seen.in_process, case).instructions);
        let find = |worker| {
            seen.loopback.iter().find(|case| case.worker == worker && case.peer.name == there.peer.name)
        };
        let loopback = find(0).zip(find(*worker));
        let loopback = loopback
            .map_or("–".to_owned(), |(here, there)| Spread::of_ratios(&here.rounds, &there.rounds).show());
        let time = Spread::of_ratios(&here.rounds, &there.rounds).show();
        let title = there.peer.title();
        let _ = writeln!(text, "| {title} | {time} | {} | {} | {loopback} |", added(there), added(here));
    }
    let services = seen.services.as_deref().unwrap_or_default();
    let here = services.iter().find(|service| service.kind == Kind::Ours);
    let there = services.iter().find(|service| service.kind == Kind::Baseline);
    if let Some((here, there)) = here.zip(there) {
        let ratio = |of: &[f64], to: &[f64]| Spread::of_ratios(of, to).show();
        let _ = writeln!(
            text,
            "\n`full_service`: requests a second {} ×, 99 % {} ×, processor time a request {} ×",
            ratio(&here.per_second, &there.per_second),
            ratio(&here.p99, &there.p99),
            ratio(&here.processor, &there.processor)
        );
    }
    text
}

/// Puts the sections between their markers.
pub(crate) fn fill(mut page: String, sections: &[(&str, String)]) -> String {
    for (name, text) in sections {
        let [begin, end] = ["begin", "end"].map(|word| format!("<!-- {word}: {name} -->\n"));
        let from = page.find(&begin).unwrap_or_else(|| panic!("the page has no {begin}")) + begin.len();
        let to = from + page[from..].find(&end).unwrap_or_else(|| panic!("the page has no {end}"));
        page.replace_range(from..to, &format!("\n{text}\n"));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_replace_what_is_between_their_markers() {
        let page = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n".to_owned();
        let filled = fill(page, &[("x", "| new |\n".to_owned())]);
        assert_eq!(filled, "a\n<!-- begin: x -->\n\n| new |\n\n<!-- end: x -->\nb\n");
        assert_eq!(fill(filled.clone(), &[("x", "| new |\n".to_owned())]), filled);
    }

    #[test]
    fn numbers_are_grouped_and_signed() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(more(Some(5_000.0), Some(1_000.0)), "+4,000");
        assert_eq!(more(Some(1.0), Some(3.0)), "−2");
        assert_eq!(more(Some(1.2), Some(1.0)), "0");
        assert_eq!(more(None, Some(1.0)), "–");
    }
}
