//! AMX: the tile unit of Intel's servers since Sapphire Rapids.
//!
//! Its intrinsics are not stable in Rust, so the instructions are written out. A product over the whole depth is one
//! block of them, from the first tile that is loaded to the last that is stored: no state but the configuration lives
//! from one block to the next.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

use super::tiles::{Block, PITCH, ROWS, Tiles};

/// AMX for bytes.
pub(super) struct Int8;

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

// SAFETY of each method: AMX instructions, on a processor that has them and in a process that may use them (the trait's
// condition); pointers are valid for what `Block` says.
impl Tiles for Int8 {
    #[inline(always)]
    unsafe fn configure(rows: usize, row_bytes: usize) {
        let mut config = Config {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        // Sums 0 to 3, left sides 4 and 5, right sides 6 and 7.
        for tile in 0..8 {
            config.row_bytes[tile] = if matches!(tile, 4 | 5) {
                row_bytes as u16
            } else {
                64
            };
            config.rows[tile] = if tile < 6 {
                rows as u8
            } else {
                row_bytes as u8 / 4
            };
        }
        // SAFETY: see above.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, readonly)) }
    }

    #[inline(always)]
    unsafe fn multiply(block: Block) {
        // SAFETY: see above.
        unsafe {
            asm!(
                "tileloadd tmm0, [{from0} + {from_pitch}*1]",
                "tileloadd tmm1, [{from0} + {from_pitch}*1 + 64]",
                "tileloadd tmm2, [{from1} + {from_pitch}*1]",
                "tileloadd tmm3, [{from1} + {from_pitch}*1 + 64]",
                "2:",
                "tileloadd tmm4, [{left0} + {row_bytes}*1]",
                "tileloadd tmm6, [{right} + {pitch}*1]",
                "tdpbusd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{left1} + {row_bytes}*1]",
                "tdpbusd tmm2, tmm5, tmm6",
                "tileloadd tmm7, [{right} + {pitch}*1 + 64]",
                "tdpbusd tmm1, tmm4, tmm7",
                "tdpbusd tmm3, tmm5, tmm7",
                "add {left0}, {left_step}",
                "add {left1}, {left_step}",
                "add {right}, {right_step}",
                "dec {count}",
                "jnz 2b",
                "tilestored [{to} + {pitch}*1], tmm0",
                "tilestored [{to} + {pitch}*1 + 64], tmm1",
                "tilestored [{to} + {pitch}*1 + {second}], tmm2",
                "tilestored [{to} + {pitch}*1 + {second} + 64], tmm3",
                from0 = in(reg) block.from[0],
                from1 = in(reg) block.from[1],
                from_pitch = in(reg) block.from_pitch,
                left0 = inout(reg) block.left[0] => _,
                left1 = inout(reg) block.left[1] => _,
                row_bytes = in(reg) block.row_bytes,
                right = inout(reg) block.right => _,
                pitch = in(reg) PITCH,
                left_step = in(reg) block.left_step,
                right_step = in(reg) block.right_step,
                count = inout(reg) block.count => _,
                to = in(reg) block.to,
                second = const ROWS * PITCH,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    #[inline(always)]
    unsafe fn release() {
        // SAFETY: see above.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}

/// What this process may use of AMX.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Available {
    pub(crate) int8: bool,
    pub(crate) bf16: bool,
}

/// Looks once; on Linux asks for the permission, without which the first tile would end the process.
pub(crate) fn available() -> Available {
    static AVAILABLE: OnceLock<Available> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        const BF16: u32 = 1 << 22;
        const TILE: u32 = 1 << 24;
        const INT8: u32 = 1 << 25;
        let leaves = __cpuid_count(0, 0).eax;
        let found = if leaves >= 7 {
            __cpuid_count(7, 0).edx
        } else {
            0
        };
        if found & TILE == 0 || !enabled() || !permitted() {
            return Available::default();
        }
        Available {
            int8: found & INT8 != 0,
            bf16: found & BF16 != 0,
        }
    })
}

/// Whether the system saves tiles when it switches threads.
fn enabled() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const TILES: u32 = 3 << 17;
    if __cpuid_count(1, 0).ecx & OSXSAVE == 0 {
        return false;
    }
    let low: u32;
    // SAFETY: the instruction is there by the bit above; it only reads a register.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _,
            options(nomem, nostack, preserves_flags));
    }
    low & TILES == TILES
}

/// Asks Linux for the tiles, for all threads of this process: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_PRCTL: isize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: the call takes two numbers and touches no memory of ours; a kernel that does not know it says so.
    unsafe {
        asm!("syscall", inlateout("rax") ARCH_PRCTL => result, in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA, out("rcx") _, out("r11") _, options(nostack));
    }
    result == 0
}

/// Elsewhere how to ask is not known.
#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}
