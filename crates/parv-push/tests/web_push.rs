//! Posting to real HTTP endpoints.

mod service;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use parv_model::{CommitId, ConversationId, DeviceId, Uri};
use parv_push::{EndpointError, Gateway, Lease, PostError, Reach, ReceiverKeys, VapidKey, WebPush};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, PublicKeyData, SignatureAlgorithm};
use service::{Answer, PushService};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

const PATIENCE: Duration = Duration::from_secs(30);

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

struct Receiver {
    keys: ReceiverKeys,
    vapid: VapidKey,
}

impl Receiver {
    fn new() -> Self {
        Self { keys: ReceiverKeys::generate().unwrap(), vapid: VapidKey::generate().unwrap() }
    }

    fn lease(&self, endpoint: &str) -> Lease {
        let subscription = self.keys.subscription(endpoint.parse().unwrap());
        let expires = now() + Duration::from_secs(86_400);
        let origin = subscription.endpoint.origin();
        Lease {
            device: DeviceId::from_bytes([1; 32]),
            account: Uri::from_bytes([2; 32]),
            holder: DeviceId::from_bytes([3; 32]),
            sequence: 1,
            expires,
            vouchers: self.vapid.vouch(&origin, Some("mailto:ann@example.org"), now(), expires),
            subscription,
            first: [ConversationId::new(CommitId::from_bytes([4; 20]))].into(),
            second: Default::default(),
        }
    }
}

async fn post(gateway: &WebPush, endpoint: &str) -> Result<(), PostError> {
    gateway.post(&Receiver::new().lease(endpoint), b"news", now()).await
}

/// A key that certificates are signed with.
struct TestKey(SigningKey, [u8; 32]);

impl TestKey {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let public = key.verifying_key().to_bytes();
        Self(key, public)
    }
}

impl PublicKeyData for TestKey {
    fn der_bytes(&self) -> &[u8] {
        &self.1
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for TestKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(ed25519_dalek::Signer::sign(&self.0, message).to_vec())
    }
}

