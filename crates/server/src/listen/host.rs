//! Which names a listener answers to. A web page whose name was made to point at this machine (DNS rebinding) is kept out by its name: the browser
//! sends it along, and cannot be made to send another.

use http::Request;
use http::header::HOST;

/// Names that are answered to.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts {
    /// Lower-case, without ports.
    named: Vec<String>,
    /// A listener beyond loopback has names that only its operator knows: without a list it answers to all.
    is_loopback: bool,
}

impl AllowedHosts {
    /// `named` are those of the configuration.
    pub(crate) fn new(named: &[String], is_loopback: bool) -> Self {
        Self { named: named.iter().map(|name| name.to_ascii_lowercase()).collect(), is_loopback }
    }

    /// Whether a request is answered: by its authority (HTTP/2) or its `Host`. One that names nobody did not come from a browser.
    pub(crate) fn allow<B>(&self, request: &Request<B>) -> bool {
        if self.named.is_empty() && !self.is_loopback {
            return true;
        }
        let authority = request.uri().host().map(str::to_owned);
        let header = || request.headers().get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        authority.or_else(header).is_none_or(|host| self.allow_host(&host))
    }

    fn allow_host(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        // Names can be made to point anywhere, addresses cannot.
        let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        is_address
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.named.iter().any(|known| known == name)
    }
}

/// `[::1]:4318`, `::1`, `name:4318`, `name`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests;
