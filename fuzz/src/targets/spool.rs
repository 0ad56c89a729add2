//! Files of a spool that are damaged: the damaged file is kept as it was, and no record is delivered twice.
//!
//! The input is a list of edits of a file of twelve records, of four bytes each: what to do, where (two bytes), and a number.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::credential::Credential;
use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::usage::ApiRecord;

const PATIENCE: Duration = Duration::from_secs(20);
const RECORDS: u64 = 12;
const FILE: &str = "waiting.queue";

struct Setting {
    center: AuthCenter,
    client: AuthClient,
    /// The file, undamaged.
    image: Vec<u8>,
}

static SETTING: OnceLock<Setting> = OnceLock::new();

pub(super) fn run(data: &[u8]) {
    let setting = SETTING.get_or_init(|| super::block_on(prepare()));
    let damaged = edited(&setting.image, data);
    super::block_on(restart_with(setting, &damaged));
}

async fn prepare() -> Setting {
    let center = AuthCenter::start().await;
    let client = AuthClient::builder("test-app", "test-secret", center.url()).build().unwrap();
    center.inject_fault(Fault::status(503));
    let directory = Directory::new();
    let spool = Spool::open(&directory.0, &client).await.unwrap();
    let stats = StatsCollector::builder().batch_size(1).spool(spool).start(&client);
    for n in 0..RECORDS {
        stats.record(ApiRecord::new("GET", format!("/{n}")).credential(Credential::new("alice").unwrap()));
    }
    stats.shutdown(Duration::from_millis(500)).await;
    drop(stats);
    let image = fs::read(directory.0.join(FILE)).unwrap();
    center.clear_faults();
    // So that the breaker lets calls pass again.
    let client = AuthClient::builder("test-app", "test-secret", center.url()).build().unwrap();
    Setting { center, client, image }
}

fn edited(image: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut file = image.to_vec();
    for edit in edits.chunks_exact(4).take(16) {
        let &[what, high, low, number] = edit else { continue };
        if file.is_empty() {
            break;
        }
        let at = usize::from(u16::from_be_bytes([high, low])) % file.len();
        let end = (at + usize::from(number) * 16 + 1).min(file.len());
        match what % 6 {
            0 => file[at] ^= number,
            1 => file.truncate(at),
            // A block that was never written.
            2 => file[at..end].fill(0),
            3 => file[at..end].fill(number),
            4 => file.extend_from_within(at..end),
            // A block that was written elsewhere.
            _ => file.copy_within(at..end, (at / 2).min(image.len() / 2).min(at)),
        }
    }
    file
}

/// Twice, within a second: what the first start has set aside is still there after the second.
async fn restart_with(setting: &Setting, damaged: &[u8]) {
    let directory = Directory::new();
    fs::create_dir_all(&directory.0).unwrap();
    let mut lost = Vec::new();
    for round in 0..2 {
        let mut file = damaged.to_vec();
        // Another file, damaged in the same way.
        file.resize(file.len() + round, 7);
        fs::write(directory.0.join(FILE), &file).unwrap();
        let before = setting.center.stats().len();
        let spool = Spool::open(&directory.0, &setting.client).await.unwrap();
        let stats = StatsCollector::builder().spool(spool).start(&setting.client);
        let counts = stats.shutdown(PATIENCE).await;
        drop(stats);
        let delivered = setting.center.stats().split_off(before);
        let paths: BTreeSet<&str> =
            delivered.iter().filter_map(|record| record["api_path"].as_str()).collect();
        assert_eq!(paths.len(), delivered.len(), "a record came twice: {delivered:?}");
        assert_eq!(counts.spooled, 0, "{counts:?}");
        if file == setting.image {
            assert_eq!(delivered.len() as u64, RECORDS, "{counts:?}");
        }
        if (delivered.len() as u64) < RECORDS && !has_one_header(setting, &file) {
            lost.push(file);
        }
    }
    let kept: Vec<Vec<u8>> = kept_in(&directory.0);
    for (round, file) in lost.iter().enumerate() {
        assert!(kept.contains(file), "round {round}: {} bytes with lost records are nowhere", file.len());
    }
}

/// Whether one header is as it was and the other is not. That is what a crash leaves that came while a header was written, and
/// queue-file then goes back to what the other says, which is what had been promised: nobody can tell this from damage.
fn has_one_header(setting: &Setting, file: &[u8]) -> bool {
    const HEADERS: [usize; 2] = [0, 4 * 1024];
    const LEN: usize = 56;
    let [first, second] = HEADERS.map(|at| file.get(at..at + LEN) == setting.image.get(at..at + LEN));
    first != second
}

/// The files that were set aside.
fn kept_in(directory: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let is_kept = |path: &PathBuf| path.to_string_lossy().contains("damaged-");
    files.filter(is_kept).map(|path| fs::read(path).unwrap()).collect()
}

/// In memory where there is such a place.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let name = format!("aigc-auth-fuzz-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(parent.join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
