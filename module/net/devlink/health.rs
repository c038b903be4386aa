// SPDX-License-Identifier: GPL-2.0

//! Health reporters: what went wrong, for `devlink health`.

use super::{
    Devlink,
    Locked,
    Operations, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::null_mut,
    sync::atomic::{
        AtomicPtr,
        AtomicU32,
        Ordering, //
    }, //
};
use kernel::{
    container_of,
    error::from_err_ptr,
    fmt,
    prelude::*,
    str::CString,
    sync::Arc,
    types::Opaque, //
};

/// What a reporter tells.
pub trait Report: Send + Sync + 'static {
    /// The reporter's name.
    const NAME: &'static CStr;
    /// What has happened, in a word, for those who trace `devlink:devlink_health_report`.
    const EVENT: &'static CStr;

    /// Writes what is known about the last event (`devlink health diagnose`, and at the event itself
    /// for `devlink health dump show`). Process context, the instance's lock held.
    fn write(&self, message: &mut Message<'_>);
}

/// A health reporter for events that leave nothing broken: devlink counts them, keeps a dump of the
/// first one since dumps were cleared, and sees the device as healthy.
///
/// # Invariants
///
/// While `reporter` is not null it belongs to the registered `instance`, refers to this value, and a
/// reference to this value is kept for it.
#[pin_data]
pub struct Reporter<R: Report> {
    reporter: AtomicPtr<bindings::devlink_health_reporter>,
    instance: AtomicPtr<bindings::devlink>,
    /// Events that devlink was not told of yet.
    events: AtomicU32,
    #[pin]
    work: Opaque<bindings::work_struct>,
    report: R,
}

// SAFETY: `R` may be shared, and the kernel guards what is its own.
unsafe impl<R: Report> Send for Reporter<R> {}
// SAFETY: As above.
unsafe impl<R: Report> Sync for Reporter<R> {}

impl<R: Report> Reporter<R> {
    const OPS: &'static bindings::devlink_health_reporter_ops =
        &bindings::devlink_health_reporter_ops {
            name: R::NAME.to_bytes_with_nul().as_ptr().cast_mut().cast(),
            recover: Some(Self::recover),
            dump: Some(Self::dump),
            diagnose: Some(Self::diagnose),
            ..pin_init::zeroed()
        };

