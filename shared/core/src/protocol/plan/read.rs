use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};

use super::context::PlanContext;
use super::map::{Earlier, MappedBlock, Pass, View, map_block};
use super::selection::Selection;
use crate::model::{ExportVersion, SchemaLock};
use crate::ports::{ExportError, PortError, Progress, RowBlock, RowBlocks, run_on};

/// The wanted rows of an export, mapped, block by block and in order. Decoding goes on while blocks are mapped; at most
/// as many blocks as the compute port is wide are in memory.
pub(super) async fn mapped_blocks(
    context: &PlanContext,
    export: &ExportVersion,
    selection: Selection,
    pass: Pass,
) -> Result<BoxStream<'static, Result<MappedBlock, ExportError>>, ExportError> {
    let compute = context.ports.compute.clone();
    let blocks = open(context, export).await?;
    let name: Arc<str> = export.key.as_str().into();

    let decode = compute.clone();
    let decoding = name.clone();
    let blocks = stream::unfold(Some(blocks), move |reader| {
        let compute = decode.clone();
        let name = decoding.clone();
        async move {
            let mut reader = reader?;
            let step = run_on(&compute, move || {
                let block = reader.next_block();
                (reader, block)
            });
            match step.await {
                Ok((reader, Ok(Some(block)))) => Some((Ok(block), Some(reader))),
                Ok((_, Ok(None))) => None,
                Ok((_, Err(error))) => Some((Err(error), None)),
                Err(error) => Some((Err(broken(&name, &error)), None)),
            }
        }
    });

    let (sync, lock) = (context.sync.clone(), context.lock.clone());
    let (earlier, suppressed) = (earlier(context, pass), context.suppressed.clone());
    let (width, now_ms, folder) = (compute.width(), context.now_ms, context.folder_of(export));
    let mapped = blocks
        .map(move |block: Result<Box<dyn RowBlock>, ExportError>| {
            let (sync, lock, selection): (_, Arc<SchemaLock>, _) = (sync.clone(), lock.clone(), selection.clone());
            let (name, earlier, suppressed) = (name.clone(), earlier.clone(), suppressed.clone());
            // Started here, not when polled: a block is mapped while the next one is decoded.
            let job = block.map(|block| {
                let job = move || {
                    let view = View { lock: &lock, earlier: earlier.as_deref(), suppressed: &suppressed };
                    let mut mapped = map_block(&sync, &view, &*block, &selection, pass, now_ms);
                    mapped.folder = folder;
                    mapped
                };
                run_on(&compute, job)
            });
            async move { job?.await.map_err(|error| broken(&name, &error)) }
        })
        .buffered(width);
    let observer = context.ports.observer.clone();
    let sync_name = context.sync.name().to_string();
    Ok(mapped
        .inspect(move |block| {
            if let Ok(block) = block {
                observer.note(Progress::Read { sync: &sync_name, rows: block.read });
            }
        })
        .boxed())
}

/// How rows were before columns came, where they are to be looked at like that too.
fn earlier(context: &PlanContext, pass: Pass) -> Option<Arc<Earlier>> {
    let mut hidden = (*context.fresh_columns).clone();
    if pass != Pass::Encode || hidden.is_empty() {
        return None;
    }
    let mut lock = (*context.lock).clone();
    if let Some(rename) = &context.renamed {
        hidden.remove(&rename.to);
        lock.columns.remove(&rename.to);
    }
    Some(Arc::new(Earlier { lock: SchemaLock { hidden, ..lock }, renamed: context.renamed.clone() }))
}

async fn open(context: &PlanContext, export: &ExportVersion) -> Result<Box<dyn RowBlocks>, ExportError> {
    let bytes = context.ports.exports.open(export).await?;
    let (formats, lock, key) = (context.ports.formats.clone(), context.lock.clone(), export.key.clone());
    run_on(&context.ports.compute, move || formats.open(&key, bytes, &lock))
        .await
        .map_err(|error| broken(&export.key, &error))?
}

fn broken(export: &str, error: &PortError) -> ExportError {
    ExportError::Unreadable {
        export: export.to_string(),
        cause: error.to_string(),
        remedy: "report this as a defect, with the export if you may share it".to_string(),
    }
}
