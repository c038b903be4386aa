// SPDX-License-Identifier: GPL-2.0

use super::*;

const SPEC: &str = r#"
name: demo
doc: A family.
definitions:
  - {name: most, type: const, doc: The most., value: 12}
  - {name: some-state, type: enum, doc: A state., entries: [{name: a-b, doc: First.}, c]}
attribute-sets:
  - name: thing
    doc: A thing.
    attributes:
      - {name: index, doc: Which., type: u32, checks: {min: 1}}
      - {name: more, doc: More., type: nest, nested-attributes: inner, multi-attr: true}
      - {name: state, doc: How., type: u32, enum: some-state}
      - {name: last, doc: Last., type: flag}
  - name: inner
    doc: What is in it.
    attributes:
      - {name: text, doc: Text., type: string}
      - {name: bytes, doc: Bytes., type: binary, checks: {max-len: most}}
      - {name: number, doc: A number., type: uint, checks: {max: 9}}
operations:
  list:
    - name: thing-get
      doc: Get.
      attribute-set: thing
      do: {request: &all {attributes: [index, state]}, reply: *all}
      dump: {reply: *all}
    - {name: thing-ntf, doc: Told., notify: thing-get, mcgrp: news}
    - name: thing-set
      doc: Set.
      attribute-set: thing
      flags: [uns-admin-perm]
      do: {request: {attributes: [more]}}
mcast-groups: {list: [{name: news}]}
"#;

/// The file of a specification, without anything that only rustfmt cares for.
fn squeezed(text: &str) -> Result<String> {
    let code = file(&Spec::parse(text)?, "demo.yaml")?;
    Ok(code.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn everything_has_its_number_and_its_words() {
    let code = squeezed(SPEC).unwrap();
    for part in [
        "//! The generic netlink family `demo`.",
        "/// The name of the family. pub const FAMILY: &str = \"demo\";",
        "pub const GROUP_NEWS: &str = \"news\";",
        "/// The most. pub const MOST: usize = 12;",
        "/// A state. #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)] \
         #[repr(u32)] pub enum SomeState { /// First. AB = 0, /// \"c\". C = 1, }",
        "Self::AB => \"a-b\",",
        "pub enum Command { /// Get. ThingGet = 1, /// Told. ThingNtf = 2, /// Set. ThingSet = 3, }",
        "pub mod thing { /// Which. /// /// A `u32`. pub const INDEX: u16 = 1;",
        "pub const LAST: u16 = 4; /// The largest number. pub const MAX: u16 = 4;",
    ] {
        assert!(code.contains(part), "no {part:?} in {code}");
    }
}

#[test]
fn requests_have_tables_up_to_their_last_attribute() {
    let code = squeezed(SPEC).unwrap();
    for part in [
        "pub const THING_GET_DO: [AttributePolicy; 4] = [AttributePolicy::Reject,\
         AttributePolicy::U32 { min: Some(1), max: None },AttributePolicy::Reject,\
         AttributePolicy::U32 { min: None, max: Some(1) },];",
        "pub const THING_GET_DUMP: [AttributePolicy; 0] = [];",
        "pub const THING_SET_DO: [AttributePolicy; 3] = [AttributePolicy::Reject,\
         AttributePolicy::Reject,AttributePolicy::Nest(&[AttributePolicy::Reject,\
         AttributePolicy::String { max_len: None },AttributePolicy::Binary { max_len: Some(12) },\
         AttributePolicy::Uint { min: None, max: Some(9) },]),];",
        "Mode::Request { permission: Permission::Anyone, one: Some(&THING_GET_DO), \
         dump: Some(&THING_GET_DUMP) }",
        "Mode::Request { permission: Permission::NamespaceAdmin, one: Some(&THING_SET_DO), dump: None }",
        "Mode::Notification { like: Command::ThingGet, group: GROUP_NEWS }",
    ] {
        assert!(code.contains(part), "no {part:?} in {code}");
    }
}

#[test]
fn a_name_that_means_nothing_is_told() {
    for (good, bad, told) in [
        (
            "attributes: [index, state]",
            "attributes: [index, stat]",
            "\"stat\"",
        ),
        ("enum: some-state", "enum: states", "\"states\""),
        ("max-len: most", "max-len: least", "\"least\""),
        (
            "nested-attributes: inner",
            "nested-attributes: outer",
            "\"outer\"",
        ),
        ("notify: thing-get", "notify: thing-got", "\"thing-got\""),
        ("mcgrp: news", "mcgrp: olds", "\"olds\""),
    ] {
        assert!(SPEC.contains(good), "{good}");
        let error = squeezed(&SPEC.replace(good, bad)).unwrap_err();
        assert!(format!("{error:#}").contains(told), "{bad}: {error:#}");
    }
}
