//! What a request that leaves its session alone allocates.

mod support;

use http::{Request, Response};
use sessile::store::MemoryStore;
use sessile::{Session, SessionLayer};
use std::convert::Infallible;
use std::hint::black_box;
use support::Browser;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

/// How often one call of this service allocates, the request and its handler left out.
fn count<S, B>(service: &mut S, cookie: Option<&str>) -> u64
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let mut request = Request::new(());
    // So that the map of the extensions is there: whoever routes requests has put something in.
    request.extensions_mut().insert(1_u8);
    if let Some(cookie) = cookie {
        let line = format!("theme=dark; __Host-id={cookie}").parse().unwrap();
        request.headers_mut().insert(http::header::COOKIE, line);
    }
    let mut response = None;
    let counted = allocation_counter::measure(|| {
        response = Some(futures_executor::block_on(service.call(request)).unwrap());
    });
    drop(black_box(response));
    counted.count_total
}

#[test]
fn an_untouched_request_allocates_the_handle_and_its_place() {
    let layer = SessionLayer::new(MemoryStore::new());
    let fill = layer.layer(service_fn(async |request: Request<axum::body::Body>| {
        request
            .extensions()
            .get::<Session>()
            .unwrap()
            .insert("n", 1)
            .unwrap();
        Ok::<_, Infallible>(Response::new(axum::body::Body::empty()))
    }));
    let mut browser = Browser::new();
    let answer = futures_executor::block_on(fill.oneshot(browser.request("GET", "/"))).unwrap();
    browser.take(&futures_executor::block_on(Browser::read(answer)));
    let id = browser.id().unwrap().to_owned();

    let answer = |_: Request<()>| std::future::ready(Ok(Response::new(axum::body::Body::empty())));
    let bare = count(&mut service_fn(answer), Some(&id));
    let mut untouched = layer.layer(service_fn(answer));
    count(&mut untouched, Some(&id));
    // The embedded store answers without a box.
    assert_eq!(count(&mut untouched, Some(&id)) - bare, 2);
    // Without an id, or with one that nobody gave, there is no less and no more to it.
    assert_eq!(count(&mut untouched, None) - bare, 2);
    let forged = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(count(&mut untouched, Some(forged)) - bare, 2);
}
