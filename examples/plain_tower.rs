//! The layer without axum, under hyper: `cargo run --example plain_tower`.

use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer};
use std::convert::Infallible;
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionLayer::builder(MemoryStore::new())
        .plain_http()
        .build()?;
    let service = ServiceBuilder::new()
        .layer(sessions)
        .service(service_fn(answer));

    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // Browsers hang up whenever they like.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = visit(&request).unwrap_or_else(|error| {
        let mut response = Response::new(Full::from("no session right now\n"));
        *response.status_mut() = error.status();
        response
    });
    Ok(response)
}

fn visit(request: &Request<Incoming>) -> Result<Response<Full<Bytes>>, Error> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/" {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    }
    // The layer put it there.
    let Some(session) = request.extensions().get::<Session>() else {
        return Ok(response);
    };
    let visits = session
        .update("visits", |n: Option<u64>| Some(n.unwrap_or(0) + 1))?
        .unwrap_or(0);
    let accept = request.headers().get(header::ACCEPT);
    let browser = accept.is_some_and(|it| it.as_bytes().windows(9).any(|it| it == b"text/html"));
    *response.body_mut() = if browser {
        let html = header::HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        Full::from(format!("{HEAD}<h1>{visits} visits</h1>"))
    } else {
        Full::from(format!("{visits} visits\n"))
    };
    Ok(response)
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Counter</title>\
<meta name=viewport content='width=device-width, initial-scale=1'><style>body { font: 1.1rem/1.6 \
system-ui; margin: 15vh auto; text-align: center }</style>";
