//! No answer that was made for one user reaches another.

use crate::app::{WORDS, Words};
use crate::front::{Front, is_cached};
use crate::support::http::Client;
use crate::support::server::is_left_out;
use std::collections::HashSet;

const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// Two users, and one without a cookie.
pub(crate) struct Visitors {
    clients: [Client; 2],
    nobody: Client,
    cookies: HashSet<String>,
}

impl Visitors {
    pub(crate) fn new(front: &Front) -> Self {
        let login = |name: &str| {
            let mut client = front.client();
            assert_eq!(client.post(&format!("/login/{name}"), "").status, 200);
            assert_eq!(client.jar.len(), 1);
            client
        };
        Self {
            clients: [login("alice"), login("bob")],
            nobody: front.client(),
            cookies: HashSet::new(),
        }
    }

    /// All of them visit, in every order and twice. Says who was answered with what was made for
    /// somebody else, be it a page or a cookie.
    pub(crate) fn leaks(&mut self, path: &str, words: &Words) -> Vec<String> {
        let mut leaks = Vec::new();
        for (number, order) in ORDERS.into_iter().enumerate() {
            for visitor in order.into_iter().chain(order) {
                let mut nobody = self.nobody.clone();
                let client = self.clients.get_mut(visitor).unwrap_or(&mut nobody);
                let reply = client.get(&format!("/{path}/{}?{number}", words.name));
                assert_eq!(reply.status, words.status, "{path}: {}", reply.body);
                let name = ["alice", "bob", "nobody"][visitor];
                let leak = |what| format!("{path}/{}: {name} {what}", words.name);
                if reply.body != name {
                    leaks.push(leak(format!("is {}", reply.body)));
                }
                if let Some(cookie) = reply.header("set-cookie")
                    && !self.cookies.insert(cookie.to_owned())
                {
                    leaks.push(leak("has a cookie that somebody has".to_owned()));
                }
            }
        }
        leaks
    }
}

/// That users are kept apart with this setting, unless the words are an exception.
fn users_are_kept_apart(setting: &str, exception: impl Fn(&str, &Words) -> bool) {
    if is_left_out("nginx") {
        return;
    }
    let front = Front::new();
    let mut visitors = Visitors::new(&front);
    for usage in ["reads", "sets"] {
        for words in WORDS.iter().filter(|words| !exception(usage, words)) {
            let leaks = visitors.leaks(&format!("{setting}/{usage}"), words);
            assert_eq!(leaks, [""; 0]);
        }
    }
}

#[test]
fn users_are_kept_apart_with_plain_settings() {
    users_are_kept_apart("plain", |_, _| false);
}

#[test]
fn users_are_kept_apart_where_the_proxy_gives_all_answers_a_lifetime() {
    users_are_kept_apart("valid", |_, _| false);
}

#[test]
fn users_are_kept_apart_where_the_proxy_ignores_set_cookie() {
    users_are_kept_apart("ignore-cookies", |_, _| false);
}

#[test]
fn users_are_kept_apart_where_the_proxy_ignores_vary_unless_the_handler_wants_sharing() {
    users_are_kept_apart("ignore-vary", |usage, words| {
        usage == "reads" && words.shared
    });
}

#[test]
fn users_are_kept_apart_where_the_proxy_ignores_cache_control() {
    users_are_kept_apart("ignore-control", |_, _| false);
}

/// So that the tests above can fail: the cache is on, for exactly these words.
#[test]
fn an_answer_without_a_session_is_cached_for_all() {
    if is_left_out("nginx") {
        return;
    }
    let front = Front::new();
    let Visitors { clients, .. } = Visitors::new(&front);
    // What names the cookie in Vary is kept for each by his own.
    for words in WORDS.iter().filter(|words| words.name != "vary") {
        for (setting, kept) in [("plain", words.last), ("valid", true)] {
            let path = format!("/{setting}/untouched/{}", words.name);
            let [first, second] = clients.clone().map(|mut client| client.get(&path));
            assert!(!is_cached(&first), "{path}");
            assert_eq!(is_cached(&second), kept, "{path}");
            assert_eq!(first.body == second.body, kept, "{path}");
        }
    }
}

/// What the handler offers to shared caches is kept for the user alone.
#[test]
fn an_answer_that_read_the_session_is_cached_for_its_user_if_the_handler_wants_it() {
    if is_left_out("nginx") {
        return;
    }
    let front = Front::new();
    let Visitors { clients, .. } = Visitors::new(&front);
    for words in &WORDS {
        let path = format!("/plain/reads/{}", words.name);
        for mut client in clients.clone() {
            assert!(!is_cached(&client.get(&path)));
            assert_eq!(is_cached(&client.get(&path)), words.shared, "{path}");
        }
    }
}
