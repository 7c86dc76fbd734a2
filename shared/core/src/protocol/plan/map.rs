use std::sync::Arc;

use super::context::Rename;
use super::selection::Selection;
use crate::mapping::{Op, RowFilter, SourceRows};
use crate::model::{Columns, FolderId, Observed, Row, RowError, RowErrorCode, RowKey, SchemaLock, UserSample};
use crate::ports::{Mutation, RowBlock, RowEncoder};
use crate::protocol::{Suppressed, Sync};

/// What rows are looked at with.
pub(super) struct View<'a> {
    pub lock: &'a SchemaLock,
    /// How rows were before columns came, where they are looked at like that as well.
    pub earlier: Option<&'a Earlier>,
    /// Users of whom nothing is sent.
    pub suppressed: &'a Suppressed,
}

/// How rows were before columns came.
pub(super) struct Earlier {
    /// The lock without these columns.
    pub lock: SchemaLock,
    /// A column that had another name.
    pub renamed: Option<Arc<Rename>>,
}

/// What the pass over the rows is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Key, fingerprint and order only.
    Index,
    /// Lines as well, without insert_id.
    Encode,
    /// Whole lines: the insert_id is that of revision 0.
    EncodeWhole,
}

/// The rows of one block, mapped.
#[derive(Default)]
pub(super) struct MappedBlock {
    /// Rows that were wanted.
    pub read: u64,
    /// Number of the row after the block.
    pub next_row: u64,
    pub rows: Vec<MappedRow>,
    pub lines: Vec<u8>,
    /// Pre-images, dropped.
    pub pre_images: u64,
    /// Rows that the filter leaves out and that have no key.
    pub filtered: u64,
    pub rejected: Vec<(u64, Option<RowKey>, RowError)>,
    pub observed: Observed,
    /// The folder that the rows are in, where folders are snapshots of their own.
    pub folder: Option<FolderId>,
    clearings: Vec<u8>,
    names: Vec<u8>,
}

/// One row, mapped.
pub(super) struct MappedRow {
    pub row: u64,
    pub key: RowKey,
    pub op: Op,
    pub version: i128,
    pub fingerprint: u64,
    pub time_ms: i64,
    pub in_window: bool,
    /// Whether its user is to be forgotten: nothing is sent, not even a delete.
    pub is_suppressed: bool,
    pub kept_id: Option<Box<str>>,
    /// Fingerprint of the row as it was before columns came, where some did.
    pub old_fingerprint: Option<u64>,
    line: (u32, u32),
    clearing: (u32, u32),
    names: (u32, u32, u32),
}

impl MappedBlock {
    pub fn line(&self, row: &MappedRow) -> &[u8] {
        &self.lines[row.line.0 as usize..row.line.1 as usize]
    }

    /// The line that clears what an older copy may have and the row does not; empty if the destination needs none.
    pub fn clearing(&self, row: &MappedRow) -> &[u8] {
        &self.clearings[row.clearing.0 as usize..row.clearing.1 as usize]
    }

    pub fn event(&self, row: &MappedRow) -> String {
        String::from_utf8_lossy(&self.names[row.names.0 as usize..row.names.1 as usize]).into_owned()
    }

    pub fn distinct_id(&self, row: &MappedRow) -> String {
        String::from_utf8_lossy(&self.names[row.names.1 as usize..row.names.2 as usize]).into_owned()
    }
}

/// Maps the wanted rows of a block. Pure: the same block under the same lock and configuration gives the same result.
pub(super) fn map_block(
    sync: &Sync,
    view: &View<'_>,
    block: &dyn RowBlock,
    selection: &Selection,
    pass: Pass,
    now_ms: i64,
) -> MappedBlock {
    let mut mapper = Mapper {
        sync,
        source: SourceRows::new(&sync.config, view.lock),
        encoder: sync.destination.encoder(view.lock),
        filter: RowFilter::new(&sync.config),
        earlier: view.earlier.map(|earlier| EarlierEncoder {
            encoder: sync.destination.encoder(&earlier.lock),
            renamed: earlier.renamed.clone(),
            columns: None,
        }),
        suppressed: view.suppressed,
        pass,
        keeps_row_state: sync.keeps_row_state(),
        is_of_users: sync.config.is_of_users(),
        pre_images_delete: sync.pre_images_delete(view.lock),
        users: UserSample::default(),
        bounds_ms: sync.destination.time_bounds(now_ms),
        out: MappedBlock { next_row: block.first_row() + block.rows(), ..MappedBlock::default() },
        scratch: Vec::new(),
    };
    if !selection.wants_any(block.first_row(), block.rows()) {
        return mapper.out;
    }
    if pass != Pass::Index {
        mapper.out.lines.reserve(block.bytes() as usize + block.bytes() as usize / 4);
    }
    mapper.out.rows.reserve(block.rows() as usize);
    block.visit(&|row| selection.wants(row), &mut |number, row| {
        mapper.out.read += 1;
        if let Err((key, error)) = row.map_err(|error| (None, error)).and_then(|row| mapper.map(number, row)) {
            mapper.out.rejected.push((number, key, error));
        }
    });
    mapper.out.observed = mapper.encoder.take_observed();
    mapper.out.observed.users = mapper.users;
    mapper.out
}

