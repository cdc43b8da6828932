//! Pages of a collection, and counts.

use isobase_engine::{ListRequest, Place};
use isobase_types::{CollectionName, Count, Document, Filter, Order, PageRequest, Query};
use tracing::Instrument;

use crate::{DocumentPage, PagePosition, Store, StoreError, Totals, cursor};

/// Documents asked for at a time when a listing has no page.
const STREAM_PAGE_DOCUMENTS: u32 = 1_000;
/// Bytes asked for at a time when a listing has no page: bounds the memory of an export.
const STREAM_PAGE_BYTES: usize = 1 << 20;

/// The same for a sorted listing: without an index each part examines the whole collection, so
/// parts are larger.
const STREAM_SORTED_DOCUMENTS: u32 = 20_000;
const STREAM_SORTED_BYTES: usize = 8 << 20;

impl Store {
    /// One page of a listing; of [`PageRequest::All`] the first part.
    ///
    /// # Errors
    /// When the cursor is foreign, a bound is exceeded, or the engine fails.
    pub async fn list(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<DocumentPage, StoreError> {
        self.check_query(collection, query).await?;
        let after = match &query.page {
            PageRequest::Cursor { after: Some(text), .. } => {
                let identity = self.engine.identity().await?;
                Some(cursor::decode(&identity, collection, &query.order, text)?)
            }
            _ => None,
        };
        let mut page = self.list_part(collection, query, after).await?;
        page.totals = self.totals(collection, query).await?;
        Ok(page)
    }

    /// The next part of a listing.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list_next(
        &self,
        collection: &CollectionName,
        query: &Query,
        position: &PagePosition,
    ) -> Result<DocumentPage, StoreError> {
        self.list_part(collection, query, Some(position.place.clone())).await
    }

    /// The documents that meet a filter, in memory at once: the first `max` of them.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list_all(
        &self,
        collection: &CollectionName,
        (filter, order): (Filter, Order),
        max: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let page = PageRequest::All;
        let query = Query { filter, order, page, fields: Vec::new(), count: Count::None };
        let mut page = self.list(collection, &query).await?;
        let mut all = page.documents;
        while let Some(position) = page.next.take().filter(|_| all.len() < max) {
            page = self.list_next(collection, &query, &position).await?;
            all.append(&mut page.documents);
        }
        all.truncate(max);
        Ok(all)
    }

    async fn list_part(
        &self,
        collection: &CollectionName,
        query: &Query,
        after: Option<Place>,
    ) -> Result<DocumentPage, StoreError> {
        self.refuse_reserved(collection)?;
        let (limit, skip, bytes_max) = match query.page {
            PageRequest::All if query.order.0.is_empty() => {
                (STREAM_PAGE_DOCUMENTS, 0, STREAM_PAGE_BYTES)
            }
            PageRequest::All => (STREAM_SORTED_DOCUMENTS, 0, STREAM_SORTED_BYTES),
            PageRequest::Cursor { limit, .. } => (limit, 0, self.options.page_bytes_max),
            PageRequest::Numbered { page, limit } => {
                let skip = u64::from(page.saturating_sub(1)) * u64::from(limit);
                (limit, skip, self.options.page_bytes_max)
            }
        };
        let request = ListRequest {
            filter: query.filter.clone(),
            order: query.order.clone(),
            after,
            skip,
            limit,
            bytes_max,
            scan_max: self.options.scan_max,
        };
        let listing = self.engine.list(collection, &request);
        let mut listing = listing.instrument(self.span("list")).await?;
        // A numbered page that ended early would leave documents out: the next begins by number.
        if let PageRequest::Numbered { page, limit } = query.page
            && listing.next.is_some()
            && listing.documents.len() < limit as usize
        {
            return Err(StoreError::PageTooLarge { page, limit });
        }
        let next = match listing.next {
            Some(place) => {
                let identity = self.engine.identity().await?;
                let cursor = cursor::encode(&identity, collection, &query.order, &place);
                Some(PagePosition { cursor, place })
            }
            None => None,
        };
        self.hide(collection, &mut listing.documents).await?;
        Ok(DocumentPage { documents: listing.documents, next, totals: None })
    }

    /// How many documents of a collection meet a filter.
    ///
    /// # Errors
    /// When the filter names what is never shown, more would have to be examined than a request
    /// may, or the engine fails.
    pub async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
    ) -> Result<u64, StoreError> {
        self.refuse_reserved(collection)?;
        self.check_filter(collection, filter).await?;
        let counting = self.engine.count(collection, filter, self.options.scan_max);
        Ok(counting.instrument(self.span("count")).await?)
    }

    async fn totals(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<Option<Totals>, StoreError> {
        let numbered = match query.page {
            PageRequest::Numbered { page, limit } => Some((page, limit)),
            _ if query.count == Count::Exact => None,
            _ => return Ok(None),
        };
        let documents = self.count(collection, &query.filter).await?;
        Ok(Some(Totals {
            documents,
            page: numbered.map(|(page, _)| page),
            pages: numbered.map(|(_, limit)| documents.div_ceil(u64::from(limit))),
        }))
    }
}
