use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::{Drift, PlanContext, Rename};
use crate::config::{Feed, Kind, Mode, Order, SchemaChanges};
use crate::mapping::{
    ends_states, history_columns, marks_deleted, op_of_values, well_known_deleted_column, well_known_order_column,
};
use crate::model::{Checkpoint, ColumnType, ExportVersion, SchemaLock, Warning};
use crate::ports::{ExportError, Inspection, run_on};
use crate::protocol::candidates::feed_candidates;
use crate::protocol::delta_log::LOG_FOLDER;
use crate::protocol::error::ProtocolError;
use crate::protocol::manifest::columns_of_manifest;
use crate::protocol::snapshot::snapshot_of;
use crate::protocol::suppressed;

/// Exports that are looked at before a plan; with more of them, evenly spread ones.
const INSPECTED_MAX: usize = 64;

/// Looks at the first rows of the exports to come and extends the lock by what it did not know: CSV dialect, column
/// types, the op and the order column. What is locked stays.
pub(super) async fn prepare(context: &mut PlanContext, checkpoint: &Checkpoint) -> Result<(), ProtocolError> {
    if context.sync.config.is_of_users() {
        context.suppressed = Arc::new(suppressed(&context.ports).await?);
    }
    let mut before = checkpoint.lock.clone();
    if before.columns.is_empty() {
        before.delta = is_delta_table(context).await?;
    }
    let exports = exports_to_inspect(context, checkpoint, &before).await?;
    let mut lock = before.clone();
    lock.types.extend(context.sync.config.source.types.clone());
    lock.declared.extend(context.sync.config.source.types.keys().cloned());
    let (mut domains, mut kinds) = (Vec::new(), BTreeMap::<String, BTreeSet<ColumnType>>::new());
    let (mut present, mut first_columns) = (BTreeSet::new(), BTreeSet::new());
    let mut looked_at: Vec<&ExportVersion> = spread(&exports).collect();
    if before.columns.is_empty() && before.csv.is_none() {
        header_first(context, &mut looked_at, &lock).await?;
    }
    for export in looked_at {
        let mut inspected = inspect(context, export, &lock).await;
        if let Ok(inspection) = &inspected
            && is_nameless(context, &lock, inspection)
        {
            lock.header = columns_of_manifest(&context.ports, &context.sync.config.source.prefix).await?;
            inspected = inspect(context, export, &lock).await;
        }
        match inspected {
            Ok(inspection) => {
                first_columns.extend(inspection.columns.first().cloned());
                lock = inspection.lock;
                for (column, kind) in inspection.kinds {
                    kinds.entry(column).or_default().insert(kind);
                }
                present.extend(inspection.columns.iter().cloned());
                lock.columns.extend(inspection.columns);
                domains.extend(inspection.domains);
            }
            // Reading it will say what is wrong with it, in the report of the run.
            Err(ExportError::Unreadable { .. } | ExportError::Changed { .. }) => {}
            Err(error @ ExportError::Retry { .. }) => return Err(error.into()),
        }
    }
    find_source_columns(context, &before, &mut lock, &domains);
    // DMS's change files begin with Op, also where they have a header; its full loads have none.
    lock.dms |= lock.op_column.as_deref() == Some(DMS_OP) && first_columns.contains(DMS_OP);
    refuse_another_feed(context, checkpoint, &lock)?;
    if !present.is_empty() && context.sync.feed(&lock) == Feed::Snapshot {
        refuse_delivery_order(context)?;
        lock.gone = before.columns.difference(&present).cloned().collect();
    }
    let retyped = take_kinds(&mut lock, kinds);
    lock.mapping = Some(context.sync.mapping().to_string());
    let added: BTreeSet<String> = match before.columns.is_empty() {
        true => BTreeSet::new(),
        false => lock.columns.difference(&before.columns).cloned().collect(),
    };
    let went: Vec<&String> = lock.gone.difference(&before.gone).collect();
    if let ([from], [to]) = (&went[..], &added.iter().collect::<Vec<_>>()[..])
        && matches!(context.sync.config.kind, Kind::Events | Kind::UserProfiles | Kind::GroupProfiles)
    {
        context.renamed = Some(Arc::new(Rename { from: (*from).clone(), to: (*to).clone() }));
    }
    context.drift = Drift {
        added: !added.is_empty(),
        other: !went.is_empty() || !retyped.is_empty() || (before.mapping.is_some() && before.mapping != lock.mapping),
    };
    if context.sync.config.schema_changes == SchemaChanges::NewRowsOnly {
        lock.adopted.extend(added);
        context.fresh_columns = Arc::new(lock.adopted.clone());
    } else {
        context.fresh_columns = Arc::new(added);
    }
    context.notes = drift(context, &before, &lock);
    context.notes.extend(retyped);
    context.lock = Arc::new(lock);
    Ok(())
}

