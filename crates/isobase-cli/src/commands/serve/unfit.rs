//! Stored documents that do not fit what is declared.

use std::time::Duration;

use isobase::{
    Store,
    store::Schema,
    types::{CollectionName, Count, Filter, Order, PageRequest, Query},
};
use tokio::time::timeout;

use crate::{failure::Problem, print::Printer, settings::Config};

/// Documents of a collection that are looked at. Ours: a declaration that changed rarely fits the
/// oldest, and a start does not read a whole database.
const LOOKED_AT: u32 = 500;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Warns of declared collections whose oldest documents do not fit: they stay as they are, and the
/// next write that does not mend one is refused.
pub(super) async fn warn(store: &Store, config: &Config, printer: Printer) {
    let looking = async {
        for (name, schema) in &config.schemas {
            if let Some((seen, unfit)) = look(store, name, schema).await {
                tell(name, (seen, unfit), printer);
            }
        }
    };
    // It is only a word of warning, and `isobase schema check` says it all.
    let _ = timeout(PATIENCE, looking).await;
}

/// How many documents were looked at, and how many of them do not fit, if some do not.
async fn look(store: &Store, name: &CollectionName, schema: &Schema) -> Option<(usize, usize)> {
    let page = PageRequest::Cursor { limit: LOOKED_AT, after: None };
    let (filter, order) = (Filter::all(), Order::default());
    let query = Query { filter, order, page, fields: Vec::new(), count: Count::None };
    let documents = store.list(name, &query).await.ok()?.documents;
    let unfit = documents.iter().filter(|it| schema.check(&it.body).is_err()).count();
    (unfit > 0).then_some((documents.len(), unfit))
}

fn tell(name: &CollectionName, (seen, unfit): (usize, usize), printer: Printer) {
    let message = format!(
        "{unfit} of the first {seen} documents of {name} do not fit what is declared: a write that \
         does not mend one is refused"
    );
    let hint = Some("isobase schema check names them".to_owned());
    printer.warning(&Problem { message, hint });
}
