use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::Dialect;

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) text: Cow<'a, str>,
    /// Unquoted and empty, or one of the null spellings.
    pub(super) is_null: bool,
    pub(super) is_quoted: bool,
}

/// Walks over the fields of a record. `each` gets the field's number. Returns how many fields there are.
pub(super) fn each_field<'a>(
    record: &'a str,
    dialect: &Dialect,
    mut each: impl FnMut(usize, Field<'a>),
) -> Result<usize, &'static str> {
    let bytes = record.as_bytes();
    let (mut at, mut count) = (0, 0);
    loop {
        let (field, end) = if dialect.quote.is_some() && bytes.get(at) == dialect.quote.as_ref() {
            quoted(record, at + 1, dialect)?
        } else {
            unquoted(record, at, dialect)
        };
        each(count, field);
        count += 1;
        if end >= bytes.len() {
            return Ok(count);
        }
        if bytes[end] != dialect.delimiter {
            return Err("something follows the closing quote of a field");
        }
        at = end + 1;
    }
}

#[inline]
fn unquoted<'a>(record: &'a str, start: usize, dialect: &Dialect) -> (Field<'a>, usize) {
    let bytes = record.as_bytes();
    let escape = dialect.escape.filter(|_| dialect.quote.is_none());
    let mut end = start;
    let mut is_escaped = false;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let hit = match escape {
            Some(escape) => memchr2(dialect.delimiter, escape, rest),
            None => memchr(dialect.delimiter, rest),
        };
        match hit {
            None => end = bytes.len(),
            Some(n) if bytes[end + n] == dialect.delimiter => end += n,
            Some(n) => {
                is_escaped = true;
                end += n + 2;
                continue;
            }
        }
        break;
    }
    let raw = record.get(start..end).unwrap_or_default();
    let is_null = raw.is_empty() || dialect.nulls.iter().any(|null| null == raw);
    let text = match escape {
        Some(escape) if is_escaped => Cow::Owned(without_escapes(raw, escape)),
        _ => Cow::Borrowed(raw),
    };
    (Field { text, is_null, is_quoted: false }, end)
}

/// In unquoted text an escape makes the next character literal; the letters that PostgreSQL and MySQL write for control
/// characters mean those (PostgreSQL manual, COPY, text format). Snowflake and Redshift double every backslash of the
/// data, so a single one before such a letter never comes from them.
fn without_escapes(raw: &str, escape: u8) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != char::from(escape) {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('v') => text.push('\u{b}'),
            Some(other) => text.push(other),
            None => text.push(character),
        }
    }
    text
}

fn quoted<'a>(record: &'a str, start: usize, dialect: &Dialect) -> Result<(Field<'a>, usize), &'static str> {
    const OPEN: &str = "a quote is opened and never closed";
    let bytes = record.as_bytes();
    let quote = dialect.quote.unwrap_or(b'"');
    let mut owned: Option<String> = None;
    let (mut from, mut at) = (start, start);
    loop {
        let rest = bytes.get(at..).ok_or(OPEN)?;
        at += match dialect.escape {
            Some(escape) => memchr2(quote, escape, rest),
            None => memchr(quote, rest),
        }
        .ok_or(OPEN)?;
        let next = bytes.get(at + 1).copied();
        if bytes[at] == quote && next != Some(quote) {
            break;
        }
        // A doubled quote, or an escape: before a quote or itself it is dropped, before anything else it is data.
        if bytes[at] == quote || next == Some(quote) || next == dialect.escape {
            let text = owned.get_or_insert_with(String::new);
            text.push_str(record.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        at += 2;
    }
    let last = record.get(from..at).unwrap_or_default();
    let text = match owned {
        Some(mut text) => {
            text.push_str(last);
            Cow::Owned(text)
        }
        None => Cow::Borrowed(last),
    };
    Ok((Field { text, is_null: false, is_quoted: true }, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(quote: Option<u8>, escape: Option<u8>) -> Dialect {
        Dialect { delimiter: b',', quote, escape, nulls: vec!["\\N".into()], terminator: b'\n' }
    }

    fn fields(record: &str, dialect: &Dialect) -> Result<Vec<Option<String>>, &'static str> {
        let mut fields = Vec::new();
        let count =
            each_field(record, dialect, |_, field| fields.push((!field.is_null).then(|| field.text.into_owned())))?;
        assert_eq!(count, fields.len());
        Ok(fields)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_string())
    }

    #[test]
    fn quoted_empty_is_text_and_unquoted_empty_is_null() {
        let rfc = dialect(Some(b'"'), None);
        assert_eq!(fields("a,,\"\",\\N,\"\\N\"", &rfc), Ok(vec![some("a"), None, some(""), None, some("\\N")]));
        assert_eq!(fields(",", &rfc), Ok(vec![None, None]));
    }

    #[test]
    fn quotes_are_doubled_or_escaped() {
        assert_eq!(fields("\"a\"\"b\",5\"", &dialect(Some(b'"'), None)), Ok(vec![some("a\"b"), some("5\"")]));
        let spark = dialect(Some(b'"'), Some(b'\\'));
        assert_eq!(fields(r#""a\"b","c\\","d\e""#, &spark), Ok(vec![some("a\"b"), some("c\\"), some("d\\e")]));
        assert!(fields("\"a", &spark).is_err());
        assert!(fields("\"a\"b,c", &spark).is_err());
        assert!(fields("\"a\\", &spark).is_err());
    }

    #[test]
    fn escapes_without_quotes() {
        let snowflake = dialect(None, Some(b'\\'));
        assert_eq!(
            fields("a\\,b,c\\\nd,\\\\n,\"q\"", &snowflake),
            Ok(vec![some("a,b"), some("c\nd"), some("\\n"), some("\"q\"")])
        );
        assert_eq!(fields("a\\tb,\\N", &snowflake), Ok(vec![some("a\tb"), None]));
        assert_eq!(fields("a\\", &snowflake), Ok(vec![some("a\\")]));
    }
}
