//! What was counted, over HTTP on this machine: `GET /metrics` in the text format of OpenMetrics.
//!
//! Only when asked for, and on a loopback address only: numbers tell when somebody talks and how much.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The media type of what is served.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How many scrapers are answered at a time; more wait.
const MAX_SCRAPERS: usize = 8;

/// How long a scraper may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to let things calm down when a scraper cannot be let in.
const RELIEF: Duration = Duration::from_millis(100);

/// Why the numbers cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address is not this machine's own.
    #[error("metrics are served on this machine only, and {0} is no loopback address")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot serve metrics on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// A place where the numbers are served.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsServer {
    /// Listens on a loopback address; port 0 for any.
    pub async fn bind(address: SocketAddr) -> Result<Self, MetricsError> {
        if !address.ip().is_loopback() {
            return Err(MetricsError::NotLoopback(address));
        }
        let fail = |source| MetricsError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves what `numbers` gives, for ever.
    pub async fn serve(self, numbers: impl Fn() -> String + Send + Sync + 'static) {
        let numbers = Arc::new(numbers);
        let places = Arc::new(Semaphore::new(MAX_SCRAPERS));
        loop {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("a scraper could not be let in: {error}");
                    tokio::time::sleep(RELIEF).await;
                    continue;
                }
            };
            let numbers = numbers.clone();
            tokio::spawn(async move {
                let _place = place;
                let service = service_fn(move |request| {
                    let answer = answer(&request, || numbers());
                    async move { Ok::<_, Infallible>(answer) }
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
                if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!("a scraper went away: {error}");
                }
            });
        }
    }
}

fn answer(request: &Request<Incoming>, numbers: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    let plain = |status, text: &'static str| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response
    };
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            let mut response = Response::new(Full::from(numbers()));
            response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(OPENMETRICS));
            response
        }
        (_, "/metrics") => plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
        _ => plain(StatusCode::NOT_FOUND, "the numbers are at /metrics\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn numbers_are_served_here_and_nowhere_else() {
        let refused = MetricsServer::bind("0.0.0.0:0".parse().unwrap()).await;
        assert!(matches!(refused, Err(MetricsError::NotLoopback(_))));
        let server = MetricsServer::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.address();
        assert!(matches!(MetricsServer::bind(address).await, Err(MetricsError::Listen { .. })));
        tokio::spawn(server.serve(|| "parv_fetches 7\n# EOF\n".to_owned()));
        let good = ask(address, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(good.starts_with("HTTP/1.1 200") && good.contains(OPENMETRICS) && good.ends_with("# EOF\n"), "{good}");
        assert!(ask(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.starts_with("HTTP/1.1 404"));
        assert!(ask(address, "PUT /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.starts_with("HTTP/1.1 405"));
        assert!(ask(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    }
}
