//! Who asks through a proxy.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client that asks: the peer of the connection, or what the proxies between
/// say in `X-Forwarded-For`.
///
/// Each proxy appends the address that it saw, and a client may send a header of its own first. So
/// the list is read from its end, and only as far as those who wrote it are trusted: the first
/// address of none of `proxies` is the client's. An entry that is no address ends the reading at
/// the proxy that wrote it.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        let address = address.to_canonical();
        proxies.iter().any(|network| network.contains(&address))
    };
    let mut client = peer;
    if proxies.is_empty() || !is_trusted(peer) {
        return client;
    }
    let lines = headers.get_all(X_FORWARDED_FOR);
    let lines: Vec<&str> = lines.iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for entry in entries {
        let Some(address) = address(entry.trim()) else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// Some proxies write the port too, and brackets around IPv6.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

/// A network as people write it: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[must_use]
pub fn parse_network(text: &str) -> Option<IpNet> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asks(peer: &str, lines: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|text| parse_network(text).unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_say_who_asks() {
        let cases: [(&str, &[&str], &[&str], &str); 12] = [
            ("192.0.2.9", &["203.0.113.7"], &[], "192.0.2.9"),
            ("192.0.2.9", &["203.0.113.7"], &["10.0.0.0/8"], "192.0.2.9"),
            ("10.0.0.1", &["203.0.113.7"], &["10.0.0.0/8"], "203.0.113.7"),
            ("10.0.0.1", &[], &["10.0.0.0/8"], "10.0.0.1"),
            // A client that pretends to be another wrote the beginning.
            ("10.0.0.1", &["198.51.100.1, 203.0.113.7"], &["10.0.0.0/8"], "203.0.113.7"),
            (
                "10.0.0.1",
                &["198.51.100.1", "203.0.113.7, 10.0.0.2"],
                &["10.0.0.0/8"],
                "203.0.113.7",
            ),
            // Everyone on the way is a proxy: the farthest.
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &["10.0.0.0/8"], "10.0.0.3"),
            ("10.0.0.1", &["198.51.100.1, unknown"], &["10.0.0.1"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], &["10.0.0.0/8"], "10.0.0.2"),
            ("10.0.0.1", &["203.0.113.7:4711"], &["10.0.0.1"], "203.0.113.7"),
            ("::1", &["[2001:db8::7]:4711"], &["::1", "127.0.0.1"], "2001:db8::7"),
            ("::ffff:127.0.0.1", &["[2001:db8::7]"], &["127.0.0.1"], "2001:db8::7"),
        ];
        for (peer, lines, proxies, expected) in cases {
            assert_eq!(asks(peer, lines, proxies), expected, "{peer} {lines:?} {proxies:?}");
        }
        assert!(
            ["10.0.0.0/33", "ten", "", "10.0.0", "10.0.0.1:80"]
                .map(parse_network)
                .iter()
                .all(Option::is_none)
        );
    }
}