    /// Makes a reporter that no instance has yet.
    pub fn new(report: R) -> Result<Arc<Self>> {
        let this = Arc::pin_init(
            pin_init!(Self {
                reporter: AtomicPtr::new(null_mut()),
                instance: AtomicPtr::new(null_mut()),
                events: AtomicU32::new(0),
                work: Opaque::new(pin_init::zeroed()),
                report,
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: The work is new and stays where it is. It is queued only while the reporter is
        // one of an instance's, which keeps a reference.
        unsafe { bindings::offload_nic_init_work(this.work.get(), Some(Self::tell)) };
        Ok(this)
    }

    /// What it tells.
    pub fn report(&self) -> &R {
        &self.report
    }

    /// Makes it one of the reporters of `instance`, until [`Self::detach`]. To be called once.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EBUSY` if it was called before.
    pub fn attach<T: Operations>(self: &Arc<Self>, instance: &Locked<'_, T>) -> Result {
        if !self.reporter.load(Ordering::Relaxed).is_null() {
            return Err(EBUSY);
        }
        let private = Arc::into_raw(self.clone());
        // SAFETY: The lock is held, the operations live for ever, and what the private pointer
        // refers to lives until the reporter is taken away.
        let reporter = from_err_ptr(unsafe {
            bindings::devl_health_reporter_create(
                instance.as_ptr(),
                Self::OPS,
                private.cast_mut().cast(),
            )
        });
        match reporter {
            Ok(reporter) => {
                // INVARIANT: As just made; the reference is `private`.
                self.instance.store(instance.as_ptr(), Ordering::Relaxed);
                self.reporter.store(reporter, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                // SAFETY: Came from `into_raw`, and nobody has it.
                drop(unsafe { Arc::from_raw(private) });
                Err(error)
            }
        }
    }

    /// Takes it away from `devlink`, if that is the instance that it was given to. Events count for
    /// nothing from here on. Process context, neither RTNL nor the instance's lock held.
    pub fn detach<T: Operations>(&self, devlink: &Devlink<T>) {
        // The work takes the instance's lock.
        // SAFETY: It was set up when `self` was made. It does not run any more from here on.
        unsafe { bindings::disable_work_sync(self.work.get()) };
        devlink.with_lock(|instance| {
            if self.instance.load(Ordering::Relaxed) != instance.as_ptr() {
                return;
            }
            let reporter = self.reporter.swap(null_mut(), Ordering::Relaxed);
            if !reporter.is_null() {
                // SAFETY: By the type invariant it is one of a registered instance; the lock is
                // held. The reference was the reporter's.
                unsafe {
                    bindings::devl_health_reporter_destroy(reporter);
                    drop(Arc::from_raw(core::ptr::from_ref(self)));
                }
            }
        });
    }

    /// Notes that the event has happened. devlink is told soon after. Any context.
    pub fn note(&self) {
        if self.reporter.load(Ordering::Relaxed).is_null() {
            return;
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        // SAFETY: The work was set up when `self` was made. Once it is disabled, nothing happens.
        unsafe { bindings::offload_nic_schedule_work(self.work.get()) };
    }

    /// # Safety
    ///
    /// To be called as the function of the work of a reporter that is attached.
    unsafe extern "C" fn tell(work: *mut bindings::work_struct) {
        // SAFETY: The work lies in a `Self`, as `new` alone gives out this function. It stays until
        // the work is disabled.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, work) };
        let reporter = this.reporter.load(Ordering::Acquire);
        for _ in 0..this.events.swap(0, Ordering::Relaxed) {
            // SAFETY: `detach` waits for the work before it takes the reporter away. The lock of
            // the instance is not held.
            unsafe {
                bindings::devlink_health_report(reporter, R::EVENT.as_char_ptr(), null_mut())
            };
        }
    }

    /// Nothing is broken.
    ///
    /// # Safety
    ///
    /// To be called by devlink, as the operation of that name of a reporter of this type.
    unsafe extern "C" fn recover(
        _reporter: *mut bindings::devlink_health_reporter,
        _context: *mut c_void,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        0
    }

    /// # Safety
    ///
    /// As for [`Self::recover`].
    unsafe extern "C" fn dump(
        reporter: *mut bindings::devlink_health_reporter,
        fmsg: *mut bindings::devlink_fmsg,
        _context: *mut c_void,
        extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: By the function's contract.
        unsafe { Self::diagnose(reporter, fmsg, extack) }
    }

    /// # Safety
    ///
    /// As for [`Self::recover`].
    unsafe extern "C" fn diagnose(
        reporter: *mut bindings::devlink_health_reporter,
        fmsg: *mut bindings::devlink_fmsg,
        _extack: *mut bindings::netlink_ext_ack,
    ) -> c_int {
        // SAFETY: The private pointer of the reporter is that of a `Self`, which stays as long.
        let this = unsafe { &*bindings::devlink_health_reporter_priv(reporter).cast::<Self>() };
        this.report.write(&mut Message {
            fmsg,
            _call: PhantomData,
        });
        0
    }
}

/// What a reporter writes into: names with values.
pub struct Message<'a> {
    fmsg: *mut bindings::devlink_fmsg,
    _call: PhantomData<&'a mut ()>,
}

impl Message<'_> {
    /// A name with a text. Without memory for it, it is left out.
    pub fn text(&mut self, name: &CStr, value: fmt::Arguments<'_>) {
        if let Ok(value) = CString::try_from_fmt(value) {
            // SAFETY: The message is valid as long as the call that made `self`; texts are copied.
            unsafe {
                bindings::devlink_fmsg_string_pair_put(
                    self.fmsg,
                    name.as_char_ptr(),
                    value.as_char_ptr(),
                )
            };
        }
    }

    /// A name with a number.
    pub fn number(&mut self, name: &CStr, value: u64) {
        // SAFETY: As in `text`.
        unsafe { bindings::devlink_fmsg_u64_pair_put(self.fmsg, name.as_char_ptr(), value) };
    }
}
