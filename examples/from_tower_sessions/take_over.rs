use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{middleware::Next, response::Response};
use serde::de::IgnoredAny;
use sessile::{SessionId, sessions::Sessions};
use std::{collections::HashMap, error::Error};

/// The names of the cookies: that of tower-sessions, and that of the layer.
const OLD: &str = "id";
pub(super) const NEW: &str = "shop";
const REMOVAL: HeaderValue = HeaderValue::from_static("id=; Path=/; Max-Age=0");

#[derive(Clone)]
pub(super) struct Old {
    pub(super) redis: redis::Client,
    pub(super) sessions: Sessions,
}

/// A request with a cookie of tower-sessions goes on as one with the new cookie, which the browser gets.
pub(super) async fn take_over(
    State(old): State<Old>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let [new, id] = [NEW, OLD].map(|name| cookie(request.headers(), name));
    let id = match id.filter(|id| new.is_none() && is_old_id(id)) {
        Some(id) => old.new_id(&id).await,
        None => Ok(None),
    };
    // A store that is away is not an empty session.
    let Some(id) = id.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)? else {
        return Ok(next.run(request).await);
    };
    let cookie = old.sessions.cookie(&id);
    request.headers_mut().append(header::COOKIE, cookie);
    let mut response = next.run(request).await;
    // There is none where someone has logged in or out meanwhile. That answer has the cookie.
    if let Ok(session) = old.sessions.load(&id).await {
        let cookie = session.and_then(|session| old.sessions.set_cookie(&session).ok()?);
        let headers = response.headers_mut();
        for cookie in cookie.into_iter().chain([REMOVAL]) {
            headers.append(header::SET_COOKIE, cookie);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()));
    let text = lines.collect::<Vec<_>>().join(";");
    let mut pairs = text.split(';').filter_map(|it| it.trim().split_once('='));
    let (_, value) = pairs.find(|(other, _)| *other == name)?;
    Some(value.to_owned())
}

/// Whether it is an id of tower-sessions, and no other key of the server.
fn is_old_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() == 22 && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl Old {
    /// The id of what an old session has become, or becomes now. For an hour it takes the place of the record:
    /// requests that come at once find the same session, and so does a browser that missed the answer.
    async fn new_id(&self, old: &str) -> Result<Option<SessionId>, Box<dyn Error + Send + Sync>> {
        const REPLACE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
            redis.call('SET', KEYS[1], ARGV[2], 'EX', 3600) return 1";
        let mut redis = self.redis.get_multiplexed_async_connection().await?;
        loop {
            let record: Option<Vec<u8>> =
                redis::cmd("GET").arg(old).query_async(&mut redis).await?;
            let Some(record) = record else {
                return Ok(None);
            };
            if let Some(id) = str::from_utf8(&record).ok().and_then(|id| id.parse().ok()) {
                return Ok(Some(id));
            }
            // The id, the data, the date.
            let (_, data, _): (IgnoredAny, HashMap<String, serde_json::Value>, IgnoredAny) =
                rmp_serde::from_slice(&record)?;
            let session = self.sessions.create();
            for (key, value) in &data {
                session.insert(key, value)?;
            }
            session.save().await?;
            let Some(id) = session.id()? else {
                return Ok(None);
            };
            let mut replace = redis::cmd("EVAL");
            replace
                .arg(REPLACE)
                .arg(1)
                .arg(old)
                .arg(record)
                .arg(id.expose());
            if replace.query_async(&mut redis).await? {
                return Ok(Some(id));
            }
            // Another request was first.
            self.sessions.end(&id).await?;
        }
    }
}
