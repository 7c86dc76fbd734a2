/// Lines of JSON as a JSON array, for what takes nothing else.
pub(super) fn write_array(lines: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, line) in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
        out.extend_from_slice(if n > 0 { b",\n" } else { b"" });
        out.extend_from_slice(line);
    }
    out.push(b']');
}

/// The lines again.
pub(super) fn lines_of(body: &[u8]) -> Result<Vec<u8>, String> {
    let array = body.strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]")).ok_or("no JSON array")?;
    let mut lines = Vec::with_capacity(array.len());
    // No line has an end of line in it: in JSON text it is escaped.
    for line in array.split(|byte| *byte == b'\n') {
        lines.extend_from_slice(line.strip_suffix(b",").unwrap_or(line));
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were() {
        for lines in [&b"{\"a\":1}\n"[..], b"{\"a\":\",\"}\n{}\n{\"b\":[1,2]}\n"] {
            let mut body = Vec::new();
            write_array(lines, &mut body);
            assert!(serde_json::from_slice::<Vec<serde_json::Value>>(&body).is_ok());
            assert_eq!(lines_of(&body).unwrap(), lines);
        }
    }
}
