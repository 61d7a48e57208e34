//! A small kernel-mode image, laid out by the assembler: no tool but this compiler is needed.
//!
//! The blob below is the image's code page and data page as they lie in memory, at offsets 0x1000
//! and 0x2000 from its base. References between the two are written as differences of labels, so
//! they are right at any base; the one absolute address has a relocation.

use std::arch::global_asm;

/// Where the code page lies, relative to the base.
pub(crate) const CODE: usize = 0x1000;

global_asm!(
    ".pushsection .rodata.dmusmini_synthetic,\"a\"",
    ".globl dmusmini_synthetic_begin",
    ".globl dmusmini_synthetic_end",
    ".p2align 12",
    "dmusmini_synthetic_begin:",
    ".set code, dmusmini_synthetic_begin",
    // DriverEntry: the sum of the arguments and of the number that a pointer in the data leads to.
    "entry:",
    "lea eax, [rcx + rdx]",
    "mov r8, [rip + pointer]",
    "add eax, [r8]",
    "ret",
    ".globl dmusmini_synthetic_count",
    "dmusmini_synthetic_count:",
    "mov eax, [rip + counter]",
    "inc eax",
    "mov [rip + counter], eax",
    "ret",
    ".globl dmusmini_synthetic_ports",
    "dmusmini_synthetic_ports:",
    "mov rax, rdx",
    "mov edx, ecx",
    "in al, dx",
    "mov rcx, rax",
    "inc al",
    "inc edx",
    "out dx, al",
    "mov rax, rcx",
    "ret",
    ".globl dmusmini_synthetic_level",
    "dmusmini_synthetic_level:",
    "mov r9, cr8",
    "mov cr8, rcx",
    "mov cr8, r9",
    "mov rax, r9",
    "ret",
    ".globl dmusmini_synthetic_interrupt_time",
    "dmusmini_synthetic_interrupt_time:",
    "movabs rax, 0xFFFFF78000000008",
    "mov rax, [rax]",
    "ret",
    ".globl dmusmini_synthetic_region",
    "dmusmini_synthetic_region:",
    "mov rax, gs:[0x18]",
    "ret",
    ".globl dmusmini_synthetic_read",
    "dmusmini_synthetic_read:",
    "mov rax, [rcx]",
    "ret",
    ".globl dmusmini_synthetic_halt",
    "dmusmini_synthetic_halt:",
    "hlt",
    "ret",
    // KeBugCheckEx(RNPC, file, length, 12, 34)
    ".globl dmusmini_synthetic_stop",
    "dmusmini_synthetic_stop:",
    "sub rsp, 56",
    "mov r8, rdx",
    "mov rdx, rcx",
    "mov ecx, 0x52504E43",
    "mov r9d, 12",
    "mov qword ptr [rsp + 32], 34",
    "call [rip + import_bug_check]",
    "int3",
    "stop_end:",
    // Reads through the first argument two frames down; keeps 1, 2 and 4 times the second argument
    // in preserved registers, which the frames below overwrite, and adds them when that raises.
    ".globl dmusmini_synthetic_guarded",
    "dmusmini_synthetic_guarded:",
    "push rbx",
    "g1:",
    "push rdi",
    "g2:",
    "sub rsp, 72",
    "g3:",
    "movaps [rsp + 48], xmm6",
    "g4:",
    "mov rbx, rdx",
    "lea rdi, [rdx + rdx]",
    "lea rax, [rdi + rdi]",
    "movq xmm6, rax",
    "guarded_begin:",
    "call middle",
    "nop",
    "guarded_end:",
    "guarded_out:",
    "movaps xmm6, [rsp + 48]",
    "add rsp, 72",
    "pop rdi",
    "pop rbx",
    "ret",
    "guarded_except:",
    "mov eax, eax",
    "add rax, rbx",
    "add rax, rdi",
    "movq rcx, xmm6",
    "add rax, rcx",
    "jmp guarded_out",
    "guarded_stop:",
    // A frame with a frame pointer, saved registers by move, and no handler.
    "middle:",
    "push rbp",
    "m1:",
    "sub rsp, 0x1000",
    "m2:",
    "lea rbp, [rsp + 0x80]",
    "m3:",
    "mov [rsp + 0x1018], rbx",
    "m4:",
    "mov [rsp + 0x60], rdi",
    "m5:",
    "movaps [rsp + 0x40], xmm6",
    "m6:",
    // The stack pointer moves on: only the frame pointer leads back.
    "sub rsp, 32",
    "xor ebx, ebx",
    "xor edi, edi",
    "pxor xmm6, xmm6",
    "call dmusmini_synthetic_read",
    "add rsp, 32",
    "movaps xmm6, [rsp + 0x40]",
    "mov rdi, [rsp + 0x60]",
    "mov rbx, [rsp + 0x1018]",
    "lea rsp, [rbp + 0xF80]",
    "pop rbp",
    "ret",
    "middle_end:",
    // ProbeForRead under a filter function: 0, or the code.
    ".globl dmusmini_synthetic_probe",
    "dmusmini_synthetic_probe:",
    "sub rsp, 40",
    "p1:",
    "probe_begin:",
    "mov r8d, 1",
    "call [rip + import_probe]",
    "xor eax, eax",
    "probe_end:",
    "probe_out:",
    "add rsp, 40",
    "ret",
    "probe_except:",
    "jmp probe_out",
    "probe_stop:",
    // The filter: executes the handler for codes of severity error.
    "filter:",
    "mov rax, [rcx]",
    "mov eax, [rax]",
    "shr eax, 30",
    "cmp eax, 3",
    "sete al",
    "movzx eax, al",
    "ret",
    // Raises the code that is passed; a termination handler notes that it ran.
    ".globl dmusmini_synthetic_raise",
    "dmusmini_synthetic_raise:",
    "sub rsp, 40",
    "r1:",
    "raise_begin:",
    "call inner_raise",
    "nop",
    "raise_end:",
    "raise_out:",
    "add rsp, 40",
    "ret",
    "raise_except:",
    // The termination handler must have run exactly once by now.
    "cmp dword ptr [rip + counter], 1",
    "je raise_out",
    "xor eax, eax",
    "jmp raise_out",
    "raise_stop:",
    "inner_raise:",
    "sub rsp, 40",
    "i1:",
    "inner_begin:",
    "call [rip + import_raise]",
    "nop",
    "inner_end:",
    "add rsp, 40",
    "ret",
    "inner_stop:",
    "termination:",
    "inc dword ptr [rip + counter]",
    "ret",
    "jmp_handler:",
    "jmp [rip + import_handler]",
    // The tables, in the code page's tail: 0x800.
    ".org code + 0x800, 0xCC",
    "functions:",
    ".macro function begin, end, info",
    ".long \\begin - code + 0x1000, \\end - code + 0x1000, \\info - code + 0x1000",
    ".endm",
    "function dmusmini_synthetic_guarded, guarded_stop, guarded_info",
    "function middle, middle_end, middle_info",
    "function dmusmini_synthetic_probe, probe_stop, probe_info",
    "function dmusmini_synthetic_raise, raise_stop, raise_info",
    "function inner_raise, inner_stop, inner_info",
    "functions_end:",
    ".p2align 2",
    "guarded_info:",
    // version 1 with EHANDLER; prologue size; 5 codes; no frame register
    ".byte 0x09, g4 - dmusmini_synthetic_guarded, 5, 0",
    ".byte g4 - dmusmini_synthetic_guarded, 0x68",
    ".short 3",
    ".byte g3 - dmusmini_synthetic_guarded, 0x82",
    ".byte g2 - dmusmini_synthetic_guarded, 0x70",
    ".byte g1 - dmusmini_synthetic_guarded, 0x30",
    ".short 0",
    ".long jmp_handler - code + 0x1000",
    ".long 1",
    ".long guarded_begin - code + 0x1000, guarded_end - code + 0x1000",
    ".long 1, guarded_except - code + 0x1000",
    ".p2align 2",
    "middle_info:",
    // no handler; frame register RBP at 8 * 16 above the stack pointer
    ".byte 0x01, m6 - middle, 11, 0x85",
    ".byte m6 - middle, 0x68",
    ".short 4",
    ".byte m5 - middle, 0x74",
    ".short 12",
    ".byte m4 - middle, 0x35",
    ".long 0x1018",
    ".byte m3 - middle, 0x03",
    ".byte m2 - middle, 0x01",
    ".short 0x200",
    ".byte m1 - middle, 0x50",
    ".p2align 2",
    "probe_info:",
    ".byte 0x09, p1 - dmusmini_synthetic_probe, 1, 0",
    ".byte p1 - dmusmini_synthetic_probe, 0x42",
    ".short 0",
    ".long jmp_handler - code + 0x1000",
    ".long 1",
    ".long probe_begin - code + 0x1000, probe_end - code + 0x1000",
    ".long filter - code + 0x1000, probe_except - code + 0x1000",
    ".p2align 2",
    "raise_info:",
    ".byte 0x09, r1 - dmusmini_synthetic_raise, 1, 0",
    ".byte r1 - dmusmini_synthetic_raise, 0x42",
    ".short 0",
    ".long jmp_handler - code + 0x1000",
    ".long 1",
    ".long raise_begin - code + 0x1000, raise_end - code + 0x1000",
    ".long 1, raise_except - code + 0x1000",
    ".p2align 2",
    "inner_info:",
    // EHANDLER and UHANDLER
    ".byte 0x19, i1 - inner_raise, 1, 0",
    ".byte i1 - inner_raise, 0x42",
    ".short 0",
    ".long jmp_handler - code + 0x1000",
    ".long 1",
    ".long inner_begin - code + 0x1000, inner_end - code + 0x1000",
    ".long termination - code + 0x1000, 0",
    // The data page.
    ".org code + 0x1000, 0",
    "pointer:",
    // An address for the preferred base, 0x180000000.
    ".quad 0x180000000 + thousand - code + 0x1000",
    "thousand:",
    ".long 1000",
    "counter:",
    ".long 0",
    ".p2align 3",
    "addresses:",
    "import_probe:",
    ".quad name_probe - code + 0x1000",
    "import_bug_check:",
    ".quad name_bug_check - code + 0x1000",
    "import_handler:",
    ".quad name_handler - code + 0x1000",
    "import_raise:",
    ".quad name_raise - code + 0x1000",
    ".quad 0",
    "names:",
    ".quad name_probe - code + 0x1000",
    ".quad name_bug_check - code + 0x1000",
    ".quad name_handler - code + 0x1000",
    ".quad name_raise - code + 0x1000",
    ".quad 0",
    "descriptors:",
    ".long names - code + 0x1000, 0, 0, module - code + 0x1000, addresses - code + 0x1000",
    ".long 0, 0, 0, 0, 0",
    "module:",
    ".asciz \"ntoskrnl.exe\"",
    ".p2align 1",
    "name_probe:",
    ".short 0",
    ".asciz \"ProbeForRead\"",
    ".p2align 1",
    "name_bug_check:",
    ".short 0",
    ".asciz \"KeBugCheckEx\"",
    ".p2align 1",
    "name_handler:",
    ".short 0",
    ".asciz \"__C_specific_handler\"",
    ".p2align 1",
    "name_raise:",
    ".short 0",
    ".asciz \"ExRaiseStatus\"",
    // The relocation of `pointer`, in a block for its page.
    ".p2align 2",
    "relocations:",
    ".long 0x2000, 12",
    ".short 0xA000, 0",
    "relocations_end:",
    // Where the tables are, for the headers.
    ".globl dmusmini_synthetic_directories",
    "dmusmini_synthetic_directories:",
    ".long descriptors - code + 0x1000, 40",
    ".long functions - code + 0x1000, functions_end - functions",
    ".long relocations - code + 0x1000, relocations_end - relocations",
    ".org code + 0x2000, 0",
    "dmusmini_synthetic_end:",
    ".popsection",
);

