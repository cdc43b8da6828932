//! Bytes of a value, read from the front.

/// Bytes that are no value of their type as we know it.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// Bytes that are read from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (front, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(front)
    }

    pub(crate) fn int(&mut self) -> Result<i32, Unreadable> {
        let bytes = self.take(4)?.try_into().map_err(|_| Unreadable)?;
        Ok(i32::from_be_bytes(bytes))
    }

    /// A length and so many bytes; a negative length is NULL.
    pub(super) fn element(&mut self) -> Result<Option<&'a [u8]>, Unreadable> {
        match usize::try_from(self.int()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }
}
