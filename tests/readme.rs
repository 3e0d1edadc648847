//! The first app of the README works as written: in an empty folder, with the dependencies that
//! the README names, in a real process.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const README: &str = include_str!("../README.md");

/// The code block that begins with this line.
fn block(begin: &str) -> &'static str {
    let begin = README.find(begin).expect("the README has the block") + begin.len();
    let length = README[begin..].find("```").expect("the block ends");
    &README[begin..begin + length]
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn get(address: &str, cookie: Option<&str>) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let cookie = cookie
        .map(|cookie| format!("cookie: {cookie}\r\n"))
        .unwrap_or_default();
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n{cookie}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    Some(response)
}

#[test]
fn the_first_app_of_the_readme_counts_in_an_empty_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-app");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();

    let app = block("```rust,no_run\n");
    assert!(app.contains("127.0.0.1:3000"));
    std::fs::write(
        folder.join("src/main.rs"),
        app.replace("127.0.0.1:3000", &free),
    )
    .unwrap();
    let checkout = format!("sessile = {{ path = {root:?} }}");
    let dependencies = block("```toml\n").replace("sessile = \"0.1\"", &checkout);
    assert!(dependencies.contains(&checkout));
    let manifest = "[package]\nname = \"first-app\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(
        folder.join("Cargo.toml"),
        format!("{manifest}{dependencies}"),
    )
    .unwrap();
    // The versions that all other tests run with.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--target-dir"])
        .arg(folder.join("target"))
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(
        built.success(),
        "the first app of the README does not compile"
    );
    let app = folder.join("target/debug/first-app");
    let _running = Running(Command::new(app).spawn().unwrap());

    let begin = Instant::now();
    let first = loop {
        match get(&free, None) {
            Some(response) => break response,
            None if begin.elapsed() > Duration::from_secs(30) => panic!("the app does not listen"),
            None => std::thread::yield_now(),
        }
    };
    assert!(first.ends_with("\r\n1 visits\n"), "{first}");
    let cookie = first
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert!(
        get(&free, Some(cookie))
            .unwrap()
            .ends_with("\r\n2 visits\n")
    );
    assert!(get(&free, None).unwrap().ends_with("\r\n1 visits\n"));
}
