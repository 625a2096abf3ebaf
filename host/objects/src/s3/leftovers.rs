//! What dropped writers have left to do: removing the parts of their uploads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Requests in the background that a program should wait for before it ends.
#[derive(Debug, Default)]
pub(super) struct Leftovers(Mutex<JoinSet<()>>);

impl Leftovers {
    pub(super) fn spawn(
        &self,
        runtime: &Handle,
        request: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut requests = self.lock();
        while requests.try_join_next().is_some() {}
        requests.spawn_on(request, runtime);
    }

    /// Waits until all that are under way now have ended.
    pub(super) async fn settle(&self) {
        let mut requests = std::mem::take(&mut *self.lock());
        while requests.join_next().await.is_some() {}
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
