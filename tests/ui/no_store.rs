//! A layer takes a store.

use sessile::SessionLayer;

fn main() {
    SessionLayer::new("redis://localhost");
    SessionLayer::builder(std::collections::HashMap::<String, String>::new());
}