unsafe extern "C" {
    static dmusmini_synthetic_begin: u8;
    static dmusmini_synthetic_directories: [u32; 6];
    static dmusmini_synthetic_count: u8;
    static dmusmini_synthetic_ports: u8;
    static dmusmini_synthetic_level: u8;
    static dmusmini_synthetic_interrupt_time: u8;
    static dmusmini_synthetic_region: u8;
    static dmusmini_synthetic_read: u8;
    static dmusmini_synthetic_halt: u8;
    static dmusmini_synthetic_stop: u8;
    static dmusmini_synthetic_guarded: u8;
    static dmusmini_synthetic_probe: u8;
    static dmusmini_synthetic_raise: u8;
}

/// Offsets of the functions in the code page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels {
    pub(crate) count: usize,
    pub(crate) ports: usize,
    pub(crate) level: usize,
    pub(crate) interrupt_time: usize,
    pub(crate) region: usize,
    pub(crate) read: usize,
    pub(crate) halt: usize,
    pub(crate) stop: usize,
    pub(crate) guarded: usize,
    pub(crate) probe: usize,
    pub(crate) raise: usize,
}

pub(crate) fn labels() -> Labels {
    macro_rules! offset {
        ($label:ident) => {
            (&raw const $label).addr() - (&raw const dmusmini_synthetic_begin).addr()
        };
    }
    Labels {
        count: offset!(dmusmini_synthetic_count),
        ports: offset!(dmusmini_synthetic_ports),
        level: offset!(dmusmini_synthetic_level),
        interrupt_time: offset!(dmusmini_synthetic_interrupt_time),
        region: offset!(dmusmini_synthetic_region),
        read: offset!(dmusmini_synthetic_read),
        halt: offset!(dmusmini_synthetic_halt),
        stop: offset!(dmusmini_synthetic_stop),
        guarded: offset!(dmusmini_synthetic_guarded),
        probe: offset!(dmusmini_synthetic_probe),
        raise: offset!(dmusmini_synthetic_raise),
    }
}

