//! One range of user memory: a client's view of it and the kernel's.

#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) use numbers::UserRange;
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) use pages::UserRange;

const PAGE: usize = 4096;

#[cfg(all(target_os = "linux", not(miri)))]
mod pages {
    use std::cell::Cell;
    use std::ptr::{self, NonNull};

    use super::PAGE;

    /// The same pages mapped twice.
    ///
    /// # Invariants
    ///
    /// `alias` is a mapping of `size` bytes that lives as long as the value; `view` is an address
    /// range of the same size that stays reserved as long as the value, or below 4 GiB a number
    /// that nothing follows.
    #[derive(Debug)]
    pub(crate) struct UserRange {
        view: NonNull<u8>,
        /// Whether the pages are there too, for whoever follows the address.
        has_view: bool,
        alias: NonNull<u8>,
        size: usize,
        /// Bytes behind the view that are reserved too and hold nothing, so that who reads on faults
        /// whatever the process maps elsewhere.
        guard: usize,
        length: usize,
        mapped: bool,
        writable: bool,
        pub(crate) locks: usize,
    }

    impl UserRange {
        pub(crate) fn new(bytes: &[u8]) -> Self {
            let mut range = Self::with_view(bytes, |file, size| {
                let guarded = reserve(size + GUARD).expect("no room for a user range");
                let view = map(file, size, guarded.as_ptr().cast(), libc::MAP_FIXED);
                (view.expect("no room for a user range"), true)
            });
            range.guard = GUARD;
            range
        }

        /// A range below 4 GiB, where a 32-bit program's memory is; above 2 GiB if there is room, so
        /// that an address which is taken for a signed number goes wrong.
        ///
        /// A view is not what the kernel reads. So where the host has no room for one, the address
        /// is a number that leads nowhere, and works all the same.
        pub(crate) fn new_32(bytes: &[u8]) -> Self {
            Self::with_view(bytes, |file, size| {
                let mut addresses = (LOWEST_32..HIGHEST_32).rev().step_by(GRAIN);
                let room = addresses.find_map(|grain| {
                    let address = ptr::without_provenance_mut(grain * 0x1_0000);
                    map(file, size, address, libc::MAP_FIXED_NOREPLACE)
                });
                match room {
                    Some(view) => (view, true),
                    None => (number_below_4_gib(size), false),
                }
            })
        }

        fn with_view(bytes: &[u8], view: impl FnOnce(i32, usize) -> (NonNull<u8>, bool)) -> Self {
            let size = bytes.len().max(1).next_multiple_of(PAGE);
            // SAFETY: the name is a C string.
            let file = unsafe { libc::memfd_create(c"user".as_ptr(), libc::MFD_CLOEXEC) };
            assert!(file >= 0, "no memory file for a user range");
            // SAFETY: `file` is open.
            let result = unsafe { libc::ftruncate(file, size.cast_signed() as libc::off_t) };
            assert_eq!(result, 0, "no room for a user range");
            let (view, has_view) = view(file, size);
            let alias = map(file, size, ptr::null_mut(), 0).expect("no room for a user range");
            // SAFETY: `file` is open and not used again; the mappings keep the pages.
            unsafe { libc::close(file) };
            let range = Self {
                view,
                has_view,
                alias,
                size,
                guard: 0,
                length: bytes.len(),
                mapped: true,
                writable: true,
                locks: 0,
            };
            range.write(range.address(), bytes);
            range
        }

        pub(crate) fn address(&self) -> usize {
            self.view.as_ptr().expose_provenance()
        }

        pub(crate) fn contains(&self, address: usize, length: usize) -> bool {
            // Whole pages are there, as on a real machine, not just the bytes that were asked for.
            address >= self.address()
                && address
                    .checked_add(length)
                    .is_some_and(|end| end <= self.address() + self.size)
        }

        pub(crate) fn is_mapped(&self) -> bool {
            self.mapped
        }

        pub(crate) fn is_writable(&self) -> bool {
            self.writable
        }

        pub(crate) fn unmap(&mut self) {
            self.mapped = false;
            self.forbid(libc::PROT_NONE);
        }

        pub(crate) fn protect(&mut self) {
            self.writable = false;
            self.forbid(libc::PROT_READ);
        }

        fn forbid(&self, protection: i32) {
            if !self.has_view {
                return;
            }
            // SAFETY: the view's pages are this value's; nobody holds a reference into them.
            unsafe { libc::mprotect(self.view.as_ptr().cast(), self.size, protection) };
        }

        pub(crate) fn alias(&self, address: usize) -> *mut u8 {
            self.alias.as_ptr().wrapping_add(address - self.address())
        }

        pub(crate) fn read(&self, address: usize, length: usize) -> Vec<u8> {
            assert!(self.contains(address, length));
            let mut bytes = vec![0; length];
            // SAFETY: the source lies inside the alias, by the assertion.
            unsafe { ptr::copy_nonoverlapping(self.alias(address), bytes.as_mut_ptr(), length) };
            bytes
        }

