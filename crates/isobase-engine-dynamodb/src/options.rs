//! Which database: the URL.

use std::fmt;

use percent_encoding::percent_decode_str;

/// Longest name of a table, the prefix included.
///
/// Source: Amazon DynamoDB Developer Guide, "Naming rules" (2026-11).
pub(crate) const TABLE_NAME_BYTES_MAX: usize = 255;
/// Room that every prefix leaves for names.
const PREFIX_BYTES_MAX: usize = 100;

/// Where the tables are, and how to reach them. Its text never shows the secret key.
#[derive(Clone, PartialEq, Eq)]
pub struct DynamoDbOptions {
    /// The region; none takes that of the environment (`AWS_REGION`, a profile, the machine's
    /// own).
    pub region: Option<String>,
    /// Another address than Amazon's; none takes `AWS_ENDPOINT_URL_DYNAMODB` if it is set.
    pub endpoint: Option<String>,
    /// The prefix of the names of all tables.
    pub prefix: String,
    /// Who asks.
    pub credentials: DynamoDbCredentials,
}

/// Who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum DynamoDbCredentials {
    /// Credentials that the SDK finds: environment, profile, web identity, container, machine. At a loopback
    /// address without `AWS_ACCESS_KEY_ID`: invented ones, because emulators want some.
    #[default]
    Chain,
    /// These.
    Static {
        /// The access key's id.
        access_key_id: String,
        /// The secret.
        secret_access_key: String,
        /// The token of temporary credentials.
        session_token: Option<String>,
    },
}

/// Why a URL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Something before the parameters is wrong.
    #[error(
        "the DynamoDB URL cannot be read, expected dynamodb://REGION/PREFIX or \
         dynamodb://REGION/PREFIX?endpoint=http://HOST:PORT"
    )]
    Form,
    /// The region holds something no region has.
    #[error("the region '{region}' of the DynamoDB URL has characters other than a-z, 0-9 and '-'")]
    Region {
        /// The input.
        region: String,
    },
    /// The prefix holds what a table's name cannot have.
    #[error(
        "the prefix '{prefix}' of the DynamoDB URL must have at most {PREFIX_BYTES_MAX} of \
         A-Z, a-z, 0-9, '_', '-' and '.'"
    )]
    Prefix {
        /// The input.
        prefix: String,
    },
    /// The endpoint is no address.
    #[error("the endpoint '{endpoint}' of the DynamoDB URL must begin with http:// or https://")]
    Endpoint {
        /// The input.
        endpoint: String,
    },
    /// A parameter no one knows.
    #[error("unknown parameter '{name}' in the DynamoDB URL, only 'endpoint' is known")]
    UnknownParameter {
        /// Its name.
        name: String,
    },
}

impl DynamoDbOptions {
    /// Reads `dynamodb://REGION/PREFIX?endpoint=URL`. Region, prefix and endpoint may be left
    /// out (`dynamodb:///`). Credentials never stand in a URL.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let rest = url.strip_prefix("dynamodb://").ok_or(InvalidUrl::Form)?;
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (region, prefix) = place.split_once('/').unwrap_or((place, ""));
        let mut options = Self::new(decoded(region)?, decoded(prefix)?)?;
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(InvalidUrl::Form)?;
            if name != "endpoint" {
                return Err(InvalidUrl::UnknownParameter { name: name.to_owned() });
            }
            options = options.with_endpoint(&decoded(value)?)?;
        }
        Ok(options)
    }

    /// Options from their parts; an empty region is that of the environment.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn new(region: impl Into<String>, prefix: impl Into<String>) -> Result<Self, InvalidUrl> {
        let (region, prefix) = (region.into(), prefix.into());
        if !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(InvalidUrl::Region { region });
        }
        if prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(is_table_byte) {
            return Err(InvalidUrl::Prefix { prefix });
        }
        let region = (!region.is_empty()).then_some(region);
        Ok(Self { region, endpoint: None, prefix, credentials: DynamoDbCredentials::Chain })
    }

    /// The same at another address.
    ///
    /// # Errors
    /// [`InvalidUrl::Endpoint`].
    pub fn with_endpoint(mut self, endpoint: &str) -> Result<Self, InvalidUrl> {
        if host_of(endpoint).is_none() {
            return Err(InvalidUrl::Endpoint { endpoint: endpoint.to_owned() });
        }
        self.endpoint = Some(endpoint.trim_end_matches('/').to_owned());
        Ok(self)
    }
}

/// The URL, with region and prefix as far as they are given.
impl fmt::Display for DynamoDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dynamodb://{}/{}", self.region.as_deref().unwrap_or_default(), self.prefix)?;
        match &self.endpoint {
            Some(endpoint) => write!(f, "?endpoint={endpoint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DynamoDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamoDbOptions({self}, {:?})", self.credentials)
    }
}

impl fmt::Debug for DynamoDbCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("Chain"),
            Self::Static { access_key_id, .. } => write!(f, "Static({access_key_id})"),
        }
    }
}

/// The parts of the names of tables.
pub(crate) fn is_table_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The host of an address, without its port.
pub(crate) fn host_of(endpoint: &str) -> Option<&str> {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"))?;
    let authority = rest.split(['/', '?', '#']).next().filter(|it| !it.is_empty())?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

fn decoded(text: &str) -> Result<String, InvalidUrl> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| InvalidUrl::Form)?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written() {
        for url in [
            "dynamodb://eu-central-1/app_",
            "dynamodb:///",
            "dynamodb://us-east-1/x.?endpoint=http://127.0.0.1:8000",
        ] {
            assert_eq!(DynamoDbOptions::parse(url).unwrap().to_string(), url);
        }
        let options = DynamoDbOptions::parse("dynamodb://us-east-1").unwrap();
        assert_eq!((options.region.as_deref(), options.prefix.as_str()), (Some("us-east-1"), ""));
        let encoded = "dynamodb://us-east-1/p?endpoint=http%3A%2F%2Flocalhost%3A8000%2F";
        let options = DynamoDbOptions::parse(encoded).unwrap();
        assert_eq!(options.endpoint.as_deref(), Some("http://localhost:8000"));
    }

    #[test]
    fn other_urls_are_refused_by_name() {
        let long = format!("dynamodb://us-east-1/{}", "p".repeat(101));
        for (url, part) in [
            ("postgres://a/b", "expected dynamodb://"),
            ("dynamodb://US/p", "region 'US'"),
            ("dynamodb://user:secret@host/p", "region"),
            ("dynamodb://us-east-1/a/b", "prefix 'a/b'"),
            (&long, "prefix"),
            ("dynamodb://us-east-1/p?endpoint=localhost:8000", "'localhost:8000'"),
            ("dynamodb://us-east-1/p?endpoint=http://", "'http://'"),
            ("dynamodb://us-east-1/p?region=x", "'region'"),
        ] {
            let error = DynamoDbOptions::parse(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn the_secret_is_never_shown() {
        let mut options = DynamoDbOptions::parse("dynamodb://us-east-1/p").unwrap();
        options.credentials = DynamoDbCredentials::Static {
            access_key_id: "AKIA".into(),
            secret_access_key: "hidden".into(),
            session_token: Some("hidden".into()),
        };
        assert!(!format!("{options:?} {options}").contains("hidden"));
    }
}
