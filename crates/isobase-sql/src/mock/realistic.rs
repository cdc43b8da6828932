//! Texts as people have them, by the name of the column.

use std::convert::Infallible;

use fake::{
    Fake,
    faker::{
        address::en::{
            BuildingNumber, CityName, CountryCode, CountryName, StateName, StreetName, ZipCode,
        },
        company::en::{CompanyName, Profession},
        internet::en::{DomainSuffix, SafeEmail, UserAgent, Username},
        lorem::en::{Sentence, Word},
        name::en::{FirstName, LastName, Name},
        phone_number::en::PhoneNumber,
    },
    rand::TryRng,
};

use crate::random::Random;

/// A text for a column of this name; `None` when the name says nothing.
pub(super) fn text(column: &str, random: &mut Random) -> Option<String> {
    let name: String = column.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let rng = &mut Numbers(random);
    // The more special name comes first.
    Some(if has(&["email"]) {
        SafeEmail().fake_with_rng(rng)
    } else if has(&["username", "login", "nickname"]) {
        Username().fake_with_rng(rng)
    } else if has(&["firstname", "givenname"]) {
        FirstName().fake_with_rng(rng)
    } else if has(&["lastname", "surname", "familyname"]) {
        LastName().fake_with_rng(rng)
    } else if has(&["company", "organisation", "organization", "employer"]) {
        CompanyName().fake_with_rng(rng)
    } else if has(&["countrycode"]) {
        CountryCode().fake_with_rng(rng)
    } else if has(&["country"]) {
        CountryName().fake_with_rng(rng)
    } else if has(&["city", "town"]) {
        CityName().fake_with_rng(rng)
    } else if has(&["zip", "postcode", "postalcode"]) {
        ZipCode().fake_with_rng(rng)
    } else if has(&["street", "address"]) {
        let number: String = BuildingNumber().fake_with_rng(rng);
        format!("{number} {}", StreetName().fake_with_rng::<String, _>(rng))
    } else if has(&["phone", "mobile", "fax"]) {
        PhoneNumber().fake_with_rng(rng)
    } else if has(&["profession", "occupation", "jobtitle"]) {
        Profession().fake_with_rng(rng)
    } else if has(&["useragent"]) {
        UserAgent().fake_with_rng(rng)
    } else if has(&["url", "website", "link"]) {
        let word: String = Word().fake_with_rng(rng);
        format!("https://{word}.example.{}", DomainSuffix().fake_with_rng::<String, _>(rng))
    } else if has(&["title", "subject", "headline"]) {
        let sentence: String = Sentence(3..7).fake_with_rng(rng);
        sentence.trim_end_matches('.').to_owned()
    } else if has(&["description", "summary", "note", "comment", "content", "message", "bio"]) {
        Sentence(6..16).fake_with_rng(rng)
    } else if name == "state" || has(&["province"]) {
        StateName().fake_with_rng(rng)
    } else if name == "name" || has(&["fullname", "author", "owner", "customer"]) {
        Name().fake_with_rng(rng)
    } else {
        return None;
    })
}

/// Our numbers, which a seed decides, for the makers of texts.
struct Numbers<'a>(&'a mut Random);

impl TryRng for Numbers<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.0.next().to_be_bytes();
        Ok(u32::from_be_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for piece in out.chunks_mut(8) {
            piece.copy_from_slice(&self.0.next().to_be_bytes()[..piece.len()]);
        }
        Ok(())
    }
}
