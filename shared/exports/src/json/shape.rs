use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use driftless_core::json::{Fault, text_end, unescaped};
use driftless_core::model::{ColumnType, Columns};

use crate::limits::JSON_SHAPES_MAX;

/// A sequence of keys, and what follows from it for every object that has it.
pub(super) struct Shape {
    /// The column names that rows of this shape share.
    pub(super) columns: Arc<Columns>,
    /// The keys as they are written, quotes included.
    pub(super) raw_keys: Vec<Box<[u8]>>,
    /// Per key its column, where a key occurs twice.
    pub(super) targets: Option<Vec<usize>>,
    /// Columns with a declared type.
    pub(super) declared: Vec<(usize, ColumnType)>,
}

/// The shapes of an export, shared by its blocks: rows with equal keys share one `Arc<Columns>`.
pub(super) struct Shapes {
    declared: BTreeMap<String, ColumnType>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_keys: HashMap<Box<[u8]>, Arc<Shape>>,
    latest: Option<Arc<Shape>>,
}

impl Shapes {
    pub(super) fn new(declared: BTreeMap<String, ColumnType>) -> Self {
        Self { declared, known: Mutex::default() }
    }

    /// The shape that was seen last: a good guess for the next object.
    pub(super) fn latest(&self) -> Option<Arc<Shape>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).latest.clone()
    }

    /// The shape of these keys, written one after the other with their quotes.
    pub(super) fn of_keys(&self, keys: &[u8]) -> Result<Arc<Shape>, Fault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = known.by_keys.get(keys) {
            return Ok(shape.clone());
        }
        let shape = Arc::new(self.shape(keys)?);
        if known.by_keys.len() >= JSON_SHAPES_MAX {
            known.by_keys.clear();
        }
        known.by_keys.insert(keys.into(), shape.clone());
        known.latest = Some(shape.clone());
        Ok(shape)
    }

    fn shape(&self, keys: &[u8]) -> Result<Shape, Fault> {
        let mut raw_keys: Vec<Box<[u8]>> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut targets = Vec::new();
        let mut at = 0;
        while at < keys.len() {
            let (end, escaped) = text_end(keys, at + 1)?;
            let raw = String::from_utf8_lossy(&keys[at + 1..end]);
            let name = if escaped { unescaped(&raw) } else { raw.into_owned() };
            let target = *places.entry(name.clone()).or_insert(names.len());
            if target == names.len() {
                names.push(name);
            }
            targets.push(target);
            raw_keys.push(keys[at..=end].into());
            at = end + 1;
        }
        let declared = names.iter().enumerate().filter_map(|(n, name)| Some((n, *self.declared.get(name)?))).collect();
        let has_repeats = names.len() < raw_keys.len();
        Ok(Shape { columns: Arc::new(Columns { names }), raw_keys, targets: has_repeats.then_some(targets), declared })
    }
}
