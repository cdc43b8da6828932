//! `Idempotency-Key` where an operation does not take it.

use http::HeaderMap;

use crate::{Location, Method, Problem, ProblemItem, Spec, codes};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Refuses a key that the operation does not take: its caller relies on a repeat to do nothing, and
/// each repeat would be carried out again.
pub(crate) fn refuse_unknown(spec: &Spec, headers: &HeaderMap) -> Result<(), Problem> {
    let is_safe = matches!(spec.method, Method::Get | Method::Options);
    if is_safe || !headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(());
    }
    let mut parameters = spec.operation.parameters.iter();
    let takes_it = parameters.any(|parameter| {
        parameter.location == Location::Header
            && parameter.name.eq_ignore_ascii_case(IDEMPOTENCY_KEY)
    });
    if takes_it {
        return Ok(());
    }
    let message = "this operation takes no Idempotency-Key: a repeat would be carried out again; \
                   send it without";
    let name = Some(IDEMPOTENCY_KEY.to_owned());
    let item = ProblemItem { name, message: message.to_owned(), ..ProblemItem::default() };
    Err(Problem::new(codes::INVALID_HEADER, message).with_item(item))
}