/// A certificate authority, and a TLS server for `localhost` that it vouches for.
fn authority() -> (CertificateDer<'static>, TlsAcceptor) {
    let (authority, server) = (TestKey::new(1), TestKey::new(2));
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serial_number = Some(1.into());
    let root = params.self_signed(&authority).unwrap();
    let mut params_of_server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params_of_server.serial_number = Some(2.into());
    let certificate = params_of_server.signed_by(&server, &Issuer::new(params, authority)).unwrap();
    let key = PrivatePkcs8KeyDer::from(server.0.to_pkcs8_der().unwrap().as_bytes().to_vec());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
    (root.der().clone(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_message_arrives_over_tls_sealed_and_vouched_for() {
    let (authority, acceptor) = authority();
    let mut service = PushService::start(Some(acceptor)).await;
    let origin = format!("https://localhost:{}", service.address.port());
    let endpoint = format!("{origin}/push/abc?d=e");
    let receiver = Receiver::new();
    let lease = receiver.lease(&endpoint);
    let gateway = WebPush::trusting(vec![authority], Reach::Anywhere, PATIENCE);
    gateway.post(&lease, b"there is something new", now()).await.unwrap();

    let received = service.received.recv().await.unwrap();
    assert_eq!(received.path, "/push/abc?d=e");
    assert_eq!(receiver.keys.open(&received.body).unwrap(), b"there is something new");
    assert!(Receiver::new().keys.open(&received.body).is_err());
    assert!(!received.body.windows(9).any(|part| part == b"something"));
    assert_eq!(received.header("host"), format!("localhost:{}", service.address.port()));
    assert_eq!(received.header("content-encoding"), "aes128gcm");
    assert_eq!((received.header("urgency"), received.header("topic")), ("high", "parv-news"));
    let ttl: u64 = received.header("ttl").parse().unwrap();
    assert!((86_000..=86_400).contains(&ttl), "as long as the lease: {ttl}");
    let (claims, _) = received.voucher();
    assert_eq!((&claims["aud"], &claims["sub"]), (&origin.as_str().into(), &"mailto:ann@example.org".into()));
    let end = claims["exp"].as_u64().unwrap();
    assert!(end > now().as_secs() && end <= now().as_secs() + 86_400);
}

#[tokio::test]
async fn a_service_that_nobody_vouches_for_gets_nothing() {
    let (_, acceptor) = authority();
    let mut service = PushService::start(Some(acceptor)).await;
    let endpoint = format!("https://localhost:{}/", service.address.port());
    let gateway = WebPush::trusting(vec![], Reach::Anywhere, PATIENCE);
    assert!(matches!(post(&gateway, &endpoint).await, Err(PostError::Later { .. })));
    assert!(service.received.try_recv().is_err());
}

#[tokio::test]
async fn answers_are_told_apart_and_redirections_not_followed() {
    let elsewhere = PushService::start(None).await;
    let target: &'static str = format!("http://{}/", elsewhere.address).leak();
    let redirection: &'static [_] = vec![("location", target)].leak();
    let mut service = PushService::start(None).await;
    let endpoint = format!("http://{}/", service.address);
    let gateway = WebPush::trusting(vec![], Reach::Anywhere, PATIENCE);
    type Check = fn(&Result<(), PostError>) -> bool;
    let seconds = |posted: &Result<(), PostError>| match posted {
        Err(PostError::Later { after: Some(after) }) => after.as_secs(),
        other => panic!("no time to wait: {other:?}"),
    };
    let table: [(Answer, Check); 11] = [
        ((200, &[]), |posted| posted.is_ok()),
        ((201, &[]), |posted| posted.is_ok()),
        ((404, &[]), |posted| matches!(posted, Err(PostError::Gone))),
        ((410, &[]), |posted| matches!(posted, Err(PostError::Gone))),
        ((413, &[]), |posted| matches!(posted, Err(PostError::TooLarge))),
        ((503, &[]), |posted| matches!(posted, Err(PostError::Later { after: None }))),
        ((429, &[("retry-after", "soon")]), |posted| matches!(posted, Err(PostError::Later { after: None }))),
        ((401, &[]), |posted| matches!(posted, Err(PostError::Refused(401)))),
        ((400, &[]), |posted| matches!(posted, Err(PostError::Refused(400)))),
        ((307, redirection), |posted| matches!(posted, Err(PostError::Redirected))),
        ((301, redirection), |posted| matches!(posted, Err(PostError::Redirected))),
    ];
    for (answer, check) in table {
        service.will_answer(answer);
        let posted = post(&gateway, &endpoint).await;
        assert!(check(&posted), "{}: {posted:?}", answer.0);
        service.received.recv().await.unwrap();
    }
    service.will_answer((429, &[("retry-after", "120")]));
    service.will_answer((429, &[("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT")]));
    assert_eq!(seconds(&post(&gateway, &endpoint).await), 120);
    assert!(seconds(&post(&gateway, &endpoint).await) > 86_400);
    let mut elsewhere = elsewhere;
    assert!(elsewhere.received.try_recv().is_err(), "a redirection was followed");
}

#[tokio::test]
async fn a_silent_service_holds_up_nobody_else() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", silent.local_addr().unwrap());
    let mut service = PushService::start(None).await;
    let gateway = Arc::new(WebPush::trusting(vec![], Reach::Anywhere, Duration::from_secs(4)));
    let slow = {
        let gateway = gateway.clone();
        tokio::spawn(async move { post(&gateway, &endpoint).await })
    };
    let (_held, _) = silent.accept().await.unwrap();
    post(&gateway, &format!("http://{}/", service.address)).await.unwrap();
    service.received.recv().await.unwrap();
    assert!(matches!(slow.await.unwrap(), Err(PostError::Later { after: None })));
    // Nobody listens there any more.
    let closed = format!("http://{}/", silent.local_addr().unwrap());
    drop(silent);
    assert!(matches!(post(&gateway, &closed).await, Err(PostError::Later { after: None })));
}

#[tokio::test]
async fn a_name_that_leads_into_the_own_network_is_not_connected_to() {
    let (authority, acceptor) = authority();
    let mut service = PushService::start(Some(acceptor)).await;
    let port = service.address.port();
    let gateway = WebPush::trusting(vec![authority], Reach::Internet, PATIENCE);
    let posted = post(&gateway, &format!("https://localhost:{port}/")).await;
    assert!(matches!(posted, Err(PostError::Endpoint(EndpointError::Private(_)))), "{posted:?}");
    let posted = post(&gateway, &format!("http://localhost:{port}/")).await;
    assert!(matches!(posted, Err(PostError::Endpoint(EndpointError::Insecure))), "{posted:?}");
    assert!(service.received.try_recv().is_err());
}

#[tokio::test]
async fn without_a_voucher_nothing_is_posted() {
    let mut service = PushService::start(None).await;
    let lease = Receiver::new().lease(&format!("http://{}/", service.address));
    let gateway = WebPush::trusting(vec![], Reach::Anywhere, PATIENCE);
    let late = now() + Duration::from_secs(3 * 86_400);
    assert!(matches!(gateway.post(&lease, b"news", late).await, Err(PostError::NoVoucher)));
    assert!(matches!(gateway.post(&lease, &[0; 1025], now()).await, Err(PostError::Seal(_))));
    assert!(service.received.try_recv().is_err());
}
