//! So many requests of one kind, for `benches/instructions.sh` to count the instructions of.

use http::{HeaderValue, Request, Response, header};
use http_body_util::Empty;
use hyper::body::Bytes;
use sessile::store::MemoryStore;
use sessile::{Session, SessionLayer};
use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tower::{Layer as _, Service, service_fn};

type Answer = Result<Response<Empty<Bytes>>, Infallible>;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let (Some(kind), Some(count)) = (arguments.next(), arguments.next()) else {
        println!("run benches/instructions.sh, which counts the instructions of each kind");
        return;
    };
    let count: usize = count.parse().expect("a number of requests");
    let kind: &'static str = kind.leak();

    let layer = SessionLayer::new(MemoryStore::new());
    let fill = layer.layer(service_fn(|request: Request<()>| async move {
        let session = request.extensions().get::<Session>().unwrap();
        for key in ["address", "basket", "name", "theme", "user"] {
            session.insert(key, "x".repeat(20)).unwrap();
        }
        session.insert("visits", 1).unwrap();
        Answer::Ok(Response::default())
    }));
    let cookie = call(fill, Request::new(()));
    let cookie = match kind {
        "one-arc" | "no-cookie" | "create" => None,
        "forged" => Some(format!("{}AAAAAAAAAA{}", &cookie[..20], &cookie[30..])),
        _ => Some(cookie),
    };
    let app = layer.layer(service_fn(move |request: Request<()>| async move {
        let session = request.extensions().get::<Session>().unwrap();
        match kind {
            "read" => drop(black_box(session.get::<u64>("visits").unwrap())),
            "modify" => {
                let visits = session.get::<u64>("visits").unwrap().unwrap_or(0);
                session.insert("visits", visits + 1).unwrap();
            }
            "create" => session.insert("visits", 1).unwrap(),
            _ => {}
        }
        Answer::Ok(Response::default())
    }));
    let line = cookie.map(|cookie| format!("theme=dark; {cookie}; lang=en"));
    let line = line.map(|line| HeaderValue::try_from(line).unwrap());
    let one_arc = service_fn(|mut request: Request<()>| {
        request.extensions_mut().insert(Arc::new(7_u64));
        ready(Answer::Ok(Response::new(black_box(Empty::new()))))
    });
    for _ in 0..count {
        let mut request = Request::new(());
        if let Some(line) = &line {
            request.headers_mut().insert(header::COOKIE, line.clone());
        }
        if kind.starts_with("one-arc") {
            black_box(call(one_arc, request));
        } else {
            black_box(call(app.clone(), request));
        }
    }
}

/// The cookie that the answer sets.
fn call<S, B>(mut app: S, request: Request<()>) -> String
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let answer = pin!(app.call(request));
    let Poll::Ready(Ok(response)) = answer.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the memory store answers at once")
    };
    let cookie = response.headers().get(header::SET_COOKIE);
    let cookie = cookie
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.split(';').next());
    cookie.unwrap_or_default().to_owned()
}
