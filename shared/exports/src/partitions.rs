use std::sync::Arc;

use driftless_core::model::{Columns, Row, Value};
use driftless_core::ports::{ExportError, RowBlock, RowBlocks, RowResult};
use percent_encoding::percent_decode_str;

/// How Hive, Spark and what follows them spell a partition of null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The `name=value` folders of an export's key, in order; values are texts, as they stand there.
pub(crate) fn partitions_of(export: &str) -> Vec<(String, Option<String>)> {
    let folders = export.rsplit_once('/').map_or("", |(folders, _)| folders);
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let partition = |folder: &str| {
        let (name, value) = folder.split_once('=').filter(|(name, _)| !name.is_empty())?;
        Some((decoded(name), (value != NULL).then(|| decoded(value))))
    };
    folders.split('/').filter_map(partition).collect()
}

/// The blocks of an export with its partitions as columns beside those of its rows, which win.
pub(crate) struct Partitioned {
    blocks: Box<dyn RowBlocks>,
    partitions: Arc<Vec<(String, Option<String>)>>,
}

impl Partitioned {
    pub(crate) fn new(blocks: Box<dyn RowBlocks>, partitions: Vec<(String, Option<String>)>) -> Self {
        Self { blocks, partitions: Arc::new(partitions) }
    }
}

impl RowBlocks for Partitioned {
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        let block = self.blocks.next_block()?;
        Ok(block.map(|block| Box::new(Block { block, partitions: self.partitions.clone() }) as Box<dyn RowBlock>))
    }
}

struct Block {
    block: Box<dyn RowBlock>,
    partitions: Arc<Vec<(String, Option<String>)>>,
}

impl RowBlock for Block {
    fn first_row(&self) -> u64 {
        self.block.first_row()
    }

    fn rows(&self) -> u64 {
        self.block.rows()
    }

    fn bytes(&self) -> u64 {
        self.block.bytes()
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let mut known: Option<(Arc<Columns>, Arc<Columns>)> = None;
        self.block.visit(wanted, &mut |number, row| {
            let row = match row {
                Ok(row) => row,
                Err(error) => return visit(number, Err(error)),
            };
            let is_known = known.as_ref().is_some_and(|(own, _)| Arc::ptr_eq(own, row.columns));
            if !is_known {
                let names = self.absent(row.columns).map(|(name, _)| name.clone());
                let names = row.columns.names.iter().cloned().chain(names).collect();
                known = Some((row.columns.clone(), Arc::new(Columns { names })));
            }
            let Some((own, columns)) = &known else { return };
            let value = |value: &Option<String>| value.clone().map_or(Value::Null, |text| Value::Text(text.into()));
            let added = self.absent(own).map(|(_, text)| value(text));
            let values: Vec<Value<'_>> = row.values.iter().cloned().chain(added).collect();
            visit(number, Ok(Row { columns, values: &values }));
        });
    }
}

impl Block {
    fn absent<'a>(&'a self, columns: &'a Columns) -> impl Iterator<Item = &'a (String, Option<String>)> {
        self.partitions.iter().filter(|(name, _)| !columns.names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_this_form_are_partitions() {
        let partitions =
            partitions_of("orders/dt=2025-01-01/city=S%C3%A3o%20Paulo/x=__HIVE_DEFAULT_PARTITION__/a=b.csv");
        let text = |text: &str| Some(text.to_string());
        let expected =
            [("dt".to_string(), text("2025-01-01")), ("city".to_string(), text("São Paulo")), ("x".to_string(), None)];
        assert_eq!(partitions, expected);
        assert!(partitions_of("orders/2025/=1/a.csv").is_empty());
    }
}
