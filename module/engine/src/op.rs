// SPDX-License-Identifier: GPL-2.0

//! The operations of the device: what eBPF instructions are translated to.
//!
//! An operation has up to three registers, so that a move and the arithmetic that follows are one.
//! Operations on memory exist in a general form and in forms for one region of device memory; the
//! special forms are a shorter way and no promise: each checks its address, and falls back to the
//! general form where it lies elsewhere.

/// The table of operations: name, name in the disassembly, operands in the order of the disassembly,
/// and the function that does it, made by one of the macros of `exec::shapes`, as a rule.
///
/// An operation's place in the table is its number in an image.
///
/// `operation_table!(m!(tokens))` expands to `m!` of the tokens, in parentheses, and the rows.
macro_rules! operation_table {
    ($each:ident!($($given:tt)*)) => {
        $each! {
            ($($given)*)
            // dst = a op b, or dst = a op imm; the 32-bit forms zero the upper half.
            AddReg "add" [Dst, A, B] reg!(alu::add);
            AddImm "addi" [Dst, A, Imm] imm!(alu::add);
            Add32Reg "add32" [Dst, A, B] reg!(alu::add32);
            Add32Imm "addi32" [Dst, A, Imm] imm!(alu::add32);
            SubReg "sub" [Dst, A, B] reg!(alu::sub);
            SubImm "subi" [Dst, A, Imm] imm!(alu::sub);
            Sub32Reg "sub32" [Dst, A, B] reg!(alu::sub32);
            Sub32Imm "subi32" [Dst, A, Imm] imm!(alu::sub32);
            MulReg "mul" [Dst, A, B] reg!(alu::mul);
            MulImm "muli" [Dst, A, Imm] imm!(alu::mul);
            Mul32Reg "mul32" [Dst, A, B] reg!(alu::mul32);
            Mul32Imm "muli32" [Dst, A, Imm] imm!(alu::mul32);
            DivReg "div" [Dst, A, B] reg!(alu::div);
            DivImm "divi" [Dst, A, Imm] imm!(alu::div);
            Div32Reg "div32" [Dst, A, B] reg!(alu::div32);
            Div32Imm "divi32" [Dst, A, Imm] imm!(alu::div32);
            SdivReg "sdiv" [Dst, A, B] reg!(alu::sdiv);
            SdivImm "sdivi" [Dst, A, Imm] imm!(alu::sdiv);
            Sdiv32Reg "sdiv32" [Dst, A, B] reg!(alu::sdiv32);
            Sdiv32Imm "sdivi32" [Dst, A, Imm] imm!(alu::sdiv32);
            ModReg "mod" [Dst, A, B] reg!(alu::modulo);
            ModImm "modi" [Dst, A, Imm] imm!(alu::modulo);
            Mod32Reg "mod32" [Dst, A, B] reg!(alu::modulo32);
            Mod32Imm "modi32" [Dst, A, Imm] imm!(alu::modulo32);
            SmodReg "smod" [Dst, A, B] reg!(alu::smod);
            SmodImm "smodi" [Dst, A, Imm] imm!(alu::smod);
            Smod32Reg "smod32" [Dst, A, B] reg!(alu::smod32);
            Smod32Imm "smodi32" [Dst, A, Imm] imm!(alu::smod32);
            OrReg "or" [Dst, A, B] reg!(alu::or);
            OrImm "ori" [Dst, A, Imm] imm!(alu::or);
            Or32Reg "or32" [Dst, A, B] reg!(alu::or32);
            Or32Imm "ori32" [Dst, A, Imm] imm!(alu::or32);
            AndReg "and" [Dst, A, B] reg!(alu::and);
            AndImm "andi" [Dst, A, Imm] imm!(alu::and);
            And32Reg "and32" [Dst, A, B] reg!(alu::and32);
            And32Imm "andi32" [Dst, A, Imm] imm!(alu::and32);
            XorReg "xor" [Dst, A, B] reg!(alu::xor);
            XorImm "xori" [Dst, A, Imm] imm!(alu::xor);
            Xor32Reg "xor32" [Dst, A, B] reg!(alu::xor32);
            Xor32Imm "xori32" [Dst, A, Imm] imm!(alu::xor32);
            LshReg "lsh" [Dst, A, B] reg!(alu::lsh);
            LshImm "lshi" [Dst, A, Imm] imm!(alu::lsh);
            Lsh32Reg "lsh32" [Dst, A, B] reg!(alu::lsh32);
            Lsh32Imm "lshi32" [Dst, A, Imm] imm!(alu::lsh32);
            RshReg "rsh" [Dst, A, B] reg!(alu::rsh);
            RshImm "rshi" [Dst, A, Imm] imm!(alu::rsh);
            Rsh32Reg "rsh32" [Dst, A, B] reg!(alu::rsh32);
            Rsh32Imm "rshi32" [Dst, A, Imm] imm!(alu::rsh32);
            ArshReg "arsh" [Dst, A, B] reg!(alu::arsh);
            ArshImm "arshi" [Dst, A, Imm] imm!(alu::arsh);
            Arsh32Reg "arsh32" [Dst, A, B] reg!(alu::arsh32);
            Arsh32Imm "arshi32" [Dst, A, Imm] imm!(alu::arsh32);

            // dst = f(a).
            Mov "mov" [Dst, A] one!(|a| a);
            Mov32 "mov32" [Dst, A] one!(|a| u64::from(a as u32));
            MovSigned8 "movs8" [Dst, A] one!(|a| a as i8 as u64);
            MovSigned16 "movs16" [Dst, A] one!(|a| a as i16 as u64);
            MovSigned32 "movs32" [Dst, A] one!(|a| a as i32 as u64);
            Mov32Signed8 "mov32s8" [Dst, A] one!(|a| u64::from(a as i8 as u32));
            Mov32Signed16 "mov32s16" [Dst, A] one!(|a| u64::from(a as i16 as u32));
            Neg "neg" [Dst, A] one!(|a| a.wrapping_neg());
            Neg32 "neg32" [Dst, A] one!(|a| u64::from((a as u32).wrapping_neg()));
            Swap16 "swap16" [Dst, A] one!(|a| u64::from((a as u16).swap_bytes()));
            Swap32 "swap32" [Dst, A] one!(|a| u64::from((a as u32).swap_bytes()));
            Swap64 "swap64" [Dst, A] one!(|a| a.swap_bytes());
            Zext16 "zext16" [Dst, A] one!(|a| u64::from(a as u16));

            // dst = a << imm | b; with bytes of a header, a number of them.
            LshOr "lsh.or" [Dst, A, Imm, B] method!(lsh_or);
            LshOr32 "lsh.or32" [Dst, A, Imm, B] method!(lsh_or32);
            // dst = a << second constant & constant, 32 bits.
            LshAnd32 "lsh.and32" [Dst, A, Second, Constant] method!(lsh_and32);
            // b = a >> second constant, then dst = third << constant | b, 32 bits: with the same
            // register for a and third, a rotation.
            RshLshOr32 "rsh.lsh.or32" [B, A, Second, Dst, Third, Low5] method!(rsh_lsh_or32);
            // dst = (a ^ b) - third, 32 bits.
            XorSub32 "xor.sub32" [Dst, A, B, Third] method!(xor_sub32);
            // dst = (a ^ b) + constant, 32 bits.
            XorAdd32Imm "xor.addi32" [Dst, A, B, Imm] method!(xor_add32);
            // dst = (a ^ b) - (b >> constant), 32 bits, and b = b >> constant.
            XorRshSub32 "xor.rsh.sub32" [Dst, A, B, Imm] method!(xor_rsh_sub32);
            // Up to four steps of Bob Jenkins' hash, one after the other: see `HashStep`.
            HashSteps "hash.steps32" [A, HashSteps] method!(hash_steps);

            // dst = imm.
            Const "const" [Dst, Imm] method!(constant);
            // dst = address of map imm.
            MapAddress "map" [Dst, Map] method!(map_address);

            // dst = memory[a + offset].
            Load8 "load8" [Dst, AtOffset] load!(load, u8);
            Load16 "load16" [Dst, AtOffset] load!(load, u16);
            Load32 "load32" [Dst, AtOffset] load!(load, u32);
            Load64 "load64" [Dst, AtOffset] load!(load, u64);
            LoadSigned8 "loads8" [Dst, AtOffset] load!(load, u8, |value| value as i8 as u64);
            LoadSigned16 "loads16" [Dst, AtOffset] load!(load, u16, |value| value as i16 as u64);
            LoadSigned32 "loads32" [Dst, AtOffset] load!(load, u32, |value| value as i32 as u64);
            LoadFrame8 "load8.frame" [Dst, AtOffset] quick_load!(load_frame, u8);
            LoadFrame16 "load16.frame" [Dst, AtOffset] quick_load!(load_frame, u16);
            LoadFrame32 "load32.frame" [Dst, AtOffset] quick_load!(load_frame, u32);
            LoadFrame64 "load64.frame" [Dst, AtOffset] quick_load!(load_frame, u64);
            LoadStack8 "load8.stack" [Dst, AtOffset] quick_load!(load_stack, u8);
            LoadStack16 "load16.stack" [Dst, AtOffset] quick_load!(load_stack, u16);
            LoadStack32 "load32.stack" [Dst, AtOffset] quick_load!(load_stack, u32);
            LoadStack64 "load64.stack" [Dst, AtOffset] quick_load!(load_stack, u64);
            LoadMap8 "load8.map" [Dst, AtOffset] quick_load!(load_map, u8);
            LoadMap16 "load16.map" [Dst, AtOffset] quick_load!(load_map, u16);
            LoadMap32 "load32.map" [Dst, AtOffset] quick_load!(load_map, u32);
            LoadMap64 "load64.map" [Dst, AtOffset] quick_load!(load_map, u64);
            LoadContext32 "load32.ctx" [Dst, AtOffset] method!(load_context);

            // dst = frame[a + offset], then b = b + dst.
            LoadFrame16Add "load16.frame.add" [Dst, AtOffset, B]
                    load_then_combine!(u16, |b, value| alu::add(b, value));
            LoadFrame32Add "load32.frame.add" [Dst, AtOffset, B]
                    load_then_combine!(u32, |b, value| alu::add(b, value));
            // The same with exclusive or, of 32 bits.
            LoadFrame32Xor "load32.frame.xor" [Dst, AtOffset, B]
                    load_then_combine!(u32, |b, value| alu::xor32(b, value));
            // dst = frame[a + offset] << constant | b, 32 bits.
            LoadFrame16LshOr32 "load16.frame.lsh.or32" [Dst, AtOffset, Imm, B]
                    load_then_shift!(u16);

            // Shortcuts: each does what the operations behind it do, and passes over them; or,
            // where it is not as simple as hoped, nothing at all. Bits 24 to 31 of imm: how many it
            // passes over.
            //
            // A word of the frame that the program puts together from bytes; its parts go to up to
            // four registers: see `Gather`.
            Gather16 "gather16.frame" [AtOffset, Parts] gather!(u16);
            Gather32 "gather32.frame" [AtOffset, Parts] gather!(u32);
            // Six bytes, as of an Ethernet address. dst = byte imm, third = byte imm >> 4 of them,
            // in this order. From the value of a map, a + offset, to frame[b + second constant];
            // or, of twelve bytes at frame[a + offset], from the first ones to the others, or the
            // other way if the second constant is 0.
            CopyMap "copy6.map" [ToSecond, AtOffset, Dst, Third] method!(copy_from_map);
            CopyNeighbour "copy6.frame" [AtOffset, Second, Dst, Third] method!(copy_neighbour);
            // Two neighbouring numbers, 4 bytes each or 2, to stack[b + second constant] from
            // frame[a + offset]. third = the first, dst = the second one.
            CopyStack32 "copy32x2.stack" [ToSecond, AtOffset, Dst, Third]
                    method!(copy_to_stack::<u64>);
            CopyStack16 "copy16x2.stack" [ToSecond, AtOffset, Dst, Third]
                    method!(copy_to_stack::<u32>);
            // r2 = a + offset; looks up the key there, on the stack, in map bits 0 to 15 of imm.
            LookUp "look.up" [AtOffset, Map] method!(look_up);
            // The same of a key of 4 bytes, b, behind storing it there.
            StoreLookUp "store32.look.up" [AtOffset, B, Map] method!(store_then_look_up);
            // b = the second two bytes of the four at frame[a + offset], dst = the first two << 16
            // | b.
            LoadHalves32 "halves32.frame" [Dst, B, AtOffset] method!(load_halves);
            // dst = memory[a + offset] + second constant, of a map's value, and back it goes.
            IncrementMap64 "increment64.map" [Dst, AtOffset, SecondSigned] method!(increment);
            // dst = end of the frame, b = its start, from the context a.
            LoadBounds "bounds.ctx" [Dst, B, At] method!(load_bounds);

            // memory[a + offset] = b, or imm.
            Store8Reg "store8" [AtOffset, B] store!(store, u8, Reg);
            Store16Reg "store16" [AtOffset, B] store!(store, u16, Reg);
            Store32Reg "store32" [AtOffset, B] store!(store, u32, Reg);
            Store64Reg "store64" [AtOffset, B] store!(store, u64, Reg);
            Store8Imm "store8i" [AtOffset, Imm] store!(store, u8, Imm);
            Store16Imm "store16i" [AtOffset, Imm] store!(store, u16, Imm);
            Store32Imm "store32i" [AtOffset, Imm] store!(store, u32, Imm);
            Store64Imm "store64i" [AtOffset, Imm] store!(store, u64, Imm);
            StoreStack8Reg "store8.stack" [AtOffset, B] quick_store!(store_stack, u8, Reg);
            StoreStack16Reg "store16.stack" [AtOffset, B] quick_store!(store_stack, u16, Reg);
            StoreStack32Reg "store32.stack" [AtOffset, B] quick_store!(store_stack, u32, Reg);
            StoreStack64Reg "store64.stack" [AtOffset, B] quick_store!(store_stack, u64, Reg);
            StoreStack8Imm "store8i.stack" [AtOffset, Imm] quick_store!(store_stack, u8, Imm);
            StoreStack16Imm "store16i.stack" [AtOffset, Imm] quick_store!(store_stack, u16, Imm);
            StoreStack32Imm "store32i.stack" [AtOffset, Imm] quick_store!(store_stack, u32, Imm);
            StoreStack64Imm "store64i.stack" [AtOffset, Imm] quick_store!(store_stack, u64, Imm);
            StoreFrame8Reg "store8.frame" [AtOffset, B] quick_store!(store_frame, u8, Reg);
            StoreFrame16Reg "store16.frame" [AtOffset, B] quick_store!(store_frame, u16, Reg);
            StoreFrame32Reg "store32.frame" [AtOffset, B] quick_store!(store_frame, u32, Reg);
            StoreFrame64Reg "store64.frame" [AtOffset, B] quick_store!(store_frame, u64, Reg);
            StoreFrame8Imm "store8i.frame" [AtOffset, Imm] quick_store!(store_frame, u8, Imm);
            StoreFrame16Imm "store16i.frame" [AtOffset, Imm] quick_store!(store_frame, u16, Imm);
            StoreFrame32Imm "store32i.frame" [AtOffset, Imm] quick_store!(store_frame, u32, Imm);
            StoreFrame64Imm "store64i.frame" [AtOffset, Imm] quick_store!(store_frame, u64, Imm);
            StoreMap8Reg "store8.map" [AtOffset, B] quick_store!(store_map, u8, Reg);
            StoreMap16Reg "store16.map" [AtOffset, B] quick_store!(store_map, u16, Reg);
            StoreMap32Reg "store32.map" [AtOffset, B] quick_store!(store_map, u32, Reg);
            StoreMap64Reg "store64.map" [AtOffset, B] quick_store!(store_map, u64, Reg);
            StoreMap8Imm "store8i.map" [AtOffset, Imm] quick_store!(store_map, u8, Imm);
            StoreMap16Imm "store16i.map" [AtOffset, Imm] quick_store!(store_map, u16, Imm);
            StoreMap32Imm "store32i.map" [AtOffset, Imm] quick_store!(store_map, u32, Imm);
            StoreMap64Imm "store64i.map" [AtOffset, Imm] quick_store!(store_map, u64, Imm);

            // Atomically on memory[a + offset] with b; imm is the operation of RFC 9669.
            Atomic32 "atomic32" [AtOffset, B, ImmHex] method!(read_modify_write::<u32>);
            Atomic64 "atomic64" [AtOffset, B, ImmHex] method!(read_modify_write::<u64>);
            LoadAcquire8 "loadacq8" [Dst, AtOffset] load!(load_acquire, u8);
            LoadAcquire16 "loadacq16" [Dst, AtOffset] load!(load_acquire, u16);
            LoadAcquire32 "loadacq32" [Dst, AtOffset] load!(load_acquire, u32);
            LoadAcquire64 "loadacq64" [Dst, AtOffset] load!(load_acquire, u64);
            StoreRelease8 "storerel8" [AtOffset, B] store!(store_release, u8, Reg);
            StoreRelease16 "storerel16" [AtOffset, B] store!(store_release, u16, Reg);
            StoreRelease32 "storerel32" [AtOffset, B] store!(store_release, u32, Reg);
            StoreRelease64 "storerel64" [AtOffset, B] store!(store_release, u64, Reg);

            // dst = frame[imm], or frame[a + imm], as a number in network byte order; negative
            // offsets count from a header. Where the frame has no such bytes, the function returns
            // 0.
            LoadAbsolute8 "ldabs8" [Dst, Packet]
                    |machine, op, rest| machine.load_packet::<u8>(op, 0, rest);
            LoadAbsolute16 "ldabs16" [Dst, Packet]
                    |machine, op, rest| machine.load_packet::<u16>(op, 0, rest);
            LoadAbsolute32 "ldabs32" [Dst, Packet]
                    |machine, op, rest| machine.load_packet::<u32>(op, 0, rest);
            LoadIndirect8 "ldind8" [Dst, PacketAt] packet_load!(u8);
            LoadIndirect16 "ldind16" [Dst, PacketAt] packet_load!(u16);
            LoadIndirect32 "ldind32" [Dst, PacketAt] packet_load!(u32);

            // Go to target, always or if the comparison of a with b or imm holds.
            Ja "ja" [Target] method!(jump);
            JeqReg "jeq" [A, B, Target] jump_if!(Reg, |a, b| a == b);
            JeqImm "jeqi" [A, Constant, Target] jump_if!(Imm, |a, b| a == b);
            Jeq32Reg "jeq32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) == b as u32);
            Jeq32Imm "jeqi32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as u32) == b as u32);
            JneReg "jne" [A, B, Target] jump_if!(Reg, |a, b| a != b);
            JneImm "jnei" [A, Constant, Target] jump_if!(Imm, |a, b| a != b);
            Jne32Reg "jne32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) != b as u32);
            Jne32Imm "jnei32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as u32) != b as u32);
            JgtReg "jgt" [A, B, Target] jump_if!(Reg, |a, b| a > b);
            JgtImm "jgti" [A, Constant, Target] jump_if!(Imm, |a, b| a > b);
            Jgt32Reg "jgt32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) > b as u32);
            Jgt32Imm "jgti32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as u32) > b as u32);
            JgeReg "jge" [A, B, Target] jump_if!(Reg, |a, b| a >= b);
            JgeImm "jgei" [A, Constant, Target] jump_if!(Imm, |a, b| a >= b);
            Jge32Reg "jge32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) >= b as u32);
            Jge32Imm "jgei32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as u32) >= b as u32);
            JltReg "jlt" [A, B, Target] jump_if!(Reg, |a, b| a < b);
            JltImm "jlti" [A, Constant, Target] jump_if!(Imm, |a, b| a < b);
            Jlt32Reg "jlt32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) < b as u32);
            Jlt32Imm "jlti32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as u32) < b as u32);
            JleReg "jle" [A, B, Target] jump_if!(Reg, |a, b| a <= b);
            JleImm "jlei" [A, Constant, Target] jump_if!(Imm, |a, b| a <= b);
            Jle32Reg "jle32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) <= b as u32);
            Jle32Imm "jlei32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as u32) <= b as u32);
            JsgtReg "jsgt" [A, B, Target] jump_if!(Reg, |a, b| (a as i64) > b as i64);
            JsgtImm "jsgti" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i64) > b as i64);
            Jsgt32Reg "jsgt32" [A, B, Target] jump_if!(Reg, |a, b| (a as i32) > b as i32);
            Jsgt32Imm "jsgti32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i32) > b as i32);
            JsgeReg "jsge" [A, B, Target] jump_if!(Reg, |a, b| (a as i64) >= b as i64);
            JsgeImm "jsgei" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i64) >= b as i64);
            Jsge32Reg "jsge32" [A, B, Target] jump_if!(Reg, |a, b| (a as i32) >= b as i32);
            Jsge32Imm "jsgei32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i32) >= b as i32);
            JsltReg "jslt" [A, B, Target] jump_if!(Reg, |a, b| (a as i64) < b as i64);
            JsltImm "jslti" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i64) < b as i64);
            Jslt32Reg "jslt32" [A, B, Target] jump_if!(Reg, |a, b| (a as i32) < b as i32);
            Jslt32Imm "jslti32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i32) < b as i32);
            JsleReg "jsle" [A, B, Target] jump_if!(Reg, |a, b| (a as i64) <= b as i64);
            JsleImm "jslei" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i64) <= b as i64);
            Jsle32Reg "jsle32" [A, B, Target] jump_if!(Reg, |a, b| (a as i32) <= b as i32);
            Jsle32Imm "jslei32" [A, Constant, Target] jump_if!(Imm, |a, b| (a as i32) <= b as i32);
            JsetReg "jset" [A, B, Target] jump_if!(Reg, |a, b| a & b != 0);
            JsetImm "jseti" [A, Constant, Target] jump_if!(Imm, |a, b| a & b != 0);
            Jset32Reg "jset32" [A, B, Target] jump_if!(Reg, |a, b| (a as u32) & b as u32 != 0);
            Jset32Imm "jseti32" [A, Constant, Target]
                    jump_if!(Imm, |a, b| (a as u32) & b as u32 != 0);

            // dst = a + constant, then go to target if the comparison of dst with b holds: the
            // packet bounds check.
            AddJgt "add.jgt" [Dst, A, Constant, B, Target] add_then_jump_if!(|a, b| a > b);
            AddJge "add.jge" [Dst, A, Constant, B, Target] add_then_jump_if!(|a, b| a >= b);
            AddJlt "add.jlt" [Dst, A, Constant, B, Target] add_then_jump_if!(|a, b| a < b);
            AddJle "add.jle" [Dst, A, Constant, B, Target] add_then_jump_if!(|a, b| a <= b);

            // dst = a + second constant, then go to target if the comparison of dst with the
            // constant holds: the end of a loop.
            AddJneImm "add.jnei" [Dst, A, SecondSigned, Constant, Target]
                    change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| v != b);
            AddJltImm "add.jlti" [Dst, A, SecondSigned, Constant, Target]
                    change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| v < b);
            AddJne32Imm "add.jnei32" [Dst, A, SecondSigned, Constant, Target]
                    change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| (v as u32) != b as u32);
            AddJlt32Imm "add.jlti32" [Dst, A, SecondSigned, Constant, Target]
                    change_then_jump_if!(|a, c| a.wrapping_add(c), |v, b| (v as u32) < b as u32);
            Add32Jne32Imm "add32.jnei32" [Dst, A, SecondSigned, Constant, Target]
                    change_then_jump_if!(|a, c| alu::add32(a, c), |v, b| (v as u32) != b as u32);
            Add32Jlt32Imm "add32.jlti32" [Dst, A, SecondSigned, Constant, Target]
                    change_then_jump_if!(|a, c| alu::add32(a, c), |v, b| (v as u32) < b as u32);

            // dst = a, b = the constant, then go to target if dst is, or is not, 0: was what a
            // helper gave NULL?
            MovJeqNull "mov.const.jeq0" [Dst, A, B, Constant, Target] mov_then_jump_if!(|a| a == 0);
            MovJneNull "mov.const.jne0" [Dst, A, B, Constant, Target] mov_then_jump_if!(|a| a != 0);

            // dst = a & second constant (unsigned), then go to target if dst is, or is not, the
            // constant, or less than it.
            AndJeqImm "and.jeqi" [Dst, A, Second, Constant, Target]
                    change_then_jump_if!(|a, c| a & u64::from(c as u16), |v, b| v == b);
            AndJneImm "and.jnei" [Dst, A, Second, Constant, Target]
                    change_then_jump_if!(|a, c| a & u64::from(c as u16), |v, b| v != b);
            AndJltImm "and.jlti" [Dst, A, Second, Constant, Target]
                    change_then_jump_if!(|a, c| a & u64::from(c as u16), |v, b| v < b);

            // dst = frame[a + second constant], then go to target if dst is, or is not, the
            // constant.
            LoadFrame8Jeq "load8.frame.jeq" [Dst, AtSecond, Low32, Target]
                    load_then_jump_if!(u8, |a, b| a == b);
            LoadFrame16Jeq "load16.frame.jeq" [Dst, AtSecond, Low32, Target]
                    load_then_jump_if!(u16, |a, b| a == b);
            LoadFrame32Jeq "load32.frame.jeq" [Dst, AtSecond, Low32, Target]
                    load_then_jump_if!(u32, |a, b| a == b);
            LoadFrame8Jne "load8.frame.jne" [Dst, AtSecond, Low32, Target]
                    load_then_jump_if!(u8, |a, b| a != b);
            LoadFrame16Jne "load16.frame.jne" [Dst, AtSecond, Low32, Target]
                    load_then_jump_if!(u16, |a, b| a != b);
            LoadFrame32Jne "load32.frame.jne" [Dst, AtSecond, Low32, Target]
                    load_then_jump_if!(u32, |a, b| a != b);

            // third = frame[a + bits 48 to 63 of imm], dst = third & second constant (unsigned),
            // then go to target if dst is, or is not, or is less than bits 0 to 15 of imm.
            LoadFrame8AndJeq "load8.frame.and.jeq" [Third, AtHigh, Dst, Second, Low16, Target]
                    load_and_then_jump_if!(u8, |a, b| a == b);
            LoadFrame16AndJeq "load16.frame.and.jeq" [Third, AtHigh, Dst, Second, Low16, Target]
                    load_and_then_jump_if!(u16, |a, b| a == b);
            LoadFrame8AndJne "load8.frame.and.jne" [Third, AtHigh, Dst, Second, Low16, Target]
                    load_and_then_jump_if!(u8, |a, b| a != b);
            LoadFrame16AndJne "load16.frame.and.jne" [Third, AtHigh, Dst, Second, Low16, Target]
                    load_and_then_jump_if!(u16, |a, b| a != b);
            LoadFrame8AndJlt "load8.frame.and.jlt" [Third, AtHigh, Dst, Second, Low16, Target]
                    load_and_then_jump_if!(u8, |a, b| a < b);
            LoadFrame16AndJlt "load16.frame.and.jlt" [Third, AtHigh, Dst, Second, Low16, Target]
                    load_and_then_jump_if!(u16, |a, b| a < b);

            // dst = frame[a + second constant], then go to target if dst is neither the lowest byte
            // of the constant nor the one above: TCP or UDP?
            LoadFrame8JneBoth "load8.frame.jne2" [Dst, AtSecond, TwoBytes, Target]
                    load_then_jump_if!(u8, |a, b| a != b & 0xff && a != b >> 8 & 0xff);

            // Shortcuts, as above: gather two bytes at a + bits 48 to 63 of imm, then go to target,
            // which is ahead, if dst is, or is not, the second constant (unsigned).
            Gather16Jeq "gather16.frame.jeq" [AtHigh, Parts, Second, TargetAhead]
                    |machine, op, rest| machine.gather_then_jump(op, rest, true);
            Gather16Jne "gather16.frame.jne" [AtHigh, Parts, Second, TargetAhead]
                    |machine, op, rest| machine.gather_then_jump(op, rest, false);
            // dst = end of the frame, b = its start, from the context a, third = b + second
            // constant (unsigned), then go to target, which is ahead, if third is greater than dst.
            LoadBoundsJgt "bounds.ctx.jgt" [Dst, B, At, Third, Second, TargetAhead]
                    method!(load_bounds_then_jump);
            // Go bits 48 to 63 of imm operations ahead if a is bits 0 to 15 of imm, or to target,
            // which is ahead, if it is not the second constant (unsigned) either.
            JeqElseJne "jeqi.else.jnei" [A, Low16, Ahead, Second, TargetAhead]
                    |machine, op, rest| machine.choose(op, rest, machine.get(op.a));
            JeqElseJne32 "jeqi32.else.jnei32" [A, Low16, Ahead, Second, TargetAhead]
                    |machine, op, rest| machine.choose(op, rest, machine.get(op.a) & 0xffff_ffff);

            // Call the function at target.
            CallLocal "call" [Target] method!(call_local);
            // Call helper imm.
            CallHelper "helper" [Helper] method!(helper);
            Exit "exit" [] |machine, _, rest| machine.exit(rest);
        }
    };
}
pub(crate) use operation_table;

