//! Keys that change while sessions live.

use crate::app;
use crate::support::{Browser, TestStore};
use sessile::Unreadable::{Empty, Fail};

#[tokio::test]
async fn a_key_is_changed_without_an_error() {
    let inner = TestStore::new();
    let [only_old, both, new_first, only_new] =
        [&[1][..], &[1, 2], &[2, 1], &[2]].map(|keys| app(&inner, keys, Fail));
    let mut browser = Browser::with_session(&only_old, &inner, "/insert:a:1").await;
    // While the processes are replaced one by one, each reads what the others write.
    for (one, other) in [
        (&only_old, &both),
        (&both, &new_first),
        (&new_first, &only_new),
    ] {
        for app in [one, other, one, other] {
            let before = browser.sees(one).await;
            assert_eq!(browser.sees(other).await, before);
            browser.get(app, "/increment:a").await;
        }
    }
    assert_eq!(browser.sees(&only_new).await, "a=13");
}

#[tokio::test]
async fn a_read_leaves_an_entry_to_its_old_key_and_a_write_takes_the_first() {
    let inner = TestStore::new();
    let old = app(&inner, &[1], Fail);
    let mut browser = Browser::with_session(&old, &inner, "/insert:a:1").await;
    let both = app(&inner, &[2, 1], Fail);
    browser.get(&both, "/show").await;
    assert_eq!(browser.sees(&old).await, "a=1");
    browser.get(&both, "/insert:a:2").await;
    assert_eq!(
        browser.clone().get(&old, "/show").await.body,
        "[Undecodable]"
    );
    assert_eq!(browser.sees(&app(&inner, &[2], Fail)).await, "a=2");
}

#[tokio::test]
async fn without_its_key_a_session_is_an_error_or_empty() {
    let inner = TestStore::new();
    let old = app(&inner, &[1], Fail);
    let browser = Browser::with_session(&old, &inner, "/insert:a:1").await;
    let answer = browser.clone().get(&app(&inner, &[2], Fail), "/show").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (500, "[Undecodable]")
    );
    assert_eq!(browser.sees(&app(&inner, &[2], Empty)).await, "");
    // And with the key it is back.
    assert_eq!(browser.sees(&old).await, "a=1");
}
