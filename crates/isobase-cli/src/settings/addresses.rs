//! Addresses of the web, origins and hosts, as settings name them.

/// `http://` or `https://`, a host with or without a port, perhaps a path.
pub(super) fn is_web_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\".contains(&byte);
    matches!(scheme, "http" | "https") && is_authority(authority) && path.bytes().all(plain)
}

/// A text as browsers send it in `Origin`. It is compared byte by byte: no other text would match.
pub(super) fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let small = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // A browser leaves the usual port out.
    let usual = matches!(scheme, "http") && authority.ends_with(":80")
        || matches!(scheme, "https") && authority.ends_with(":443");
    small && is_scheme && is_authority(authority) && !usual
}

/// A name or an address, or `*.` and a name.
pub(super) fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    is_authority(name) && !name[name.rfind(']').unwrap_or(0)..].contains(':')
}

/// A host, perhaps with a port.
fn is_authority(text: &str) -> bool {
    let name_end = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[name_end..].split_once(':') {
        Some((rest, port)) => (&text[..name_end + rest.len()], Some(port)),
        None => (text, None),
    };
    let host_ok = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    !host.is_empty() && host_ok && port_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_address_of_the_web() {
        for text in
            ["https://db.example.com", "http://10.0.0.1:8002", "https://h/db/", "http://[::1]:1"]
        {
            assert!(is_web_address(text), "{text}");
        }
        for text in [
            "nonsense",
            "db.example.com",
            "ftp://h",
            "https://",
            "https://u:p@h",
            "https://h?a",
            "https://h h",
            "https://h:0",
            "https://h:x",
            "//h",
            "",
        ] {
            assert!(!is_web_address(text), "{text}");
        }
    }

    #[test]
    fn refuses_what_no_browser_sends_as_origin() {
        for text in ["https://app.example.com", "http://localhost:5173", "tauri://localhost", "*"] {
            assert!(is_origin(text), "{text}");
        }
        for text in [
            "https://app.example.com/",
            "https://app.example.com/a",
            "app.example.com",
            "null",
            "https://App.example.com",
            "https://a:443",
            "http://a:80",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }

    #[test]
    fn refuses_hosts_with_ports_and_paths() {
        for text in ["app.test", "*.lvh.me", "[::1]", "192.0.2.1"] {
            assert!(is_host(text), "{text}");
        }
        for text in ["app.test:80", "*", "a.*.b", "http://app.test", "a/b"] {
            assert!(!is_host(text), "{text}");
        }
    }
}
