use super::source_row::folded;
use crate::model::{Envelope, SchemaLock};

/// Prefixes of the columns that a producer adds to every table, folded; a table that has one of the key columns of a
/// family has all of it from the producer (reference: exports 6.4).
const FAMILIES: &[&[&str]] = &[
    &["_fivetran_"],
    &["metadata_action", "metadata_isupdate", "metadata_row_id"],
    &[
        "_change_type",
        "_commit_version",
        "_commit_timestamp",
        "_change_timestamp",
        "_change_sequence_number",
        "_change_ordinal",
    ],
    &["__op", "__lsn", "__deleted", "__source_", "__ts_ms", "__table", "__db", "__schema"],
    &["_airbyte_", "_ab_"],
    &["_sdc_"],
    &["dbt_valid_", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted"],
];

/// The columns that describe changes and not rows: op and order column, and those that their producer adds beside them.
/// They are not sent: many change with every load.
pub fn technical_columns(lock: &SchemaLock) -> Vec<String> {
    let named: Vec<&String> = lock.op_column.iter().chain(&lock.order_column).collect();
    let belongs = |prefixes: &[&str], name: &str| prefixes.iter().any(|prefix| folded(name).starts_with(prefix));
    let families: Vec<_> = FAMILIES.iter().filter(|family| named.iter().any(|name| belongs(family, name))).collect();
    let added = lock.columns.iter().filter(|name| families.iter().any(|family| belongs(family, name)));
    let mut technical: Vec<String> = named.into_iter().chain(added).chain(&lock.hidden).cloned().collect();
    // Files of a Delta table may say how their rows came about, which is for its own readers.
    technical.extend(lock.delta.then(|| "_change_type".to_string()));
    // What Airbyte says of its raw rows is none of them, whatever orders them.
    if lock.envelope == Some(Envelope::Airbyte) {
        technical.extend(lock.columns.iter().filter(|name| name.starts_with("_airbyte_")).cloned());
    }
    technical.sort();
    technical.dedup();
    technical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_goes_with_the_column_that_was_found() {
        let columns = ["id", "_fivetran_synced", "_fivetran_deleted", "METADATA$ROW_ID", "_sdc_batched_at"];
        let mut lock = SchemaLock { columns: columns.map(String::from).into(), ..SchemaLock::default() };
        assert!(technical_columns(&lock).is_empty());
        lock.op_column = Some("_fivetran_deleted".to_string());
        assert_eq!(technical_columns(&lock), ["_fivetran_deleted", "_fivetran_synced"]);
        lock.op_column = Some("METADATA$ACTION".to_string());
        assert_eq!(technical_columns(&lock), ["METADATA$ACTION", "METADATA$ROW_ID"]);
    }
}
