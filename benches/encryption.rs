//! What encryption adds to a request: `cargo bench --bench encryption --features encryption`.
//!
//! As in `request`, over an app that puts one `Arc` into the request: the sessions in a memory store, and
//! in the same store with encryption around it.

mod apps;
#[path = "apps/time.rs"]
mod time;

use apps::{apps, kinds, session_routes};
use sessile::SessionLayer;
use sessile::store::{EncryptedStore, EncryptionKey, MemoryStore};
use time::{ROUNDS, median, time};

fn main() {
    let [_, one_arc, plain] = apps();
    let keys = [EncryptionKey::from_bytes([7; 32])];
    let store = EncryptedStore::new(MemoryStore::new(), keys).unwrap();
    let encrypted = session_routes().layer(SessionLayer::new(store));
    println!(
        "{:24} {:>9} {:>12} {:>6}",
        "", "sessions", "encrypted", "ratio"
    );
    for (kind, sealed) in kinds(&plain).iter().zip(&kinds(&encrypted)) {
        let mut over = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            let one_arc = time(&one_arc, kind);
            over[0].push(time(&plain, kind) - one_arc);
            over[1].push(time(&encrypted, sealed) - one_arc);
        }
        let [plain, encrypted] = over.map(median);
        println!(
            "{:24} {plain:>6.0} ns {encrypted:>9.0} ns {:>6.2}",
            kind.name,
            encrypted / plain,
        );
    }
}
