//! What the stores over the network have in common: one connection to each server, which all requests
//! share, and a task that keeps it up.
//!
//! A store brings a [`Dial`], which knows how to reach its server, and a [`Protocol`], which knows what
//! the server says.

mod connection;
mod input;
mod link;
mod protocol;
mod stream;
mod tls;

pub(super) use link::{Dial, Link, limited};
pub(super) use protocol::{BadReply, Protocol, first_line, take};
pub(super) use stream::{Refused, Stream};
pub(super) use tls::{IDENTITY_TEXT, ROOTS_TEXT, Tls, TlsError};
