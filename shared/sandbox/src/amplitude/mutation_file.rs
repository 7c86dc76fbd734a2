//! A mutation file, read the way Amplitude's S3 Mirror Sync is documented to.
//!
//! Source: `amplitude.com/docs/data/source-catalog/amazon-s3`, `…/data/data-mutability` and `…/data/profiles`, read on
//! 2026-03-13. Target names are Amplitude's own: the file's converter maps nothing else here.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};

use super::batch::cut;
use super::limits::{MIN_ID_LENGTH, is_banned};

/// What a row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Adds.
    Insert,
    /// Changes; what a row of events does that says nothing else.
    Update,
    /// Removes.
    Delete,
}

/// One row that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutation {
    /// What it does.
    pub operation: Operation,
    /// The row without its mutation type.
    pub row: Map<String, Value>,
    /// Whether it is a profile; else an event.
    pub is_profile: bool,
}

/// The rows of a file that count, and how many do not: without a user, an insert_id, a time or an event type, or with a
/// mutation type that is none.
pub fn read(bytes: &[u8]) -> Result<(Vec<Mutation>, u64), String> {
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes).read_to_string(&mut text).map_err(|error| error.to_string())?;
    } else {
        text = String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?;
    }
    let (mut mutations, mut dropped) = (Vec::new(), 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line).ok().and_then(mutation) {
            Some(mutation) => mutations.push(mutation),
            None => dropped += 1,
        }
    }
    Ok((mutations, dropped))
}

fn mutation(row: Value) -> Option<Mutation> {
    let Value::Object(mut row) = row else { return None };
    let is_profile = !row.contains_key("insert_id") && !row.contains_key("event_type");
    let operation = match row.remove("mutation_type") {
        Some(Value::String(word)) => match word.as_str() {
            "INSERT" => Operation::Insert,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            _ => return None,
        },
        None if !is_profile => Operation::Update,
        _ => return None,
    };
    let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("user_id").filter(|id| id.chars().count() >= MIN_ID_LENGTH && !is_banned(id))?;
    if !is_profile {
        text("insert_id")?;
        text("event_type")?;
        row.get("time").and_then(Value::as_i64)?;
    }
    row.values_mut().for_each(cut);
    Some(Mutation { operation, row, is_profile })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_amplitude_drops_are_counted() {
        let file = r#"{"mutation_type":"INSERT","user_id":"user-1","insert_id":"a","time":1,"event_type":"e"}
{"user_id":"user-1","insert_id":"a","time":1,"event_type":"e"}
{"mutation_type":"INSERT","insert_id":"a","time":1,"event_type":"e"}
{"mutation_type":"insert","user_id":"user-1","insert_id":"a","time":1,"event_type":"e"}
{"mutation_type":"DELETE","user_id":"user-1"}
{"user_id":"user-1"}
"#;
        let (mutations, dropped) = read(file.as_bytes()).unwrap();
        let operations: Vec<_> = mutations.iter().map(|m| (m.operation, m.is_profile)).collect();
        assert_eq!(operations, [(Operation::Insert, false), (Operation::Update, false), (Operation::Delete, true)]);
        assert_eq!(dropped, 3);
    }
}
