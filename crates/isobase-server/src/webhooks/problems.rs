//! Errors of webhooks, as problems.

use isobase_http::{Problem, ProblemItem};
use isobase_webhooks::WebhookError;

use crate::{codes, failure::IntoProblem};

impl IntoProblem for WebhookError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound(_) => Problem::new(codes::WEBHOOK_NOT_FOUND, detail),
            Self::DeliveryNotFound(_) => Problem::new(codes::DELIVERY_NOT_FOUND, detail),
            Self::Invalid { field: "cursor", .. } => Problem::new(codes::INVALID_PARAMETER, detail),
            Self::Invalid { field, message } => {
                let item = ProblemItem::at(format!("/{field}"), message);
                Problem::new(codes::INVALID_BODY, detail).with_item(item)
            }
            Self::TooMany(_) => Problem::new(codes::LIMIT_EXCEEDED, detail),
            Self::Store(error) => error.into_problem(),
            Self::Rejected(rejection) => rejection.into_problem(),
            Self::Seal(_) | Self::Random(_) | Self::Unreadable(_) => Problem::internal(detail),
        }
    }
}
