use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::canonical_text;
use super::history::{ends_states, is_current, marks_gone};
use super::time::{TimeZoneRule, time_ms_of};
use crate::config::{OpColumn, SyncConfig};
use crate::model::{Columns, Row, RowError, RowErrorCode, RowKey, SchemaLock, Value};

/// What a row of a change feed asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The key has this content.
    Upsert,
    /// The key is gone.
    Delete,
    /// How an updated row looked before: a delete of its key where changes have an order, else nothing.
    PreImage,
}

/// Op values of the producers that have one column for it (reference: exports 6.4), compared without case.
const UPSERTS: &[&str] =
    &["i", "u", "c", "r", "insert", "update", "upsert", "update_postimage", "update_after", "+i", "+u", "load"];
const DELETES: &[&str] = &["d", "delete", "-d"];
const PRE_IMAGES: &[&str] = &["update_preimage", "update_before", "-u"];

/// Names under which an op column is found without being named, `$`, `.` and `-` folded to `_`.
const OP_COLUMNS: &[&str] = &[
    "op",
    "_op",
    "__op",
    "_change_type",
    "change_type",
    "operation",
    "_operation",
    "dml_type",
    "op_type",
    "metadata_action",
    "_dlt_op",
];

/// Names under which an order column is found without being named, the best first. Airbyte's time of extraction orders what
/// it read of a row, and is the last resort.
const ORDER_COLUMNS: &[&str] = &[
    "_commit_version",
    "_change_sequence_number",
    "_change_ordinal",
    "__lsn",
    "_ab_cdc_lsn",
    "_ab_cdc_cursor",
    "_sdc_sequence",
    "_change_timestamp",
    "change_timestamp",
    "_commit_timestamp",
    "ar_h_change_seq",
    "transact_id",
    "_fivetran_synced",
    "updated_at",
    "_updated_at",
    "_airbyte_extracted_at",
    "_airbyte_emitted_at",
];

/// Names of columns that mark a row as deleted, by being true or, for a time, by being there.
const DELETED_COLUMNS: &[&str] = &["_fivetran_deleted", "__deleted", "_ab_cdc_deleted_at", "_sdc_deleted_at"];

/// Names of the column beside an op column that says that a delete is the first half of an update: a Snowflake stream's
/// METADATA$ISUPDATE, and what BigQuery's CHANGES queries are advised to add.
const IS_UPDATE_COLUMNS: &[&str] = &["metadata_isupdate", "is_for_update", "_is_for_update"];

/// Finds the column of a soft delete by name.
pub fn well_known_deleted_column(columns: &[String]) -> Option<&str> {
    columns.iter().map(String::as_str).find(|name| marks_deleted(name))
}

/// Whether a column is one of a soft delete.
pub fn marks_deleted(name: &str) -> bool {
    DELETED_COLUMNS.contains(&folded(name).as_str())
}

pub(super) fn folded(name: &str) -> String {
    name.trim_matches('"').to_ascii_lowercase().replace(['$', '.', '-'], "_")
}

/// Finds the op column: a well-known name whose every value is in the domain. The name alone proves nothing:
/// a business column may be called `op`.
pub fn op_of_values(domains: &[(String, BTreeSet<String>)]) -> Option<&str> {
    domains
        .iter()
        .find(|(name, values)| {
            OP_COLUMNS.contains(&folded(name).as_str())
                && !values.is_empty()
                && values.iter().all(|value| {
                    let value = value.to_ascii_lowercase();
                    [UPSERTS, DELETES, PRE_IMAGES].iter().any(|domain| domain.contains(&value.as_str()))
                })
        })
        .map(|(name, _)| name.as_str())
}

/// Finds the order column of a change feed by name.
pub fn well_known_order_column(columns: &[String]) -> Option<&str> {
    ORDER_COLUMNS.iter().find_map(|known| columns.iter().map(String::as_str).find(|name| folded(name) == *known))
}

/// The place of what comes after full loads, where delivery orders the rest: above any export and row.
pub const AFTER_FULL_LOADS: i128 = 1 << 96;

/// Columns that may name a row together.
pub const KEY_COLUMNS_MAX: usize = 16;

/// Reads the source side of rows: key, op and order. Works out per column list where these are.
pub struct SourceRows {
    namespace: String,
    keys: Vec<String>,
    keep: bool,
    otherwise: Option<String>,
    op: Option<OpColumn>,
    order: Option<String>,
    /// Full loads of the exports have no op column; what has one came later.
    has_full_loads: bool,
    resolved: Option<(Arc<Columns>, Resolved)>,
    scratch: Vec<u8>,
    utc: TimeZoneRule,
}

#[derive(Clone, Debug)]
struct Resolved {
    keys: Vec<Option<usize>>,
    otherwise: Option<usize>,
    op: Option<usize>,
    is_update: Option<usize>,
    order: Option<usize>,
    /// Marks the record of a row that is gone, in a history.
    is_gone: Option<usize>,
}

