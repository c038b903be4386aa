// SPDX-License-Identifier: GPL-2.0

//! The page on how parse graphs are written.

use std::fmt::Write as _;

use graph_json::DIALECT;
use parse_graph::{Carrier, Field};

use super::roff::roff;

/// The page's file.
pub(super) const FILE: &str = "parse-graph.7";

/// The page: what the crate's documentation says, and which fields there are.
pub(super) fn page() -> String {
    let mut page = format!(
        "'\\\" t\n.TH PARSE-GRAPH 7 \"\" \"offload_nic {}\"\n.SH NAME\n\
         parse\\-graph \\- parse graphs, as JSON\n.SH DESCRIPTION\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(&roff(DIALECT));
    page.push_str(&roff(&fields()));
    page.push_str(".SH SEE ALSO\n.BR offloadctl-parser (1)\n");
    page
}

/// Names of fields, as Markdown.
fn fields() -> String {
    let mut text = "# Fields\n\n| field | bytes | who tells it |\n|---|---|---|\n".to_owned();
    for field in Field::ALL {
        let who = match field.carrier() {
            Carrier::FlowKeys(_) => "the device and the kernel's flow keys",
            Carrier::Device(_) => "the device alone",
        };
        // A `String` takes all that is written.
        let _ = writeln!(text, "| `{}` | {} | {who} |", field.name(), field.size());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The keys of all objects that `schema` describes.
    fn keys(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(all) => {
                if let Some(Value::Object(properties)) = all.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                all.values().for_each(|value| keys(value, found));
            }
            Value::Array(all) => all.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }

    #[test]
    fn each_key_of_the_schema_is_told() {
        let schema = std::fs::read_to_string("../parser/schema.json").unwrap();
        let mut all = BTreeSet::new();
        keys(&serde_json::from_str(&schema).unwrap(), &mut all);
        assert!(all.len() > 40, "{all:?}");
        let page = page();
        for key in all {
            let name = key.replace('-', "\\-");
            // `names` are several.
            let told = format!("\\fB{name}\\fR");
            assert!(page.contains(&told), "{key}");
        }
    }

    #[test]
    fn each_field_is_told() {
        let page = page();
        for field in Field::ALL {
            let told = format!("\n\\fB{}\\fR\t", field.name());
            assert!(page.contains(&told), "{}", field.name());
        }
    }
}
