// SPDX-License-Identifier: GPL-2.0

//! Hardware clocks: `/dev/ptpN`, by which user space reads, sets and steers the clock of a device.
//!
//! A driver implements [`Clock`] for what a device has; a [`Registration`] makes it known. The kernel
//! may be built without such clocks (`CONFIG_PTP_1588_CLOCK`): then nothing is registered, and all else
//! is as it was.
//!
//! # Context, locks, life
//!
//! | | context | locks | kept alive by |
//! |---|---|---|---|
//! | [`Clock`] | process, several callers at once | none: a clock agrees with itself on the order of readings and changes | its registration, which waits for whoever is in a system call |
//! | [`Registration`] | made and dropped in process context; sleeps | none that a [`Clock`] takes | whoever made it. The parent must outlive it |
//!
//! C header: [`include/linux/ptp_clock_kernel.h`](srctree/include/linux/ptp_clock_kernel.h)

use crate::{
    bindings,
    error::not_supported,
    machine::ktime_get_raw_ns, //
};
use core::ptr::NonNull;
use kernel::{
    container_of,
    device,
    error::{
        from_err_ptr,
        from_result, //
    },
    prelude::*,
    types::Opaque, //
};

/// Nanoseconds in a second.
const SECOND: u64 = bindings::NSEC_PER_SEC as u64;

/// A clock of a device, which goes by the counter behind those of the system
/// ([`ktime_get_raw_ns`]), so that its time and the system's are known for the very same moment. Times
/// are nanoseconds since 1970.
pub trait Clock: Send + Sync + 'static {
    /// What people call it, up to 31 bytes (`/sys/class/ptp/ptpN/clock_name`).
    const NAME: &'static CStr;

    /// The most that [`Self::adjust`] is asked for, in parts per billion.
    const MAX_ADJUSTMENT: i32;

    /// The time when the counter reads what `counter` gives. It may be called several times, and the
    /// last one counts.
    fn time_at(&self, counter: &mut dyn FnMut() -> u64) -> u64;

    /// Sets the time to `time`.
    ///
    /// # Errors
    ///
    /// If the clock can't have that time; then nothing changes.
    fn set_time(&self, time: u64) -> Result;

    /// Moves the time by `delta` nanoseconds.
    ///
    /// # Errors
    ///
    /// As of [`Self::set_time`].
    fn shift(&self, delta: i64) -> Result;

    /// Makes the clock faster than its counter by `scaled_ppm`, parts per million of which the last 16
    /// bits are a fraction, or slower if that is negative. The core has checked it against
    /// [`Self::MAX_ADJUSTMENT`].
    ///
    /// # Errors
    ///
    /// If the clock can't go at that rate; then nothing changes.
    fn adjust(&self, scaled_ppm: i64) -> Result;
}

/// What the core has a pointer to.
struct Shell<T> {
    info: Opaque<bindings::ptp_clock_info>,
    clock: T,
}

/// The registration of a clock; dropping it takes `/dev/ptpN` away.
///
/// # Invariants
///
/// `ptp` is registered, and has a pointer to `shell`, which came from a `KBox` and is given back when
/// it is registered no more.
pub struct Registration<T: Clock> {
    ptp: NonNull<bindings::ptp_clock>,
    shell: NonNull<Shell<T>>,
}

// SAFETY: A clock may be read, and its registration ended, by any task.
unsafe impl<T: Clock> Send for Registration<T> {}
// SAFETY: A shared registration only gives a number.
unsafe impl<T: Clock> Sync for Registration<T> {}

impl<T: Clock> Registration<T> {
    /// Registers `clock` as one of `parent`, which is registered. It is used at once. `None` if the
    /// kernel has no hardware clocks. Process context.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what registering a device gives.
    pub fn new(clock: T, parent: &device::Device) -> Result<Option<Self>> {
        const { assert!(T::NAME.to_bytes().len() < bindings::PTP_CLOCK_NAME_LEN as usize) };
        let mut info = bindings::ptp_clock_info {
            max_adj: T::MAX_ADJUSTMENT,
            adjfine: Some(Shell::<T>::adjfine),
            adjtime: Some(Shell::<T>::adjtime),
            gettimex64: Some(Shell::<T>::gettimex64),
            getcrosststamp: Some(Shell::<T>::getcrosststamp),
            settime64: Some(Shell::<T>::settime64),
            ..pin_init::zeroed()
        };
        for (place, byte) in info.name.iter_mut().zip(T::NAME.to_bytes()) {
            *place = *byte;
        }
        let info = Opaque::new(info);
        let shell = KBox::new(Shell { info, clock }, GFP_KERNEL)?;
        let shell = NonNull::from(KBox::leak(shell));
        // `device::Device` is a transparent wrapper of `struct device`.
        let parent = core::ptr::from_ref(parent).cast_mut().cast();
        // SAFETY: The shell is valid and stays where it is until the clock is registered no more; the
        // parent is a registered device.
        let ptp = from_err_ptr(unsafe {
            bindings::offload_nic_ptp_clock_register(shell.as_ref().info.get(), parent)
        });
        match ptp.map(NonNull::new) {
            // INVARIANT: It is registered, with this shell.
            Ok(Some(ptp)) => Ok(Some(Self { ptp, shell })),
            unregistered => {
                // SAFETY: It came from a `KBox`, and the core has kept no pointer to it.
                drop(unsafe { KBox::from_raw(shell.as_ptr()) });
                unregistered.map(|_| None)
            }
        }
    }

