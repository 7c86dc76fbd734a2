use driftless_aws::HttpAnswer;
use driftless_core::ports::PortError;
use driftless_core::protocol::ProtocolError;
use serde_json::json;

/// Why a request is not done, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub remedy: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), remedy: remedy.into() }
    }

    pub fn answer(&self) -> HttpAnswer {
        let error = json!({ "code": self.code, "message": self.message, "remedy": self.remedy });
        HttpAnswer::json(self.status, &json!({ "error": error }))
    }
}

impl From<ProtocolError> for Refusal {
    fn from(error: ProtocolError) -> Self {
        Self::new(500, "failed", error.to_string(), "Try again; if it stays, look at the log of sync-now")
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        ProtocolError::from(error).into()
    }
}
