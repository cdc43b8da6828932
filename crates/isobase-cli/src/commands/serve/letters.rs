//! Letters to people: what they say, and how they leave.

use std::{fs, io, path::Path, sync::Arc};

use isobase_auth::{Letter, Letters, LogMailer, Mailer};

use crate::{
    failure::Failure,
    settings::{Loaded, mail_server},
};

/// The folder of an app's own letters.
const FOLDER: &str = "mail";

/// How letters leave, and what they say.
pub(crate) fn mail(loaded: &Loaded) -> Result<(Arc<dyn Mailer>, Letters), Failure> {
    let mailer: Arc<dyn Mailer> = match mail_server(loaded)? {
        Some(server) => mailer(server)?,
        None => Arc::new(LogMailer),
    };
    Ok((mailer, letters(&loaded.app)?))
}

#[cfg(feature = "mail")]
fn mailer((url, from): (&str, &str)) -> Result<Arc<dyn Mailer>, Failure> {
    Ok(Arc::new(super::smtp::SmtpMailer::new(url, from)?))
}

#[cfg(not(feature = "mail"))]
fn mailer(_: (&str, &str)) -> Result<Arc<dyn Mailer>, Failure> {
    Err(Failure::usage("setting mail.smtp_url: this executable was built without mail")
        .hint("build it with --features mail, or take the line out: letters go to the log then"))
}

/// The letters of the app folder, `mail/verify.txt`, `mail/reset.txt` and `mail/code.txt`; ours
/// where there is none.
fn letters(app: &Path) -> Result<Letters, Failure> {
    let mut letters = Letters::default();
    for (name, place, letter) in [
        ("verify.txt", "{link}", &mut letters.verify),
        ("reset.txt", "{link}", &mut letters.reset),
        ("code.txt", "{code}", &mut letters.code),
    ] {
        let path = app.join(FOLDER).join(name);
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("the letter {}: {error}", path.display()))
        };
        match fs::read_to_string(&path) {
            Ok(text) => *letter = Letter::parse(&text, place).map_err(|error| wrong(&error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(wrong(&error)),
        }
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_has_letters_of_its_own() {
        let app = tempfile::tempdir().unwrap();
        assert_eq!(letters(app.path()).unwrap(), Letters::default());
        fs::create_dir(app.path().join(FOLDER)).unwrap();
        let file = app.path().join(FOLDER).join("code.txt");
        fs::write(&file, "Hello {name}\n\nYour code is {code}.\n").unwrap();
        let own = letters(app.path()).unwrap();
        assert_eq!(own.reset, Letters::default().reset);
        assert_ne!(own.code, Letters::default().code);
        fs::write(&file, "Hello\n\nNo code.\n").unwrap();
        let refused = letters(app.path()).unwrap_err().to_string();
        assert!(refused.contains("code.txt") && refused.contains("{code}"), "{refused}");
    }
}
