//! `memcached://`

use super::url::Url;
use super::{Any, OpenError};
use crate::store::MemcachedStore;

pub(super) fn memcached(mut url: Url<'_>) -> Result<Any, OpenError> {
    let form = "memcached://[user:password@]host[:port],host[:port]";
    if url.hosts.is_empty() || !url.path.is_empty() {
        return Err(OpenError::Form { form });
    }
    let mut builder = MemcachedStore::builder();
    for host in &url.hosts {
        builder = builder.server(*host);
    }
    match (url.username.take(), url.password.take()) {
        (Some(user), Some(password)) => builder = builder.credentials(user, password),
        (None, None) => {}
        _ => return Err(OpenError::Form { form }),
    }
    if let Some(prefix) = url.option("key_prefix") {
        builder = builder.key_prefix(prefix);
    }
    if let Some(limit) = url.milliseconds("connect_timeout_ms")? {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = url.milliseconds("answer_timeout_ms")? {
        builder = builder.answer_timeout(limit);
    }
    builder = builder.with_tls(url.tls()?);
    url.end()?;
    let store = builder.build().map_err(OpenError::Memcached)?;
    Ok(Any::Memcached(Box::new(store)))
}
