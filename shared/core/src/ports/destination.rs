use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Request, Response, TransportError};
use crate::model::{Identity, Observed, Row, RowError, RunId, SchemaLock, fingerprint};

/// What one request of a destination may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Lines.
    pub lines_max: u32,
    /// Uncompressed bytes.
    pub bytes_max: u64,
    /// Rows of one user and day above which the destination hides events.
    pub hot_shard_rows: u64,
    /// Event names above which it stops indexing.
    pub event_names_max: usize,
    /// How long a text may be before it is cut, for people.
    pub text_max: &'static str,
    /// Bytes of payload below which the destination would rather wait for more.
    pub bytes_min: u64,
}

/// What a plan tells people about a destination. Each goes on a sentence that begins with a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// "N updates change event, user or time: ..."
    pub identity_change: &'static str,
    /// "N deletes ...", if there is something to know about them.
    pub delete: Option<&'static str>,
    /// "more than N event names: ..."
    pub event_names: &'static str,
    /// "N users ..." with more events than `hot_shard_rows`.
    pub hot_shard: &'static str,
}

/// What a line does to the row's copy at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation<'a> {
    /// There is none.
    Insert,
    /// It takes the place of one.
    Update {
        /// What [`RowEncoder::clearing`] wrote for the row, where that belongs into the line.
        clearing: &'a [u8],
    },
}

/// Names one request's payload within a project: the same payload has the same name on every attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadName<'a> {
    /// Sync.
    pub sync: &'a str,
    /// Run.
    pub run: RunId,
    /// Number of the batch in its run.
    pub batch: u32,
}

/// Turns rows into lines of a payload. One per job; it may keep what it worked out about columns.
pub trait RowEncoder: Send {
    /// Appends the row up to, but without, its insert_id, and returns the event time in milliseconds since the epoch.
    /// On an error nothing is appended.
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError>;
    /// Hash of an encoded row: equal if and only if the destination would show the same.
    fn fingerprint(&self, encoded: &[u8]) -> u64 {
        fingerprint(encoded)
    }
    /// Appends what clears that which an older copy may have and the row encoded last does not, where the destination
    /// merges what is sent into what it has: a line that goes before the row's own, in one change with it, or a part of
    /// the row's own line.
    fn clearing(&self, _out: &mut Vec<u8>) {}
    /// Whether that is a part of the row's own line.
    fn clears_within_line(&self) -> bool {
        false
    }
    /// Event name and distinct_id of the row encoded last.
    fn identity_parts(&self) -> (&str, &str);
    /// Whether that distinct_id is a user's, not a device's or nobody's.
    fn names_user(&self) -> bool {
        true
    }
    /// Checks a column's value as an insert_id to be passed through.
    fn check_insert_id(&self, id: &str) -> Result<(), &'static str>;
    /// Appends the insert_id, what the line does, and its end.
    fn close(&self, insert_id: &str, mutation: Mutation<'_>, out: &mut Vec<u8>);
    /// What was seen since the last call.
    fn take_observed(&mut self) -> Observed;
}

/// One row that the destination refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Line of the payload, from 0.
    pub line: u32,
    /// The field it names.
    pub field: String,
    /// Its reason, reduced to words that contain no value of the row.
    pub reason: String,
}

/// What an answer means, told by what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// All lines are there.
    Accepted,
    /// All lines are there but these.
    Partly(Vec<Refusal>),
    /// None of them was applied. These are refused; the others are to be sent again.
    NoneBut(Vec<Refusal>),
    /// None of them was applied. The others are to be sent again at once, these after a while.
    Parked {
        /// Lines of the payload, from 0, ascending.
        lines: Vec<u32>,
        /// How long.
        wait_ms: i64,
        /// Why.
        cause: String,
    },
    /// Split and send again.
    TooLarge,
    /// Some of it is refused, and it is not told which: split and send again, until one line is left.
    Split {
        /// Why, without values of rows.
        reason: String,
    },
    /// Not applied; send again after a while.
    RetryAfter {
        /// What the destination asked for, if it did.
        wait_ms: Option<i64>,
        /// Why.
        cause: String,
    },
    /// May have been applied, now or later; send the same bytes again after a while.
    Ambiguous {
        /// Why.
        cause: String,
    },
    /// Stop the sync: credentials, a wrong project, a request that the destination does not understand.
    Halt {
        /// Why.
        cause: String,
        /// What a person can do.
        remedy: String,
    },
}

/// One destination project: changes to requests, responses to outcomes. No HTTP client inside.
pub trait Destination: Send + Sync {
    /// Limits of one request.
    fn limits(&self) -> BatchLimits;
    /// First and last event time, milliseconds since the epoch, that the destination keeps as they are.
    fn time_bounds(&self, now_ms: i64) -> (i64, i64);
    /// A fresh encoder. The op and the order column of the lock describe changes, not rows: they are not sent.
    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder>;
    /// What comes before the first line, where a batch is a whole.
    fn preamble(&self, _lock: &SchemaLock) -> Vec<u8> {
        Vec::new()
    }
    /// Appends the line that deletes an identity; nothing, where it is deleted by not being in a whole.
    fn tombstone(&self, identity: &Identity, lock: &SchemaLock, out: &mut Vec<u8>);
    /// Whether an identity that was deleted may be inserted again.
    fn revives_identities(&self) -> bool {
        true
    }
    /// How long after a run nothing of a later one may be sent, because the destination may apply both in any order.
    fn rest_ms(&self) -> i64 {
        0
    }
    /// How long the destination knows an insert_id again, where it does not know it for ever: a line that may have been
    /// applied longer ago must not be sent again by itself.
    fn dedupe_window_ms(&self) -> Option<i64> {
        None
    }
    /// What a plan tells people about it.
    fn notes(&self) -> Notes;
    /// Appends the payload, compressed as the request takes it.
    fn compress(&self, lines: &[u8], out: &mut Vec<u8>);
    /// The reverse of [`Self::compress`], for splitting a batch.
    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String>;
    /// The request for a compressed payload.
    fn request(&self, name: PayloadName<'_>, body: Bytes) -> Request;
    /// Reads the answer to `lines` lines.
    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery;
}