impl SourceRows {
    /// For a sync and what is locked about its exports.
    pub fn new(sync: &SyncConfig, lock: &SchemaLock) -> Self {
        let op = sync.source.op.clone().or_else(|| {
            lock.op_column.clone().map(|column| OpColumn {
                column,
                upsert: Vec::new(),
                delete: Vec::new(),
                pre_image: Vec::new(),
            })
        });
        Self {
            namespace: sync.namespace().to_string(),
            keys: sync.key_columns().into_iter().map(String::from).collect(),
            keep: sync.keeps_insert_id(),
            otherwise: sync.otherwise_key().map(String::from),
            op,
            order: lock.order_column.clone(),
            has_full_loads: lock.dms,
            resolved: None,
            scratch: Vec::new(),
            utc: TimeZoneRule::utc(),
        }
    }

    /// Whether rows have key columns. Without them the key is the row's content.
    pub fn has_key(&self) -> bool {
        !self.keys.is_empty()
    }

    fn resolve(&mut self, columns: &Arc<Columns>) -> Resolved {
        if let Some((known, resolved)) = &self.resolved
            && Arc::ptr_eq(known, columns)
        {
            return resolved.clone();
        }
        let find = |name: &str| columns.names.iter().position(|n| n == name);
        let resolved = Resolved {
            keys: self.keys.iter().map(|name| find(name)).collect(),
            otherwise: self.otherwise.as_ref().and_then(|name| find(name)),
            op: self.op.as_ref().and_then(|op| find(&op.column)),
            is_update: columns.names.iter().position(|n| IS_UPDATE_COLUMNS.contains(&folded(n).as_str())),
            order: self.order.as_ref().and_then(|name| find(name)),
            is_gone: columns.names.iter().position(|name| marks_gone(name)),
        };
        self.resolved = Some((columns.clone(), resolved.clone()));
        resolved
    }

    /// The row's key. An empty key column is an error: a guessed key would merge rows.
    pub fn key(&mut self, row: Row<'_>) -> Result<RowKey, RowError> {
        let resolved = self.resolve(row.columns);
        let mut parts: [Option<Cow<'_, str>>; KEY_COLUMNS_MAX] = Default::default();
        let count = resolved.keys.len().min(parts.len());
        for (n, index) in resolved.keys.iter().take(count).enumerate() {
            let value = index.map(|i| &row.values[i]).unwrap_or(&Value::Null);
            let text = canonical_text(value).filter(|text| !text.is_empty());
            if text.is_none()
                && let Some(text) = resolved.otherwise.and_then(|i| canonical_text(&row.values[i]))
                && !text.is_empty()
            {
                // The empty part keeps it apart from the same value in the first column.
                let parts = [&b""[..], text.as_bytes()].into_iter();
                return Ok(RowKey::from_parts(&self.namespace, parts, &mut self.scratch));
            }
            if text.is_none() {
                let column = &self.keys[n];
                return Err(RowError::of_column(
                    RowErrorCode::KeyMissing,
                    column,
                    if index.is_some() {
                        format!("column {column} is empty, so nothing names the row")
                    } else {
                        format!("there is no column {column}, so nothing names the row")
                    },
                    "fill it in the export, or name other columns in events.insert_id or profiles.id",
                ));
            }
            parts[n] = text;
        }
        Ok(RowKey::from_parts(
            &self.namespace,
            parts[..count].iter().flatten().map(|text| text.as_bytes()),
            &mut self.scratch,
        ))
    }

    /// The value to pass through as insert_id, with `keep: true`.
    pub fn kept_id(&mut self, row: Row<'_>) -> Option<String> {
        if !self.keep {
            return None;
        }
        let index = self.resolve(row.columns).keys.first().copied().flatten()?;
        canonical_text(&row.values[index]).filter(|text| !text.is_empty()).map(Cow::into_owned)
    }

    /// What the row asks for. Without an op column every row is an upsert.
    pub fn op(&mut self, row: Row<'_>) -> Result<Op, RowError> {
        let resolved = self.resolve(row.columns);
        let index = resolved.op;
        let Some(rule) = &self.op else { return Ok(Op::Upsert) };
        if self.has_full_loads && index.is_none() {
            return Ok(Op::Upsert);
        }
        if rule.delete.is_empty() && rule.upsert.is_empty() && marks_deleted(&rule.column) {
            let is_deleted = index.is_some_and(|i| is_mark(&row.values[i]));
            return Ok(if is_deleted { Op::Delete } else { Op::Upsert });
        }
        if self.is_history() {
            return Ok(if self.is_current(row, &resolved) { Op::Upsert } else { Op::Delete });
        }
        let unknown = |cause: String| {
            RowError::of_column(
                RowErrorCode::OpUnknown,
                &rule.column,
                cause,
                "name the column and its values in source.op, or set feed: append or snapshot if it is ordinary data",
            )
        };
        let text = index
            .and_then(|i| canonical_text(&row.values[i]))
            .ok_or_else(|| unknown(format!("op column {} is empty or missing", rule.column)))?;
        let is = |configured: &[String], known: &[&str]| {
            if configured.is_empty() {
                known.iter().any(|value| value.eq_ignore_ascii_case(&text))
            } else {
                configured.iter().any(|value| value.eq_ignore_ascii_case(&text))
            }
        };
        if is(&rule.pre_image, PRE_IMAGES) {
            Ok(Op::PreImage)
        } else if is(&rule.delete, DELETES) {
            let is_update = resolved.is_update.is_some_and(|i| is_mark(&row.values[i]));
            Ok(if is_update { Op::PreImage } else { Op::Delete })
        } else if is(&rule.upsert, UPSERTS) {
            Ok(Op::Upsert)
        } else {
            Err(unknown(format!("op column {} holds none of the known operations", rule.column)))
        }
    }

    /// Whether rows are states of what they tell of, of which one is the current one.
    fn is_history(&self) -> bool {
        self.op.as_ref().is_some_and(|op| op.delete.is_empty() && op.upsert.is_empty() && ends_states(&op.column))
    }

    fn is_current(&self, row: Row<'_>, resolved: &Resolved) -> bool {
        let column = self.op.as_ref().map_or("", |op| op.column.as_str());
        let is_gone = resolved.is_gone.is_some_and(|i| is_mark(&row.values[i]));
        !is_gone && is_current(column, resolved.op.map_or(&Value::Null, |i| &row.values[i]))
    }

    /// The row's place in the order of its key's changes; without an order column 0, or
    /// [`AFTER_FULL_LOADS`].
    pub fn version(&mut self, row: Row<'_>) -> Result<i128, RowError> {
        let resolved = self.resolve(row.columns);
        let index = resolved.order;
        let Some(column) = &self.order else {
            return Ok(if self.has_full_loads && resolved.op.is_some() { AFTER_FULL_LOADS } else { 0 });
        };
        if self.has_full_loads && resolved.op.is_none() && index.is_none() {
            // A full load without the column that orders its changes.
            return Ok(i128::MIN >> 8);
        }
        let value = index.map(|i| &row.values[i]).unwrap_or(&Value::Null);
        let number = order_number(value, &self.utc);
        // A state that has ended comes after the same state, and before the next one.
        let ended = i128::from(self.is_history() && !self.is_current(row, &resolved));
        let number = if self.is_history() { number.map(|number| number * 2 + ended) } else { number };
        number.ok_or_else(|| {
            RowError::of_column(
                RowErrorCode::OrderInvalid,
                column,
                format!("order column {column} is empty or holds nothing that can be compared"),
                "use a column with numbers, times or hexadecimal positions in source.order",
            )
        })
    }
}

/// True, in any spelling, or a value where only a mark would have one.
pub(super) fn is_mark(value: &Value<'_>) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(mark) => *mark,
        Value::Int(mark) => *mark != 0,
        Value::Text(text) => {
            !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "false" | "f" | "0" | "no" | "n")
        }
        _ => true,
    }
}

