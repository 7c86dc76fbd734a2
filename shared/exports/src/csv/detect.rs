use driftless_core::config::CsvOptions;
use driftless_core::model::CsvDialect;

use super::dialect::terminator_of;
use super::dms::DMS_OP;
use super::fields::each_field;
use super::header::{column_names, looks_like_header};
use super::options::Said;
use super::{CsvSplitter, Dialect};
use crate::limits::DIALECT_SAMPLE_BYTES;
use crate::records::Splitter;
use crate::refusal::Refusal;

/// Delimiters that are tried, the likeliest first.
const DELIMITERS: [u8; 5] = [b',', b'|', b'\t', b';', 0x01];

/// The null spelling beside the empty field, where nothing else is said: Snowflake, PostgreSQL, Hive.
const DEFAULT_NULL: &str = "\\N";

/// How well a dialect explains the first records. The greater the better, by the fields in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// Whether there are several columns and the first record has as many fields as most.
    splits: bool,
    /// Records with as many fields as the first one, in 64ths.
    agreeing: usize,
    columns: usize,
}

/// Finds the dialect of an export by its first bytes. What the sync says is taken as said. `is_all`: the head is the whole.
pub(crate) fn detect(head: &[u8], is_all: bool, options: &CsvOptions) -> Result<CsvDialect, Refusal> {
    let said = Said::of(options)?;
    let sample = &head[..head.len().min(DIALECT_SAMPLE_BYTES)];
    let is_all = is_all && sample.len() == head.len();
    let nulls = options.nulls.clone().unwrap_or_else(|| vec![DEFAULT_NULL.to_string()]);
    let mut best: Option<(Score, Dialect)> = None;
    for (quote, escape) in quotings(&said, sample) {
        for delimiter in said.delimiter.map_or(DELIMITERS.to_vec(), |delimiter| vec![delimiter]) {
            if quote == Some(delimiter) {
                continue;
            }
            let dialect = Dialect { delimiter, quote, escape, nulls: nulls.clone(), terminator: terminator_of(head) };
            let score = score(sample, is_all, &dialect);
            if best.as_ref().is_none_or(|(other, _)| score > *other) {
                best = Some((score, dialect));
            }
        }
    }
    let Some((_, dialect)) = best else {
        return Err(Refusal::new("no CSV dialect is possible with these options", "change source.csv"));
    };
    let records = records(sample, is_all, &dialect);
    let rows: Vec<Vec<Option<String>>> = records.iter().filter_map(|record| fields(record, &dialect)).collect();
    let header = options.header.unwrap_or_else(|| {
        let first = rows.first().map(Vec::as_slice).unwrap_or_default();
        if options.columns.is_empty() { looks_like_header(&rows) } else { is_same_set(first, &options.columns) }
    });
    let mut width = rows.first().map_or(0, Vec::len);
    let configured = options.columns.len();
    // Columns that begin with the op themselves are those of the change files.
    let has_op = options.columns.first().is_some_and(|name| name.eq_ignore_ascii_case(DMS_OP));
    if !header && !has_op && width == configured + 1 && rows.iter().all(|row| is_dms_op(row.first())) {
        // A change file of DMS has its op before the columns.
        width = configured;
    }
    let columns = if header { Vec::new() } else { column_names(&options.columns, width)? };
    Ok(CsvDialect {
        delimiter: dialect.delimiter,
        quote: dialect.quote,
        escape: dialect.escape,
        header,
        columns,
        nulls,
    })
}

fn is_dms_op(field: Option<&Option<String>>) -> bool {
    field.and_then(Option::as_deref).is_some_and(|op| matches!(op, "I" | "U" | "D"))
}

fn is_same_set(first: &[Option<String>], columns: &[String]) -> bool {
    first.len() == columns.len() && first.iter().flatten().all(|name| columns.contains(name))
}

/// The ways of quoting that the sample leaves open, the likeliest first.
fn quotings(said: &Said, sample: &[u8]) -> Vec<(Option<u8>, Option<u8>)> {
    let mut all: Vec<(Option<u8>, Option<u8>)> = Vec::new();
    let has = |byte: u8| memchr::memchr(byte, sample).is_some();
    let has_null_escape = sample.windows(2).any(|pair| pair == b"\\N");
    match said.quote {
        Some(quote) => all.push((quote, None)),
        None => {
            // Without any quote, backslashes are how the writer escapes: Snowflake, PostgreSQL and Redshift text.
            if !has(b'"') && has_null_escape {
                all.push((None, Some(b'\\')));
            }
            all.push((Some(b'"'), None));
            if has(b'\'') {
                all.push((Some(b'\''), None));
            }
            all.push((None, None));
        }
    }
    match said.escape {
        Some(escape) => all.iter_mut().for_each(|(_, e)| *e = Some(escape)),
        None if has(b'\\') => {
            let escaped: Vec<_> =
                all.iter().filter(|(_, e)| e.is_none()).map(|(quote, _)| (*quote, Some(b'\\'))).collect();
            all.extend(escaped);
        }
        None => {}
    }
    all
}

