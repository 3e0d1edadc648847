//! The examples, each in a process of its own, over real sockets.

mod support;

use std::path::{Path, PathBuf};
use support::http::{Client, Reply, Running};

const HTML: Option<&str> = Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

/// The first word of the line.
fn count(reply: &Reply) -> u32 {
    assert_eq!(reply.status, 200);
    reply.body.split(' ').next().unwrap().parse().unwrap()
}

fn set_cookie(reply: &Reply) -> &str {
    reply.header("set-cookie").unwrap()
}

#[test]
fn each_file_of_an_example_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names = Vec::new();
    for path in entries(&folder) {
        let files = match path.is_dir() {
            true => entries(&path),
            false => vec![path.clone()],
        };
        let name = path.file_stem().unwrap().to_owned();
        let most = if name == "devices" { 120 } else { 80 };
        for file in files {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines < most, "{} has {lines} lines", file.display());
        }
        names.push(name);
    }
    names.sort();
    names.dedup();
    assert_eq!(
        names,
        [
            "cart",
            "counter",
            "custom_store",
            "devices",
            "from_tower_sessions",
            "login",
            "metrics",
            "plain_tower"
        ]
    );
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_counter_counts_the_visits_of_each_browser() {
    let server = Running::example("counter");
    let (mut one, mut other) = (Client::new(&server), Client::new(&server));
    let first = one.get("/");
    assert_eq!(first.body, "1 visits\n");
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(first.header("vary"), Some("cookie"));
    assert!(set_cookie(&first).starts_with("id="));
    assert!(!set_cookie(&first).contains("Secure"));
    assert_eq!(count(&one.get("/")), 2);
    let third = one.get("/");
    assert_eq!((count(&third), third.header("set-cookie")), (3, None));
    assert_eq!(count(&other.get("/")), 1);
    assert_eq!(count(&one.get("/")), 4);
}

#[test]
fn the_counter_is_reset_under_the_same_id_and_ended_for_good() {
    let server = Running::example("counter");
    let mut client = Client::new(&server);
    client.get("/");
    client.get("/");
    let jar = client.jar.clone();

    let reply = client.post("/reset", "");
    assert_eq!((reply.status, count(&reply)), (200, 0));
    assert_eq!(count(&client.get("/")), 1);
    assert_eq!(client.jar, jar);

    let reply = client.post("/logout", "");
    assert_eq!((reply.status, count(&reply)), (200, 0));
    assert!(client.jar.is_empty());
    // Whoever kept the cookie has nothing, and is not believed.
    client.jar = jar.clone();
    assert_eq!(count(&client.get("/")), 1);
    assert_ne!(client.jar, jar);
}

#[test]
fn the_counter_answers_a_browser_with_a_page() {
    let server = Running::example("counter");
    let mut client = Client::new(&server);
    client.accept = HTML;
    client.get("/");
    let page = client.get("/");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.starts_with("<!doctype html>"));
    assert!(page.body.contains("<strong>2</strong>"));
    for path in ["/reset", "/logout"] {
        assert!(page.body.contains(&format!("action=\"{path}\"")));
        let reply = client.post(path, "");
        assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
        assert!(client.get("/").body.contains("<strong>1</strong>"));
    }
}

#[test]
fn the_counter_counts_fifty_requests_at_once() {
    let server = Running::example("counter");
    let mut client = Client::new(&server);
    assert_eq!(count(&client.get("/")), 1);
    let visitors: Vec<_> = (0..50)
        .map(|_| {
            let mut client = client.clone();
            std::thread::spawn(move || client.get("/").status)
        })
        .collect();
    for visitor in visitors {
        assert_eq!(visitor.join().unwrap(), 200);
    }
    assert_eq!(count(&client.get("/")), 52);
}

#[test]
fn a_login_rotates_the_id_and_a_logout_ends_it() {
    let server = Running::example("login");
    let mut client = Client::new(&server);
    assert_eq!(client.get("/").body, "nobody\n");
    assert!(client.jar.is_empty());

    let reply = client.post("/login", "name=alice&password=sesame");
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
    assert_eq!(client.get("/").body, "alice, since 0 minutes\n");
    let first = client.jar.clone();

    client.post("/login", "name=bob&password=sesame");
    assert_ne!(client.jar, first);
    assert_eq!(client.get("/").body, "bob, since 0 minutes\n");
    let mut thief = client.clone();
    thief.jar = first;
    assert_eq!(thief.get("/").body, "nobody\n");

    let mut kept = client.clone();
    assert_eq!(client.post("/logout", "").status, 303);
    assert!(client.jar.is_empty());
    assert_eq!(kept.get("/").body, "nobody\n");
}