/// An operand of an operation, or several: which fields of [`Op`] it is, and what they mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    /// A register: [`Op::dst`], [`Op::a`], [`Op::b`] or [`Op::third`].
    Dst,
    A,
    B,
    Third,
    /// The immediate, signed.
    Imm,
    /// The immediate, a set of bits.
    ImmHex,
    /// [`Op::constant`].
    Constant,
    /// [`Op::second`].
    Second,
    /// [`Op::second_signed`].
    SecondSigned,
    /// The lowest bits of the immediate, unsigned.
    Low5,
    Low16,
    Low32,
    /// The two lowest bytes of the immediate.
    TwoBytes,
    /// Memory at a, at a + [`Op::offset`], at a + [`Op::second_signed`], at a + [`Op::high_offset`].
    At,
    AtOffset,
    AtSecond,
    AtHigh,
    /// Memory at b + [`Op::second_signed`].
    ToSecond,
    /// Bytes of the frame as a classifier's packet loads name them: at imm, at a + imm.
    Packet,
    PacketAt,
    /// Map bits 0 to 15 of the immediate.
    Map,
    /// Helper imm.
    Helper,
    /// Steps of a [`HashStep`](crate::hash_step::HashStep).
    HashSteps,
    /// Registers and what of a word each gets: see [`Gather`](crate::gather::Gather).
    Parts,
    /// How many operations behind it to go on: bits 48 to 63 of the immediate.
    Ahead,
    /// The operation to go to: [`Op::extra`].
    Target,
    /// The same, and it is behind this one: of a shortcut that ends in a jump.
    TargetAhead,
}

