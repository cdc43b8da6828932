//! A running service with the routes of the older one.

use std::time::Duration;

use anyhow::Result;
use http::Method;
use isobase_client::{Client, ClientError, ClientOptions, Request};
use isobase_licences::{ImportedInstallation, ImportedLicence};
use serde::{Deserialize, de::DeserializeOwned};

use super::found::Source;
use crate::{failure::Failure, service_failure::client_failure};

/// Licences of one page, where there are pages.
const PAGE: &str = "1000";

const HIDDEN: &str = "installations of an email that has no license cannot be seen over HTTP; its \
                      database has them";

/// A page of licences; the list of the older service is one without a next.
#[derive(Deserialize)]
struct Licences {
    licenses: Vec<ImportedLicence>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Installations {
    installations: Vec<ImportedInstallation>,
}

/// Reads a service.
pub(super) async fn read(address: &str, key: Option<&str>) -> Result<Source> {
    let options = ClientOptions {
        api_key: key.map(str::to_owned),
        answer_deadline: Duration::from_secs(60),
        ..ClientOptions::default()
    };
    let client = Client::new(address, options)
        .map_err(|error| Failure::usage(format!("the source: {error}")))?;
    let licences = match pages(&client).await {
        Ok(licences) => licences,
        // The older service has no pages.
        Err(error) if matches!(status(&error), Some(404 | 405)) => list(&client).await?,
        Err(error) => return Err(of_source(error).into()),
    };
    // An Isobase shows the end of a key that it cannot open.
    if let Some(licence) = licences.iter().find(|it| it.license_key.starts_with('\u{2026}')) {
        let id = licence.id.unwrap_or_default();
        let message = format!("the source does not know the key of its license {id}");
        let hint = "copy its database with isobase copy, and take its secret along";
        return Err(Failure::new(message).hint(hint).into());
    }
    let mut source = Source { licences, hidden: Some(HIDDEN), ..Source::default() };
    let mut emails: Vec<_> = source.licences.iter().map(|it| it.email.to_lowercase()).collect();
    emails.sort_unstable();
    emails.dedup();
    for email in emails {
        let of_email = get(&["installations"]).parameter("email", &email);
        let found: Installations = ask(&client, of_email).await.map_err(of_source)?;
        source.installations.extend(found.installations);
    }
    Ok(source)
}

async fn pages(client: &Client) -> Result<Vec<ImportedLicence>, ClientError> {
    let (mut licences, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = get(&["license"]).parameter("limit", PAGE);
        if let Some(cursor) = &cursor {
            request = request.parameter("cursor", cursor);
        }
        let page: Licences = ask(client, request).await?;
        licences.extend(page.licenses);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => return Ok(licences),
        }
    }
}

async fn list(client: &Client) -> Result<Vec<ImportedLicence>, Failure> {
    let listed = ask::<Licences>(client, get(&["license", "list"])).await;
    listed.map(|licences| licences.licenses).map_err(|error| match error {
        ClientError::UnexpectedAnswer { .. } => {
            Failure::new(format!("the source cannot list its licenses: {error}"))
                .hint("one expiry that it cannot read is enough; import from its database instead")
        }
        error => of_source(error),
    })
}

/// An error of the source with the way out.
fn of_source(error: ClientError) -> Failure {
    match status(&error) {
        Some(401) => Failure::new(format!("the source asks for a key: {error}"))
            .hint("give one that it accepts: --source-key"),
        _ => client_failure(error),
    }
}

fn get(path: &[&str]) -> Request {
    Request::new(Method::GET, &[&["api", "v1", "db"], path].concat())
}

async fn ask<T: DeserializeOwned>(client: &Client, request: Request) -> Result<T, ClientError> {
    client.send(request).await?.json().await
}

fn status(error: &ClientError) -> Option<u16> {
    match error {
        ClientError::Refused(problem) => Some(problem.status),
        _ => None,
    }
}
