use std::collections::{BTreeMap, BTreeSet, HashMap};

use driftless_core::model::{ColumnType, Value};
use driftless_core::ports::RowBlock;

use crate::limits::{DOMAIN_VALUE_BYTES_MAX, DOMAIN_VALUES_MAX, INSPECT_ROWS_MAX};
use crate::types::TypeGuess;

/// What the first rows of an export tell about its columns.
#[derive(Default)]
pub(crate) struct Observed {
    columns: Vec<Column>,
    places: HashMap<String, usize>,
}

struct Column {
    name: String,
    guess: TypeGuess,
    kinds: BTreeSet<ColumnType>,
    /// `None`: too many values, too long ones, or one that is no text.
    domain: Option<BTreeSet<String>>,
}

impl Observed {
    /// Starts with the columns that are known before any row.
    pub(crate) fn new(columns: &[String]) -> Self {
        let mut observed = Self::default();
        columns.iter().for_each(|name| {
            observed.place(name);
        });
        observed
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.columns.len();
        self.places.insert(name.to_string(), place);
        self.columns.push(Column {
            name: name.to_string(),
            guess: TypeGuess::default(),
            kinds: BTreeSet::new(),
            domain: Some(BTreeSet::new()),
        });
        place
    }

    /// Looks at the rows of a block.
    pub(crate) fn see(&mut self, block: &dyn RowBlock) {
        block.visit(&|row| row < INSPECT_ROWS_MAX, &mut |_, row| {
            let Ok(row) = row else { return };
            for (name, value) in row.columns.names.iter().zip(row.values) {
                let place = self.place(name);
                if let Some(column) = self.columns.get_mut(place) {
                    column.see(value);
                }
            }
        });
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The types of columns that hold texts.
    pub(crate) fn types(&self) -> BTreeMap<String, ColumnType> {
        self.columns.iter().filter_map(|column| Some((column.name.clone(), column.guess.column_type()?))).collect()
    }

    /// What columns hold that hold one kind of value.
    pub(crate) fn kinds(&self) -> BTreeMap<String, ColumnType> {
        let one = |column: &Column| match column.kinds.iter().copied().collect::<Vec<_>>()[..] {
            [kind] => Some((column.name.clone(), kind)),
            [ColumnType::Integer, ColumnType::Number] => Some((column.name.clone(), ColumnType::Number)),
            _ => None,
        };
        self.columns.iter().filter_map(one).collect()
    }

    /// The values of columns that hold few different short texts.
    pub(crate) fn domains(self) -> Vec<(String, BTreeSet<String>)> {
        let small = self.columns.into_iter().filter_map(|column| Some((column.name, column.domain?)));
        small.filter(|(_, domain)| !domain.is_empty()).collect()
    }
}

impl Column {
    fn see(&mut self, value: &Value<'_>) {
        self.kinds.extend(kind_of(value));
        match value {
            Value::Null => {}
            Value::Text(text) => {
                self.guess.see(text);
                let Some(domain) = &mut self.domain else {
                    return;
                };
                if !domain.contains(text.as_ref()) {
                    if text.len() > DOMAIN_VALUE_BYTES_MAX || domain.len() == DOMAIN_VALUES_MAX {
                        self.domain = None;
                    } else {
                        domain.insert(text.to_string());
                    }
                }
            }
            _ => self.domain = None,
        }
    }
}

fn kind_of(value: &Value<'_>) -> Option<ColumnType> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(ColumnType::Boolean),
        Value::Int(_) | Value::UInt(_) => Some(ColumnType::Integer),
        Value::Float(_) | Value::Number(_) => Some(ColumnType::Number),
        Value::Text(_) => Some(ColumnType::String),
        Value::Timestamp { .. } => Some(ColumnType::Timestamp),
        Value::Date(_) => Some(ColumnType::Date),
        Value::Json(_) => Some(ColumnType::Json),
    }
}
