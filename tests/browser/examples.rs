//! The examples, as a person uses them.

use crate::browser;
use crate::driver::Chromium;
use crate::support::http::Running;

fn open(browser: &Chromium, example: &Running) {
    browser.open(&format!("http://{}/", example.address));
}

#[test]
fn the_counter_counts_across_reloads() {
    let Some(browser) = browser() else { return };
    let counter = Running::example("counter");
    open(&browser, &counter);
    browser.shows("1\nvisits");
    browser.reload();
    browser.shows("2\nvisits");
    browser.click("a");
    browser.shows("3\nvisits");
    for button in ["[action='/reset'] button", "[action='/logout'] button"] {
        browser.click(button);
        browser.shows("1\nvisits");
    }
}

fn log_in(browser: &Chromium, name: &str, remember: bool) {
    browser.fill("[name=name]", name);
    browser.fill("[name=password]", "sesame");
    if remember {
        browser.click("[name=remember]");
    }
    browser.click("button");
}

#[test]
fn a_login_is_forgotten_with_the_browser_or_remembered() {
    let Some(mut browser) = browser() else { return };
    let login = Running::example("login");
    for remember in [false, true] {
        open(&browser, &login);
        log_in(&browser, "alice", remember);
        browser.shows("Hello, alice");
        browser.restart();
        open(&browser, &login);
        match remember {
            true => browser.shows("Hello, alice"),
            false => browser.shows("Log in"),
        }
    }
}

#[test]
fn after_a_logout_the_back_button_shows_nothing_private() {
    let Some(browser) = browser() else { return };
    let login = Running::example("login");
    open(&browser, &login);
    log_in(&browser, "alice", false);
    browser.shows("Hello, alice");
    // Another page between, so that the private one is in the history.
    browser.open(&format!("http://{}/nowhere", login.address));
    open(&browser, &login);
    browser.shows("Hello, alice");
    browser.click("button");
    browser.shows("Log in");
    assert_eq!(browser.cookies(), []);
    for _ in 0..4 {
        browser.back();
        let page = browser.text();
        assert!(!page.contains("alice"), "{page}");
    }
}

#[test]
fn a_cart_in_two_tabs_at_once_loses_nothing() {
    let Some(browser) = browser() else { return };
    let cart = Running::example("cart");
    open(&browser, &cart);
    let first = browser.tab();
    let second = browser.open_tab();
    open(&browser, &cart);
    for (tab, item) in [(&first, "soap"), (&second, "tea"), (&first, "rice")] {
        browser.switch_to(tab);
        browser.fill("[name=item]", item);
        browser.click("[action='/add'] button");
        browser.shows(item);
    }
    // So many that some overlap. Neither tab waits for the other.
    let many = "const add = () => fetch('/add', { method: 'POST', body: 'item=fig', headers: \
        { 'content-type': 'application/x-www-form-urlencoded' } }); \
        window.done = Promise.all(Array.from({ length: 100 }, add))";
    for tab in [&first, &second] {
        browser.switch_to(tab);
        browser.run(many);
    }
    for tab in [&first, &second] {
        browser.switch_to(tab);
        browser.run("return done.then(() => 0)");
    }
    browser.reload();
    let count = browser.run("return document.querySelectorAll('li').length");
    assert_eq!(count, 3 + 200);
    browser.click("#burst");
    browser.shows("pear");
    browser.click("[action='/empty'] button");
    browser.hides("soap");
}

#[test]
fn the_pages_work_without_script() {
    let Some(browser) = browser() else { return };
    browser.switch_scripts_off();
    let cart = Running::example("cart");
    open(&browser, &cart);
    browser.hides("Add six");
    browser.fill("[name=item]", "soap");
    browser.click("[action='/add'] button");
    browser.shows("soap");
    browser.click("[action='/empty'] button");
    browser.hides("soap");

    let login = Running::example("login");
    open(&browser, &login);
    log_in(&browser, "alice", true);
    browser.shows("Hello, alice");
    browser.click("button");
    browser.shows("Log in");
}

#[test]
fn a_user_with_two_devices_ends_one_from_the_other() {
    let (Some(phone), Some(laptop)) = (browser(), browser()) else {
        return;
    };
    let devices = Running::example("devices");
    for browser in [&phone, &laptop] {
        open(browser, &devices);
        browser.fill("[name=name]", "alice");
        browser.click("button");
        browser.shows("this one");
    }
    laptop.reload();
    laptop.switch_scripts_off();
    laptop.click("[name=handle]");
    laptop.hides("End\n");
    phone.reload();
    phone.shows("Log in");

    phone.fill("[name=name]", "alice");
    phone.click("button");
    phone.shows("this one");
    phone.shows("End\n");
    phone.click("[action='/end-others'] button");
    phone.hides("End\n");
    laptop.reload();
    laptop.shows("Log in");
}
