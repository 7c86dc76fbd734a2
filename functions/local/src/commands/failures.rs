use driftless_core::protocol::read_quarantine;

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{count, rejected_line};
use crate::project::{Access, Place};

/// Quarantine files read for one look.
const FILES_MAX: usize = 10_000;

/// Shows the rows in quarantine.
pub async fn run(place: &Place, name: &str, limit: usize, json: bool) -> Result<Exit, Failure> {
    let (project, _) = open(place, Access::Look, json).await?;
    let (_, ports) = project.sync(name)?;
    let files = read_quarantine(ports, name, FILES_MAX).await?;
    let total: usize = files.iter().map(|file| file.rows.len()).sum();
    let shown = files.iter().flat_map(|file| file.rows.iter().map(move |row| (&file.run, row))).take(limit);
    if json {
        let rows: Vec<_> = shown.map(|(run, row)| serde_json::json!({ "run": run, "row": row })).collect();
        print_json(&serde_json::json!({ "total": total, "rows": rows }))?;
    } else if total == 0 {
        println!("{name}: no row is in quarantine");
    } else {
        for (run, row) in shown {
            println!("run {}: {}", run.trim_start_matches('0'), rejected_line(row));
        }
        println!("{} in quarantine; correct the cause, then run driftless replay {name}", count(total as u64, "row"));
    }
    Ok(if total == 0 { Exit::Done } else { Exit::Quarantine })
}
