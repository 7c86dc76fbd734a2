use driftless_core::json::{is_json, skip_blank};
use memchr::memchr;

use super::elements::balanced_end;

/// How JSON objects follow each other in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One object per line.
    Lines,
    /// Objects without line ends between them (Firehose), or over several lines (pretty-printed).
    Sequence,
    /// One array of objects.
    Array,
}

impl Layout {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lines => "JSON lines",
            Self::Sequence => "JSON objects",
            Self::Array => "JSON array",
        }
    }
}

/// Decided by the first object: whether it ends with its line.
pub(crate) fn layout_of(head: &[u8]) -> Layout {
    let start = skip_blank(head, 0);
    if head.get(start) == Some(&b'[') {
        return Layout::Array;
    }
    let line_end = memchr(b'\n', &head[start..]).map_or(head.len(), |n| start + n);
    let Some(end) = balanced_end(head, start, b'{', b'}') else {
        return Layout::Lines;
    };
    if end <= line_end {
        let next = head[end..line_end].iter().find(|b| !b.is_ascii_whitespace());
        return if next == Some(&b'{') { Layout::Sequence } else { Layout::Lines };
    }
    // An object over several lines, if it is one; otherwise a broken line swallowed the next ones.
    let is_object = std::str::from_utf8(&head[start..end]).is_ok_and(is_json);
    if is_object { Layout::Sequence } else { Layout::Lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_object_decides() {
        assert_eq!(layout_of(b"{\"a\":\"}\"}\r\n{}"), Layout::Lines);
        assert_eq!(layout_of(b"{\"a\":1}{\"a\":2}"), Layout::Sequence);
        assert_eq!(layout_of(b"{\n  \"a\": 1\n}\n{}"), Layout::Sequence);
        assert_eq!(layout_of(b"{\"a\": 1\n{\"a\": 2}\n}"), Layout::Lines);
        assert_eq!(layout_of(b" [{}]"), Layout::Array);
        assert_eq!(layout_of(b"{"), Layout::Lines);
    }
}