macro_rules! define {
    (() $($name:ident $text:literal [$($operand:ident),*] $handler:expr;)*) => {
        /// What an operation does. The fields it uses are those of [`Op`]: `dst`, `a`, `b` are
        /// registers.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Code {
            /// All operations; the index is the operation's number in an image.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the disassembly.
            pub const fn mnemonic(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The operands, in the order of the disassembly.
            pub(crate) const fn operands(self) -> &'static [Operand] {
                match self {
                    $(Self::$name => &[$(Operand::$operand),*],)*
                }
            }
        }
    };
}

operation_table!(define!());

impl Code {
    /// The operation with number `number`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether [`Op::extra`] is the index of another operation.
    pub fn has_target(self) -> bool {
        self.has(Operand::Target) || self.is_jumping_shortcut()
    }

    /// Whether this is a packet load of classifiers.
    pub(crate) fn is_packet_load(self) -> bool {
        self.has(Operand::Packet) || self.has(Operand::PacketAt)
    }

    /// Whether this is a shortcut that ends in a jump.
    pub(crate) fn is_jumping_shortcut(self) -> bool {
        self.has(Operand::TargetAhead)
    }

    fn has(self, operand: Operand) -> bool {
        self.operands().contains(&operand)
    }

    /// Whether execution never goes on with the operation that follows.
    pub const fn ends_block(self) -> bool {
        matches!(self, Self::Ja | Self::Exit)
    }
}

