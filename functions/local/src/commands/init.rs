use std::path::Path;

use crate::cli::{Exit, Failure};

const PROJECT: &str = include_str!("../../templates/driftless.yaml");
const SYNC: &str = include_str!("../../templates/purchases.yaml");

/// Writes a project folder; an existing file is never overwritten.
pub fn run(folder: &Path) -> Result<Exit, Failure> {
    for (path, text) in [("driftless.yaml", PROJECT), ("syncs/purchases.yaml", SYNC)] {
        let path = folder.join(path);
        if path.exists() {
            return Err(Failure::configuration(vec![format!(
                "{} is there already; it was left as it is",
                path.display()
            )]));
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        println!("wrote {}", path.display());
    }
    std::fs::create_dir_all(folder.join("exports/purchases"))?;
    println!(
        "next: put exports into {}, then run driftless check and driftless plan",
        folder.join("exports/purchases").display()
    );
    Ok(Exit::Done)
}
