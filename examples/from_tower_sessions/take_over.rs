use super::old::{Old, is_old_id};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{middleware::Next, response::Response};

/// The names of the cookies: that of tower-sessions, and that of the layer.
const OLD: &str = "id";
pub(super) const NEW: &str = "shop";
const REMOVAL: HeaderValue = HeaderValue::from_static("id=; Path=/; Max-Age=0");

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
