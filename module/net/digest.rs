// SPDX-License-Identifier: GPL-2.0

//! SHA-256 and SHA-1 by the kernel's library.
//!
//! C headers: [`include/crypto/sha2.h`](srctree/include/crypto/sha2.h),
//! [`include/crypto/sha1.h`](srctree/include/crypto/sha1.h)

use crate::bindings;

/// A SHA-256 in the making.
///
/// # Invariants
///
/// The context has been initialised.
pub struct Sha256(bindings::sha256_ctx);

impl Sha256 {
    /// The state before the first byte.
    pub fn new() -> Self {
        let mut context = bindings::sha256_ctx::default();
        // SAFETY: The function writes the context and needs nothing from it.
        unsafe { bindings::sha256_init(&mut context) };
        // INVARIANT: Just initialised.
        Self(context)
    }

    /// Takes in `data`.
    pub fn update(&mut self, data: &[u8]) {
        // SAFETY: The context is initialised by the type invariant, and `data` readable for its
        // length.
        unsafe { bindings::offload_nic_sha256_update(&mut self.0, data.as_ptr(), data.len()) };
    }

    /// The digest of all that was taken in.
    pub fn finish(mut self) -> [u8; 32] {
        let mut digest = [0; 32];
        // SAFETY: The context is initialised by the type invariant, and is not used any more;
        // `digest` has the size of a digest.
        unsafe { bindings::sha256_final(&mut self.0, digest.as_mut_ptr()) };
        digest
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// A SHA-1 in the making. It names things; it keeps nobody from making two of the same name.
///
/// # Invariants
///
/// The context has been initialised.
pub struct Sha1(bindings::sha1_ctx);

impl Sha1 {
    /// The state before the first byte.
    pub fn new() -> Self {
        let mut context = bindings::sha1_ctx::default();
        // SAFETY: The function writes the context and needs nothing from it.
        unsafe { bindings::sha1_init(&mut context) };
        // INVARIANT: Just initialised.
        Self(context)
    }

    /// Takes in `data`.
    pub fn update(&mut self, data: &[u8]) {
        // SAFETY: The context is initialised by the type invariant, and `data` readable for its
        // length.
        unsafe { bindings::sha1_update(&mut self.0, data.as_ptr(), data.len()) };
    }

    /// The digest of all that was taken in.
    pub fn finish(mut self) -> [u8; 20] {
        let mut digest = [0; 20];
        // SAFETY: The context is initialised by the type invariant, and is not used any more;
        // `digest` has the size of a digest.
        unsafe { bindings::sha1_final(&mut self.0, digest.as_mut_ptr()) };
        digest
    }
}

impl Default for Sha1 {
    fn default() -> Self {
        Self::new()
    }
}
