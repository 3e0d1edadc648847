//! Which server keeps which key.

use super::super::StoreKey;
use sha2::{Digest as _, Sha256};

/// Spreads keys over servers: each server draws a number for the key, and the highest keeps it.
///
/// This is consistent hashing without a ring. It depends on the servers' names and not on their order, a
/// server more takes an equal share from each of the others, and a server less gives its share to all.
/// Whether a server can be reached plays no role: its sessions do not move, for when it comes
/// back with what it had, a session that was ended meanwhile would be alive again.
pub(super) struct Placement(Vec<u64>);

impl Placement {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(
            names
                .map(|name| number(&Sha256::digest(name).into()))
                .collect(),
        )
    }

    /// The index of the server.
    pub(super) fn of(&self, key: &StoreKey) -> usize {
        let key = number(key.as_bytes());
        let draws = self.0.iter().map(|seed| mix(key ^ seed));
        let highest = draws.enumerate().max_by_key(|&(_, draw)| draw);
        highest.map_or(0, |(index, _)| index)
    }
}

fn number(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Lets each bit of the number decide about each bit of the result (the finish of MurmurHash3).
fn mix(mut number: u64) -> u64 {
    number = (number ^ number >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    number = (number ^ number >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ number >> 33
}

#[cfg(test)]
mod tests {
    use super::Placement;
    use crate::store::StoreKey;

    const NAMES: [&str; 4] = ["a:11211", "b:11211", "c:11211", "c:11212"];

    fn homes<'a>(names: &[&'a str]) -> Vec<&'a str> {
        let placement = Placement::new(names.iter().copied());
        let key = |n: u16| {
            let mut bytes = [7; 32];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            StoreKey::from_bytes(bytes)
        };
        (0..4000).map(|n| names[placement.of(&key(n))]).collect()
    }

    #[test]
    fn each_server_has_its_share() {
        let homes = homes(&NAMES);
        for name in NAMES {
            let share = homes.iter().filter(|&&home| home == name).count();
            assert!((800..1200).contains(&share), "{name}: {share}");
        }
    }

    #[test]
    fn the_order_of_the_servers_plays_no_role() {
        let [a, b, c, d] = NAMES;
        assert_eq!(homes(&NAMES), homes(&[d, b, a, c]));
    }

    #[test]
    fn a_server_less_moves_its_own_keys_and_no_others() {
        let (with, without) = (homes(&NAMES), homes(&NAMES[..3]));
        for (before, after) in with.iter().zip(without) {
            assert!(*before == NAMES[3] || *before == after);
        }
    }

    /// All instances of an app have to agree, also those with different versions of this crate.
    #[test]
    fn placements_do_not_change() {
        let start = [
            "c:11211", "b:11211", "c:11211", "a:11211", "b:11211", "c:11211",
        ];
        assert!(homes(&NAMES).starts_with(&start));
    }
}
