use super::users::User;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

/// The path, if it leads to a page of this site. Browsers take `//host` and `/\host` for another one, also with
/// tabs and line breaks in between.
pub(super) fn local(path: &str) -> &str {
    let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let local = plain && path.starts_with('/') && !path.starts_with("//");
    if local { path } else { "/" }
}

/// A page for a browser, and a line for others.
pub(super) fn home(user: Option<&User>, next: &str, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let browser = accept.is_some_and(|it| it.to_str().is_ok_and(|it| it.contains("text/html")));
    let Some(User { name, since }) = user else {
        let form = FORM.replace("{next}", &escape(next));
        return match browser {
            true => Html(format!("{STYLE}{form}")).into_response(),
            false => "nobody\n".into_response(),
        };
    };
    let since = since.and_then(|since| since.elapsed().ok());
    let minutes = since.unwrap_or_default().as_secs() / 60;
    if !browser {
        return format!("{name}, since {minutes} minutes\n").into_response();
    }
    let name = escape(name);
    Html(format!(
        "{STYLE}<h1>Hello, {name}</h1><p>You logged in {minutes} minutes ago.{BUTTONS}"
    ))
    .into_response()
}

/// To the form. The Back button is not to bring back what this user saw.
pub(super) fn logged_out() -> Response {
    ([("clear-site-data", "\"cache\"")], Redirect::to("/")).into_response()
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

const STYLE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Login</title><meta \
    name=viewport content='width=device-width, initial-scale=1'><style>body { font: 1.1rem/1.6 \
    system-ui; width: 18rem; margin: 12vh auto } label { display: block; margin: 1rem 0 } input, \
    button { font: inherit; padding: .4rem } [required] { display: block } form { margin: .7rem 0 }</style>";
const FORM: &str = "<h1>Log in</h1><form method=post action=/login><label>Name <input name=name \
    required></label><label>Password <input name=password type=password required></label><label>\
    <input name=remember type=checkbox> Remember me</label><input name=next type=hidden \
    value=\"{next}\"><button>Log in</button></form>";
const BUTTONS: &str = "<form method=post action=/logout><button>Log out</button></form>\
    <form method=post action=/password><button>Change the password</button></form>";
