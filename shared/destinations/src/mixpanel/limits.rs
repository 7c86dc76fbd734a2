//! Mixpanel's limits. Source, unless named: docs.mixpanel.com/reference/import-events, read 2026-08-21. Where its pages
//! differ, the stricter one counts.

use super::reserved::property_name;
use crate::json::NestedLimits;
use crate::value_rules::{TextMax, ValueRules};

/// Events in one request.
pub const EVENTS_PER_REQUEST: u32 = 2_000;

/// Uncompressed bytes of one request: 10 MB, less 2 % for the ends of lines and what counts differently there.
pub const REQUEST_BYTES: u64 = 9_800_000;

/// Bytes of one event: "less than 1 MB".
pub const EVENT_BYTES: usize = 999_999;

/// Properties of one event: "fewer than 255".
pub const PROPERTIES: usize = 254;

/// Bytes of a string value; longer ones are cut there, so they are cut here, always at the same place
/// (docs.mixpanel.com/docs/data-structure/property-reference/data-type: bytes).
pub const STRING_BYTES: usize = 255;

/// The same for people.
pub(super) const TEXT_MAX: &str = "255 bytes";

/// Bytes of a list or object property (same page: 8 KB).
pub const NESTED_BYTES: usize = 8 * 1024;

/// Updates of user profiles in one request (docs.mixpanel.com/reference/user-profile-limits).
pub const PROFILES_PER_REQUEST: u32 = 2_000;

/// Updates of group profiles in one request: 200 in Mixpanel's examples, 2,000 in docs.mixpanel.com/reference/limits-1.
pub const GROUPS_PER_REQUEST: u32 = 200;

/// Bytes of one update of a profile: 1 MB (docs.mixpanel.com/reference/user-profile-limits), less room for the token.
pub const PROFILE_BYTES: usize = 999_000;

/// Properties of a profile; further ones fail (same page).
pub const PROFILE_PROPERTIES: usize = 2_000;

/// Bytes of a list or object in a profile (docs.mixpanel.com/docs/data-structure/property-reference/data-type: 256 KB).
pub const PROFILE_NESTED_BYTES: usize = 256 * 1024;

/// Uncompressed bytes of a lookup table: 100 MB (docs.mixpanel.com/reference/replace-lookup-table).
pub const LOOKUP_TABLE_BYTES: u64 = 100_000_000;

/// Rows of all lookup tables of a project together (docs.mixpanel.com/docs/data-structure/lookup-tables).
pub const LOOKUP_TABLE_ROWS: u32 = 5_000_000;

/// Keys of an object, elements of an array: "fewer than 255".
pub const NESTED_ITEMS: usize = 254;

/// Levels of nesting.
pub const NESTED_DEPTH: usize = 3;

/// Lists and objects of an event.
pub(super) const NESTED: NestedLimits = NestedLimits { depth: NESTED_DEPTH, items: NESTED_ITEMS, bytes: NESTED_BYTES };

/// Lists and objects of a profile.
pub(super) const PROFILE_NESTED: NestedLimits =
    NestedLimits { depth: NESTED_DEPTH, items: NESTED_ITEMS, bytes: PROFILE_NESTED_BYTES };

/// Names and values of properties.
pub(super) fn value_rules(nested: NestedLimits) -> ValueRules {
    ValueRules { text: TextMax::Bytes(STRING_BYTES), nested, property_name }
}

/// Bytes of an insert_id.
pub const INSERT_ID_BYTES: usize = 36;

/// 1971-01-01: older times are rejected.
pub const OLDEST_TIME_MS: i64 = 31_536_000_000;

/// Events of one user on one day above which further ones are hidden
/// (docs.mixpanel.com/docs/tracking-best-practices/hot-shard-limits).
pub const HOT_SHARD_EVENTS: u64 = 200_000;

/// Event names above which they are no longer listed (docs.mixpanel.com/docs/data-structure/events-and-properties).
pub const EVENT_NAMES: usize = 5_000;

/// Ids that Mixpanel refuses as distinct_id and as insert_id, in any case.
pub const BANNED_IDS: &[&str] = &[
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
    "lmy47d",
];

/// Whether Mixpanel refuses an id.
pub(super) fn is_banned(id: &str) -> bool {
    id.len() <= 36 && BANNED_IDS.iter().any(|banned| banned.eq_ignore_ascii_case(id))
}