struct Mapper<'a> {
    sync: &'a Sync,
    source: SourceRows,
    encoder: Box<dyn RowEncoder>,
    filter: RowFilter,
    earlier: Option<EarlierEncoder>,
    suppressed: &'a Suppressed,
    pass: Pass,
    keeps_row_state: bool,
    is_of_users: bool,
    pre_images_delete: bool,
    users: UserSample,
    bounds_ms: (i64, i64),
    out: MappedBlock,
    scratch: Vec<u8>,
}

/// Encodes rows as they were before columns came.
struct EarlierEncoder {
    encoder: Box<dyn RowEncoder>,
    renamed: Option<Arc<Rename>>,
    /// Columns as they are and as they were.
    columns: Option<(Arc<Columns>, Arc<Columns>)>,
}

impl EarlierEncoder {
    fn fingerprint(&mut self, row: Row<'_>) -> Option<u64> {
        let columns = self.columns(row.columns);
        let mut line = Vec::new();
        self.encoder.encode(Row { columns: &columns, ..row }, &mut line).ok()?;
        Some(self.encoder.fingerprint(&line))
    }

    fn columns(&mut self, now: &Arc<Columns>) -> Arc<Columns> {
        let Some(rename) = &self.renamed else { return now.clone() };
        if let Some((known, earlier)) = &self.columns
            && Arc::ptr_eq(known, now)
        {
            return earlier.clone();
        }
        let old_name = |name: &String| if *name == rename.to { rename.from.clone() } else { name.clone() };
        let earlier = Arc::new(Columns { names: now.names.iter().map(old_name).collect() });
        self.columns = Some((now.clone(), earlier.clone()));
        earlier
    }
}

type Rejected = (Option<RowKey>, RowError);

