//! Writes a seeded data set: `OUT/<format>/events-0001.<format>` and a manifest beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Result;
use crate::format::Format;
use crate::row::Rows;
use crate::writers;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Rows of each format.
    pub rows: u64,
    /// Seed of the rows.
    pub seed: u64,
    /// Over how many files the rows of a format are spread.
    pub files: usize,
    /// Folder that gets one folder per format.
    pub out: PathBuf,
}

/// One format of a data set, as it lies on disk.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// The files in row order.
    pub files: Vec<PathBuf>,
    /// Their size together.
    pub bytes: u64,
}

/// Writes every format of the plan, each on its own thread.
pub fn generate(plan: &Plan, formats: &[Format]) -> Result<Vec<DataSet>> {
    std::thread::scope(|scope| {
        let running: Vec<_> = formats.iter().map(|format| scope.spawn(move || write_format(plan, *format))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a generator thread died".into())))
            .collect()
    })
}

/// The data set of a format: found on disk when its manifest fits the plan, else written now.
pub fn find_or_generate(plan: &Plan, format: Format) -> Result<DataSet> {
    match find(plan, format) {
        Some(found) => Ok(found),
        None => write_format(plan, format),
    }
}

fn find(plan: &Plan, format: Format) -> Option<DataSet> {
    let folder = plan.out.join(format.name());
    let manifest: Value = serde_json::from_slice(&fs::read(manifest_path(&folder)).ok()?).ok()?;
    if manifest != describe(plan, format) {
        return None;
    }
    measure(file_paths(plan, format)).ok()
}

fn write_format(plan: &Plan, format: Format) -> Result<DataSet> {
    let folder = plan.out.join(format.name());
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut rows = Rows::new(plan.seed, plan.rows);
    let paths = file_paths(plan, format);
    let files = paths.len() as u64;
    for (number, path) in (0..).zip(&paths) {
        let share = plan.rows * (number + 1) / files - plan.rows * number / files;
        let mut writer = writers::open(format, path)?;
        for _ in 0..share {
            if let Some(row) = rows.next_row() {
                writer.write(row)?;
            }
        }
        writer.finish()?;
    }
    // Last, so that a folder that was left half written is written again.
    fs::write(manifest_path(&folder), format!("{:#}\n", describe(plan, format)))?;
    measure(paths)
}

fn describe(plan: &Plan, format: Format) -> Value {
    json!({ "format": format.name(), "rows": plan.rows, "seed": plan.seed, "files": plan.files.max(1) })
}

fn manifest_path(folder: &Path) -> PathBuf {
    folder.join("manifest.json")
}

fn file_paths(plan: &Plan, format: Format) -> Vec<PathBuf> {
    let folder = plan.out.join(format.name());
    (1..=plan.files.max(1)).map(|number| folder.join(format.file_name(number))).collect()
}

fn measure(files: Vec<PathBuf>) -> Result<DataSet> {
    let mut bytes = 0;
    for file in &files {
        bytes += fs::metadata(file)?.len();
    }
    Ok(DataSet { files, bytes })
}
