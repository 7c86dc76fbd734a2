use driftless_core::model::CsvDialect;

/// The column that says insert, update or delete in change files of AWS DMS
/// (docs.aws.amazon.com/dms/latest/userguide/CHAP_Target.S3.html, 2026-11). Full loads have no such column.
pub(crate) const DMS_OP: &str = "Op";

/// How DMS writes null, unless it is told otherwise.
const NULL: &str = "NULL";

/// If an export without a header is a change file of AWS DMS beside full loads of the same table: one column more, the
/// first of which is I, U or D. Gives the dialect of the table's files, and the names of this one's columns.
pub(crate) fn dms_changes(
    first: &[Option<String>],
    locked: &CsvDialect,
    header: &[String],
) -> Option<(CsvDialect, Vec<String>)> {
    let columns = if locked.header { header } else { &locked.columns };
    let is_op = first.first()?.as_deref().is_some_and(|op| matches!(op, "I" | "U" | "D"));
    if !is_op || columns.is_empty() || first.len() != columns.len() + 1 {
        return None;
    }
    let mut locked = locked.clone();
    locked.header = false;
    locked.columns = columns.to_vec();
    if !locked.nulls.iter().any(|null| null == NULL) {
        locked.nulls.push(NULL.to_string());
    }
    let names = std::iter::once(DMS_OP.to_string()).chain(columns.iter().cloned()).collect();
    Some((locked, names))
}
