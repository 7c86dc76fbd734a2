use driftless_core::model::{Envelope, Row, Value};
use driftless_core::ports::RowBlock;

use super::unwrap::{AIRBYTE_BODY, MIXPANEL_BODY, MIXPANEL_NAME, field, text_of, with_object};
use crate::limits::INSPECT_ROWS_MAX;

/// The envelope that every one of the first rows has. One row that is something else makes all of them ordinary data.
pub(crate) fn envelope_of(block: &dyn RowBlock) -> Option<Envelope> {
    let mut found: Option<Option<Envelope>> = None;
    block.visit(&|row| row < INSPECT_ROWS_MAX, &mut |_, row| {
        let Ok(row) = row else { return };
        let this = of_row(row);
        found = Some(match found {
            None => this,
            Some(before) => before.filter(|before| this == Some(*before)),
        });
    });
    found.flatten()
}

fn of_row(row: Row<'_>) -> Option<Envelope> {
    if let Some(Value::Json(payload)) = field(row, "payload") {
        return with_object(payload, |inner| is_debezium(inner).then_some(Envelope::Debezium)).ok().flatten();
    }
    let text_is = |name: &str, domain: &[&str]| field(row, name).and_then(text_of).is_some_and(|t| domain.contains(&t));
    let is_json = |name: &str| matches!(field(row, name), Some(Value::Json(_)));
    let has_object = |name: &str| {
        let value = field(row, name);
        matches!(value, Some(Value::Json(text) | Value::Text(text)) if text.trim_start().starts_with('{'))
    };
    if is_debezium(row) {
        Some(Envelope::Debezium)
    } else if is_mixpanel(row) {
        Some(Envelope::Mixpanel)
    } else if has_object(AIRBYTE_BODY)
        && ["_airbyte_raw_id", "_airbyte_ab_id"].iter().any(|id| field(row, id).is_some())
    {
        Some(Envelope::Airbyte)
    } else if field(row, "database").is_some()
        && field(row, "table").is_some()
        && is_json("data")
        && text_is("type", &["insert", "update", "delete", "bootstrap-insert", "bootstrap-start", "bootstrap-complete"])
    {
        Some(Envelope::Maxwell)
    } else if field(row, "isDdl").is_some() && field(row, "data").is_some() && field(row, "type").is_some() {
        Some(Envelope::Canal)
    } else if text_is("op_type", &["I", "U", "D", "T"])
        && field(row, "pos").is_some()
        && (is_json("before") || is_json("after"))
    {
        Some(Envelope::GoldenGate)
    } else if let Some(Value::Json(metadata)) = field(row, "metadata")
        && row.columns.names.iter().all(|name| name == "data" || name == "metadata")
    {
        let is_dms = |inner: Row<'_>| field(inner, "record-type").is_some() && field(inner, "operation").is_some();
        with_object(metadata, |inner| is_dms(inner).then_some(Envelope::Dms)).ok().flatten()
    } else {
        None
    }
}

/// `{"event": …, "properties": {"time": …, "distinct_id": …}}` and nothing else.
fn is_mixpanel(row: Row<'_>) -> bool {
    let Some(Value::Json(properties)) = field(row, MIXPANEL_BODY) else { return false };
    let has_name = field(row, MIXPANEL_NAME).and_then(text_of).is_some();
    let known = |inner: Row<'_>| ["time", "distinct_id"].iter().all(|name| field(inner, name).is_some());
    has_name && row.columns.names.len() == 2 && with_object(properties, known).unwrap_or(false)
}

fn is_debezium(row: Row<'_>) -> bool {
    let has = |name: &str| field(row, name).is_some();
    let op = field(row, "op").and_then(text_of);
    has("after") && has("source") && op.is_some_and(|op| ["c", "r", "u", "d", "t", "m"].contains(&op))
}
