//! What no app can prevent. `docs/production.md` warns of each.

use crate::app::WORDS;
use crate::front::Front;
use crate::kept_apart::Visitors;
use crate::support::server::is_left_out;

/// Whether users see what was made for others, for each of the words.
fn leaks(path: &str) -> Vec<&'static str> {
    let front = Front::new();
    let mut visitors = Visitors::new(&front);
    let leaking = WORDS
        .iter()
        .filter(|words| !visitors.leaks(path, words).is_empty());
    leaking.map(|words| words.name).collect()
}

fn all() -> Vec<&'static str> {
    WORDS.iter().map(|words| words.name).collect()
}

#[test]
fn a_proxy_that_ignores_vary_shares_what_the_handler_wants_shared() {
    if !is_left_out("nginx") {
        let shared = WORDS.iter().filter(|words| words.shared);
        let shared: Vec<_> = shared.map(|words| words.name).collect();
        assert_eq!(leaks("ignore-vary/reads"), shared);
    }
}

#[test]
fn a_proxy_that_ignores_cache_control_and_vary_shares_everything() {
    if !is_left_out("nginx") {
        assert_eq!(leaks("ignore-control-and-vary/reads"), all());
    }
}

#[test]
fn a_proxy_that_ignores_cache_control_and_set_cookie_gives_one_cookie_to_many() {
    if !is_left_out("nginx") {
        assert_eq!(leaks("ignore-control-and-cookies/sets"), all());
    }
}
