//! `redis://` and its kin.

use super::url::Url;
use super::{Any, OpenError};
use crate::store::RedisStore;
use crate::store::redis::RedisStoreBuilder;

pub(super) fn redis(mut url: Url<'_>) -> Result<Any, OpenError> {
    let mut builder = place(&mut url)?;
    if let Some(username) = url.username.take() {
        builder = builder.username(username);
    }
    if let Some(password) = url.password.take() {
        builder = builder.password(password);
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
    if url.scheme != "redis" && url.scheme != "redis+unix" {
        let mut tls = url.tls()?;
        tls.on |= url.scheme == "rediss";
        builder = builder.with_tls(tls);
    }
    url.end()?;
    let store = builder.build().map_err(OpenError::Redis)?;
    Ok(Any::Redis(Box::new(store)))
}

/// Where the server is, and which of its databases.
fn place(url: &mut Url<'_>) -> Result<RedisStoreBuilder, OpenError> {
    let builder = RedisStore::builder();
    let hosts = |port| url.hosts.iter().map(move |host| with_port(host, port));
    let (builder, database) = match (url.scheme, &*url.hosts) {
        ("redis" | "rediss", [host]) => (
            builder.server(with_port(host, 6379)),
            Some(url.path.as_str()),
        ),
        ("redis+cluster", [_, ..]) if url.path.is_empty() => (builder.cluster(hosts(6379)), None),
        ("redis+sentinel", [_, ..]) if !url.path.is_empty() => {
            let (master, database) = url.path.split_once('/').unwrap_or((&url.path, ""));
            (builder.sentinel(master, hosts(26379)), Some(database))
        }
        ("redis+unix", []) if !url.path.is_empty() => {
            let builder = builder.unix_socket(format!("/{}", url.path));
            let number = url.parsed("database", "a number")?;
            return Ok(builder.database(number.unwrap_or(0)));
        }
        (scheme, _) => return Err(OpenError::Form { form: form(scheme) }),
    };
    let builder = match database {
        None | Some("") => builder,
        Some(number) => {
            let form = form(url.scheme);
            builder.database(number.parse().map_err(|_| OpenError::Form { form })?)
        }
    };
    if url.scheme != "redis+sentinel" {
        return Ok(builder);
    }
    let (username, password) = (
        url.option("sentinel_username"),
        url.option("sentinel_password"),
    );
    let builder = match username {
        Some(username) => builder.sentinel_username(username),
        None => builder,
    };
    Ok(match password {
        Some(password) => builder.sentinel_password(password),
        None => builder,
    })
}

/// The address of a host, with this port if it names none.
fn with_port(host: &str, port: u16) -> String {
    // The colons of an IPv6 address stand in brackets.
    let last = host.rsplit(']').next().unwrap_or(host);
    if last.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

fn form(scheme: &str) -> &'static str {
    match scheme {
        "redis+unix" => "redis+unix://[user:password@]/path/of/the/socket",
        "redis+cluster" => "redis+cluster://[user:password@]host[:port],host[:port]",
        "redis+sentinel" => {
            "redis+sentinel://[user:password@]host[:port],host[:port]/master[/database]"
        }
        "rediss" => "rediss://[user:password@]host[:port][/database]",
        _ => "redis://[user:password@]host[:port][/database]",
    }
}
