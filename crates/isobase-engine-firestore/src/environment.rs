//! The environment of the process, as far as Google's own libraries look at it.

use std::{env, path::PathBuf};

/// Variables and folders that lead to a project and its credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `FIRESTORE_EMULATOR_HOST`: host and port of an emulator.
    pub emulator: Option<String>,
    /// `FIRESTORE_PROJECT_ID`, else `GOOGLE_CLOUD_PROJECT`, else `GCLOUD_PROJECT`.
    pub project: Option<String>,
    /// `GOOGLE_APPLICATION_CREDENTIALS`: a file of credentials.
    pub credentials_file: Option<PathBuf>,
    /// `gcloud`'s own file of application default credentials, in `CLOUDSDK_CONFIG` or
    /// `~/.config/gcloud`.
    pub user_file: Option<PathBuf>,
    /// `GCE_METADATA_HOST`: host of the metadata server, where it is not the usual one.
    pub metadata_host: Option<String>,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from(|name| env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let folder = set("CLOUDSDK_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config/gcloud")));
        let projects = ["FIRESTORE_PROJECT_ID", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"];
        Self {
            emulator: set("FIRESTORE_EMULATOR_HOST"),
            project: projects.into_iter().find_map(set),
            credentials_file: set("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
            user_file: folder.map(|folder| folder.join("application_default_credentials.json")),
            metadata_host: set("GCE_METADATA_HOST"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_google_s_libraries_read() {
        let set = [
            ("FIRESTORE_EMULATOR_HOST", "127.0.0.1:8080"),
            ("GOOGLE_CLOUD_PROJECT", "shop"),
            ("GOOGLE_APPLICATION_CREDENTIALS", ""),
            ("HOME", "/home/me"),
        ];
        let environment = Environment::from(|name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        });
        let user_file = "/home/me/.config/gcloud/application_default_credentials.json";
        let expected = Environment {
            emulator: Some("127.0.0.1:8080".to_owned()),
            project: Some("shop".to_owned()),
            credentials_file: None,
            user_file: Some(user_file.into()),
            metadata_host: None,
        };
        assert_eq!(environment, expected);
    }
}
