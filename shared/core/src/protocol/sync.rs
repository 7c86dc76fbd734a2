use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{Feed, Kind, Mode, Order, SyncConfig, Ties};
use crate::mapping::parse_moment;
use crate::model::{Checkpoint, SchemaLock};
use crate::ports::Destination;

/// A configured sync with its destination, as the protocol's functions take it.
pub struct Sync {
    /// Configuration.
    pub config: SyncConfig,
    /// Destination.
    pub destination: Arc<dyn Destination>,
    /// Version of the configuration that it is of; runs keep it.
    pub version: String,
    mapping: String,
    window_from_ms: i64,
    window_until_ms: i64,
}

/// "Plan this sync": carries the attempt, so that a late copy is known as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanMessage {
    /// Sync.
    pub sync: String,
    /// Attempt.
    pub attempt: u64,
}

impl Sync {
    /// Puts the two together.
    pub fn new(config: SyncConfig, destination: Arc<dyn Destination>, version: String) -> Self {
        let moment = |text: &Option<String>, open| text.as_deref().and_then(parse_moment).unwrap_or(open);
        Self {
            window_from_ms: moment(&config.window.from, i64::MIN),
            window_until_ms: moment(&config.window.until, i64::MAX),
            mapping: mapping_digest(&config),
            config,
            destination,
            version,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Digest of the mapping in the sync's own file.
    pub fn mapping(&self) -> &str {
        &self.mapping
    }

    /// Whether a snapshot is at the destination, as far as its rows could be sent, under the mapping as it is now.
    pub fn has_synced(&self, checkpoint: &Checkpoint, snapshot: &str) -> bool {
        let mapping = checkpoint.lock.mapping.as_deref();
        checkpoint.snapshot.as_deref() == Some(snapshot) && mapping.is_none_or(|mapping| mapping == self.mapping)
    }

    /// Whether a row of this time is to be at the destination.
    pub fn is_in_window(&self, time_ms: i64) -> bool {
        self.window_from_ms <= time_ms && time_ms < self.window_until_ms
    }

    /// How the exports carry change: as configured, else by mode and by the op column that was found.
    pub fn feed(&self, lock: &SchemaLock) -> Feed {
        if self.config.kind == Kind::LookupTable {
            return Feed::Snapshot;
        }
        match (self.config.source.feed, self.config.mode) {
            (Feed::Auto, Mode::Append) => Feed::Append,
            (Feed::Auto, Mode::Full) => Feed::Snapshot,
            (Feed::Auto, Mode::Mirror) if lock.delta => Feed::Snapshot,
            (Feed::Auto, Mode::Mirror) if self.config.source.op.is_some() || lock.op_column.is_some() => Feed::Change,
            (Feed::Auto, Mode::Mirror) => Feed::Snapshot,
            // One load of whatever is there needs no more than its rows.
            (Feed::Auto | Feed::Snapshot, Mode::OneTime) => Feed::Append,
            (feed, _) => feed,
        }
    }

    /// Whether the changes of a key are ordered by delivery: as configured, or because a change log has nothing better.
    pub fn orders_by_delivery(&self, lock: &SchemaLock) -> bool {
        match self.config.source.order {
            Order::Delivery => true,
            Order::Auto => lock.dms && lock.order_column.is_none(),
            Order::Column(_) => false,
        }
    }

    /// Whether, of two rows of a key with the same place in its order, the later delivery counts.
    pub fn delivery_breaks_ties(&self, lock: &SchemaLock) -> bool {
        lock.envelope.is_some() || self.config.source.ties == Ties::Delivery
    }

    /// Whether a row as it was before an update stands for a delete of its key. Where the changes of a key have an order, the
    /// row after it beats it; without one, a row that came in another export could not.
    pub fn pre_images_delete(&self, lock: &SchemaLock) -> bool {
        self.config.mode == Mode::Mirror && (lock.order_column.is_some() || self.orders_by_delivery(lock))
    }

    /// Whether the feed may turn out to be another one once the exports are looked at.
    pub fn feed_is_open(&self, lock: &SchemaLock) -> bool {
        self.config.kind != Kind::LookupTable
            && self.config.source.feed == Feed::Auto
            && self.config.mode == Mode::Mirror
            && self.config.source.op.is_none()
            && lock.columns.is_empty()
            && !lock.delta
    }

    /// Whether rows are remembered one by one, so that runs must not overlap.
    pub fn keeps_row_state(&self) -> bool {
        match self.config.mode {
            Mode::Mirror | Mode::Full => true,
            Mode::Append | Mode::OneTime => self.config.dedupe_days().is_some(),
        }
    }
}

/// Changes with every change of the mapping in the sync's own file.
fn mapping_digest(config: &SyncConfig) -> String {
    let mapping = match (&config.profile_history, &config.identities) {
        // As it was before there were the other kinds, so that no mapping counts as changed for them.
        (None, None) => serde_json::json!([config.kind, config.events, config.profiles, config.lookup_table]),
        (history, None) => serde_json::json!([config.kind, history]),
        (_, identities) => serde_json::json!([config.kind, identities]),
    };
    blake3::hash(mapping.to_string().as_bytes()).to_hex()[..16].to_string()
}
