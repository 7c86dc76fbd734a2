use driftless_core::config::Kind;
use driftless_core::model::{RowKey, RowStatus};
use driftless_core::protocol::look_up;

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{moment, rejected_line};
use crate::project::{Access, Place};

/// Shows what is known of one row.
pub async fn run(place: &Place, name: &str, values: Vec<String>, json: bool) -> Result<Exit, Failure> {
    let (project, _) = open(place, Access::Look, json).await?;
    let (sync, ports) = project.sync(name)?;
    let columns = sync.config.key_columns();
    let key = match RowKey::from_hex(&values[0]) {
        Some(key) if values.len() == 1 => key,
        _ if values.len() == columns.len() => {
            RowKey::from_parts(sync.config.namespace(), values.iter().map(|v| v.as_bytes()), &mut Vec::new())
        }
        _ if columns.is_empty() => {
            return Err(Failure::configuration(vec![format!(
                "{name} has no key columns; give the 32 hex digits of an insert_id"
            )]));
        }
        _ => {
            return Err(Failure::configuration(vec![format!(
                "give the values of {}, in this order",
                columns.join(", ")
            )]));
        }
    };
    let known = look_up(ports, sync, key).await.map_err(Failure::failed)?;
    if json {
        let quarantined: Vec<_> =
            known.quarantined.iter().map(|(run, row)| serde_json::json!({ "run": run, "row": row })).collect();
        print_json(
            &serde_json::json!({ "insert_id": key.to_hex(), "state": known.state, "quarantined": quarantined }),
        )?;
        return Ok(Exit::Done);
    }
    println!("insert_id {} (first identity)", key.to_hex());
    match &known.state {
        None => println!("no row state: never delivered, or delivered where no row state is kept"),
        Some(state) => {
            let word = match state.status {
                RowStatus::Live => "delivered",
                RowStatus::Deleted => "deleted at the destination",
                RowStatus::Rejected => "its last change was refused by the destination",
            };
            println!("{word}; fingerprint {:016x}, revision {}", state.fingerprint, state.revision);
            if let Some(identity) = &state.identity {
                let there = if state.status == RowStatus::Deleted { "was there as" } else { "there as" };
                match sync.config.kind {
                    Kind::Events => println!(
                        "{there}: event {}, distinct_id {}, time {} UTC, insert_id {}",
                        identity.event,
                        identity.distinct_id,
                        moment(identity.time_ms),
                        identity.insert_id
                    ),
                    _ => println!("{there}: {}", identity.distinct_id),
                }
            }
            if let Some(at) = state.expires_at_ms {
                println!("remembered until {} UTC", moment(at));
            }
        }
    }
    for (run, row) in &known.quarantined {
        println!("in quarantine since run {}: {}", run.trim_start_matches('0'), rejected_line(row));
    }
    Ok(Exit::Done)
}
