use std::borrow::Cow;

/// Property names with a meaning of their own at Mixpanel: a column of such a name would change what an event is, hide
/// it or drop it (docs.mixpanel.com/docs/data-structure/property-reference/reserved-properties, 2026-08-21).
const RESERVED: &[&str] = &[
    "time",
    "distinct_id",
    "token",
    "ip",
    "$insert_id",
    "$user_id",
    "$device_id",
    "$ignore",
    "bucket",
    "$bucket",
    "$import",
    "$mp_api_endpoint",
    "$mp_api_timestamp_ms",
    "mp_processing_time_ms",
    "$mp_event_size",
    "driftless_deleted",
];

/// The property that a column becomes: its own name, or `column_NAME` for a reserved one.
pub(super) fn property_name(column: &str) -> Cow<'_, str> {
    if is_reserved(column) { Cow::Owned(format!("column_{column}")) } else { Cow::Borrowed(column) }
}

pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}
