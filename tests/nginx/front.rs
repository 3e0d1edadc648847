//! nginx with its cache on, in front of an app.

use crate::app::app;
use crate::support::http::{Client, Reply};
use crate::support::served::Served;
use crate::support::server::Server;
use std::fmt::Write as _;
use std::path::Path;

/// What an operator says about the cache, under a path of this name.
pub(crate) const SETTINGS: [(&str, &str); 7] = [
    ("plain", ""),
    ("valid", ""),
    ("ignore-cookies", "proxy_ignore_headers Set-Cookie;"),
    ("ignore-vary", "proxy_ignore_headers Vary;"),
    ("ignore-control", "proxy_ignore_headers Cache-Control;"),
    (
        "ignore-control-and-cookies",
        "proxy_ignore_headers Cache-Control Set-Cookie;",
    ),
    (
        "ignore-control-and-vary",
        "proxy_ignore_headers Cache-Control Vary;",
    ),
];

/// A proxy and the app behind it. Both end with the test.
pub(crate) struct Front {
    nginx: Server,
    _app: Served,
}

impl Front {
    pub(crate) fn new() -> Self {
        let app = Served::over_http(app());
        // Debian has it where only root looks for programs.
        let program = match Path::new("/usr/sbin/nginx").exists() {
            true => "/usr/sbin/nginx",
            false => "nginx",
        };
        let package = "nginx (or set TEST_WITHOUT=nginx where it cannot be had)";
        let nginx = Server::start(program, package, |port, directory| {
            std::fs::write(directory.join("nginx.conf"), configuration(port, app.port)).unwrap();
            let directory = directory.to_str().unwrap();
            ["-p", directory, "-c", "nginx.conf", "-e", "error.log"]
                .map(str::to_owned)
                .to_vec()
        });
        Self { nginx, _app: app }
    }

    pub(crate) fn client(&self) -> Client {
        Client::to(format!("127.0.0.1:{}", self.nginx.port()))
    }
}

/// Whether the answer came out of the cache.
pub(crate) fn is_cached(reply: &Reply) -> bool {
    match reply.header("x-cache").unwrap() {
        "HIT" => true,
        "MISS" => false,
        other => panic!("the cache says {other}"),
    }
}

/// One process, so that killing it leaves none behind; all files in the test's directory.
fn configuration(port: u16, app: u16) -> String {
    let mut text = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            proxy_cache_path cache keys_zone=answers:1m;
            proxy_cache answers; proxy_cache_key $request_uri;
            add_header X-Cache $upstream_cache_status always;
            server {{
                listen 127.0.0.1:{port};
                location /login/ {{ proxy_pass http://127.0.0.1:{app}; }}\n"
    );
    for (name, setting) in SETTINGS {
        // What says nothing about its lifetime is kept too.
        let valid = match name {
            "plain" => "",
            _ => "proxy_cache_valid any 10m;",
        };
        writeln!(
            text,
            "location /{name}/ {{ {valid} {setting} proxy_pass http://127.0.0.1:{app}/; }}"
        )
        .unwrap();
    }
    text + "}}"
}
