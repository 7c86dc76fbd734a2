//! Tables that keep every state that a row had (slowly changing dimension, type 2): which state is the current one.
//!
//! Sources: fivetran.com/docs/using-fivetran/features#historymode and docs.getdbt.com/docs/build/snapshots, 2026-11.

use super::canonical_text;
use super::source_row::{folded, is_mark};
use crate::model::Value;

/// Columns that end a state, each with the one that says from when on it held.
const HISTORIES: [(&str, &str); 2] = [(FIVETRAN_ACTIVE, "_fivetran_start"), (DBT_VALID_TO, "dbt_valid_from")];

const FIVETRAN_ACTIVE: &str = "_fivetran_active";
const DBT_VALID_TO: &str = "dbt_valid_to";

/// True in the record that dbt adds for a row that is gone (`hard_deletes: new_record`).
const DBT_IS_DELETED: &str = "dbt_is_deleted";

/// What some set in the place of no end.
const NEVER: &str = "9999-";

/// The column that ends a state and the one that begins it, if the table is a history.
pub fn history_columns(columns: &[String]) -> Option<(&str, &str)> {
    let find = |known: &str| columns.iter().map(String::as_str).find(|name| folded(name) == known);
    HISTORIES.iter().find_map(|(end, start)| find(end).zip(find(start)))
}

/// Whether a column ends a state.
pub fn ends_states(column: &str) -> bool {
    HISTORIES.iter().any(|(end, _)| folded(column) == *end)
}

pub(super) fn marks_gone(column: &str) -> bool {
    folded(column) == DBT_IS_DELETED
}

/// Whether the state of a row is the current one, by what its ending column holds.
pub(super) fn is_current(column: &str, value: &Value<'_>) -> bool {
    if folded(column) == FIVETRAN_ACTIVE {
        return is_mark(value);
    }
    match value {
        Value::Null => true,
        Value::Timestamp { nanos, .. } => *nanos >= NEVER_NANOS,
        Value::Date(days) => i128::from(*days) * 86_400_000_000_000 >= NEVER_NANOS,
        value => canonical_text(value).is_none_or(|text| text.trim().is_empty() || text.starts_with(NEVER)),
    }
}

/// 9999-01-01T00:00:00Z.
const NEVER_NANOS: i128 = 253_370_764_800_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_current_until_something_ends_it() {
        let text = |text: &'static str| Value::Text(text.into());
        let dbt = |value: Value<'static>| is_current("dbt_valid_to", &value);
        assert!(dbt(Value::Null) && dbt(text("")) && dbt(text("9999-12-31 00:00:00")));
        assert!(dbt(Value::Timestamp { nanos: NEVER_NANOS, utc: true }) && dbt(Value::Date(2_932_896)));
        assert!(!dbt(text("2026-01-01")) && !dbt(Value::Date(20_000)));
        let fivetran = |value: Value<'static>| is_current("_FIVETRAN_ACTIVE", &value);
        assert!(fivetran(Value::Bool(true)) && fivetran(text("TRUE")));
        assert!(!fivetran(Value::Bool(false)) && !fivetran(text("false")) && !fivetran(Value::Null));
    }

    #[test]
    fn a_history_has_both_columns() {
        let columns = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let snowflake = columns(&["ID", "DBT_VALID_FROM", "DBT_VALID_TO"]);
        assert_eq!(history_columns(&snowflake), Some(("DBT_VALID_TO", "DBT_VALID_FROM")));
        assert_eq!(history_columns(&columns(&["id", "_fivetran_active", "_fivetran_synced"])), None);
    }
}
