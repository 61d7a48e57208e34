//! One range of user memory: a client's view of it and the kernel's.

#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) use numbers::UserRange;
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) use pages::UserRange;

const PAGE: usize = 4096;

#[cfg(all(target_os = "linux", not(miri)))]
mod pages {
    use std::ptr::{self, NonNull};

    use super::PAGE;

    /// The same pages mapped twice.
    ///
    /// # Invariants
    ///
    /// `alias` is a mapping of `size` bytes that lives as long as the value; `view` is an address
    /// range of the same size that stays reserved as long as the value.
    #[derive(Debug)]
    pub(crate) struct UserRange {
        view: NonNull<u8>,
        alias: NonNull<u8>,
        size: usize,
        length: usize,
        mapped: bool,
        writable: bool,
        pub(crate) locks: usize,
    }

    impl UserRange {
        pub(crate) fn new(bytes: &[u8]) -> Self {
            let size = bytes.len().max(1).next_multiple_of(PAGE);
            // SAFETY: the name is a C string.
            let file = unsafe { libc::memfd_create(c"user".as_ptr(), libc::MFD_CLOEXEC) };
            assert!(file >= 0, "no memory file for a user range");
            // SAFETY: `file` is open.
            let result = unsafe { libc::ftruncate(file, size.cast_signed() as libc::off_t) };
            assert_eq!(result, 0, "no room for a user range");
            let (view, alias) = (map(file, size), map(file, size));
            // SAFETY: `file` is open and not used again; the mappings keep the pages.
            unsafe { libc::close(file) };
            let range = Self {
                view,
                alias,
                size,
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
            for part in [self.view, self.alias] {
                // SAFETY: the whole mapping, which nothing uses any more.
                unsafe { libc::munmap(part.as_ptr().cast(), self.size) };
            }
        }
    }

    fn map(file: i32, size: usize) -> NonNull<u8> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the host's choice.
        let address =
            unsafe { libc::mmap(ptr::null_mut(), size, protection, libc::MAP_SHARED, file, 0) };
        assert!(address != libc::MAP_FAILED, "no room for a user range");
        NonNull::new(address.cast()).expect("a mapping is never at null")
    }
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
    }

    impl UserRange {
        pub(crate) fn new(bytes: &[u8]) -> Self {
            let size = bytes.len().max(1).next_multiple_of(PAGE);
            let address = NEXT.get();
            NEXT.set(address + size + PAGE);
            let mut pages = bytes.to_vec();
            pages.resize(size, 0);
            Self {
                address,
                bytes: RefCell::new(pages.into()),
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