fn score(sample: &[u8], is_all: bool, dialect: &Dialect) -> Score {
    let counts: Vec<Option<usize>> = records(sample, is_all, dialect)
        .iter()
        .map(|record| std::str::from_utf8(record).map_or(Some(0), |record| each_field(record, dialect, |_, _| {}).ok()))
        .filter(|count| *count != Some(0))
        .collect();
    let first = counts.first().copied().flatten().unwrap_or(0);
    let same = counts.iter().filter(|count| **count == Some(first)).count();
    let agreeing = if counts.is_empty() { 0 } else { same * 64 / counts.len() };
    Score { splits: first > 1 && agreeing >= 32, agreeing, columns: first }
}

/// The whole records of the sample.
pub(super) fn records<'a>(sample: &'a [u8], is_all: bool, dialect: &Dialect) -> Vec<&'a [u8]> {
    let mut spans = Vec::new();
    // Splitting CSV never fails: what is wrong shows in the fields.
    let _ = CsvSplitter::new(dialect.clone()).split(sample, is_all, &mut spans);
    spans.iter().map(|span| &sample[span.start as usize..span.end as usize]).collect()
}

/// The fields of a readable record, `None` for nulls.
pub(super) fn fields(record: &[u8], dialect: &Dialect) -> Option<Vec<Option<String>>> {
    let record = std::str::from_utf8(record).ok()?;
    let mut fields = Vec::new();
    each_field(record, dialect, |_, field| fields.push((!field.is_null).then(|| field.text.into_owned()))).ok()?;
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> CsvDialect {
        detect(text.as_bytes(), true, &CsvOptions::default()).unwrap()
    }

    fn quoting(text: &str) -> (u8, Option<u8>, Option<u8>, bool) {
        let dialect = found(text);
        (dialect.delimiter, dialect.quote, dialect.escape, dialect.header)
    }

    #[test]
    fn finds_what_warehouses_write() {
        assert_eq!(quoting("id,name\n1,a\n2,\"b, c\"\n"), (b',', Some(b'"'), None, true));
        assert_eq!(quoting("1|a|2025-01-01\n2|b, c|2025-01-02\n"), (b'|', Some(b'"'), None, false));
        assert_eq!(quoting("id\tname\n1\ta\n"), (b'\t', Some(b'"'), None, true));
        assert_eq!(quoting("id;price\n1;1,5\n2;3,25\n"), (b';', Some(b'"'), None, true));
        assert_eq!(quoting("1\u{1}a\n2\u{1}b\n"), (1, Some(b'"'), None, false));
        // Snowflake without quotes: backslashes escape.
        assert_eq!(quoting("1,a\\,b,\\N\n2,c,\\N\n3,d\\\ne,x\n"), (b',', None, Some(b'\\'), false));
        // Spark: quotes escaped by a backslash.
        assert_eq!(
            quoting("1,\"{\\\"a\\\":1,\\\"b\\\":2}\"\n2,\"{\\\"a\\\":1}\"\n"),
            (b',', Some(b'"'), Some(b'\\'), false)
        );
        // A doubled quote beside a backslash at the end of a field.
        assert_eq!(quoting("id,path\n1,\"C:\\\"\n2,\"say \"\"x\"\"\"\n"), (b',', Some(b'"'), None, true));
        assert_eq!(quoting("id,name\n1,'a, b'\n2,'c'\n"), (b',', Some(b'\''), None, true));
        assert!(found("id\n1\n2\n").header);
    }

    #[test]
    fn a_header_is_names_that_do_not_recur() {
        assert!(!found("U,BAN1,x@y.z\nU,BAN2,x@y.w\n").header);
        assert!(found("CustomerID,Email\nBAN1,x@y.z\nBAN2,x@y.w\n").header);
        assert!(found("a,b\n1,\"ha \"\"ha\"\" ha\"\n3,4\n").header);
        assert_eq!(found("1,2\n3,4\n").columns, ["c1", "c2"]);
    }

    #[test]
    fn what_is_said_is_taken_as_said() {
        let options = CsvOptions { columns: vec!["op".into(), "id".into()], ..CsvOptions::default() };
        assert_eq!(detect(b"I,1\nU,2\n", true, &options).unwrap().columns, ["op", "id"]);
        assert!(detect(b"op,id\nI,1\n", true, &options).unwrap().header);
        assert!(detect(b"I,1,x\n", true, &options).is_err());
        let options = CsvOptions {
            quote: Some(String::new()),
            delimiter: Some('|'),
            header: Some(false),
            ..CsvOptions::default()
        };
        let dialect = detect(b"\"a|b\n", true, &options).unwrap();
        assert_eq!((dialect.quote, dialect.delimiter, dialect.header), (None, b'|', false));
        assert!(detect(b"a", true, &CsvOptions { delimiter: Some('é'), ..CsvOptions::default() }).is_err());
    }
}