#[test]
fn who_is_remembered_has_a_cookie_that_outlives_the_browser() {
    let server = Running::example("login");
    let mut client = Client::new(&server);
    let reply = client.post("/login", "name=alice&password=sesame&remember=on");
    assert!(set_cookie(&reply).contains("; Max-Age=2592000"));
    let reply = client.post("/login", "name=alice&password=sesame");
    assert!(!set_cookie(&reply).contains("Max-Age"));
    assert!(!set_cookie(&reply).contains("Expires"));
    assert_eq!(client.get("/").body, "alice, since 0 minutes\n");
}

#[test]
fn a_wrong_password_is_a_401_that_changes_nothing() {
    let server = Running::example("login");
    let mut client = Client::new(&server);
    for form in ["name=alice&password=guess", "name=&password=sesame"] {
        let reply = client.post("/login", form);
        assert_eq!(
            (reply.status, &*reply.body),
            (401, "wrong name or password\n")
        );
        assert!(client.jar.is_empty());
    }
    client.post("/login", "name=alice&password=sesame");
    let jar = client.jar.clone();
    assert_eq!(client.post("/login", "name=eve&password=guess").status, 401);
    assert_eq!(client.jar, jar);
    assert_eq!(client.get("/").body, "alice, since 0 minutes\n");
}

#[test]
fn the_login_answers_a_browser_with_pages_and_escapes_the_name() {
    let server = Running::example("login");
    let mut client = Client::new(&server);
    client.accept = HTML;
    let page = client.get("/");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("action=/login"));
    client.post("/login", "name=%3Cscript%3E&password=sesame");
    let page = client.get("/");
    assert!(page.body.contains("Hello, &lt;script>"), "{}", page.body);
    assert!(page.body.contains("action=/logout"));
}

#[test]
fn a_user_sees_where_they_are_logged_in_and_ends_that() {
    let server = Running::example("devices");
    let mut clients = [(); 3].map(|()| Client::new(&server));
    let [phone, laptop, other] = &mut clients;
    assert!(phone.get("/").body.contains("<h1>Log in</h1>"));
    for client in [&mut *phone, &mut *laptop] {
        assert_eq!(client.post("/login", "name=alice").status, 303);
    }
    other.post("/login", "name=%3Cb%3E");
    assert!(other.get("/").body.contains("<h1>&lt;b></h1>"));

    let page = laptop.get("/").body;
    assert_eq!(page.matches("<li>").count(), 2, "{page}");
    assert_eq!(page.matches("this one").count(), 1);
    let (_, rest) = page.split_once("value=").unwrap();
    let handle = format!("handle={}", &rest[..22]);
    // Somebody else's handle is nobody's.
    assert_eq!(other.post("/end", &handle).status, 303);
    assert!(phone.get("/").body.contains("<h1>alice</h1>"));
    laptop.post("/end", &handle);
    assert!(phone.get("/").body.contains("<h1>Log in</h1>"));

    phone.post("/login", "name=alice");
    laptop.post("/end-others", "");
    assert!(phone.get("/").body.contains("<h1>Log in</h1>"));
    assert_eq!(laptop.get("/").body.matches("<li>").count(), 1);
    assert_eq!(laptop.post("/logout", "").status, 303);
    assert!(laptop.get("/").body.contains("<h1>Log in</h1>"));
}

#[test]
fn a_new_password_logs_other_browsers_out_and_not_this_one() {
    let server = Running::example("login");
    let [mut one, mut other] = [(); 2].map(|()| {
        let mut client = Client::new(&server);
        client.post("/login", "name=alice&password=sesame");
        client
    });
    let mut bob = Client::new(&server);
    bob.post("/login", "name=bob&password=sesame");
    let before = one.jar.clone();
    assert_eq!(one.post("/password", "").header("location"), Some("/"));
    assert_ne!(one.jar, before);
    assert_eq!(one.get("/").body, "alice, since 0 minutes\n");
    assert_eq!(other.get("/").body, "nobody\n");
    assert_eq!(bob.get("/").body, "bob, since 0 minutes\n");
    other.post("/login", "name=alice&password=sesame");
    assert_eq!(other.get("/").body, "alice, since 0 minutes\n");
    // Who is not logged in has no password to change.
    let reply = Client::new(&server).post("/password", "");
    assert_eq!(reply.header("location"), Some("/?next=%2F"));
    assert_eq!(one.get("/").body, "alice, since 0 minutes\n");
}

