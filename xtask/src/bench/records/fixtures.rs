//! The records, and the requests that are made of them.

use std::net::SocketAddr;

use isobase_testkit::http::request_bytes;
use isobase_testkit::load::Workload;

use super::subject::Loaded;

/// Requests prepared for one load: enough to spread over the tree, few enough
/// to stay in the cache of the client.
const READS: u64 = 4096;
const CREATES: u64 = 1024;

pub(super) const STATUSES: [&str; 5] = ["new", "open", "paid", "sent", "closed"];

const JSON: (&str, &str) = ("content-type", "application/json");

/// The record number `n`, about 200 bytes. The same in every run.
pub(super) fn record(n: u64) -> String {
    let mut dice = Dice(n);
    let status = STATUSES[dice.below(5) as usize];
    let customer = dice.below(50_000);
    let (cents, count) = (dice.below(1_000_000), 1 + dice.below(9));
    let (month, day) = (1 + dice.below(12), 1 + dice.below(28));
    let (hour, minute, second) = (dice.below(24), dice.below(60), dice.below(60));
    format!(
        "{{\"name\":\"Order {n:07}\",\"status\":\"{status}\",\
         \"customer\":{{\"id\":{customer},\"city\":\"Basel\"}},\
         \"total\":{}.{:02},\"items\":{count},\"tags\":[\"web\",\"gift\"],\
         \"created_at\":\"2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z\",\
         \"note\":\"as agreed by phone\"}}",
        cents / 100,
        cents % 100,
    )
}

/// A record of about 10 kB, to make a file large.
pub(super) fn large_record(n: u64) -> String {
    format!("{{\"name\":\"Scan {n:07}\",\"text\":\"{}\"}}", "lorem ipsum ".repeat(830))
}

/// Reads by id, spread over the collection.
pub(super) fn reads(address: SocketAddr, items: &Loaded) -> Workload {
    let mut load = Workload::default();
    let mut dice = Dice(1);
    for _ in 0..READS {
        load.push("read", read(address, items, &mut dice));
    }
    load
}

pub(super) fn creates(address: SocketAddr, collection: &str) -> Workload {
    let mut load = Workload::default();
    for n in 0..CREATES {
        load.push("create", create(address, collection, n));
    }
    load
}

/// Four reads for each create, in no order.
pub(super) fn mixed(address: SocketAddr, items: &Loaded, collection: &str) -> Workload {
    let mut load = Workload::default();
    let mut dice = Dice(2);
    for n in 0..READS {
        match dice.below(5) {
            0 => load.push("create", create(address, collection, n)),
            _ => load.push("read", read(address, items, &mut dice)),
        }
    }
    load
}

/// What the bare HTTP server answers with so many bytes.
pub(super) fn constant(address: SocketAddr, bytes: usize) -> Workload {
    gets(address, "constant", [format!("/{bytes}").as_str()])
}

/// The same path again and again, or several in turn.
pub(super) fn gets<'a>(
    address: SocketAddr,
    class: &str,
    paths: impl IntoIterator<Item = &'a str>,
) -> Workload {
    let mut load = Workload::default();
    for path in paths {
        load.push(class, request_bytes(&address.to_string(), "GET", path, &[], b""));
    }
    load
}

fn read(address: SocketAddr, items: &Loaded, dice: &mut Dice) -> Vec<u8> {
    let path = items.path(dice.below(items.count));
    request_bytes(&address.to_string(), "GET", &path, &[], b"")
}

fn create(address: SocketAddr, collection: &str, n: u64) -> Vec<u8> {
    let path = format!("/records/{collection}");
    request_bytes(&address.to_string(), "POST", &path, &[JSON], record(n).as_bytes())
}

/// Numbers without a pattern, and the same ones in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn records_have_about_200_bytes() {
        for n in [0, 1, 999_999] {
            let text = record(n);
            assert!((180..=220).contains(&text.len()), "{} bytes: {text}", text.len());
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(STATUSES.contains(&value["status"].as_str().unwrap()));
            assert_eq!(text, record(n));
        }
        assert_eq!(large_record(1).len() / 1_000, 9);
    }

    #[test]
    fn statuses_are_evenly_spread() {
        let open = (0..10_000).filter(|n| record(*n).contains("\"status\":\"open\"")).count();
        assert!((1_800..2_200).contains(&open), "{open}");
    }
}
