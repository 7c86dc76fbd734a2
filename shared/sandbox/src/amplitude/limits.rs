//! Amplitude's limits.

/// Events of one request to `/batch`.
pub const MAX_EVENTS: usize = 2_000;
/// Bytes of one request to `/batch`, after decompression.
pub const MAX_BATCH_BYTES: usize = 20_000_000;
/// Bytes of one request to `/identify` and `/groupidentify`.
pub const MAX_IDENTIFY_BYTES: usize = 1_000_000;
/// Identifications of one request to `/groupidentify`.
pub const MAX_IDENTIFIES: usize = 1_024;
/// Characters of an id, unless `options.min_id_length` says otherwise.
pub const MIN_ID_LENGTH: usize = 5;
/// Characters of a text; longer ones are cut.
pub const MAX_TEXT: usize = 1_024;
/// Levels of an object.
pub const MAX_DEPTH: usize = 40;
/// For how long an insert_id is known again: 7 days.
pub const DEDUPE_MS: i64 = 7 * 86_400_000;
/// Events of one user or device in 30 s: 1,000 a second on average.
pub const EVENTS_PER_30_S: u64 = 30_000;
/// Events of one user or device in 24 hours.
pub const EVENTS_PER_DAY: u64 = 500_000;
/// Bytes of a lookup table.
pub const MAX_TABLE_BYTES: usize = 100_000_000;
/// Rows of a lookup table.
pub const MAX_TABLE_ROWS: usize = 1_000_000;
/// Ids in one deletion request.
pub const MAX_DELETION_IDS: usize = 100;
/// Days until a deletion that was requested is done here; Amplitude takes up to 30.
pub const DELETION_DAYS: i64 = 14;

/// Ids that are refused, in any case.
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

/// Whether an id is refused.
pub fn is_banned(id: &str) -> bool {
    BANNED_IDS.iter().any(|banned| banned.eq_ignore_ascii_case(id))
}