        pub(crate) fn write(&self, address: usize, bytes: &[u8]) {
            assert!(self.contains(address, bytes.len()));
            // SAFETY: the target lies inside the alias, by the assertion.
            unsafe {
                ptr::copy_nonoverlapping(bytes.as_ptr(), self.alias(address), bytes.len());
            }
        }
    }

    impl Drop for UserRange {
        fn drop(&mut self) {
            debug_assert!(self.length <= self.size);
            let view = self.has_view.then_some((self.view, self.size + self.guard));
            for part in [view, Some((self.alias, self.size))] {
                let Some((part, size)) = part else { continue };
                // SAFETY: the whole mapping, which nothing uses any more.
                unsafe { libc::munmap(part.as_ptr().cast(), size) };
            }
        }
    }

    /// How far behind a range nothing is: further than tests read on.
    const GUARD: usize = 2 << 20;

    /// Reserves addresses where nothing is.
    fn reserve(size: usize) -> Option<NonNull<u8>> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, where the host likes.
        let address = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_NONE, flags, -1, 0) };
        (address != libc::MAP_FAILED).then(|| NonNull::new(address.cast()))?
    }

    /// Maps the file at an address, or where the host likes; `None` when there is no room.
    fn map(file: i32, size: usize, at: *mut libc::c_void, flags: i32) -> Option<NonNull<u8>> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | flags;
        // SAFETY: a new mapping, which by its flags replaces none, or else what `reserve` made.
        let address = unsafe { libc::mmap(at, size, protection, flags, file, 0) };
        if address == libc::MAP_FAILED {
            return None;
        }
        let mapped = NonNull::new(address.cast())?;
        // Kernels before 4.17 do not know the flag, and map elsewhere.
        if !at.is_null() && address != at {
            // SAFETY: the mapping of just now.
            unsafe { libc::munmap(address, size) };
            return None;
        }
        Some(mapped)
    }

    /// An address below 4 GiB that no other range of this thread had.
    fn number_below_4_gib(size: usize) -> NonNull<u8> {
        thread_local! {
            static NEXT: Cell<usize> = const { Cell::new(0x8000_0000) };
        }
        let address = NEXT.get();
        NEXT.set(address + size + PAGE);
        NonNull::new(ptr::without_provenance_mut(address)).expect("far above null")
    }

    /// In steps of 64 KiB: from 256 MiB to 4 GiB less 256 MiB.
    const LOWEST_32: usize = 0x1000;
    const HIGHEST_32: usize = 0xF000;
    /// 1 MiB.
    const GRAIN: usize = 16;
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod numbers {
    use std::cell::{Cell, RefCell};

    use super::PAGE;

    /// Bytes of the kernel's, known to the client under a made-up address.
    #[derive(Debug)]
    pub(crate) struct UserRange {
        address: usize,
        bytes: RefCell<Box<[u8]>>,
        mapped: bool,
        writable: bool,
        pub(crate) locks: usize,
    }

    thread_local! {
        static NEXT: Cell<usize> = const { Cell::new(0x1_0000_0000) };
        static NEXT_32: Cell<usize> = const { Cell::new(0x8000_0000) };
    }

    impl UserRange {
        pub(crate) fn new(bytes: &[u8]) -> Self {
            NEXT.with(|next| Self::at(next, bytes))
        }

        /// A range below 4 GiB, and above 2.
        pub(crate) fn new_32(bytes: &[u8]) -> Self {
            NEXT_32.with(|next| Self::at(next, bytes))
        }

        fn at(next: &Cell<usize>, bytes: &[u8]) -> Self {
            let size = bytes.len().max(1).next_multiple_of(PAGE);
            let address = next.get();
            next.set(address + size + PAGE);
            let mut pages = bytes.to_vec();
            pages.resize(size, 0);
            let pages = pages.into_boxed_slice();
            // An image that runs on Windows follows the addresses that it is given.
            #[cfg(windows)]
            let address = pages.as_ptr().expose_provenance();
            Self {
                address,
                bytes: RefCell::new(pages),
                mapped: true,
                writable: true,
                locks: 0,
            }
        }

        pub(crate) fn address(&self) -> usize {
            self.address
        }

        pub(crate) fn contains(&self, address: usize, length: usize) -> bool {
            address >= self.address
                && address
                    .checked_add(length)
                    .is_some_and(|end| end <= self.address + self.bytes.borrow().len())
        }

        pub(crate) fn is_mapped(&self) -> bool {
            self.mapped
        }

        pub(crate) fn is_writable(&self) -> bool {
            self.writable
        }

        pub(crate) fn unmap(&mut self) {
            self.mapped = false;
        }

        pub(crate) fn protect(&mut self) {
            self.writable = false;
        }

        pub(crate) fn alias(&self, address: usize) -> *mut u8 {
            let start = self.bytes.borrow_mut().as_mut_ptr();
            start.wrapping_add(address - self.address)
        }

        pub(crate) fn read(&self, address: usize, length: usize) -> Vec<u8> {
            let start = address - self.address;
            self.bytes.borrow()[start..start + length].to_vec()
        }

        pub(crate) fn write(&self, address: usize, bytes: &[u8]) {
            let start = address - self.address;
            self.bytes.borrow_mut()[start..start + bytes.len()].copy_from_slice(bytes);
        }
    }
}
