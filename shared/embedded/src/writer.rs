use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::failure::Failure;

/// What a write waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Durability {
    /// It survives a crash of the process. A power loss may take it back, together with everything written after it.
    Process,
    /// It, and everything written before it, survives a power loss.
    Power,
}

/// The one connection that writes.
///
/// Writes that come while another is under way wait together and are committed together: one sync of the log for all of
/// them. If any of them fails, all of them do, and each may be tried again.
pub(crate) struct Writer {
    waiting: Mutex<Vec<Box<dyn Job>>>,
    connection: Mutex<Committer>,
}

struct Committer {
    connection: Connection,
    durability: Option<Durability>,
}

trait Job: Send {
    fn durability(&self) -> Durability;
    /// Does the work inside the transaction; says what went wrong.
    fn run(&mut self, connection: &Connection) -> Result<(), Failure>;
    /// The transaction was not committed.
    fn undo(&mut self, cause: &Failure);
}

type Slot<T> = Arc<Mutex<Option<Result<T, Failure>>>>;

struct Write<T, F> {
    durability: Durability,
    work: Option<F>,
    slot: Slot<T>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, Failure> + Send> Job for Write<T, F> {
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) -> Result<(), Failure> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let result = work(connection);
        let said = result.as_ref().map(|_| ()).map_err(Failure::clone);
        *locked(&self.slot) = Some(result);
        said
    }

    fn undo(&mut self, cause: &Failure) {
        let mut slot = locked(&self.slot);
        if !matches!(*slot, Some(Err(_))) {
            *slot = Some(Err(cause.of_neighbour()));
        }
    }
}

impl Writer {
    pub fn new(connection: Connection) -> Self {
        Self { waiting: Mutex::new(Vec::new()), connection: Mutex::new(Committer { connection, durability: None }) }
    }

    /// Runs a job in a transaction and returns when it is committed. Blocks.
    pub fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        job: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let slot: Slot<T> = Arc::new(Mutex::new(None));
        locked(&self.waiting).push(Box::new(Write { durability, work: Some(job), slot: slot.clone() }));
        let mut committer = locked(&self.connection);
        // Whoever had the connection before may have done this job with its own: then nothing waits, or only later ones.
        let group = mem::take(&mut *locked(&self.waiting));
        if !group.is_empty() {
            committer.commit(group);
        }
        drop(committer);
        let result = locked(&slot).take();
        // The slot is empty only if a job panicked, which ended the thread that carried the group.
        result.unwrap_or_else(|| Err(Failure::aborted("a write ended early")))
    }
}

impl Committer {
    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        let durability = group.iter().map(|job| job.durability()).max();
        let mut outcome = self.begin(durability);
        for job in &mut group {
            outcome = outcome.and_then(|()| job.run(&self.connection));
        }
        outcome = outcome.and_then(|()| self.execute("COMMIT"));
        if let Err(cause) = outcome {
            if !self.connection.is_autocommit() {
                // If even this fails, the next BEGIN fails and says so.
                let _ = self.execute("ROLLBACK");
            }
            for job in &mut group {
                job.undo(&cause);
            }
        }
    }

    fn begin(&mut self, durability: Option<Durability>) -> Result<(), Failure> {
        if !self.connection.is_autocommit() {
            // A job that panicked left its transaction open.
            self.execute("ROLLBACK")?;
        }
        if self.durability != durability {
            let synchronous = match durability {
                Some(Durability::Process) => "PRAGMA synchronous = normal",
                Some(Durability::Power) | None => "PRAGMA synchronous = full",
            };
            self.connection.execute_batch(synchronous)?;
            self.durability = durability;
        }
        self.execute("BEGIN IMMEDIATE")
    }

    fn execute(&self, statement: &str) -> Result<(), Failure> {
        self.connection.prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn writer() -> Arc<Writer> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        Arc::new(Writer::new(connection))
    }

    fn insert(connection: &Connection) -> Result<(), Failure> {
        connection.execute("INSERT INTO t VALUES (1)", [])?;
        Ok(())
    }

    fn count(writer: &Writer) -> i64 {
        let count = |connection: &Connection| Ok(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?);
        writer.write(Durability::Process, count).unwrap()
    }

    /// Two writes that wait while a third holds the connection, so that they are committed together.
    fn together(writer: &Arc<Writer>, fails: bool) -> [Result<(), Failure>; 2] {
        let barrier = Arc::new(Barrier::new(2));
        let holder = {
            let (writer, barrier) = (writer.clone(), barrier.clone());
            let hold = move |_: &Connection| {
                barrier.wait();
                barrier.wait();
                Ok(())
            };
            thread::spawn(move || writer.write(Durability::Process, hold))
        };
        barrier.wait();
        let [one, other] = [false, fails].map(|fails| {
            let writer = writer.clone();
            let job = move |connection: &Connection| match fails {
                true => Err(connection.execute("no statement", []).unwrap_err().into()),
                false => insert(connection),
            };
            thread::spawn(move || writer.write(Durability::Power, job))
        });
        while locked(&writer.waiting).len() < 2 {
            thread::yield_now();
        }
        barrier.wait();
        holder.join().unwrap().unwrap();
        [one.join().unwrap(), other.join().unwrap()]
    }

    #[test]
    fn writes_that_wait_are_committed_together() {
        let writer = writer();
        assert!(together(&writer, false).iter().all(Result::is_ok));
        assert_eq!(count(&writer), 2);
    }

    #[test]
    fn a_write_that_fails_takes_its_neighbours_back_and_no_one_else() {
        let writer = writer();
        writer.write(Durability::Process, insert).unwrap();
        assert!(together(&writer, true).iter().all(Result::is_err));
        assert_eq!(count(&writer), 1);
        writer.write(Durability::Power, insert).unwrap();
        assert_eq!(count(&writer), 2);
    }

    #[test]
    fn a_write_that_panics_is_taken_back() {
        let writer = writer();
        let panics = |connection: &Connection| -> Result<(), Failure> {
            insert(connection)?;
            panic!("on purpose")
        };
        let thread = writer.clone();
        let ended = thread::spawn(move || thread.write(Durability::Process, panics)).join();
        assert!(ended.is_err());
        assert_eq!(count(&writer), 0);
    }
}