#[test]
fn a_permission_is_for_who_has_it_and_others_come_back_after_the_login() {
    let server = Running::example("login");
    let mut client = Client::new(&server);
    let reply = client.get("/admin?page=2&all");
    let login = reply.header("location").unwrap();
    assert_eq!(
        (reply.status, login),
        (303, "/?next=%2Fadmin%3Fpage%3D2%26all")
    );
    client.accept = HTML;
    let page = client.get(login).body;
    assert!(
        page.contains("name=next type=hidden value=\"/admin?page=2&amp;all\""),
        "{page}"
    );

    let reply = client.post("/login", "name=alice&password=sesame&next=/admin");
    assert_eq!(reply.header("location"), Some("/admin"));
    assert_eq!(client.get("/admin").status, 403);
    client.post("/login", "name=admin&password=sesame&next=/admin");
    assert_eq!(client.get("/admin").body, "the accounts\n");
}

#[test]
fn the_login_leads_to_no_other_site() {
    let server = Running::example("login");
    let mut client = Client::new(&server);
    for (next, leads_to) in [
        ("/", "/"),
        ("/a/b?c=d%26e%23f", "/a/b?c=d&e#f"),
        ("/@host:80/..//", "/@host:80/..//"),
        ("", "/"),
        ("a", "/"),
        ("//host", "/"),
        ("///host", "/"),
        ("/%5Chost", "/"),
        ("%5C/host", "/"),
        ("/a%5C..%5C%5Chost", "/"),
        ("/%09/host", "/"),
        ("%09//host", "/"),
        ("/%0A/host", "/"),
        ("/%0D%0ASet-Cookie:%20id=1", "/"),
        ("/%00/host", "/"),
        ("/%7F", "/"),
        ("+/host", "/"),
        ("/+/host", "/"),
        ("/%C2%A0/host", "/"),
        ("http://host", "/"),
        ("http:/host", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let form = format!("name=alice&password=sesame&next={next}");
        let reply = client.post("/login", &form);
        let location = reply.header("location");
        assert_eq!((reply.status, location), (303, Some(leads_to)), "{next}");
    }
    client.post("/logout", "");
    client.accept = HTML;
    let page = client.get("/?next=/%22%3E%3Cscript%3E").body;
    assert!(page.contains("value=\"/&quot;>&lt;script>\""), "{page}");
}

#[test]
fn the_layer_counts_also_without_axum() {
    let server = Running::example("plain_tower");
    let mut client = Client::new(&server);
    assert_eq!(client.get("/").body, "1 visits\n");
    assert_eq!(client.get("/nowhere").status, 404);
    assert_eq!(client.get("/").body, "2 visits\n");
    assert_eq!(Client::new(&server).get("/").body, "1 visits\n");
    client.accept = HTML;
    let page = client.get("/");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("<h1>3 visits</h1>"));
}

#[test]
fn the_metrics_count_what_happens_and_draw_it() {
    let server = Running::example("metrics");
    let (mut client, mut watcher) = (Client::new(&server), Client::new(&server));
    for path in ["/do/visit", "/do/visit", "/do/rotate", "/do/end"] {
        assert_eq!(client.post(path, "").status, 303);
    }
    let text = watcher.get("/metrics").body;
    let figure = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    for (event, count) in [
        ("created", 1.0),
        ("loaded", 3.0),
        ("rotated", 1.0),
        ("ended", 1.0),
        ("store_error", 0.0),
    ] {
        let name = format!("sessile_events_total{{event=\"{event}\"}}");
        assert_eq!(figure(&name), count, "{event}");
    }
    assert_eq!(figure("sessile_session_bytes_count"), 4.0);
    assert!(figure("sessile_session_bytes_sum") > 400.0);
    assert_eq!(figure("sessile_store_seconds_count"), 7.0);
    assert!(figure("sessile_store_seconds_sum") > 0.0);
    assert_eq!(text.matches("# TYPE ").count(), 3);

    let page = watcher.get("/").body;
    assert!(page.contains("<dt>loaded 3<dd><meter max=3 value=3>"));
    assert!(page.contains("<dt>created 1<dd><meter max=3 value=1>"));
    assert!(page.contains("The store was called 7 times"), "{page}");
    assert!(watcher.jar.is_empty());
}
