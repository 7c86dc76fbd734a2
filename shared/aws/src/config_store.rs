use bytes::Bytes;
use driftless_core::config::ConfigFiles;
use driftless_core::ports::{Blobs, Ids, PortError, Put, Table};
use driftless_core::protocol::names;

/// The configuration in the state bucket: every version that was published stays there, and one of them is in force.
pub struct ConfigStore<'a> {
    /// The state bucket.
    pub blobs: &'a dyn Blobs,
    /// The table.
    pub table: &'a dyn Table,
}

/// How often a version is put in force against others that do the same.
const ATTEMPTS_MAX: usize = 8;

impl ConfigStore<'_> {
    /// Stores files and puts them in force. Returns their version, and the one that was in force before.
    pub async fn publish(&self, files: &ConfigFiles, ids: &dyn Ids) -> Result<(String, Option<String>), PortError> {
        let version = files.version();
        let bytes = serde_json::to_vec_pretty(files).map_err(defect)?;
        // The files before the version that names them.
        self.blobs.put(&names::config_blob(&version), Bytes::from(bytes)).await?;
        for _ in 0..ATTEMPTS_MAX {
            let current = self.table.get(names::CONFIG, names::CURRENT).await?;
            let before = current.as_ref().map(|item| String::from_utf8_lossy(&item.body).into_owned());
            if before.as_ref() == Some(&version) {
                return Ok((version, before));
            }
            let expected = current.map(|item| item.revision);
            let put = self.table.put(names::CONFIG, names::CURRENT, expected, &ids.token(), version.as_bytes()).await?;
            if let Put::Done(_) = put {
                return Ok((version, before));
            }
        }
        Err(PortError::retry("publishing the configuration", "others published at the same time"))
    }

    /// The version in force.
    pub async fn current(&self) -> Result<Option<String>, PortError> {
        let current = self.table.get(names::CONFIG, names::CURRENT).await?;
        Ok(current.map(|item| String::from_utf8_lossy(&item.body).into_owned()))
    }

    /// The files of a version.
    pub async fn load(&self, version: &str) -> Result<ConfigFiles, PortError> {
        let what = format!("configuration {version}");
        let remedy = "Publish it again with driftless publish";
        let bytes = self.blobs.get(&names::config_blob(version)).await?;
        let bytes = bytes.ok_or_else(|| PortError::halt(&what, "it is not in the state bucket", remedy))?;
        serde_json::from_slice(&bytes).map_err(|error| PortError::halt(&what, error, remedy))
    }
}

fn defect(error: impl ToString) -> PortError {
    PortError::halt("publishing the configuration", error, "Report this as a defect")
}
