// SPDX-License-Identifier: GPL-2.0

//! The shapes of operations: what those that differ in a function or a type have in common.
//!
//! Each macro makes a [`Handler`](super::machine::Handler), a closure that captures nothing.

// What a method of the machine does.
macro_rules! method {
    ($($method:tt)+) => {
        |machine, op, rest| machine.$($method)+(op, rest)
    };
}
// dst = f(a, b), f(a, imm), f(a), then the next operation.
macro_rules! reg {
    ($f:path) => {
        |machine, op, rest| {
            machine.set(op.dst, $f(machine.get(op.a), machine.get(op.b)));
            machine.next(rest)
        }
    };
}
macro_rules! imm {
    ($f:path) => {
        |machine, op, rest| {
            machine.set(op.dst, $f(machine.get(op.a), op.imm));
            machine.next(rest)
        }
    };
}
macro_rules! one {
    (|$a:ident| $value:expr) => {
        |machine, op, rest| {
            let $a = machine.get(op.a);
            machine.set(op.dst, $value);
            machine.next(rest)
        }
    };
}
macro_rules! load {
    ($method:ident, $type:ty) => {
        load!($method, $type, |value| value)
    };
    ($method:ident, $type:ty, |$value:ident| $extended:expr) => {
        |machine, op, rest| {
            let address = machine.address(op);
            match machine.$method::<$type>(address) {
                Ok($value) => {
                    machine.set(op.dst, $extended);
                    machine.next(rest)
                }
                Err(cause) => machine.fail(cause, address, rest),
            }
        }
    };
}
// A load that is quick if the address is in the expected region; the rest is out of the way.
macro_rules! quick_load {
    ($method:ident, $type:ty) => {
        |machine, op, rest| match machine.$method::<$type>(machine.address(op)) {
            Some(value) => {
                machine.set(op.dst, value);
                machine.next(rest)
            }
            None => machine.slow_load::<$type>(op, rest),
        }
    };
}
macro_rules! store {
    ($method:ident, $type:ty, Reg) => {
        store!($method, $type, |machine, op| machine.get(op.b))
    };
    ($method:ident, $type:ty, Imm) => {
        store!($method, $type, |machine, op| op.imm)
    };
    ($method:ident, $type:ty, |$machine:ident, $op:ident| $value:expr) => {
        |$machine, $op, rest| {
            let address = $machine.address($op);
            match $machine.$method::<$type>(address, $value) {
                Ok(()) => $machine.next(rest),
                Err(cause) => $machine.fail(cause, address, rest),
            }
        }
    };
}
macro_rules! quick_store {
    ($method:ident, $type:ty, Reg) => {
        quick_store!($method, $type, |machine, op| machine.get(op.b))
    };
    ($method:ident, $type:ty, Imm) => {
        quick_store!($method, $type, |machine, op| op.imm)
    };
    ($method:ident, $type:ty, |$machine:ident, $op:ident| $value:expr) => {
        |$machine, $op, rest| {
            let value = $value;
            match $machine.$method::<$type>($machine.address($op), value) {
                Some(()) => $machine.next(rest),
                None => $machine.slow_store::<$type>($op, value, rest),
            }
        }
    };
}
macro_rules! packet_load {
    ($type:ty) => {
        |machine, op, rest| machine.load_packet::<$type>(op, machine.get(op.a), rest)
    };
}
macro_rules! jump_if {
    (Reg, |$a:ident, $b:ident| $cond:expr) => {
        |machine, op, rest| {
            let ($a, $b) = (machine.get(op.a), machine.get(op.b));
            if $cond {
                machine.jump(op, rest)
            } else {
                machine.next(rest)
            }
        }
    };
    (Imm, |$a:ident, $b:ident| $cond:expr) => {
        |machine, op, rest| {
            let ($a, $b) = (machine.get(op.a), op.constant());
            if $cond {
                machine.jump(op, rest)
            } else {
                machine.next(rest)
            }
        }
    };
}
macro_rules! add_then_jump_if {
    (|$a:ident, $b:ident| $cond:expr) => {
        |machine, op, rest| {
            let $a = machine.get(op.a).wrapping_add(op.constant());
            machine.set(op.dst, $a);
            let $b = machine.get(op.b);
            if $cond {
                machine.jump(op, rest)
            } else {
                machine.next(rest)
            }
        }
    };
}
macro_rules! mov_then_jump_if {
    (|$a:ident| $cond:expr) => {
        |machine, op, rest| {
            let $a = machine.get(op.a);
            machine.set(op.dst, $a);
            machine.set(op.b, op.constant());
            if $cond {
                machine.jump(op, rest)
            } else {
                machine.next(rest)
            }
        }
    };
}
// dst = a number made of a and the second constant, compared with the constant.
macro_rules! change_then_jump_if {
    (|$a:ident, $second:ident| $value:expr, |$value_again:ident, $b:ident| $cond:expr) => {
        |machine, op, rest| {
            let ($a, $second) = (machine.get(op.a), op.second_signed());
            let $value_again = $value;
            machine.set(op.dst, $value_again);
            let $b = op.constant();
            if $cond {
                machine.jump(op, rest)
            } else {
                machine.next(rest)
            }
        }
    };
}
macro_rules! gather {
    ($type:ty) => {
        |machine, op, rest| machine.gather::<$type>(op, rest)
    };
}
// A quick load, and then what `$finish` does with the number.
macro_rules! load_then {
    ($type:ty, $machine:ident, $op:ident, $address:expr, |$value:ident, $rest:ident| $finish:expr) => {
        |$machine, $op, rest| {
            let address = $address;
            let finish = |$machine: &mut Machine<'_, '_, R, S>,
                          $op: &Op,
                          $rest: &[Op],
                          $value: u64|
             -> Flow { $finish };
            match $machine.load_frame::<$type>(address) {
                Some(value) => finish($machine, $op, rest, value),
                None => $machine.slow_load_then::<$type>($op, rest, address, finish),
            }
        }
    };
}
macro_rules! load_then_combine {
    ($type:ty, |$b:ident, $value:ident| $combined:expr) => {
        load_then!($type, machine, op, machine.address(op), |$value, rest| {
            machine.set(op.dst, $value);
            let $b = machine.get(op.b);
            machine.set(op.b, $combined);
            machine.next(rest)
        })
    };
}
macro_rules! load_then_shift {
    ($type:ty) => {
        load_then!($type, machine, op, machine.address(op), |value, rest| {
            let shifted = alu::lsh32(value, op.imm);
            machine.set(op.dst, alu::or32(shifted, machine.get(op.b)));
            machine.next(rest)
        })
    };
}
macro_rules! load_then_jump_if {
    ($type:ty, |$a:ident, $b:ident| $cond:expr) => {
        load_then!(
            $type,
            machine,
            op,
            machine.get(op.a).wrapping_add(op.second_signed()),
            |$a, rest| {
                machine.set(op.dst, $a);
                let $b = u64::from(op.imm as u32);
                if $cond {
                    machine.jump(op, rest)
                } else {
                    machine.next(rest)
                }
            }
        )
    };
}
macro_rules! load_and_then_jump_if {
    ($type:ty, |$a:ident, $b:ident| $cond:expr) => {
        load_then!(
            $type,
            machine,
            op,
            machine.get(op.a).wrapping_add(op.high_offset()),
            |value, rest| {
                machine.set_by_bits(op.imm >> 16, value);
                let $a = value & u64::from(op.second());
                machine.set(op.dst, $a);
                let $b = u64::from(op.imm as u16);
                if $cond {
                    machine.jump(op, rest)
                } else {
                    machine.next(rest)
                }
            }
        )
    };
}
