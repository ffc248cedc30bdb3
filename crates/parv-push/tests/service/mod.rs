//! A push service on a loopback port, over HTTP or TLS: it takes down what is posted, and answers as it is told.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A request that came.
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A status and headers.
pub type Answer = (u16, &'static [(&'static str, &'static str)]);

/// See the [module](self). Ends with the test's runtime.
pub struct PushService {
    pub address: SocketAddr,
    pub received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl PushService {
    /// Over TLS if there is an acceptor.
    pub async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let queue = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, queue, tls) = (sender.clone(), queue.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, sender, queue).await,
                        // A client that does not trust us ends the handshake.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, sender, queue).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, received, answers }
    }

    /// Answers one request so, after those of which that was said before; all others with 201.
    pub fn will_answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    sender: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let (sender, answers) = (sender.clone(), answers.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            // The test may have seen enough.
            let _ = sender.send(Received { path: head.uri.to_string(), headers: head.headers, body });
            let (status, headers) = answers.lock().unwrap().pop_front().unwrap_or((201, &[]));
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            Ok::<_, Infallible>(response.body(Empty::<Bytes>::new()).unwrap())
        }
    });
    // The client closes when it has its answer.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The claims of the voucher and the key that it is signed with, which is checked.
    pub fn voucher(&self) -> (serde_json::Value, String) {
        let authorization = self.header("authorization");
        let (token, key) = authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let verifying = VerifyingKey::from_sec1_bytes(&bytes(key)).unwrap();
        verifying.verify(signed.as_bytes(), &Signature::from_slice(&bytes(signature)).unwrap()).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        assert_eq!(bytes(header), br#"{"typ":"JWT","alg":"ES256"}"#);
        (serde_json::from_slice(&bytes(claims)).unwrap(), key.to_owned())
    }
}
