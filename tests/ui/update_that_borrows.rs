//! An update may run again after the handler has ended, so it owns what it uses.

use sessile::{Error, Session};

fn add(session: &Session, item: &str) -> Result<(), Error> {
    let count = 1;
    session.update("count", |old: Option<u32>| Some(old.unwrap_or(0) + count))?;
    session.update("cart", move |_: Option<String>| Some(item.to_owned()))?;
    let name = String::from("apple");
    session.update("name", move |_: Option<String>| Some(name))?;
    Ok(())
}

fn main() {}
