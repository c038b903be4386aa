// SPDX-License-Identifier: GPL-2.0

//! Health reporters: what went wrong, for `devlink health`.

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicBool,
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
/// It becomes one of an instance when that is made ([`Devlink::new`](super::Devlink::new)), and ceases
/// to be when that goes. Before and after, events count for nothing.
///
/// # Invariants
///
/// `reporter` is null or a reporter of a registered instance, which stays until `work`, queued only
/// while it is not null, has been disabled.
#[pin_data]
pub struct Reporter<R: Report> {
    reporter: AtomicPtr<bindings::devlink_health_reporter>,
    /// Whether an instance has it or had it.
    is_taken: AtomicBool,
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
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(report: R) -> Result<Arc<Self>> {
        // INVARIANT: Null, and not queued.
        let reporter = pin_init!(Self {
            reporter: AtomicPtr::new(null_mut()),
            is_taken: AtomicBool::new(false),
            events: AtomicU32::new(0),
            // SAFETY: The place is valid, and nobody knows the work yet.
            work <- Opaque::ffi_init(|work| unsafe {
                bindings::offload_nic_init_work(work, Some(Self::tell))
            }),
            report,
        });
        Arc::pin_init(reporter, GFP_KERNEL)
    }

    /// What it tells.
    pub fn report(&self) -> &R {
        &self.report
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
        // SAFETY: The work lies in a `Self`, as `new` alone gives out this function. An instance keeps
        // that until the work is disabled.
        let this = unsafe { &*container_of!(Opaque::cast_from(work), Self, work) };
        let reporter = this.reporter.load(Ordering::Acquire);
        if reporter.is_null() {
            return;
        }
        for _ in 0..this.events.swap(0, Ordering::Relaxed) {
            // SAFETY: By the type invariant the reporter stays until the work has ended. The lock of
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

/// A reporter as one of an instance's, which keeps it.
///
/// # Invariants
///
/// Until [`Self::destroy`], `raw` is a reporter of a valid instance, and its private pointer is
/// `reporter`.
pub(super) struct Attached<R: Report> {
    reporter: Arc<Reporter<R>>,
    raw: NonNull<bindings::devlink_health_reporter>,
}

impl<R: Report> Attached<R> {
    /// Makes `reporter` one of those of `devlink`.
    ///
    /// # Errors
    ///
    /// `EBUSY` if an instance has it or had it, `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `devlink` must be a valid instance with its lock held. [`Self::destroy`] must be called before
    /// the instance and the value end.
    pub(super) unsafe fn new(
        reporter: Arc<Reporter<R>>,
        devlink: *mut bindings::devlink,
    ) -> Result<Self> {
        if reporter.is_taken.swap(true, Ordering::Relaxed) {
            return Err(EBUSY);
        }
        let private = Arc::as_ptr(&reporter);
        // SAFETY: The lock is held, the operations live for ever, and what the private pointer
        // refers to is kept until the reporter is taken away.
        let raw = from_err_ptr(unsafe {
            bindings::devl_health_reporter_create(
                devlink,
                Reporter::<R>::OPS,
                private.cast_mut().cast(),
            )
        })?;
        // INVARIANT: As just made.
        Ok(Self {
            reporter,
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
        })
    }

    /// Events count from here on.
    ///
    /// # Safety
    ///
    /// The instance must be registered, and [`Self::close`] be called before [`Self::destroy`].
    pub(super) unsafe fn open(&self) {
        // INVARIANT: By the type invariant a reporter of a valid instance, which the caller has
        // registered, and closes before it is destroyed.
        let raw = self.raw.as_ptr();
        self.reporter.reporter.store(raw, Ordering::Release);
    }

    /// Events count for nothing from here on, and no one is being told. Process
    /// context, neither RTNL nor the instance's lock held.
    pub(super) fn close(&self) {
        let reporter = &*self.reporter;
        // SAFETY: The work was set up when the reporter was made. It does not run any more from here
        // on.
        unsafe { bindings::disable_work_sync(reporter.work.get()) };
        reporter.reporter.store(null_mut(), Ordering::Relaxed);
    }

    /// Takes the reporter from the instance.
    ///
    /// # Safety
    ///
    /// To be called once, with the instance's lock held, and after [`Self::close`] if it was opened.
    pub(super) unsafe fn destroy(&self) {
        // SAFETY: By the type invariant it is one of an instance, whose lock is held.
        unsafe { bindings::devl_health_reporter_destroy(self.raw.as_ptr()) };
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
