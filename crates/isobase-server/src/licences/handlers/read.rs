//! Licences as requests describe them.

use isobase_http::Problem;
use isobase_licences::{About, AtLimit, NewLicence, Period, Terms, parse_moment};

use crate::{
    Call, codes,
    request::{Members, Parameters},
};

/// For how long a licence is made when nothing is said.
const DAYS_DEFAULT: u32 = 365;

/// Longest time that a licence is made for.
const DAYS: std::ops::RangeInclusive<u32> = 1..=3_650;

/// The id of a licence in the path.
pub(super) fn id(call: &Call) -> Result<i64, Problem> {
    let text = call.parameter(0);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
        let shown: String = text.chars().take(100).collect();
        Problem::new(
            codes::INVALID_ID,
            format!("expected the number of a licence, found {shown:?}"),
        )
    })
}

/// A parameter that must be there.
pub(super) fn required(parameters: &mut Parameters, name: &str) -> String {
    parameters.take(name).unwrap_or_else(|| {
        parameters.fault(name, "", "expected it, it is missing");
        String::new()
    })
}

/// E-mail and installation, as two parameters.
pub(super) fn email_and_installation(call: &Call) -> Result<(String, String), Problem> {
    let mut parameters = Parameters::parse(call.query());
    let pair = (required(&mut parameters, "email"), required(&mut parameters, "installation_id"));
    parameters.finish()?;
    Ok(pair)
}

/// What a client says of its machine.
pub(super) fn about(members: &mut Members) -> About {
    let mut text = |name| members.optional_text(name).filter(|text| !text.is_empty());
    About { label: text("label"), app_version: text("app_version"), platform: text("platform") }
}

/// A period: `expiry_date` (null is for ever), or `days`, from the first activation with
/// `from_first_activation`; `None` if neither is given.
pub(super) fn period(members: &mut Members) -> Option<Period> {
    let of_use = members.flag("from_first_activation");
    if members.has("expiry_date") {
        let text = members.optional_text("expiry_date");
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Some(Period::Unlimited);
        };
        return match parse_moment(&text) {
            Ok(moment) => Some(Period::Until(moment)),
            Err(error) => members.fault("expiry_date", &error.to_string()),
        };
    }
    let days = members.integer("days", DAYS)?;
    Some(if of_use { Period::DaysOfUse(days) } else { Period::Days(days) })
}

/// A licence that is to be made.
pub(super) fn new_licence(members: &mut Members) -> NewLicence {
    NewLicence {
        email: members.text("email"),
        key: members.optional_text("license_key").filter(|key| !key.is_empty()),
        period: period(members).unwrap_or(Period::Days(DAYS_DEFAULT)),
        terms: terms(members),
    }
}

/// The agreement beside the time.
pub(super) fn terms(members: &mut Members) -> Terms {
    let at_limit = members.optional_text("at_limit").and_then(|name| {
        let read = AtLimit::parse(&name);
        if read.is_none() {
            let names = AtLimit::NAMES.join(", ");
            members.fault::<()>("at_limit", &format!("expected one of {names}"));
        }
        read
    });
    let tags = members.array("tags").and_then(|tags| {
        let texts: Option<Vec<String>> =
            tags.iter().map(|tag| tag.as_str().map(str::to_owned)).collect();
        if texts.is_none() {
            members.fault::<()>("tags", "expected texts");
        }
        texts
    });
    let own_limit = members.has("max_installations");
    Terms {
        max_installations: own_limit.then(|| members.integer("max_installations", 0..=u32::MAX)),
        at_limit,
        allow_n: members.integer("allow_n", 0..=u32::MAX),
        grace_days: members.integer("grace_days", 0..=u32::MAX),
        note: members.optional_text("note"),
        tags,
    }
}
