use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use super::context::PlanContext;
use crate::model::{RowKey, RowState, RunId, StagedBatch, StagedChange};
use crate::ports::{BatchLimits, PortError, run_on};
use crate::protocol::limits::STAGING_WIDTH;
use crate::protocol::names;

/// Cuts changes into batches, compresses them and stores them, while planning goes on. A dry run only counts.
pub(super) struct Stager {
    run: RunId,
    limits: BatchLimits,
    batch: StagedBatch,
    lines: Vec<u8>,
    in_flight: FuturesUnordered<BoxFuture<'static, Result<(), PortError>>>,
    /// Batches cut so far.
    pub batches: u32,
    /// Lines in them: events that will be sent.
    pub lines_total: u64,
    /// Bytes of payload.
    pub payload_bytes: u64,
}

impl Stager {
    pub fn new(context: &PlanContext, run: RunId) -> Self {
        Self {
            run,
            limits: context.sync.destination.limits(),
            batch: StagedBatch::default(),
            lines: Vec::new(),
            in_flight: FuturesUnordered::new(),
            batches: 0,
            lines_total: 0,
            payload_bytes: 0,
        }
    }

    /// Takes a change with its payload lines. The lines of one change are never separated.
    pub async fn push(&mut self, context: &PlanContext, change: StagedChange, lines: &[u8]) -> Result<(), PortError> {
        let full = self.batch.lines + u32::from(change.lines) > self.limits.lines_max
            || (self.lines.len() + lines.len()) as u64 > self.limits.bytes_max;
        if full && !self.batch.changes.is_empty() {
            self.cut(context).await?;
        }
        self.batch.lines += u32::from(change.lines);
        self.lines_total += u64::from(change.lines);
        self.payload_bytes += lines.len() as u64;
        self.batch.changes.push(change);
        if !context.is_dry {
            self.lines.extend_from_slice(lines);
        }
        Ok(())
    }

    /// Takes lines that belong to no change, into the batch that is being filled.
    pub fn push_lines(&mut self, context: &PlanContext, count: u32, lines: &[u8]) {
        self.batch.lines += count;
        self.lines_total += u64::from(count);
        self.payload_bytes += lines.len() as u64;
        if !context.is_dry {
            self.lines.extend_from_slice(lines);
        }
    }

    /// Takes a row state to be written without sending anything.
    pub async fn push_quiet(&mut self, context: &PlanContext, key: RowKey, state: RowState) -> Result<(), PortError> {
        if self.batch.quiet_states.len() >= self.limits.lines_max as usize * 4 {
            self.cut(context).await?;
        }
        self.batch.quiet_states.push((key, state));
        Ok(())
    }

    /// Lets storing go on without waiting for it.
    pub fn advance(&mut self) -> Result<(), PortError> {
        while let Some(Some(done)) = self.in_flight.next().now_or_never() {
            done?;
        }
        Ok(())
    }

    /// Stores what is left and waits until all is stored.
    pub async fn finish(&mut self, context: &PlanContext) -> Result<(), PortError> {
        if !self.batch.changes.is_empty() || !self.batch.quiet_states.is_empty() {
            self.cut(context).await?;
        }
        while let Some(done) = self.in_flight.next().await {
            done?;
        }
        Ok(())
    }

    async fn cut(&mut self, context: &PlanContext) -> Result<(), PortError> {
        let mut batch = std::mem::take(&mut self.batch);
        let capacity = self.lines.len() + self.lines.len() / 16;
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(capacity));
        let number = self.batches;
        self.batches += 1;
        if context.is_dry {
            return Ok(());
        }
        while self.in_flight.len() >= STAGING_WIDTH {
            if let Some(done) = self.in_flight.next().await {
                done?;
            }
        }
        let blob = names::staged_batch(context.sync.name(), self.run, context.attempt, number);
        let destination = context.sync.destination.clone();
        let encoded = run_on(&context.ports.compute, move || {
            batch.payload_bytes = lines.len() as u64;
            batch.to_bytes(|bytes| {
                if batch.lines > 0 {
                    destination.compress(&lines, bytes);
                }
            })
        });
        let blobs = Arc::clone(&context.ports.blobs);
        self.in_flight.push(Box::pin(async move {
            let bytes = encoded.await?.map_err(|e| PortError::halt("staging a batch", e, "report this as a defect"))?;
            blobs.put(&blob, Bytes::from(bytes)).await
        }));
        Ok(())
    }
}
