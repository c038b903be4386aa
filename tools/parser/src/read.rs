// SPDX-License-Identifier: GPL-2.0

//! Reads JSON; what does not belong there is an error.

use serde_json::error::Category;

use crate::error::Error;
use crate::model::Document;

/// Reads a document.
///
/// # Errors
///
/// It is no JSON, or something has another type, a key that is not known, or a key twice.
pub fn read(text: &str) -> Result<Document, Error> {
    let mut from = serde_json::Deserializer::from_str(text);
    let document = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = match error.inner().classify() {
            Category::Data => error.path().to_string(),
            // Where the text breaks off says nothing of what it means.
            Category::Io | Category::Syntax | Category::Eof => String::new(),
        };
        Error {
            path: if path == "." { String::new() } else { path },
            what: error.into_inner().to_string(),
        }
    })?;
    from.end().map_err(|error| Error {
        path: String::new(),
        what: error.to_string(),
    })?;
    Ok(document)
}
