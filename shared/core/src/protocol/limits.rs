//! Every bound of the protocol, by name and with its reason.

/// Decoded bytes that are parsed as one job: large enough to hide the cost of starting it, small enough for memory.
pub const BLOCK_BYTES: usize = 1 << 20;

/// Exports of one run: they are listed in the checkpoint, and a DynamoDB item is at most 400 KB (an export takes about 70
/// bytes of it, compressed).
pub const EXPORTS_PER_RUN_MAX: usize = 1_500;

/// Exports of the open runs of one planning, from which on it ends until they are delivered: same reason.
pub const EXPORTS_IN_FLIGHT_MAX: usize = 1_500;

/// Rows of one snapshot in the index: 48 bytes each, so 720 MB, what a 1,769 MB function can spare.
pub const SNAPSHOT_ROWS_MAX: u64 = 15_000_000;

/// Updates of one run whose state before is kept in memory, about 200 bytes each.
pub const UPDATES_PER_RUN_MAX: usize = 2_000_000;

/// Keys that one planning holds in memory because their runs are not finished, 16 bytes each and the set around them.
pub const KEYS_IN_FLIGHT_MAX: usize = 2_000_000;

/// Row states read or written in one call: ten BatchGetItem calls of 100 items.
pub const STATES_PER_CALL: usize = 1_000;

/// Entries that are sorted as one chunk of the index.
pub const INDEX_CHUNK: usize = 1 << 19;

/// Parts of a ledger above which a plan writes it anew.
pub const LEDGER_PARTS_MAX: usize = 12;

/// Quarantined rows in one blob.
pub const QUARANTINE_ROWS_PER_BLOB: usize = 5_000;

/// Quarantined rows that are named in a plan.
pub const REJECTED_SHOWN: usize = 10;

/// A planner's lease: the 15 minutes of a function and a margin.
pub const PLAN_LEASE_MS: i64 = 16 * 60_000;

/// A batch's lease: time for several attempts with back-off.
pub const CLAIM_LEASE_MS: i64 = 5 * 60_000;

/// When a request is given up. Mixpanel documents none; its own importer waits 60 s.
pub const REQUEST_TIMEOUT_MS: i64 = 60_000;

/// How long after it was given up a request may still be applied (reference: aws-and-reliability 3.3, F27: 42 s).
pub const LATE_BOUND_MS: i64 = 45_000;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// How long before a destination forgets an insert_id nothing is sent again by itself: an attempt, its queue and the
/// clocks of both sides.
pub const DEDUPE_MARGIN_MS: i64 = 6 * 3_600_000;

/// How far the clocks of two workers may differ.
pub const CLOCK_SKEW_MS: i64 = 4_000;

/// First wait before a request is sent again, doubled each time
/// (docs.mixpanel.com/reference/import-events, 2026-08-21: 2 s, doubling to 60 s, with 1 to 5 s of jitter).
pub const BACK_OFF_FIRST_MS: i64 = 2_000;
/// Longest such wait.
pub const BACK_OFF_MAX_MS: i64 = 60_000;
/// Jitter on top, from 1,000 to this.
pub const BACK_OFF_JITTER_MS: u64 = 5_000;

/// How often a compare-and-swap is tried against other writers before the work is left to a later attempt.
pub const SWAP_ATTEMPTS_MAX: usize = 32;

/// Items or objects asked for in one page.
pub const PAGE: usize = 1_000;

/// Batches that are compressed and stored at the same time while a plan goes on.
pub const STAGING_WIDTH: usize = 8;

/// Members of one done-set, so that adding to it stays cheap.
pub const DONE_SET_SIZE: u32 = 512;

/// How long the name of a start is remembered: a week, longer than any scheduler repeats a call.
pub const REQUEST_KEPT_MS: i64 = 7 * 86_400_000;

/// Runs whose billable mutations make the average.
pub const RECENT_RUNS: usize = 10;

/// Bytes of one object of a Delta table's log: a checkpoint of a million files has about 100 MB.
pub const DELTA_LOG_BYTES_MAX: u64 = 256 << 20;

/// A manifest larger than this is not read.
pub const MANIFEST_BYTES_MAX: u64 = 16 << 20;