/// Whether the prefix is a Delta table. Its folder holds files that left the table, so it can be no feed of files.
async fn is_delta_table(context: &PlanContext) -> Result<bool, ProtocolError> {
    let config = &context.sync.config;
    let log = format!("{}{LOG_FOLDER}", config.source.prefix);
    let is_delta = !context.ports.exports.list(&log, None, 1).await?.is_empty();
    let lock = SchemaLock { delta: true, ..SchemaLock::default() };
    if is_delta && context.sync.feed(&lock) != Feed::Snapshot {
        return Err(ProtocolError::Halt(format!(
            "{} is a Delta table, which is read as a snapshot by its log; use mode: mirror or full, or export its change data feed",
            config.source.prefix
        )));
    }
    Ok(is_delta)
}

/// Whether an export, the first of CSV, has columns that nothing has named so far.
fn is_nameless(context: &PlanContext, lock: &SchemaLock, found: &Inspection) -> bool {
    let has_names = !lock.header.is_empty() || !context.sync.config.source.csv.columns.is_empty();
    !has_names && lock.csv.is_none() && found.lock.csv.as_ref().is_some_and(|csv| !csv.header)
}

/// The op column of AWS DMS.
const DMS_OP: &str = "Op";

/// Where some CSV exports name their columns and others do not, one that does goes first: the others are named by it.
async fn header_first(
    context: &PlanContext,
    exports: &mut [&ExportVersion],
    lock: &SchemaLock,
) -> Result<(), ProtocolError> {
    for number in 0..exports.len() {
        match inspect(context, exports[number], lock).await {
            Ok(inspection) => match &inspection.lock.csv {
                Some(csv) if csv.header => {
                    exports[..=number].rotate_right(1);
                    return Ok(());
                }
                Some(_) => {}
                // No CSV: nothing has a header.
                None => return Ok(()),
            },
            Err(ExportError::Unreadable { .. } | ExportError::Changed { .. }) => {}
            Err(error @ ExportError::Retry { .. }) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What was followed as snapshots has a ledger, a change feed has row states: one cannot go on as the other.
fn refuse_another_feed(context: &PlanContext, checkpoint: &Checkpoint, lock: &SchemaLock) -> Result<(), ProtocolError> {
    let was = context.sync.feed(&checkpoint.lock);
    if was == Feed::Snapshot && checkpoint.snapshot.is_some() && context.sync.feed(lock) == Feed::Change {
        return Err(ProtocolError::Halt(format!(
            "exports with changes came beside the snapshots that {} followed so far; put them under a prefix of their own, or begin anew: a sync of another name with source.feed: change and namespace: {}",
            context.sync.name(),
            context.sync.config.namespace()
        )));
    }
    Ok(())
}

/// As `check` does, where only the exports tell that they are a snapshot.
fn refuse_delivery_order(context: &PlanContext) -> Result<(), ProtocolError> {
    let source = &context.sync.config.source;
    if source.order == Order::Delivery {
        return Err(ProtocolError::Halt(format!(
            "{} is read as a snapshot, whose rows have no delivery order; name a column in source.order, or set source.feed: change if these are changes",
            source.prefix
        )));
    }
    Ok(())
}

async fn exports_to_inspect(
    context: &PlanContext,
    checkpoint: &Checkpoint,
    lock: &SchemaLock,
) -> Result<Vec<ExportVersion>, ProtocolError> {
    if let Some(replay) = &context.replay {
        return Ok(replay.exports.values().map(|(export, _)| export.clone()).collect());
    }
    if context.sync.feed(lock) == Feed::Snapshot && !context.sync.feed_is_open(lock) {
        return Ok(snapshot_of(&context.ports, &context.sync, context.by_person).await?.exports);
    }
    let limit = crate::protocol::limits::EXPORTS_PER_RUN_MAX;
    Ok(feed_candidates(&context.ports, &context.sync, checkpoint, limit).await?)
}

fn spread(exports: &[ExportVersion]) -> impl Iterator<Item = &ExportVersion> {
    let step = exports.len().div_ceil(INSPECTED_MAX).max(1);
    exports.iter().step_by(step)
}

async fn inspect(context: &PlanContext, export: &ExportVersion, lock: &SchemaLock) -> Result<Inspection, ExportError> {
    let bytes = context.ports.exports.open(export).await?;
    let (formats, lock, key) = (context.ports.formats.clone(), lock.clone(), export.key.clone());
    run_on(&context.ports.compute, move || formats.inspect(&key, bytes, &lock))
        .await
        .map_err(|error| ExportError::Retry { export: export.key.clone(), cause: error.to_string() })?
}

fn find_source_columns(
    context: &PlanContext,
    before: &SchemaLock,
    lock: &mut SchemaLock,
    domains: &[(String, BTreeSet<String>)],
) {
    let config = &context.sync.config;
    if config.mode != Mode::Mirror && config.mode != Mode::Full {
        return;
    }
    if let Some(op) = &config.source.op {
        lock.op_column = Some(op.column.clone());
    }
    let may_have_op =
        !lock.delta && matches!(config.source.feed, Feed::Auto | Feed::Change) && config.mode == Mode::Mirror;
    // Found when the exports are first seen, or never: a feed does not turn into another one later.
    if may_have_op && config.source.op.is_none() && before.columns.is_empty() && lock.op_column.is_none() {
        let columns: Vec<String> = lock.columns.iter().cloned().collect();
        let found = op_of_values(&merged(domains)).map(String::from);
        lock.op_column = found.or_else(|| well_known_deleted_column(&columns).map(String::from));
        if let (None, Some((end, start))) = (&lock.op_column, history_columns(&columns)) {
            lock.op_column = Some(end.to_string());
            lock.order_column = Some(start.to_string());
        }
    }
    match &config.source.order {
        Order::Column(column) => lock.order_column = Some(column.clone()),
        Order::Delivery => lock.order_column = None,
        Order::Auto if context.sync.feed(lock) != Feed::Snapshot && lock.order_column.is_none() => {
            let columns: Vec<String> = lock.columns.iter().cloned().collect();
            lock.order_column = well_known_order_column(&columns).map(String::from);
        }
        Order::Auto => {}
    }
}

/// Domains of one column from several exports, taken together.
fn merged(domains: &[(String, BTreeSet<String>)]) -> Vec<(String, BTreeSet<String>)> {
    let mut by_name = std::collections::BTreeMap::<String, BTreeSet<String>>::new();
    for (name, values) in domains {
        by_name.entry(name.clone()).or_default().extend(values.iter().cloned());
    }
    by_name.into_iter().collect()
}

/// Takes what columns hold now into the lock, and names those that held something else.
fn take_kinds(lock: &mut SchemaLock, kinds: BTreeMap<String, BTreeSet<ColumnType>>) -> Vec<Warning> {
    let mut notes = Vec::new();
    for (column, kinds) in kinds {
        // Where exports differ among themselves nothing changed from one to another.
        let [kind] = kinds.into_iter().collect::<Vec<_>>()[..] else { continue };
        match lock.kinds.insert(column.clone(), kind) {
            // A column of CSV whose values once looked like text is text, whatever later ones look like.
            Some(ColumnType::String) if lock.csv.is_some() => {
                lock.kinds.insert(column, ColumnType::String);
            }
            Some(before) if before.differs(kind) => notes.push(Warning {
                code: "column_retyped".to_string(),
                text: format!(
                    "column {column} held {} and holds {} now. Rows that look different by it count as changed",
                    before.words(),
                    kind.words()
                ),
            }),
            _ => {}
        }
    }
    notes
}

/// Names what changed about columns and mapping since the last plan.
fn drift(context: &PlanContext, before: &SchemaLock, after: &SchemaLock) -> Vec<Warning> {
    let mut notes = Vec::new();
    if !before.columns.is_empty() {
        let added: Vec<_> = after.columns.difference(&before.columns).map(String::as_str).collect();
        if !added.is_empty() {
            notes.push(Warning {
                code: "columns_added".to_string(),
                text: format!(
                    "new columns: {}. Rows in which they hold a value count as changed; leave them out with {}.exclude",
                    added.join(", "),
                    context.sync.config.kind.mapping()
                ),
            });
        }
    }
    let gone: Vec<_> = after.gone.difference(&before.gone).map(String::as_str).collect();
    if !gone.is_empty() {
        notes.push(Warning {
            code: "columns_gone".to_string(),
            text: format!(
                "columns that are gone: {}. Rows in which they held a value count as changed",
                gone.join(", ")
            ),
        });
    }
    if before.mapping.is_some() && before.mapping != after.mapping {
        notes.push(Warning {
            code: "mapping_changed".to_string(),
            text: format!(
                "the mapping in syncs/{}.yaml changed since the last plan. Rows that look different by it count as changed",
                context.sync.name()
            ),
        });
    }
    if let Some(csv) = &after.csv
        && before.csv.is_none()
        && !csv.header
        && csv.columns == after.header
    {
        notes.push(Warning {
            code: "columns_of_manifest".to_string(),
            text: "the exports have no header: their columns are named by the manifest (set source.csv.columns to say otherwise)"
                .to_string(),
        });
    }
    if let Some(envelope) = after.envelope
        && before.envelope.is_none()
    {
        notes.push(Warning {
            code: "envelope".to_string(),
            text: format!(
                "the exports are {}: their rows are unwrapped (set source.envelope to say otherwise)",
                envelope.name()
            ),
        });
    }
    if let Some(op) = &after.op_column
        && context.sync.config.source.op.is_none()
        && before.op_column.is_none()
    {
        notes.push(Warning {
            code: "op_column".to_string(),
            text: format!(
                "column {op} {}: the exports are read as a change feed (set source.feed to say otherwise)",
                match (marks_deleted(op), ends_states(op)) {
                    (true, _) => "marks deleted rows",
                    (_, true) => "says which of the states of a row is the current one",
                    _ => "holds only insert, update and delete values",
                }
            ),
        });
    }
    notes
}
