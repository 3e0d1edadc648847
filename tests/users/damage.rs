//! Rosters that nobody here wrote: a clear error, nothing lost, nothing shown.

use crate::support::{Browser, TestStore, Verb, kind_of, layer_with};
use crate::{labels, lives, logged_in};
use bytes::Bytes;
use proptest::prelude::*;
use sessile::{ErrorKind, Session, SessionLayer, Unreadable};

/// Puts these bytes in place of the roster.
fn tamper(store: &TestStore, bytes: impl Into<Bytes>) {
    store.put(&store.roster(), bytes);
}

fn roster(store: &TestStore) -> Vec<u8> {
    store.entry(&store.roster()).unwrap().value.to_vec()
}

async fn house() -> (SessionLayer, TestStore, Browser) {
    let (layer, store, _) = layer_with(|builder| builder.error_response(kind_of));
    let browser = logged_in(&layer, "alice", "phone").await;
    (layer, store, browser)
}

#[tokio::test]
async fn damaged_or_of_a_newer_version_it_is_an_error_and_stays() {
    let (layer, store, alice) = house().await;
    let good = roster(&store);
    let mut damaged = vec![
        Vec::new(),
        vec![0],
        b"{}".to_vec(),
        good[..good.len() - 1].to_vec(),
    ];
    damaged.push([&good[..], &[0]].concat());
    for (at, value) in [(0, 2), (4, 2), (4, 0), (good.len() - 1, 2)] {
        let mut other = good.clone();
        other[at] = value;
        damaged.push(other);
    }
    for bytes in damaged {
        tamper(&store, bytes.clone());
        let theirs = layer.sessions().of("alice");
        let handle = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let errors = [
            theirs.list().await.unwrap_err(),
            theirs.end_all().await.unwrap_err(),
            theirs.end(handle).await.unwrap_err(),
        ];
        assert!(
            errors
                .iter()
                .all(|error| error.kind() == ErrorKind::Undecodable)
        );
        let mut browser = Browser::with_n(&layer).await;
        let before = browser.clone();
        let login = async |session: &Session| session.renew_for("alice").unwrap();
        let (_, answer) = browser.visit(&layer, login).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (500, "Undecodable")
        );
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert!(lives(&layer, &before).await && lives(&layer, &alice).await);
        assert_eq!(roster(&store), bytes);
    }
    let mut alice = alice;
    let (_, answer) = alice
        .visit(&layer, async |session: &Session| session.flush())
        .await;
    assert_eq!(answer.status, 200, "a logout always works");
}

#[tokio::test]
async fn copied_from_another_user_it_shows_and_ends_nothing_of_theirs() {
    let (layer, store, alice) = house().await;
    let hers = roster(&store);
    assert!(store.evict(&store.roster()));
    logged_in(&layer, "bob", "his").await;
    tamper(&store, hers);
    let theirs = layer.sessions().of("bob");
    assert!(theirs.list().await.unwrap().is_empty());
    assert_eq!(theirs.end_all().await.unwrap(), 0);
    assert!(lives(&layer, &alice).await);
}

#[tokio::test]
async fn where_the_policy_says_empty_it_is_an_empty_one() {
    let (layer, store, _) = layer_with(|builder| builder.unreadable(Unreadable::Empty));
    let before = logged_in(&layer, "alice", "before").await;
    tamper(&store, "damaged");
    assert_eq!(labels(&layer, "alice").await, [""; 0]);
    assert_eq!(layer.sessions().of("alice").end_all().await.unwrap(), 0);
    logged_in(&layer, "alice", "after").await;
    assert_eq!(labels(&layer, "alice").await, ["after"]);
    assert!(lives(&layer, &before).await);
}

#[tokio::test]
async fn one_that_cannot_be_read_is_replaced_on_request_and_no_other_is() {
    let (layer, store, alice) = house().await;
    let theirs = layer.sessions().of("alice");
    let good = roster(&store);
    assert!(!theirs.reset().await.unwrap());
    assert_eq!(roster(&store), good);
    assert!(!layer.sessions().of("nobody").reset().await.unwrap());

    // A good one that comes between stays.
    tamper(&store, "damaged");
    let (key, other) = (store.roster(), store.clone());
    let mended = good.clone();
    store.before_next(Verb::Replace, async move { other.put(&key, mended) });
    assert!(!theirs.reset().await.unwrap());
    assert_eq!(roster(&store), good);

    tamper(&store, "damaged");
    assert!(theirs.reset().await.unwrap());
    assert_eq!(labels(&layer, "alice").await, [""; 0]);
    logged_in(&layer, "alice", "again").await;
    assert_eq!(labels(&layer, "alice").await, ["again"]);
    assert!(lives(&layer, &alice).await, "until its own end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), prefix in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (layer, store, alice) = house().await;
            let mut bytes = bytes;
            if prefix && bytes.len() > 5 {
                // As if it were one.
                let count = u8::try_from((bytes.len() - 5) / 41).unwrap();
                bytes.truncate(5 + 41 * usize::from(count));
                bytes[..5].copy_from_slice(&[1, 0, 0, 0, count]);
            }
            tamper(&store, bytes);
            let theirs = layer.sessions().of("alice");
            if let Ok(list) = theirs.list().await {
                assert!(list.is_empty());
            }
            let _ = theirs.end_all().await;
            assert!(lives(&layer, &alice).await);
        });
    }
}