impl Mapper<'_> {
    fn map(&mut self, number: u64, row: Row<'_>) -> Result<(), Rejected> {
        let unkeyed = |error| (None, error);
        let op = self.source.op(row).map_err(unkeyed)?;
        if op == Op::PreImage {
            self.take_pre_image(number, row);
            return Ok(());
        }
        if !self.filter.takes_row(row) {
            return self.leave_out(number, row);
        }
        let named = if self.source.has_key() { Some(self.source.key(row).map_err(unkeyed)?) } else { None };
        let keyed = |error| (named, error);
        let version = self.source.version(row).map_err(keyed)?;
        if op == Op::Delete {
            let key = named.unwrap_or(RowKey([0; 16]));
            self.push(number, key, op, version, 0, 0, true, None, (0, 0));
            return Ok(());
        }
        let mut kept_id = self.source.kept_id(row);
        if let Some(id) = &kept_id
            && let Err(cause) = self.encoder.check_insert_id(id)
        {
            if !self.sync.config.hashes_illegal_insert_id() {
                let error = RowError::of_row(
                    RowErrorCode::IdRefused,
                    format!("the insert_id {cause}"),
                    "remove keep: true, so that the id is hashed, or correct the column",
                );
                return Err(keyed(error));
            }
            kept_id = None;
        }
        let start = self.out.lines.len();
        let time_ms = self.encoder.encode(row, &mut self.out.lines).map_err(keyed)?;
        if time_ms < self.bounds_ms.0 || time_ms > self.bounds_ms.1 {
            self.out.lines.truncate(start);
            return Err(keyed(self.out_of_bounds(time_ms)));
        }
        let key = named.unwrap_or_else(|| {
            let content = std::iter::once(&self.out.lines[start..]);
            RowKey::from_parts(self.sync.config.namespace(), content, &mut self.scratch)
        });
        // Where no row is remembered nothing is compared.
        let fingerprint = if self.keeps_row_state { self.encoder.fingerprint(&self.out.lines[start..]) } else { 0 };
        match self.pass {
            Pass::Index => self.out.lines.truncate(start),
            Pass::Encode => {}
            Pass::EncodeWhole => match &kept_id {
                Some(id) => self.encoder.close(id, Mutation::Insert, &mut self.out.lines),
                None => self.encoder.close(key.hex_digits().as_str(), Mutation::Insert, &mut self.out.lines),
            },
        }
        let (event, user) = self.encoder.identity_parts();
        let is_suppressed = self.suppressed.has(user);
        if self.is_of_users && !is_suppressed && self.encoder.names_user() {
            self.users.add(user);
        }
        let in_window = !is_suppressed && self.sync.is_in_window(time_ms) && self.filter.takes_identity(event, user);
        let line = (start as u32, self.out.lines.len() as u32);
        self.push(number, key, op, version, fingerprint, time_ms, in_window, kept_id, line);
        if let Some(row) = self.out.rows.last_mut() {
            row.is_suppressed = is_suppressed;
        }
        if let Some(earlier) = &mut self.earlier {
            let fingerprint = earlier.fingerprint(row);
            if let Some(row) = self.out.rows.last_mut() {
                row.old_fingerprint = fingerprint;
            }
        }
        Ok(())
    }

    /// A row as it was before an update: its key is gone, unless the row after it, which beats it, has the same key.
    fn take_pre_image(&mut self, number: u64, row: Row<'_>) {
        let is_delete = self.pre_images_delete && self.source.has_key();
        let known = if is_delete { self.source.key(row).ok().zip(self.source.version(row).ok()) } else { None };
        match known {
            Some((key, version)) => self.push(number, key, Op::Delete, version, 0, 0, true, None, (0, 0)),
            None => self.out.pre_images += 1,
        }
    }

    /// A row that the filter leaves out: its key, if it has one, is not to be at the destination.
    fn leave_out(&mut self, number: u64, row: Row<'_>) -> Result<(), Rejected> {
        let key = if self.source.has_key() { self.source.key(row).ok() } else { None };
        let version = self.source.version(row).ok();
        match (key, version) {
            (Some(key), Some(version)) => {
                self.push(number, key, Op::Upsert, version, 0, 0, false, None, (0, 0));
            }
            _ => self.out.filtered += 1,
        }
        Ok(())
    }

    fn out_of_bounds(&self, time_ms: i64) -> RowError {
        let (field, column) = self.sync.config.time().map_or(("", ""), |(field, time)| (field, time.column.as_str()));
        let cause = if time_ms > self.bounds_ms.1 {
            "lies in the future, where the destination would change or refuse it"
        } else {
            "lies before what the destination keeps"
        };
        RowError::of_column(
            RowErrorCode::TimeInvalid,
            column,
            format!("time column {column} {cause}"),
            format!(
                "correct the export or {field} (unit, timezone); rows that were only early can be sent later with driftless replay"
            ),
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn push(
        &mut self,
        row: u64,
        key: RowKey,
        op: Op,
        version: i128,
        fingerprint: u64,
        time_ms: i64,
        in_window: bool,
        kept_id: Option<String>,
        line: (u32, u32),
    ) {
        let (mut names, mut clearing) = ((0, 0, 0), (0, 0));
        if self.pass == Pass::Encode && op == Op::Upsert {
            let (event, distinct_id) = self.encoder.identity_parts();
            names.0 = self.out.names.len() as u32;
            self.out.names.extend_from_slice(event.as_bytes());
            names.1 = self.out.names.len() as u32;
            self.out.names.extend_from_slice(distinct_id.as_bytes());
            names.2 = self.out.names.len() as u32;
            clearing.0 = self.out.clearings.len() as u32;
            self.encoder.clearing(&mut self.out.clearings);
            clearing.1 = self.out.clearings.len() as u32;
        }
        let kept_id = kept_id.map(String::into_boxed_str);
        self.out.rows.push(MappedRow {
            row,
            key,
            op,
            version,
            fingerprint,
            time_ms,
            in_window,
            kept_id,
            is_suppressed: false,
            old_fingerprint: None,
            line,
            clearing,
            names,
        });
    }
}