/// A register of a running program: r0 to r10, and five that no program can name.
///
/// An enumeration, because an index that is one needs no check against the number of registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are their numbers")]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

impl Register {
    const ALL: [Self; 16] = [
        Self::R0,
        Self::R1,
        Self::R2,
        Self::R3,
        Self::R4,
        Self::R5,
        Self::R6,
        Self::R7,
        Self::R8,
        Self::R9,
        Self::R10,
        Self::R11,
        Self::R12,
        Self::R13,
        Self::R14,
        Self::R15,
    ];

    /// The register of which `number` has the low four bits.
    pub const fn of(number: u8) -> Self {
        Self::ALL[(number & 15) as usize]
    }

    /// The register with number `number`.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// One operation, 16 bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Op {
    /// What to do.
    pub code: Code,
    /// Register that takes the result.
    pub dst: Register,
    /// First operand register.
    pub a: Register,
    /// Second operand register.
    pub b: Register,
    /// Index of the operation to go to, or signed byte offset of a memory access.
    pub extra: u32,
    /// Immediate operand, extended to 64 bits as the instruction demands; or several numbers, as
    /// [`Op::constant`] and [`Op::second`].
    pub imm: u64,
}

impl Op {
    /// Bytes of an operation in a serialised image.
    pub const BYTES: usize = 16;

