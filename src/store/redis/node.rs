//! One server, and what is said to it.

use super::dial::Dial;
use super::reply::{Refusal, Reply};
use super::request::Request;
use crate::store::StoreError;
use crate::store::network::Link;

pub(super) struct Node(Link<Dial>);

impl Node {
    pub(super) fn new(dial: Dial) -> Self {
        Self(Link::new(dial))
    }

    pub(super) async fn send(&self, request: &Request) -> Result<Reply, StoreError> {
        let connection = self.0.connection().await?;
        let reply = connection.ask(|out, _| request.write(out)).await?;
        let refusals = [reply.first_refusal(), reply.refusal()];
        if refusals.contains(&Some(&Refusal::ReadOnly)) {
            // This is not the master any more.
            connection.close();
        }
        Ok(reply)
    }
}
