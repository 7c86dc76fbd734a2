use driftless_core::ports::Liveness;

/// This start of the process, by number. The process lock proves that every earlier one is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    number: i64,
}

impl Instance {
    pub(crate) fn new(number: i64) -> Self {
        Self { number }
    }

    /// Counts the starts on this state folder, from 1.
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl Liveness for Instance {
    fn owner(&self) -> String {
        format!("instance-{}/worker", self.number)
    }

    fn is_dead(&self, owner: &str) -> bool {
        owner
            .strip_prefix("instance-")
            .and_then(|rest| rest.split('/').next())
            .and_then(|number| number.parse::<i64>().ok())
            .is_some_and(|number| number < self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_earlier_instances_are_dead() {
        let instance = Instance::new(7);
        assert_eq!(instance.owner(), "instance-7/worker");
        assert!(instance.is_dead("instance-6/worker"));
        for alive in ["instance-7/worker", "instance-8/worker", "lambda-1", "", "instance-x/worker"] {
            assert!(!instance.is_dead(alive), "{alive}");
        }
    }
}
