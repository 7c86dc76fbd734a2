use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::World;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Polls tasks one at a time, in virtual time. Of those that are due, chance picks; a task that was killed is started anew.
pub struct Tasks {
    world: World,
    tasks: Vec<Slot>,
}

struct Slot {
    task: Option<Task>,
    due_ms: i64,
    start: Box<dyn FnMut(u64) -> Task>,
    starts: u64,
}

/// How long a killed worker is away.
const RESTART_MS: i64 = 1_000;

impl Tasks {
    /// Without tasks.
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), tasks: Vec::new() }
    }

    /// Adds a worker; `start` is called again, with a higher number, each time it was killed or has ended.
    pub fn add<F: Future<Output = ()> + 'static>(&mut self, mut start: impl FnMut(u64) -> F + 'static) {
        let start: Box<dyn FnMut(u64) -> Task> = Box::new(move |n| Box::pin(start(n)));
        self.tasks.push(Slot { task: None, due_ms: self.world.now_ms(), start, starts: 0 });
    }

    /// Goes on until the virtual time.
    pub fn run_until(&mut self, until_ms: i64) {
        loop {
            let now_ms = self.world.now_ms();
            let Some(earliest) = self.tasks.iter().map(|slot| slot.due_ms).min() else { return };
            if earliest >= until_ms {
                self.world.advance_to(until_ms);
                return;
            }
            self.world.advance_to(earliest);
            let due = self.tasks.iter().filter(|slot| slot.due_ms <= earliest.max(now_ms)).count() as u64;
            let mut pick = self.world.draw(due);
            for (number, slot) in self.tasks.iter_mut().enumerate() {
                if slot.due_ms <= earliest.max(now_ms) {
                    if pick == 0 {
                        poll(&self.world, number, slot);
                        break;
                    }
                    pick -= 1;
                }
            }
        }
    }
}

fn poll(world: &World, number: usize, slot: &mut Slot) {
    if slot.task.is_none() {
        slot.starts += 1;
        slot.task = Some((slot.start)(slot.starts));
    }
    let Some(task) = &mut slot.task else { return };
    world.begin(number);
    let done = task.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(());
    match world.end(number) {
        Some(at_ms) if !done => slot.due_ms = at_ms,
        _ => {
            slot.task = None;
            world.forget(number);
            slot.due_ms = world.now_ms() + RESTART_MS;
        }
    }
}
