//! Attributes of the one table. Partition key `pk` and sort key `sk` are texts; template.yaml declares them.

/// Partition key.
pub(crate) const PARTITION: &str = "pk";
/// Sort key.
pub(crate) const SORT: &str = "sk";
/// Counts the writes of an item. Sets have none: by it items are told from sets.
pub(crate) const REVISION: &str = "revision";
/// Token of the last write.
pub(crate) const TOKEN: &str = "token";
/// The body of an item (JSON).
pub(crate) const BODY: &str = "body";
/// Instead of it, if it is long: the same, compressed (zstd).
pub(crate) const PACKED: &str = "packed";
/// Members of a set, numbers.
pub(crate) const MEMBERS: &str = "members";
/// A row state (postcard).
pub(crate) const STATE: &str = "state";
/// When DynamoDB may delete a row state, seconds since the epoch: the table's time-to-live attribute.
pub(crate) const EXPIRES: &str = "expires_at_s";

/// Partition of one row state. One partition a row: writes spread over the whole table.
pub(crate) fn row_partition(sync: &str, key_hex: &str) -> String {
    format!("rows/{sync}/{key_hex}")
}
/// Sort key of a row state.
pub(crate) const ROW_SORT: &str = "-";