    /// The N of `/dev/ptpN`.
    pub fn index(&self) -> i32 {
        // SAFETY: Registered by the type invariants.
        unsafe { bindings::offload_nic_ptp_clock_index(self.ptp.as_ptr()) }
    }
}

impl<T: Clock> Drop for Registration<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants it is registered. When this returns nobody is in a callback,
        // and none will be called, though files of the clock may still be open.
        unsafe { bindings::offload_nic_ptp_clock_unregister(self.ptp.as_ptr()) };
        // SAFETY: By the type invariants it came from a `KBox`, and nobody knows of it any more.
        drop(unsafe { KBox::from_raw(self.shell.as_ptr()) });
    }
}

impl<T: Clock> Shell<T> {
    /// The clock behind what the core has.
    ///
    /// # Safety
    ///
    /// `info` must be that of a registered `Self`, and stay so for the lifetime that is chosen.
    unsafe fn clock<'a>(info: *mut bindings::ptp_clock_info) -> &'a T {
        // SAFETY: By the function's contract.
        unsafe { &(*container_of!(Opaque::cast_from(info), Self, info)).clock }
    }

    /// # Safety
    ///
    /// To be called by the core, as the operation of that name of a registered clock.
    unsafe extern "C" fn adjfine(info: *mut bindings::ptp_clock_info, scaled_ppm: c_long) -> c_int {
        // SAFETY: By the function's contract.
        let clock = unsafe { Self::clock(info) };
        // CAST: A `long` has at most 64 bits.
        from_result(|| clock.adjust(scaled_ppm as i64).map(|()| 0))
    }

    /// # Safety
    ///
    /// To be called by the core, as the operation of that name of a registered clock.
    unsafe extern "C" fn adjtime(info: *mut bindings::ptp_clock_info, delta: i64) -> c_int {
        // SAFETY: By the function's contract.
        let clock = unsafe { Self::clock(info) };
        from_result(|| clock.shift(delta).map(|()| 0))
    }

    /// # Safety
    ///
    /// To be called by the core, as the operation of that name of a registered clock.
    unsafe extern "C" fn gettimex64(
        info: *mut bindings::ptp_clock_info,
        ts: *mut bindings::timespec64,
        sts: *mut bindings::ptp_system_timestamp,
    ) -> c_int {
        // SAFETY: By the function's contract.
        let clock = unsafe { Self::clock(info) };
        // SAFETY: `sts` is null or memory for the answer.
        unsafe { bindings::offload_nic_ptp_read_system_prets(sts) };
        let time = clock.time_at(&mut ktime_get_raw_ns);
        // SAFETY: As above, and `ts` is memory for the answer.
        unsafe {
            bindings::offload_nic_ptp_read_system_postts(sts);
            // CAST: Far below the ends of both.
            (*ts).tv_sec = (time / SECOND) as i64;
            (*ts).tv_nsec = (time % SECOND) as c_long;
        }
        0
    }

    /// # Safety
    ///
    /// To be called by the core, as the operation of that name of a registered clock.
    unsafe extern "C" fn getcrosststamp(
        info: *mut bindings::ptp_clock_info,
        xtstamp: *mut bindings::system_device_crosststamp,
    ) -> c_int {
        // SAFETY: By the function's contract, and there is memory for the answer, which names the
        // clock of the system.
        let (clock, xtstamp) = unsafe { (Self::clock(info), &mut *xtstamp) };
        let mut is_known = true;
        let time = clock.time_at(&mut || {
            // SAFETY: Valid memory. The context is a process's.
            is_known = unsafe { bindings::offload_nic_crosststamp(xtstamp) };
            // CAST: It begins with 0 when the system does.
            xtstamp.sys_monoraw as u64
        });
        if !is_known {
            return not_supported().to_errno();
        }
        // CAST: Clocks are not set to where that ends.
        xtstamp.device = time as i64;
        0
    }

    /// # Safety
    ///
    /// To be called by the core, as the operation of that name of a registered clock.
    unsafe extern "C" fn settime64(
        info: *mut bindings::ptp_clock_info,
        ts: *const bindings::timespec64,
    ) -> c_int {
        // SAFETY: By the function's contract, with a time that the core has checked.
        let (clock, ts) = unsafe { (Self::clock(info), &*ts) };
        from_result(|| {
            let (seconds, rest) = (u64::try_from(ts.tv_sec)?, u64::try_from(ts.tv_nsec)?);
            let time = seconds
                .checked_mul(SECOND)
                .and_then(|time| time.checked_add(rest));
            clock.set_time(time.ok_or(ERANGE)?).map(|()| 0)
        })
    }
}
