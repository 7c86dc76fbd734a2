//! Mixpanel's documented limits, each with the page it comes from (all read on 2026-08-21).
//!
//! Mixpanel writes "MB" without saying which one; its sample error counts 2 MiB, so these are binary units.

/// Events in one request. `docs.mixpanel.com/reference/import-events`.
pub const MAX_EVENTS: usize = 2_000;

/// Bytes of a lookup table after decompression: 100 MB. `docs.mixpanel.com/reference/replace-lookup-table`.
pub const MAX_LOOKUP_TABLE_BYTES: usize = 100 * 1024 * 1024;

/// Bytes of one profile update: 1 MB. `docs.mixpanel.com/reference/user-profile-limits`.
pub const MAX_UPDATE_BYTES: usize = 1024 * 1024;

/// Properties of a profile. `docs.mixpanel.com/reference/user-profile-limits`.
pub const MAX_PROFILE_PROPERTIES: usize = 2_000;

/// Bytes of one request after decompression: 10 MB. `docs.mixpanel.com/reference/import-events`.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// An event's compact JSON must be smaller than this: 1 MB. `docs.mixpanel.com/reference/import-events`.
pub const EVENT_BYTES_BELOW: usize = 1024 * 1024;

/// Properties of an event, keys of a nested object and elements of an array must be fewer than this.
/// `docs.mixpanel.com/reference/import-events`.
pub const ENTRIES_BELOW: usize = 255;

/// Objects inside objects, the first property value that is an object being depth 1.
/// `docs.mixpanel.com/reference/import-events`.
pub const MAX_OBJECT_DEPTH: usize = 3;

/// Bytes kept of a string value; the rest is cut off. `docs.mixpanel.com/reference/import-events` says characters and
/// `docs.mixpanel.com/docs/data-structure/property-reference/data-type` says bytes: the stricter one.
pub const MAX_STRING_BYTES: usize = 255;

/// Characters kept of an event or property name. `docs.mixpanel.com/docs/data-structure/events-and-properties`.
pub const MAX_NAME_CHARS: usize = 255;

/// Bytes of an `$insert_id`. `docs.mixpanel.com/reference/import-events`.
pub const MAX_INSERT_ID_BYTES: usize = 36;

/// The earliest accepted time, 1971-01-01T00:00:00Z. `docs.mixpanel.com/reference/import-events`.
pub const EARLIEST_TIME_S: i64 = 31_536_000;

/// How far in the future a time may be: one hour. `docs.mixpanel.com/reference/import-events`.
pub const MAX_FUTURE_MS: i64 = 3_600_000;

/// Events that one raw export may be asked for with `limit`. `docs.mixpanel.com/reference/raw-event-export`.
pub const MAX_EXPORT_LIMIT: u64 = 100_000;

/// Values that are refused as `distinct_id` and as `$insert_id`, in any case. `docs.mixpanel.com/reference/import-events`.
pub const BANNED_IDS: [&str; 17] = [
    "00000000-0000-0000-0000-000000000000",
    "anon",
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "<nil>",
    "0",
    "-1",
    "true",
    "false",
    "[]",
    "{}",
];

/// Is `id` one of [`BANNED_IDS`], in any case?
pub fn is_banned_id(id: &str) -> bool {
    BANNED_IDS.iter().any(|banned| banned.eq_ignore_ascii_case(id))
}
