//! A key knows the type of its value.

use sessile::{Error, Key, Session};

const VISITS: Key<u32> = Key::new("visits");

fn read(session: &Session) -> Result<(), Error> {
    session.get::<String>(VISITS)?;
    session.insert(VISITS, "three")?;
    session.get::<u32>(b"visits")?;
    Ok(())
}

fn main() {}
