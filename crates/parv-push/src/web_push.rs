//! Web Push (RFC 8030), as browsers' push services and UnifiedPush servers take it.
//!
//! One POST on a connection of its own. The name is looked up here, each address is asked of [`Reach::allows`], and what is
//! connected to is that very address; redirections are not followed; of the answer only status and `Retry-After` are read.

use crate::endpoint::{Endpoint, Reach};
use crate::gateway::{Gateway, PostError, Posting};
use crate::lease::Lease;
use crate::limits::{MAX_ADDRESSES, MAX_POSTS};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, io};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::Host;

/// All messages are one to the push service: of those that wait for a device, only the newest is worth delivering.
const TOPIC: &str = "parv-news";

/// Posts to push services.
pub struct WebPush {
    reach: Reach,
    patience: Duration,
    tls: TlsConnector,
    places: Semaphore,
}

impl WebPush {
    /// Posts as far as `reach`, to services that the system's certificate authorities vouch for (or those in the file that
    /// `SSL_CERT_FILE` names). Waits `patience` for an answer. Reads files.
    pub fn new(reach: Reach, patience: Duration) -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!("some certificate authorities are not known: {error}");
        }
        Self::trusting(found.certs, reach, patience)
    }

    /// The same with these certificate authorities alone.
    pub fn trusting(authorities: Vec<CertificateDer<'static>>, reach: Reach, patience: Duration) -> Self {
        let mut roots = RootCertStore::empty();
        let (_, unusable) = roots.add_parsable_certificates(authorities);
        if unusable > 0 {
            tracing::debug!("{unusable} certificate authorities cannot be used");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("the provider has suites for both versions");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { reach, patience, tls: TlsConnector::from(Arc::new(config)), places: Semaphore::new(MAX_POSTS) }
    }

    async fn post(&self, lease: &Lease, message: &[u8], now: Duration) -> Result<(), PostError> {
        let endpoint = &lease.subscription.endpoint;
        self.reach.check(endpoint)?;
        let request = request(lease, lease.subscription.seal(message)?, now)?;
        let exchange = async {
            let _place = self.places.acquire().await.expect("the places are never closed");
            // The time counts from here: a service that is slow takes places from others, but not their time.
            timeout(self.patience, self.exchange(endpoint, request)).await
        };
        let response = match exchange.await {
            Ok(Ok(response)) => response,
            Ok(Err(Failure::Forbidden(error))) => return Err(error.into()),
            Ok(Err(Failure::Io(error))) => {
                tracing::debug!(?endpoint, "not posted: {error}");
                return Err(PostError::Later { after: None });
            }
            Err(_) => {
                tracing::debug!(?endpoint, "the push service does not answer");
                return Err(PostError::Later { after: None });
            }
        };
        verdict(&response, now)
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let stream = self.connect(endpoint).await?;
        if !endpoint.is_secure() {
            return talk(stream, request).await;
        }
        let name = match endpoint.host() {
            Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(io::Error::other)?,
            Host::Ipv4(address) => ServerName::from(IpAddr::from(address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::from(address)),
        };
        talk(self.tls.connect(name, stream).await?, request).await
    }

    /// Connects to one of the endpoint's addresses, but to none that is out of reach.
    async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, Failure> {
        let port = endpoint.port();
        let found: Vec<SocketAddr> = match endpoint.host() {
            Host::Domain(name) => tokio::net::lookup_host((name, port)).await?.collect(),
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
        };
        let mut last = Failure::Io(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        for address in found.into_iter().take(MAX_ADDRESSES) {
            if let Err(error) = self.reach.allows(address.ip()) {
                last = Failure::Forbidden(error);
                continue;
            }
            match timeout(self.patience / 2, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Failure::Io(error),
                Err(elapsed) => last = Failure::Io(elapsed.into()),
            }
        }
        Err(last)
    }
}

impl fmt::Debug for WebPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPush").field("reach", &self.reach).field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Gateway for WebPush {
    fn post<'a>(&'a self, lease: &'a Lease, message: &'a [u8], now: Duration) -> Posting<'a> {
        Box::pin(self.post(lease, message, now))
    }
}

/// Why there was no answer.
enum Failure {
    Forbidden(crate::EndpointError),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Sends the request and waits for the head of the answer; whatever body it has is not read.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Failure> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    let mut response = pin!(sender.send_request(request));
    let answered = tokio::select! {
        answered = &mut response => answered,
        // It may have ended with the answer, which lies ready then.
        _ = connection => response.await,
    };
    Ok(answered.map_err(io::Error::other)?)
}

/// The request for a sealed message.
fn request(lease: &Lease, body: Vec<u8>, now: Duration) -> Result<Request<Full<Bytes>>, PostError> {
    let endpoint = &lease.subscription.endpoint;
    let voucher = lease.vouchers.authorization(&endpoint.origin(), now).ok_or(PostError::NoVoucher)?;
    let remaining = lease.expires.saturating_sub(now).as_secs();
    let request = Request::post(endpoint.path_and_query())
        .header(HOST, endpoint.authority())
        .header(AUTHORIZATION, voucher)
        .header("ttl", remaining)
        .header("urgency", "high")
        .header("topic", TOPIC)
        .header(CONTENT_ENCODING, "aes128gcm")
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(Full::from(body));
    Ok(request.expect("a URL in normal form, texts in base64 and numbers make a request"))
}

/// What the answer means (RFC 8030, sections 5 and 8.4).
fn verdict(response: &Response<Incoming>, now: Duration) -> Result<(), PostError> {
    match response.status() {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(PostError::Gone),
        StatusCode::PAYLOAD_TOO_LARGE => Err(PostError::TooLarge),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(PostError::Later { after: wait(response, now) })
        }
        status if status.is_server_error() => Err(PostError::Later { after: wait(response, now) }),
        status if status.is_redirection() => Err(PostError::Redirected),
        status => Err(PostError::Refused(status.as_u16())),
    }
}

/// What `Retry-After` says: seconds, or a date (RFC 9110, section 10.2.3).
fn wait(response: &Response<Incoming>, now: Duration) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH + now).ok())
}