/// Numbers as they are, times in nanoseconds, positions like `0000002c:00000a50:0003` as one hexadecimal number.
fn order_number(value: &Value<'_>, utc: &TimeZoneRule) -> Option<i128> {
    match value {
        Value::Int(n) => Some(i128::from(*n)),
        Value::UInt(n) => Some(i128::from(*n)),
        Value::Timestamp { nanos, .. } => Some(*nanos),
        Value::Date(days) => Some(i128::from(*days) * 86_400_000_000_000),
        Value::Float(n) if n.fract() == 0.0 && n.abs() < 1e18 => Some(*n as i128),
        Value::Number(text) | Value::Text(text) => {
            if let Ok(number) = text.parse::<i128>() {
                return Some(number);
            }
            if text.contains('-') {
                return time_ms_of(value, utc).map(|ms| i128::from(ms) * 1_000_000 + sub_ms_nanos(text));
            }
            let hex: String = text.chars().filter(|c| !matches!(c, ':' | '/' | '.')).collect();
            i128::from_str_radix(&hex, 16).ok()
        }
        _ => None,
    }
}

/// Digits of the fraction beyond the millisecond, so that microseconds still order.
fn sub_ms_nanos(text: &str) -> i128 {
    let Some((_, fraction)) = text.split_once('.') else { return 0 };
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).skip(3).take(6).collect();
    format!("{digits:0<6}").parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_op_column_is_believed_only_if_every_value_fits() {
        let domain =
            |values: &[&str]| vec![("_change_type".to_string(), values.iter().map(|v| v.to_string()).collect())];
        assert_eq!(op_of_values(&domain(&["insert", "update_preimage", "delete"])), Some("_change_type"));
        assert_eq!(op_of_values(&domain(&["insert", "sale"])), None);
        assert_eq!(op_of_values(&[("status".to_string(), BTreeSet::from(["I".to_string()]))]), None);
    }

    #[test]
    fn orders_numbers_times_and_positions() {
        let order = |text: &str| order_number(&Value::Text(text.to_string().into()), &TimeZoneRule::utc());
        assert!(order("20210303212732000000000000000000012") < order("20210303212732000000000000000000013"));
        assert!(order("2025-01-01 00:00:00.123456") < order("2025-01-01 00:00:00.123457"));
        assert!(order("0000002c:00000a50:0003") < order("0000002c:00000a51:0001"));
        assert_eq!(order("not ordered"), None);
    }
}