/// The image as a file: headers of one page, then the code page and the data page.
pub(crate) fn image() -> Vec<u8> {
    // SAFETY: the blob is two pages between its labels.
    let pages = unsafe { std::slice::from_raw_parts(&raw const dmusmini_synthetic_begin, 0x2000) };
    // SAFETY: the table of directories is part of the blob and never written.
    let directories = unsafe { dmusmini_synthetic_directories };
    let [
        imports,
        imports_size,
        functions,
        functions_size,
        moves,
        moves_size,
    ] = directories;
    let mut file = vec![0_u8; 0x1000];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3C, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    let header = 0x84;
    put(header, &0x8664_u16.to_le_bytes());
    put(header + 2, &2_u16.to_le_bytes());
    put(header + 16, &240_u16.to_le_bytes());
    put(header + 18, &0x0022_u16.to_le_bytes());
    let optional = header + 20;
    put(optional, &0x20B_u16.to_le_bytes());
    for (offset, value) in [
        (16, 0x1000_u32),
        (20, 0x1000),
        (32, 0x1000),
        (36, 0x1000),
        (56, 0x3000),
        (60, 0x1000),
        (108, 16),
        (112 + 8, imports),
        (112 + 12, imports_size),
        (112 + 24, functions),
        (112 + 28, functions_size),
        (112 + 40, moves),
        (112 + 44, moves_size),
    ] {
        put(optional + offset, &value.to_le_bytes());
    }
    put(optional + 24, &0x1_8000_0000_u64.to_le_bytes());
    put(optional + 68, &1_u16.to_le_bytes());
    for (index, (name, rva, flags)) in [
        (b".text\0\0\0", 0x1000_u32, CODE_FLAGS),
        (b".data\0\0\0", 0x2000, 0xC000_0040),
    ]
    .into_iter()
    .enumerate()
    {
        let section = optional + 240 + index * 40;
        put(section, name);
        for (offset, value) in [(8, 0x1000), (12, rva), (16, 0x1000), (20, rva), (36, flags)] {
            put(section + offset, &value.to_le_bytes());
        }
    }
    file.extend_from_slice(pages);
    file
}

/// Breaks the rule that no section is both writable and executable.
pub(crate) fn make_code_writable(file: &mut [u8]) {
    let at = 0x84 + 20 + 240 + 36;
    file[at..at + 4].copy_from_slice(&(CODE_FLAGS | 0x8000_0000).to_le_bytes());
}

const CODE_FLAGS: u32 = 0x6000_0020;
