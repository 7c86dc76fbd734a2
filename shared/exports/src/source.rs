use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driftless_core::ports::{ExportBytes, ExportError};

use crate::refusal::Refusal;

/// The bytes of an export, shared by whatever decodes them, and what can be said about failures of reading them.
#[derive(Clone)]
pub(crate) struct Source {
    export: Arc<str>,
    state: Arc<State>,
}

struct State {
    bytes: Mutex<Box<dyn ExportBytes>>,
    read: AtomicU64,
    failure: Mutex<Option<String>>,
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source {
    pub(crate) fn new(export: &str, bytes: Box<dyn ExportBytes>) -> Self {
        Self {
            export: export.into(),
            state: Arc::new(State { bytes: Mutex::new(bytes), read: AtomicU64::new(0), failure: Mutex::new(None) }),
        }
    }

    /// How many bytes of the export were read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.state.read.load(Ordering::Relaxed)
    }

    /// The export's length.
    pub(crate) fn length(&self) -> io::Result<u64> {
        self.noting(unpoisoned(&self.state.bytes).seek(SeekFrom::End(0)))
    }

    /// Reads up to `length` bytes at an offset; fewer only at the end.
    pub(crate) fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = unpoisoned(&self.state.bytes);
        let mut piece = Vec::with_capacity(length);
        let read = bytes
            .seek(SeekFrom::Start(offset))
            .and_then(|_| bytes.by_ref().take(length as u64).read_to_end(&mut piece));
        self.noting(read)?;
        Ok(piece)
    }

    fn noting<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            *unpoisoned(&self.state.failure) = Some(error.to_string());
        }
        result
    }

    /// Asked when everything was read: an export that changed meanwhile is no export that anyone wrote.
    pub(crate) fn check_pinned(&self) -> Result<(), ExportError> {
        match unpoisoned(&self.state.bytes).is_still_pinned() {
            Ok(true) => Ok(()),
            Ok(false) => Err(ExportError::Changed { export: self.export.to_string() }),
            Err(error) => Err(self.retry(error.to_string())),
        }
    }

    fn retry(&self, cause: String) -> ExportError {
        ExportError::Retry { export: self.export.to_string(), cause }
    }

    /// The error for bytes that cannot be read: the store's failure if it failed, a change if the export changed,
    /// and only then a fault of the bytes.
    pub(crate) fn refuse(&self, refusal: Refusal) -> ExportError {
        let failure = unpoisoned(&self.state.failure).take();
        match (self.check_pinned(), failure) {
            (Err(changed @ ExportError::Changed { .. }), _) => changed,
            (_, Some(cause)) => self.retry(cause),
            (Err(error), None) => error,
            (Ok(()), None) => ExportError::Unreadable {
                export: self.export.to_string(),
                cause: refusal.cause,
                remedy: refusal.remedy.to_string(),
            },
        }
    }

    /// The error for a failure of a reader that decodes this source.
    pub(crate) fn refuse_io(&self, error: io::Error, place: &str) -> ExportError {
        let mut refusal = Refusal::of_io(error);
        refusal.cause.push_str(place);
        self.refuse(refusal)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = unpoisoned(&self.state.bytes).read(buffer);
        let read = self.noting(read)?;
        self.state.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
