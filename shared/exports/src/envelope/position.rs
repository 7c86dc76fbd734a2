use std::borrow::Cow;

use driftless_core::model::{Row, Value};

use super::unwrap::{field, number_of, text_of};

/// The place of a change in its log as one number that grows, or nothing if it is not told.
pub(super) type Position = Option<Value<'static>>;

/// Debezium: the log sequence number (PostgreSQL, SQL Server, Oracle), else binlog file and position (MySQL), else the
/// source's clock.
pub(super) fn of_debezium(source: Row<'_>, ts_ms: Option<i128>) -> Position {
    let number = |name: &str| field(source, name).and_then(number_of);
    if let Some(lsn) = number("lsn").or_else(|| number("scn")) {
        return position(lsn);
    }
    let file = field(source, "file").and_then(text_of).and_then(file_number);
    if let (Some(file), Some(pos)) = (file, number("pos")) {
        return position((file << 64) | (pos << 20) | number("row").unwrap_or(0));
    }
    number("ts_ms").or(ts_ms).and_then(position)
}

/// `mysql-bin.000003` is 3.
fn file_number(file: &str) -> Option<i128> {
    file.rsplit('.').next()?.parse().ok()
}

/// Maxwell: second, transaction, place in the transaction. Its last row has no place, but the commit.
pub(super) fn of_maxwell(row: Row<'_>) -> Position {
    let number = |name: &str| field(row, name).and_then(number_of);
    let place = number("xoffset").unwrap_or((1 << 32) - 1);
    position((number("ts")? << 88) | (number("xid").unwrap_or(0) << 32) | place)
}

/// DMS: the moment of the commit; it tells nothing of the order within one.
pub(super) fn of_dms(metadata: Row<'_>) -> Position {
    let moment = field(metadata, "commit-timestamp").filter(|moment| !moment.is_null());
    let moment = moment.or_else(|| field(metadata, "timestamp")).and_then(text_of)?;
    Some(Value::Text(Cow::Owned(moment.to_string())))
}

/// GoldenGate: sequence number and offset of the trail, as 20 digits.
pub(super) fn of_golden_gate(row: Row<'_>) -> Position {
    match field(row, "pos")? {
        Value::Text(pos) => Some(Value::Text(Cow::Owned(pos.to_string()))),
        other => number_of(other).and_then(position),
    }
}

/// Canal: the moment of the change, the message, the row in it.
pub(super) fn of_canal(row: Row<'_>, number: usize) -> Position {
    let field_number = |name: &str| field(row, name).and_then(number_of);
    let moment = field_number("es").or_else(|| field_number("ts"))?;
    position((moment << 64) | (field_number("id").unwrap_or(0) << 20) | number as i128)
}

fn position(number: i128) -> Position {
    Some(Value::Number(Cow::Owned(number.to_string())))
}
