//! Forms: what Identify takes, and the one file of a lookup table.

/// A field of an `application/x-www-form-urlencoded` body.
pub fn field(body: &[u8], name: &str) -> Option<String> {
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    form.into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

/// The file of a `multipart/form-data` body.
pub fn file(content_type: Option<&str>, body: &[u8]) -> Option<Vec<u8>> {
    let boundary = content_type?.strip_prefix("multipart/form-data")?.split("boundary=").nth(1)?.trim_matches('"');
    let open = format!("--{boundary}\r\n");
    let close = format!("\r\n--{boundary}");
    let part = body.strip_prefix(open.as_bytes())?;
    let find = |text: &[u8], wanted: &[u8]| text.windows(wanted.len()).position(|window| window == wanted);
    let head_end = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&part[..head_end]).to_lowercase();
    if !head.contains("name=\"file\"") {
        return None;
    }
    let content = &part[head_end + 4..];
    Some(content[..find(content, close.as_bytes())?].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_files_are_found() {
        assert_eq!(field(b"api_key=k&identification=%5B%7B%7D%5D", "identification").as_deref(), Some("[{}]"));
        let body =
            b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"t.csv\"\r\n\r\na,b\n1,2\n\r\n--x--\r\n";
        assert_eq!(file(Some("multipart/form-data; boundary=x"), body).as_deref(), Some(&b"a,b\n1,2\n"[..]));
        assert_eq!(file(Some("text/csv"), body), None);
    }
}
