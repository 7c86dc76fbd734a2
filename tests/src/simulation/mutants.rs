use async_trait::async_trait;
use driftless_core::model::{ExportVersion, RowKey, RowState};
use driftless_core::ports::{ExportBytes, ExportError, ExportStore, Item, PortError, Put, RowStates, Table};
use driftless_testkit::memory::MemoryExports;
use driftless_testkit::simulation::{SimExports, SimRowStates, SimTable};

use super::Scenario;

/// A guard of the protocol, removed. The simulation must notice each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Checkpoints and claims are written without comparing.
    NoCompareAndSwap,
    /// Nothing sweeps: what a lost message meant is never done.
    NoSweep,
    /// An answer that names failed rows counts as success.
    PartialIsSuccess,
    /// An answer that names failed rows is retried as a whole.
    PartialIsRetried,
    /// No answer counts as success.
    UnclearIsSuccess,
    /// The insert_id is drawn anew for each line.
    RandomInsertId,
    /// All rows share one insert_id.
    ConstantInsertId,
    /// The fingerprint does not see content.
    FingerprintIsBlind,
    /// Row states are forgotten.
    RowStatesForgotten,
    /// Row states are not written.
    RowStatesNotWritten,
    /// An export is read as it is now, not as it was listed.
    UnpinnedRead,
    /// The order of changes is not looked at.
    OrderIgnored,
    /// What was consumed is forgotten.
    ExportsNeverConsumed,
    /// Runs of mutation files are not a window apart.
    NoRest,
    /// Rows of a folder that is gone are deleted like others.
    FoldersIgnored,
    /// After an answer that refuses some of a request that was taken not at all, all of it counts as settled.
    NoneButIsPartly,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::NoCompareAndSwap,
        Self::NoSweep,
        Self::PartialIsSuccess,
        Self::PartialIsRetried,
        Self::UnclearIsSuccess,
        Self::RandomInsertId,
        Self::ConstantInsertId,
        Self::FingerprintIsBlind,
        Self::RowStatesForgotten,
        Self::RowStatesNotWritten,
        Self::UnpinnedRead,
        Self::OrderIgnored,
        Self::ExportsNeverConsumed,
        Self::NoRest,
        Self::FoldersIgnored,
        Self::NoneButIsPartly,
    ];

    /// A scenario that can notice it.
    pub fn scenario(self) -> Scenario {
        match self {
            Self::NoCompareAndSwap | Self::RandomInsertId => Scenario::AppendOff,
            Self::NoSweep | Self::PartialIsSuccess | Self::PartialIsRetried | Self::UnclearIsSuccess => {
                Scenario::Append
            }
            Self::ExportsNeverConsumed => Scenario::Append,
            Self::NoRest => Scenario::FileChange,
            Self::FoldersIgnored => Scenario::FolderSnapshot,
            Self::NoneButIsPartly => Scenario::AmplitudeAppend,
            Self::UnpinnedRead => Scenario::ProfileSnapshot,
            Self::ConstantInsertId | Self::FingerprintIsBlind | Self::RowStatesForgotten => Scenario::Change,
            Self::RowStatesNotWritten | Self::OrderIgnored => Scenario::Change,
        }
    }
}

/// A table that may write without comparing, or forget what was consumed.
pub struct MutantTable {
    pub real: SimTable,
    pub mutant: Option<Mutant>,
}

#[async_trait]
impl Table for MutantTable {
    async fn get(&self, partition: &str, sort: &str) -> Result<Option<Item>, PortError> {
        self.real.get(partition, sort).await
    }

    async fn put(
        &self,
        partition: &str,
        sort: &str,
        expected: Option<u64>,
        token: &str,
        body: &[u8],
    ) -> Result<Put, PortError> {
        if self.mutant == Some(Mutant::NoCompareAndSwap) {
            let current = self.real.inner.get(partition, sort).await?.map(|item| item.revision);
            return self.real.put(partition, sort, current, token, body).await;
        }
        self.real.put(partition, sort, expected, token, body).await
    }

    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError> {
        if self.mutant == Some(Mutant::ExportsNeverConsumed) && partition.starts_with("consumed/") {
            return Ok(());
        }
        self.real.put_fact(partition, sort, body).await
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<(String, Item)>, PortError> {
        self.real.list(partition, after, limit).await
    }

    async fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        self.real.delete(partition, sort).await
    }

    async fn add_member(&self, partition: &str, sort: &str, member: u32) -> Result<u32, PortError> {
        self.real.add_member(partition, sort, member).await
    }
}

/// Row states that may be forgotten.
pub struct MutantRowStates {
    pub real: SimRowStates,
    pub mutant: Option<Mutant>,
}

#[async_trait]
impl RowStates for MutantRowStates {
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError> {
        if self.mutant == Some(Mutant::RowStatesForgotten) {
            return Ok(vec![None; keys.len()]);
        }
        self.real.get(sync, keys).await
    }

    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError> {
        if self.mutant == Some(Mutant::RowStatesNotWritten) && self.real.world.draw(2) == 0 {
            return Ok(());
        }
        self.real.put(sync, states).await
    }

    async fn expire(&self, sync: &str, now_ms: i64, limit: usize) -> Result<usize, PortError> {
        self.real.expire(sync, now_ms, limit).await
    }
}

/// Exports that may be read unpinned.
pub struct MutantExports {
    pub real: SimExports,
    pub now: MemoryExports,
    pub mutant: Option<Mutant>,
}

#[async_trait]
impl ExportStore for MutantExports {
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ExportVersion>, PortError> {
        self.real.list(prefix, after, limit).await
    }

    async fn open(&self, version: &ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError> {
        if self.mutant == Some(Mutant::UnpinnedRead)
            && let Some(current) = self.now.versions().into_iter().find(|v| v.key == version.key)
        {
            return self.real.open(&current).await;
        }
        self.real.open(version).await
    }
}
