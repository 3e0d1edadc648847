//! The pages of the examples fit a desk and a phone. The pictures are in `target/tmp/browser`.

use crate::browser;
use crate::driver::Chromium;
use crate::support::http::Running;

/// The page is no wider than the screen, and its text large enough to read and to tap on.
#[track_caller]
fn fits(browser: &Chromium, name: &str) {
    browser.picture(name);
    let wide = browser
        .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(wide, 0, "{name} is too wide");
    let small = browser.run(
        "return [...document.querySelectorAll('body *')]
            .filter(it => it.checkVisibility() && it.matches('p, li, label, button, input, a'))
            .filter(it => parseFloat(getComputedStyle(it).fontSize) < 16)
            .map(it => it.outerHTML)",
    );
    assert_eq!(small, serde_json::json!([]), "{name}");
}

#[test]
fn the_pages_fit_a_desk_and_a_phone() {
    let Some(browser) = browser() else { return };
    let names = [
        "cart",
        "counter",
        "devices",
        "login",
        "metrics",
        "plain_tower",
    ];
    let examples = names.map(|name| {
        let example = Running::example(name);
        (name, format!("http://{}/", example.address), example)
    });
    for screen in ["desk", "phone"] {
        if screen == "phone" {
            browser.be_a_phone();
        }
        for (name, url, _) in &examples {
            browser.open(url);
            fits(&browser, &format!("{name}-{screen}"));
            if *name == "cart" {
                browser.run("burst.click()");
                browser.shows("pear");
                fits(&browser, &format!("{name}-{screen}-full"));
            }
            if *name == "devices" {
                browser.fill("[name=name]", "alice");
                browser.click("button");
                browser.shows("this one");
                fits(&browser, &format!("{name}-{screen}-inside"));
            }
            if *name == "login" {
                browser.fill("[name=name]", "alice");
                browser.fill("[name=password]", "sesame");
                browser.click("button");
                browser.shows("Hello, alice");
                fits(&browser, &format!("{name}-{screen}-inside"));
                browser.click("button");
                browser.shows("Remember me");
            }
        }
    }
}
