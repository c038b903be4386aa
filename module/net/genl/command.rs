// SPDX-License-Identifier: GPL-2.0

//! The operations of a family, and what their requests may have.

use crate::bindings;
use kernel::prelude::*;

/// What a request may have in an attribute.
pub enum Rule {
    /// There must be no such attribute.
    Reject,
    /// 32 bits in the byte order of the machine, between these two numbers.
    U32 {
        /// The smallest that is taken.
        min: u32,
        /// The largest that is taken.
        max: u32,
    },
    /// Bytes.
    Binary {
        /// The most that are taken.
        max_len: u16,
    },
    /// Text with a zero byte at its end.
    Text {
        /// The most bytes that are taken, without that one.
        max_len: u16,
    },
    /// Attributes, from number 0 on.
    Nest(KVec<Rule>),
}

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Whoever can open a netlink socket.
    Anyone,
    /// Who has `CAP_NET_ADMIN` in the user namespace that owns the network namespace of the socket.
    NamespaceAdmin,
    /// Who has `CAP_NET_ADMIN` in the first user namespace.
    Admin,
}

/// The rules of an operation, as the core has them.
///
/// # Invariants
///
/// `policies` refer to elements of `ranges`, which is not changed any more, and to those of vectors in
/// `_nests`, which are not either.
struct Policy {
    policies: KVec<bindings::nla_policy>,
    _ranges: KVec<bindings::netlink_range_validation>,
    _nests: KVec<Policy>,
}

impl Policy {
    /// `rules` for the attributes from number 0 on.
    fn new(rules: KVec<Rule>) -> Result<Self> {
        let mut policies = KVec::with_capacity(rules.len(), GFP_KERNEL)?;
        // No element moves when the next one is added.
        let mut ranges = KVec::with_capacity(rules.len(), GFP_KERNEL)?;
        let mut nests = KVec::new();
        for rule in rules {
            let mut policy = bindings::nla_policy::default();
            match rule {
                Rule::Reject => {}
                Rule::U32 { min, max } => {
                    let range = bindings::netlink_range_validation {
                        min: min.into(),
                        max: max.into(),
                    };
                    ranges.push(range, GFP_KERNEL)?;
                    policy.type_ = bindings::NLA_U32 as u8;
                    policy.validation_type =
                        bindings::nla_policy_validation_NLA_VALIDATE_RANGE_PTR as u8;
                    policy.__bindgen_anon_1.range =
                        ranges.last().map_or(core::ptr::null(), |it| it);
                }
                Rule::Binary { max_len } => {
                    policy.type_ = bindings::NLA_BINARY as u8;
                    policy.len = max_len;
                }
                Rule::Text { max_len } => {
                    policy.type_ = bindings::NLA_NUL_STRING as u8;
                    policy.len = max_len;
                }
                Rule::Nest(rules) => {
                    let nest = Policy::new(rules)?;
                    let last = nest.policies.len().checked_sub(1).ok_or(EINVAL)?;
                    policy.type_ = bindings::NLA_NESTED as u8;
                    policy.len = u16::try_from(last)?;
                    // INVARIANT: The vector's elements stay where they are when it is moved.
                    policy.__bindgen_anon_1.nested_policy = nest.policies.as_ptr();
                    nests.push(nest, GFP_KERNEL)?;
                }
            }
            policies.push(policy, GFP_KERNEL)?;
        }
        // INVARIANT: `ranges` had room for all from the beginning.
        Ok(Self {
            policies,
            _ranges: ranges,
            _nests: nests,
        })
    }
}

/// The operations of a family.
///
/// # Invariants
///
/// Those of `operations` that have a policy refer to an element of `policies`, whose vectors are not
/// changed, and count the attributes that it has.
pub struct Commands {
    operations: KVec<bindings::genl_split_ops>,
    policies: KVec<Policy>,
    /// What serves requests without and with `NLM_F_DUMP`.
    one: bindings::genl_split_ops,
    dump: bindings::genl_split_ops,
}

impl Commands {
    /// None yet; `one` and `dump` have the functions and flags of all that come.
    pub(super) fn new(one: bindings::genl_split_ops, dump: bindings::genl_split_ops) -> Self {
        Self {
            operations: KVec::new(),
            policies: KVec::new(),
            one,
            dump,
        }
    }

    /// Adds operation number `command`: requests without `NLM_F_DUMP` take attributes by the rules
    /// `one`, requests with it by those of `dump`, from attribute number 0 on. `None`: there are no
    /// such requests.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the operation before this one has not a smaller number, `ENOMEM`.
    pub fn add(
        &mut self,
        command: u8,
        permission: Permission,
        one: Option<KVec<Rule>>,
        dump: Option<KVec<Rule>>,
    ) -> Result {
        if self
            .operations
            .last()
            .is_some_and(|last| last.cmd >= command)
        {
            return Err(EINVAL);
        }
        let flags = match permission {
            Permission::Anyone => 0,
            Permission::NamespaceAdmin => bindings::GENL_UNS_ADMIN_PERM,
            Permission::Admin => bindings::GENL_ADMIN_PERM,
        };
        for (rules, mut operation) in [(one, self.one), (dump, self.dump)] {
            let Some(rules) = rules else { continue };
            operation.cmd = command;
            // CAST: The flags of an operation have 8 bits.
            operation.flags |= flags as u8;
            let policy = Policy::new(rules)?;
            // An operation without attributes has no policy; the core refuses all for it.
            if let Some(last) = policy.policies.len().checked_sub(1) {
                // INVARIANT: The vector's elements stay where they are when it is moved.
                operation.policy = policy.policies.as_ptr();
                operation.maxattr = u32::try_from(last)?;
                self.policies.push(policy, GFP_KERNEL)?;
            }
            self.operations.push(operation, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// All of them, as the core wants them.
    pub(super) fn operations(&self) -> &[bindings::genl_split_ops] {
        &self.operations
    }

    /// The places in the table of attributes that the core makes of a request for `command`.
    pub(super) fn places(&self, command: u8, is_dump: bool) -> usize {
        let flag = if is_dump { self.dump } else { self.one }.flags;
        let mut operations = self.operations.iter();
        let operation = operations.find(|it| it.cmd == command && it.flags & flag == flag);
        operation
            .filter(|it| !it.policy.is_null())
            // CAST: `usize` has at least 32 bits.
            .map_or(0, |it| (it.maxattr as usize).saturating_add(1))
    }
}
