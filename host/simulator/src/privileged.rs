//! The few instructions that user mode refuses and that a driver may contain: recognised here, and
//! carried out on the simulated machine.

use crate::inside::Border;
use crate::irql::Irql;
use crate::kernel::{self, Kernel};

/// Which port an `in` or `out` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The one in DX.
    Dx,
    /// The one in the instruction.
    Immediate(u8),
}

/// A privileged instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    /// A byte from a port to AL.
    In(Port),
    /// A byte from AL to a port.
    Out(Port),
    /// CR8 to the general register with this number.
    ReadCr8(u8),
    /// The general register with this number to CR8.
    WriteCr8(u8),
    /// `int 29h`: the program says that it is corrupt.
    FastFail,
    /// One that the simulated machine does not have.
    Unsupported(&'static str),
}

/// Decodes the instruction at `address`; `None` when it is not a privileged one.
///
/// # Safety
///
/// The instruction at `address` is mapped and readable.
pub(crate) unsafe fn decode(address: usize) -> Option<(Instruction, usize)> {
    let code = std::ptr::with_exposed_provenance::<u8>(address);
    let byte = |offset: usize| {
        // SAFETY: `parse` asks for a byte only when the ones before it say that the instruction
        // goes on, so it is part of the instruction.
        unsafe { code.add(offset).read() }
    };
    parse(byte)
}

fn parse(byte: impl Fn(usize) -> u8) -> Option<(Instruction, usize)> {
    let mut at = 0;
    if byte(at) == 0x66 {
        at += 1;
    }
    let mut rex = 0;
    if byte(at) & 0xF0 == 0x40 {
        rex = byte(at);
        at += 1;
    }
    let instruction = match byte(at) {
        0xEC => Instruction::In(Port::Dx),
        0xEE => Instruction::Out(Port::Dx),
        0xE4 => {
            at += 1;
            Instruction::In(Port::Immediate(byte(at)))
        }
        0xE6 => {
            at += 1;
            Instruction::Out(Port::Immediate(byte(at)))
        }
        0xED | 0xE5 => Instruction::Unsupported("a 16- or 32-bit in"),
        0xEF | 0xE7 => Instruction::Unsupported("a 16- or 32-bit out"),
        0x6C..=0x6F => Instruction::Unsupported("ins or outs"),
        0xF4 => Instruction::Unsupported("hlt"),
        0xFA => Instruction::Unsupported("cli"),
        0xFB => Instruction::Unsupported("sti"),
        0xCD if byte(at + 1) == 0x29 => {
            at += 1;
            Instruction::FastFail
        }
        0x0F => {
            at += 1;
            match byte(at) {
                0x20 | 0x22 => {
                    let (write, modrm) = (byte(at) == 0x22, byte(at + 1));
                    at += 1;
                    let control = (modrm >> 3 & 7) | (rex & 4) << 1;
                    let general = (modrm & 7) | (rex & 1) << 3;
                    match (control, write) {
                        (8, false) => Instruction::ReadCr8(general),
                        (8, true) => Instruction::WriteCr8(general),
                        _ => Instruction::Unsupported("a control register"),
                    }
                }
                0x21 | 0x23 => Instruction::Unsupported("a debug register"),
                0x30 => Instruction::Unsupported("wrmsr"),
                0x32 => Instruction::Unsupported("rdmsr"),
                0x33 => Instruction::Unsupported("rdpmc"),
                0x08 | 0x09 => Instruction::Unsupported("a cache invalidation"),
                0x00 | 0x01 => Instruction::Unsupported("a descriptor table"),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((instruction, at + 1))
}

/// The registers of interrupted code, by their numbers in the instruction set.
pub trait Registers {
    /// A register.
    fn get(&mut self, number: u8) -> u64;
    /// Sets a register.
    fn set(&mut self, number: u8, value: u64);
}

/// Carries a port access or an access to CR8 out; whether it was one.
pub(crate) fn emulate(
    kernel: &Kernel,
    registers: &mut dyn Registers,
    instruction: Instruction,
) -> bool {
    match instruction {
        Instruction::In(port) => {
            let value = kernel.port_read(port_number(registers, port));
            let rax = registers.get(RAX) & !0xFF;
            registers.set(RAX, rax | u64::from(value));
        }
        Instruction::Out(port) => {
            let [value, ..] = registers.get(RAX).to_le_bytes();
            kernel.port_write(port_number(registers, port), value);
        }
        Instruction::ReadCr8(target) => registers.set(target, u64::from(kernel.irql().0)),
        Instruction::WriteCr8(source) => {
            let level = registers.get(source);
            kernel.write_level(Irql(u8::try_from(level).unwrap_or(u8::MAX)));
        }
        Instruction::FastFail | Instruction::Unsupported(_) => return false,
    }
    true
}

/// Carries out the instruction at `address`, which user mode has refused, on this thread's machine;
/// its length, or `None` when it is none that the machine has.
///
/// # Safety
///
/// The instruction at `address` is mapped and readable.
pub unsafe fn carry_out(address: usize, registers: &mut dyn Registers) -> Option<usize> {
    let _border = Border::cross(false);
    // SAFETY: promised by the caller.
    let (instruction, length) = unsafe { decode(address) }?;
    emulate(&kernel::current(), registers, instruction).then_some(length)
}

fn port_number(registers: &mut dyn Registers, port: Port) -> u16 {
    match port {
        Port::Immediate(number) => u16::from(number),
        Port::Dx => {
            let [low, high, ..] = registers.get(RDX).to_le_bytes();
            u16::from_le_bytes([low, high])
        }
    }
}

const RAX: u8 = 0;
const RDX: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(code: &[u8]) -> Option<(Instruction, usize)> {
        parse(|offset| code.get(offset).copied().unwrap_or(0x90))
    }

    #[test]
    fn port_instructions() {
        assert_eq!(parsed(&[0xEC]), Some((Instruction::In(Port::Dx), 1)));
        assert_eq!(parsed(&[0xEE]), Some((Instruction::Out(Port::Dx), 1)));
        let low = Port::Immediate(0x60);
        assert_eq!(parsed(&[0xE4, 0x60]), Some((Instruction::In(low), 2)));
        assert_eq!(parsed(&[0xE6, 0x60]), Some((Instruction::Out(low), 2)));
        assert!(matches!(
            parsed(&[0x66, 0xED]),
            Some((Instruction::Unsupported(_), 2))
        ));
    }

    #[test]
    fn level_instructions() {
        assert_eq!(
            parsed(&[0x44, 0x0F, 0x20, 0xC0]),
            Some((Instruction::ReadCr8(0), 4))
        );
        assert_eq!(
            parsed(&[0x45, 0x0F, 0x20, 0xC1]),
            Some((Instruction::ReadCr8(9), 4))
        );
        assert_eq!(
            parsed(&[0x44, 0x0F, 0x22, 0xC1]),
            Some((Instruction::WriteCr8(1), 4))
        );
        assert!(matches!(
            parsed(&[0x0F, 0x22, 0xC0]),
            Some((Instruction::Unsupported(_), 3))
        ));
    }

    #[test]
    fn ordinary_instructions_are_not_ours() {
        assert_eq!(parsed(&[0x48, 0x8B, 0x00]), None);
        assert_eq!(parsed(&[0xF3, 0xA4]), None);
        assert_eq!(parsed(&[0xCD, 0x2C]), None);
    }
}
