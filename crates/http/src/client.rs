//! The client's address: that of the connection, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::connect_info::ConnectInfo;
use axum::http::HeaderMap;

/// The address behind a request. `X-Forwarded-For` counts only where the connection comes from a
/// trusted proxy, and then from its end: the first address that is not one of the proxies.
pub(crate) fn address(
    peer: Option<&ConnectInfo<SocketAddr>>,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> IpAddr {
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded: Vec<IpAddr> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|part| part.trim().parse().ok())
        .collect();
    let client = forwarded.iter().rev().find(|address| !trusted.contains(address));
    client.or(forwarded.first()).copied().unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().expect("a header"));
        let peer = ConnectInfo(SocketAddr::new(peer.parse().expect("an address"), 1));
        address(Some(&peer), &headers, &["10.0.0.1".parse().expect("an address")]).to_string()
    }

    #[test]
    fn t08_only_a_trusted_proxy_is_believed() {
        assert_eq!(found("9.9.9.9", "1.2.3.4"), "9.9.9.9");
        assert_eq!(found("10.0.0.1", "1.2.3.4"), "1.2.3.4");
        assert_eq!(found("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.1"), "1.2.3.4");
        assert_eq!(found("10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
