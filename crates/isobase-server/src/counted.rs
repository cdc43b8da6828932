//! Counts that take a while.

use std::time::Instant;

use tokio::sync::Mutex;

/// It is told again for so many times as long as it took to count: those who look at it never take
/// more than a twentieth of the time of a task.
const REST: u32 = 20;

/// The last count, and until when it is told. One counts, the others wait for it.
#[derive(Debug)]
pub(crate) struct Counted<T>(Mutex<Option<(T, Instant)>>);

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Counted<T> {
    /// The count, of now or not long ago.
    pub(crate) async fn get<E>(&self, count: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut known = self.0.lock().await;
        if let Some((counted, until)) = &*known
            && Instant::now() < *until
        {
            return Ok(counted.clone());
        }
        let began = Instant::now();
        let counted = count.await?;
        *known = Some((counted.clone(), Instant::now() + began.elapsed() * REST));
        Ok(counted)
    }
}
