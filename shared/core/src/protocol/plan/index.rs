use crate::model::{IndexEntry, RowKey};
use crate::ports::{Compute, PortError, run_on};
use crate::protocol::limits::INDEX_CHUNK;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The rows of the first pass, in sorted chunks that are merged when they are read. A chunk is sorted while the next
/// one fills.
pub(super) struct Index {
    open: Vec<IndexEntry>,
    sorting: Vec<BoxFuture<'static, Result<Vec<IndexEntry>, PortError>>>,
    pub rows: u64,
}

impl Index {
    pub fn new() -> Self {
        Self { open: Vec::new(), sorting: Vec::new(), rows: 0 }
    }

    pub fn push(&mut self, compute: &Arc<dyn Compute>, entry: IndexEntry) {
        self.rows += 1;
        self.open.push(entry);
        if self.open.len() == INDEX_CHUNK {
            let chunk = std::mem::replace(&mut self.open, Vec::with_capacity(INDEX_CHUNK));
            self.sorting.push(run_on(compute, move || sorted(chunk)));
        }
    }

    /// Waits for the sorting.
    pub async fn finish(mut self, compute: &Arc<dyn Compute>) -> Result<Groups, PortError> {
        let mut last = std::mem::take(&mut self.open);
        last.shrink_to_fit();
        self.sorting.push(run_on(compute, move || sorted(last)));
        let mut chunks = Vec::new();
        for chunk in self.sorting {
            let chunk = chunk.await?;
            if !chunk.is_empty() {
                chunks.push(Chunk { entries: chunk, next: 0 });
            }
        }
        Ok(Groups { chunks, group: Vec::new() })
    }
}

fn sorted(mut chunk: Vec<IndexEntry>) -> Vec<IndexEntry> {
    chunk.sort_unstable_by_key(IndexEntry::sort_key);
    chunk
}

struct Chunk {
    entries: Vec<IndexEntry>,
    next: usize,
}

/// The index, key by key.
pub(super) struct Groups {
    chunks: Vec<Chunk>,
    group: Vec<IndexEntry>,
}

impl Groups {
    /// The next key; [`Self::take`] gives its entries.
    pub fn peek(&self) -> Option<RowKey> {
        self.chunks.iter().filter_map(|chunk| chunk.entries.get(chunk.next)).map(|entry| entry.key).min()
    }

    /// The entries of the next key, sorted.
    pub fn take(&mut self, key: RowKey) -> &[IndexEntry] {
        self.group.clear();
        let mut touched = 0;
        for chunk in &mut self.chunks {
            let before = self.group.len();
            while let Some(entry) = chunk.entries.get(chunk.next).filter(|entry| entry.key == key) {
                self.group.push(*entry);
                chunk.next += 1;
            }
            touched += usize::from(self.group.len() > before);
        }
        if touched > 1 {
            self.group.sort_unstable_by_key(IndexEntry::sort_key);
        }
        &self.group
    }
}
