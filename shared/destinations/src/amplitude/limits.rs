//! Amplitude's limits. Source, unless named: amplitude.com/docs/apis/analytics/http-v2, read 2026-03-13.

use std::borrow::Cow;

use driftless_core::protocol::limits::DAY_MS;

use crate::json::NestedLimits;
use crate::value_rules::{TextMax, ValueRules};

/// Events in one request (amplitude.com/docs/apis/analytics/batch-event-upload).
pub const EVENTS_PER_REQUEST: u32 = 2_000;

/// Bytes of one request before compression: 20 MB (same page), less room for the key and what counts differently there.
pub const REQUEST_BYTES: u64 = 19_000_000;

/// Bytes of one event: what the HTTP V2 API takes as a whole request.
pub const EVENT_BYTES: usize = 1_000_000;

/// Events of one user or device in 24 hours, above which it is throttled (batch page).
pub const EVENTS_PER_USER_AND_DAY: u64 = 500_000;

/// Event names above which they cannot be queried
/// (amplitude.com/docs/faq/limits: 2,000 event types of a project).
pub const EVENT_NAMES: usize = 2_000;

/// For how long an insert_id is known again.
pub const DEDUPE_WINDOW_MS: i64 = 7 * DAY_MS;

/// How long throttled events wait (batch page: 15 s; HTTP V2 page: 30 s).
pub const THROTTLED_WAIT_MS: i64 = 30_000;

/// How long the events of a user wait whose day is full; the day rolls on hour by hour (batch page).
pub const DAILY_QUOTA_WAIT_MS: i64 = 3_600_000;

/// Identifications in one request (amplitude.com/docs/apis/analytics/group-identify; none is stated for users).
pub const IDENTIFIES_PER_REQUEST: u32 = 1_024;

/// Bytes of one such request: 1 MB as a form, in which a byte may take three.
pub const IDENTIFY_BYTES: u64 = 320_000;

/// Properties of one update (same page: 1,024).
pub const PROPERTIES: usize = 1_024;

/// How long updates of properties wait when they are throttled (amplitude.com/docs/apis/analytics/identify: 15 s).
pub const IDENTIFY_WAIT_MS: i64 = 15_000;

/// Characters of a text; longer ones are cut there, so they are cut here, always at the same place.
pub const TEXT_CHARACTERS: usize = 1_024;
/// The same for people.
pub const TEXT_MAX: &str = "1,024 characters";

/// Levels of nesting.
pub const NESTED_DEPTH: usize = 40;

/// Rows of a lookup table (amplitude.com/docs/apis/analytics/lookup-table-2).
pub const LOOKUP_TABLE_ROWS: u32 = 1_000_000;

/// Bytes of a lookup table: 100 MB (same page).
pub const LOOKUP_TABLE_BYTES: u64 = 100_000_000;

/// Bytes above which a mutation file is of a size that Amplitude states
/// (amplitude.com/docs/data/source-catalog/amazon-s3: more than 1 MB, less than 5 GB). Whether that is meant compressed
/// is not said; ours are 32 MB before compression.
pub const MUTATION_FILE_BYTES_MIN: u64 = 1_000_000;
/// Bytes of one mutation file before compression: what a planner can spare for several at a time.
pub const MUTATION_FILE_BYTES: u64 = 32 << 20;
/// Rows of one mutation file: their states are remembered within one lease.
pub const MUTATION_FILE_ROWS: u32 = 50_000;

/// Event names that Amplitude makes itself or reads as something else.
pub const RESERVED_EVENTS: &[&str] = &[
    "$identify",
    "$groupidentify",
    "[Amplitude] Start Session",
    "[Amplitude] End Session",
    "[Amplitude] Revenue",
    "[Amplitude] Revenue (Verified)",
    "[Amplitude] Revenue (Unverified)",
    "[Amplitude] Merged User",
];

/// Ids that Amplitude refuses, in any case.
const BANNED_IDS: &[&str] = &[
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "",
    "00000000-0000-0000-0000-000000000000",
    "{}",
    "lmy47d",
    "0",
    "-1",
];

/// Whether Amplitude refuses an id.
pub fn is_banned(id: &str) -> bool {
    BANNED_IDS.iter().any(|banned| banned.eq_ignore_ascii_case(id))
        || (id.len() > 8 && id.bytes().all(|byte| matches!(byte, b'0' | b'-')))
}

/// Names and values of properties. How many entries a list may have is not said; a request bounds it.
pub fn value_rules() -> ValueRules {
    let nested = NestedLimits { depth: NESTED_DEPTH, items: usize::MAX, bytes: EVENT_BYTES };
    ValueRules { text: TextMax::Characters(TEXT_CHARACTERS), nested, property_name: |name| Cow::Borrowed(name) }
}
