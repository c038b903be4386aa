// SPDX-License-Identifier: GPL-2.0

//! Files that hold parse graphs, as devices take them.

use parse_graph::blob;

use crate::graph::{digest, Canonical};
use crate::names::Names;

impl Canonical {
    /// The file to flash: the graph, its names, and the SHA-256 of the flow dissector that was made of it, if
    /// somebody is to vouch for that.
    ///
    /// # Errors
    ///
    /// Where it would be longer than such a file may be.
    pub fn to_blob(&self, dissector: Option<&blob::Digest>) -> Result<Vec<u8>, blob::Unfit> {
        let names = serde_json::to_vec(self.names()).unwrap_or_default();
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let (graph, digest_of_graph) = (self.bytes(), self.digest());
        let mut file = blob::header(len(graph), len(&names), &digest_of_graph, dissector).to_vec();
        file.extend(graph);
        file.extend(names);
        file.extend(digest(&file));
        blob::parse(&file, digest)?;
        Ok(file)
    }
}

/// The names in a file. Those of one that has none, or none that make sense, are numbers.
pub fn names(blob: &blob::Blob<'_>) -> Names {
    serde_json::from_slice(blob.names).unwrap_or_default()
}
