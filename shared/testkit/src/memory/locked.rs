use std::sync::{Mutex, MutexGuard, PoisonError};

/// The content of a mutex, even if a test panicked while it held it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