    /// An operation without jump target or offset. Of the register numbers the low four bits count.
    pub const fn new(code: Code, dst: u8, a: u8, b: u8, imm: u64) -> Self {
        Self {
            code,
            dst: Register::of(dst),
            a: Register::of(a),
            b: Register::of(b),
            extra: 0,
            imm,
        }
    }

    /// An immediate of two constants.
    pub const fn packed(constant: i32, second: u16) -> u64 {
        (second as u64) << 32 | constant as u32 as u64
    }

    /// What a conditional jump compares with, or adds before: bits 0 to 31 of the immediate, sign
    /// extended.
    #[inline]
    pub const fn constant(&self) -> u64 {
        self.imm as i32 as i64 as u64
    }

    /// The second constant of an operation: bits 32 to 47 of the immediate, unsigned.
    #[inline]
    pub const fn second(&self) -> u16 {
        (self.imm >> 32) as u16
    }

    /// The second constant, sign extended.
    #[inline]
    pub const fn second_signed(&self) -> u64 {
        self.second() as i16 as i64 as u64
    }

    /// The third operand register of operations that have one: bits 16 to 19 of the immediate.
    #[inline]
    pub const fn third(&self) -> Register {
        Register::of((self.imm >> 16) as u8)
    }

    /// Bits 48 to 63 of the immediate, sign extended: an offset where another one has taken its place.
    #[inline]
    pub const fn high_offset(&self) -> u64 {
        (self.imm as i64 >> 48) as u64
    }

