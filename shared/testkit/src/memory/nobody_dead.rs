use driftless_core::ports::Liveness;

/// A worker with a name who presumes nobody dead: every lease is waited for.
#[derive(Clone, Debug)]
pub struct NobodyDead {
    owner: String,
}

impl NobodyDead {
    /// A worker of that name.
    pub fn named(owner: impl Into<String>) -> Self {
        Self { owner: owner.into() }
    }
}

impl Default for NobodyDead {
    fn default() -> Self {
        Self::named("worker")
    }
}

impl Liveness for NobodyDead {
    fn owner(&self) -> String {
        self.owner.clone()
    }

    fn is_dead(&self, _: &str) -> bool {
        false
    }
}
