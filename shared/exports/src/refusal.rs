use std::borrow::Cow;
use std::io;

/// Why bytes cannot be read, and what to do. Never contains a cell value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}. {remedy}")]
pub(crate) struct Refusal {
    pub(crate) cause: String,
    pub(crate) remedy: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(cause: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into() }
    }

    /// For passing through a `Read` adapter.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }

    /// What a failed `Read` adapter means.
    pub(crate) fn of_io(error: io::Error) -> Self {
        let kind = error.kind();
        match error.downcast::<Refusal>() {
            Ok(refusal) => refusal,
            Err(_) if kind == io::ErrorKind::UnexpectedEof => {
                Self::new("the compressed data ends too early", "the object is cut off: export it again")
            }
            Err(error) => Self::new(
                format!("the compressed data is damaged ({error})"),
                "the object is damaged or has foreign bytes after its end: export it again",
            ),
        }
    }
}