    /// How many operations behind it a shortcut passes over: bits 24 to 31 of the immediate.
    #[inline]
    pub const fn skip(&self) -> usize {
        (self.imm >> 24) as u8 as usize
    }

    /// The immediate `rest` with a third operand register, whose bits in `rest` are 0.
    pub const fn with_third(third: Register, rest: u64) -> u64 {
        rest | (third as u64) << 16
    }

    /// The same operation with jump target `target`.
    pub const fn to(self, target: u32) -> Self {
        Self {
            extra: target,
            ..self
        }
    }

    /// The same operation with memory offset `offset` in bytes.
    pub const fn at(self, offset: i16) -> Self {
        Self {
            extra: offset as i32 as u32,
            ..self
        }
    }

    /// The memory offset, sign extended.
    #[inline]
    pub const fn offset(&self) -> u64 {
        self.extra as i32 as i64 as u64
    }

    /// Serialises the operation, least significant byte first.
    pub const fn to_le_bytes(&self) -> [u8; Self::BYTES] {
        let [e0, e1, e2, e3] = self.extra.to_le_bytes();
        let [i0, i1, i2, i3, i4, i5, i6, i7] = self.imm.to_le_bytes();
        [
            self.code as u8,
            self.dst as u8,
            self.a as u8,
            self.b as u8,
            e0,
            e1,
            e2,
            e3,
            i0,
            i1,
            i2,
            i3,
            i4,
            i5,
            i6,
            i7,
        ]
    }

    /// The inverse of [`Op::to_le_bytes`]; `None` if there is no such operation or register.
    pub fn from_le_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [code, dst, a, b, e0, e1, e2, e3, i0, i1, i2, i3, i4, i5, i6, i7] = bytes;
        Some(Self {
            code: Code::from_number(code)?,
            dst: Register::from_number(dst)?,
            a: Register::from_number(a)?,
            b: Register::from_number(b)?,
            extra: u32::from_le_bytes([e0, e1, e2, e3]),
            imm: u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]),
        })
    }
}
