use serde::{Deserialize, Serialize};

/// What became of the rows of one run. For every finished run
/// `read = accepted + unchanged + duplicate + coalesced + rejected + filtered`, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows read from exports.
    pub read: u64,
    /// Rows whose change the destination took.
    pub accepted: u64,
    /// Rows whose key already has this content at the destination.
    pub unchanged: u64,
    /// Rows that were there before: the same row again, or a change older than the one delivered.
    pub duplicate: u64,
    /// Earlier changes of a key in the same run, and pre-images.
    pub coalesced: u64,
    /// Rows in the quarantine.
    pub rejected: u64,
    /// Rows outside the window.
    pub filtered: u64,
    /// Keys deleted because a complete snapshot no longer has them. Not a row that was read.
    pub deleted_by_absence: u64,
}

impl Counts {
    /// Whether every row read is accounted for.
    pub fn is_conserved(&self) -> bool {
        self.read == self.accepted + self.unchanged + self.duplicate + self.coalesced + self.rejected + self.filtered
    }

    /// Adds another part of the same run.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.unchanged += other.unchanged;
        self.duplicate += other.duplicate;
        self.coalesced += other.coalesced;
        self.rejected += other.rejected;
        self.filtered += other.filtered;
        self.deleted_by_absence += other.deleted_by_absence;
    }
}

/// What the delivery of one batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settled {
    /// Changes of rows that were read and that the destination took.
    pub accepted: u64,
    /// Changes of rows that were read and that it refused.
    pub rejected: u64,
    /// Deletes by absence that it took.
    pub deleted_by_absence: u64,
    /// Events or updates sent, every attempt counted: of events, what may be billed.
    pub events_sent: u64,
    /// Requests sent.
    pub requests: u64,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Requests whose answer was lost or unclear, so that they were sent again.
    pub ambiguous: u64,
}

impl Settled {
    /// Adds another batch of the same run.
    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.deleted_by_absence += other.deleted_by_absence;
        self.events_sent += other.events_sent;
        self.requests += other.requests;
        self.request_bytes += other.request_bytes;
        self.ambiguous += other.ambiguous;
    }
}
