//! What does not compile says what to do instead.

use std::io::Write as _;
use std::process::Command;

/// The compiler whose words `tests/ui` holds. Others say the same in other words; to follow a newer
/// one, run this test with `TRYBUILD=overwrite`, and change the number.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn what_does_not_compile_says_what_to_do_instead() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    let version = String::from_utf8(version).unwrap();
    if version.starts_with(RUSTC) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
    } else {
        // Past the test harness, which would keep it to itself.
        let note = format!("NOT RUN: compile_fail is for {RUSTC}x, and this is {version}");
        std::io::stderr().write_all(note.as_bytes()).unwrap();
    }
}
