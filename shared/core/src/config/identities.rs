use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a row says that a device is a user's. A pair is joined once, however many rows have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitiesConfig {
    /// Column of the user id.
    pub user_id: String,
    /// Column of the device id.
    pub device_id: String,
}
