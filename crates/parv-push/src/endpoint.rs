//! Where push messages are posted to, and which places a node posts to at all.
//!
//! A lease names a URL that somebody else chose. So that nobody can have a node knock on doors of its own network, it
//! posts only over TLS, and only to addresses of the public internet: [`Reach::allows`] is asked about the address that is
//! connected to, after the name was looked up, so that no name can lead elsewhere (decision 0030).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use url::{Host, Url};

/// The longest endpoint, in bytes; those of the large push services have some 200.
pub const MAX_ENDPOINT_BYTES: usize = 1024;

/// Why a text names no endpoint that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Too long.
    #[error("the endpoint is longer than {MAX_ENDPOINT_BYTES} bytes")]
    TooLong,
    /// Not a URL.
    #[error("the endpoint is not a URL: {0}")]
    NotAUrl(String),
    /// Another scheme, no host, a user name, a fragment, or written in a form that is not the normal one.
    #[error("the endpoint is not a plain https URL: {0}")]
    NotPlain(&'static str),
    /// Not over TLS.
    #[error("the endpoint is not https, and only public push services over https are posted to")]
    Insecure,
    /// An address that is not of the public internet.
    #[error("{0} is not an address of the public internet")]
    Private(IpAddr),
}

/// The URL of a push resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The URL as a text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Scheme, host and port: the push service.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host: a name or an address.
    pub(crate) fn host(&self) -> Host<&str> {
        self.0.host().expect("an endpoint has a host")
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("both schemes have a port")
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// What stands in the header `Host`.
    pub(crate) fn authority(&self) -> &str {
        self.0.authority()
    }

    /// What stands in the first line of the request.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.len() > MAX_ENDPOINT_BYTES {
            return Err(EndpointError::TooLong);
        }
        let url = Url::parse(text).map_err(|error| EndpointError::NotAUrl(error.to_string()))?;
        let refuse = |why| Err(EndpointError::NotPlain(why));
        match () {
            () if !matches!(url.scheme(), "https" | "http") => refuse("it has another scheme"),
            () if url.host().is_none() => refuse("it has no host"),
            () if !url.username().is_empty() || url.password().is_some() => refuse("it has a user name"),
            () if url.fragment().is_some() => refuse("it has a fragment"),
            () if url.as_str() != text => refuse("it is not written in its normal form"),
            () => Ok(Self(url)),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who knows an endpoint may be able to send there, so only the push service is shown.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}/…)", self.origin())
    }
}

/// Which endpoints a node posts to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// Over TLS, to addresses of the public internet.
    #[default]
    Internet,
    /// Any, also in the node's own network and without TLS: for a push service of one's own, where everybody who shares a
    /// conversation with the node is trusted not to misuse that.
    Anywhere,
}

impl Reach {
    /// Refuses an endpoint that can never be posted to, as far as its text tells.
    pub fn check(self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        if self == Self::Internet && !endpoint.is_secure() {
            return Err(EndpointError::Insecure);
        }
        match endpoint.host() {
            Host::Domain(_) => Ok(()),
            Host::Ipv4(address) => self.allows(address.into()),
            Host::Ipv6(address) => self.allows(address.into()),
        }
    }

    /// Refuses an address that must not be connected to.
    pub fn allows(self, address: IpAddr) -> Result<(), EndpointError> {
        match self == Self::Anywhere || is_public(address) {
            true => Ok(()),
            false => Err(EndpointError::Private(address)),
        }
    }
}

/// Whether anybody on the internet means the same by this address (the registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127, ..) | (224.., ..) => true, // this network, private, loopback; multicast, reserved, broadcast
        (100, 64..=127, _) => true,               // shared by customers of a provider
        (169, 254, _) => true,                    // link-local, and the metadata of clouds
        (172, 16..=31, _) | (192, 168, _) => true, // private
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => true, // protocol assignments, documentation
        (192, 88, 99) => true,                    // 6to4 relays
        (198, 18 | 19, _) => true,                // benchmarks
        _ => false,
    };
    !special
}

/// Global unicast is 2000::/3; left out of it are protocol assignments with Teredo (2001::/23), documentation (2001:db8::/32,
/// 3fff::/20) and 6to4 (2002::/16), which holds an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let special = matches!((a, b), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    a & 0xe000 == 0x2000 && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<Endpoint, EndpointError> {
        text.parse()
    }

    #[test]
    fn an_endpoint_is_a_plain_url_in_its_normal_form() {
        let good = endpoint("https://push.example.net:8443/p/a?b=c").unwrap();
        assert_eq!((good.origin().as_str(), good.path_and_query()), ("https://push.example.net:8443", "/p/a?b=c"));
        assert_eq!((good.authority(), good.port()), ("push.example.net:8443", 8443));
        assert_eq!(format!("{good:?}"), "Endpoint(https://push.example.net:8443/…)");
        assert_eq!(endpoint("https://push.example.net/").unwrap().port(), 443);
        for wrong in [
            "",
            "push.example.net",
            "ftp://push.example.net/",
            "file:///etc/passwd",
            "https://ann@push.example.net/",
            "https://:secret@push.example.net/",
            "https://push.example.net/#top",
            "https://push.example.net",
            "HTTPS://push.example.net/",
            "https://push.example.net:443/",
            "https://push.example.net/a/../b",
            "https://push.example.net/\r\nx: y",
            "https://push.example.net/ü",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong:?} was taken");
        }
        assert_eq!(endpoint(&format!("https://push.example.net/{}", "a".repeat(1000))), Err(EndpointError::TooLong));
    }

    #[test]
    fn the_nodes_own_network_is_out_of_reach() {
        for private in [
            "http://push.example.net/",
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://100.64.0.1/",
            "https://169.254.169.254/",
            "https://172.31.0.1/",
            "https://192.168.1.1/",
            "https://192.0.0.8/",
            "https://198.18.0.1/",
            "https://203.0.113.9/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[ff02::1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[2001::1]/",
            "https://[2001:db8::1]/",
        ] {
            let endpoint = endpoint(private).unwrap();
            assert!(Reach::Internet.check(&endpoint).is_err(), "{private} is reached");
            Reach::Anywhere.check(&endpoint).unwrap();
        }
        for public in ["https://push.example.net/", "https://9.9.9.9/", "https://172.32.0.1/", "https://[2620:fe::fe]/"]
        {
            Reach::Internet.check(&endpoint(public).unwrap()).unwrap();
        }
        // Every spelling of an address that the URL standard knows becomes the normal one, which alone is taken.
        for disguised in ["https://0x7f.1/", "https://2130706433/", "https://0177.0.0.1/", "https://127.1/"] {
            assert!(endpoint(disguised).is_err());
        }
    }
}
