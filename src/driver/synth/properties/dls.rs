//! `KSPROPSETID_Synth_Dls`: downloads (contract section 11).
//!
//! A download's address is the client's: the bytes are copied once, through the exception
//! trampoline, into paged memory of our own, and only the copy is parsed. Copying, parsing and
//! allocating come before the engine's lock; under it the finished value moves into its place. So
//! a client whose page takes its time holds up no request, message or rendering of another: each
//! request has a copy of its own, and needs no lock to read it. PortCls may serialise the
//! requests of a device by its own lock (contract section 10): nothing here relies on that, and
//! nothing waits for another request.
//!
//! Memory is reserved from the device's [`Budget`](crate::driver::synth::budget::Budget) before it
//! is allocated: the copy, and what the parser asks for on its way. What a download holds when it
//! is installed stays reserved until [`Engine::reap`] has freed it.

use core::cell::Cell;
use core::num::NonZeroU32;

use super::synth::handlers;
use super::{SynthMiniport, SynthStream, SynthTargets, node_stream};
use crate::com::Status;
use crate::dls::{self, Allowance};
use crate::driver::synth::budget::Reservation;
use crate::driver::synth::engine::Engine;
use crate::irql::{Irql, Passive};
use crate::kernel::user_copy;
use crate::mem::pool_bytes;
use crate::portcls::abi::{ValueType, WaveFormatEx};
use crate::portcls::property::{Handler, Request};
use crate::portcls::synth_abi::{SynthBuffer, SynthBuffer32, SynthDownload, SynthDownload32};
use crate::synth::{Handle, InstallError};
use crate::trace::{self, Event};

/// The largest download: 64 MiB (contract section 11.2).
const MAX_DOWNLOAD: u32 = 64 << 20;

handlers! {
    /// `DOWNLOAD`: takes a wave or an instrument.
    Download: Blob(irql, targets, request) {
        let stream = node_stream(&targets, request)?;
        let is_32_bit = request.is_from_32_bit();
        let buffer = if is_32_bit {
            request.expect_room_for::<SynthDownload32>()?;
            let buffer: SynthBuffer32 = request.instance()?;
            SynthBuffer {
                size: buffer.size,
                address: u64::from(buffer.address),
            }
        } else {
            request.expect_room_for::<SynthDownload>()?;
            request.instance()?
        };
        // What the client unloaded before may be free by now.
        stream.engine().reap(irql);
        let installed = download(irql, stream.engine(), request.requestor(), buffer);
        let handle = match installed {
            Ok(handle) => handle.get().get(),
            Err(status) => {
                let size = buffer.size;
                trace::emit(Event::DownloadFailed { status, size });
                return Err(status);
            }
        };
        let size = buffer.size;
        trace::emit(Event::DownloadInstalled { handle, size });
        // We have a copy: the client may free its buffer.
        if is_32_bit {
            request.reply(SynthDownload32 { handle, free: 1 })
        } else {
            request.reply(SynthDownload {
                handle: u64::from(handle),
                free: 1,
                padding: 0,
            })
        }
    }

    /// `UNLOAD`: takes a download away. It succeeds at once; notes that sound keep their wave,
    /// whose memory is freed after the last of them.
    Unload: UintPtr(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        let token = if request.is_from_32_bit() {
            request.value::<u32>()?
        } else {
            // Handles have 32 bits, so that 32-bit clients can hold them.
            u32::try_from(request.value::<u64>()?).map_err(|_| Status::INVALID_PARAMETER)?
        };
        let handle = NonZeroU32::new(token).ok_or(Status::INVALID_PARAMETER)?;
        engine.with(irql, |state, _| state.synth.unload(Handle::from_raw(handle)))?;
        engine.reap(irql);
        trace::emit(Event::DownloadUnloaded { handle: token });
        Ok(Status::SUCCESS)
    }

    /// `COMPACT`: there is nothing to compact, each download has its own memory.
    Compact: Empty(irql, targets, request) {
        node_stream(&targets, request)?.engine().reap(irql);
        Ok(Status::SUCCESS)
    }

    /// `APPEND`: frames that a client must add to its waves. None: the copy has its own guard.
    Append: Ui4(_irql, targets, request) {
        node_stream(&targets, request)?;
        request.reply(0_u32)
    }

    /// `WAVEFORMAT`: what the wave pin puts out.
    WaveFormat: Blob(irql, targets, request) {
        let engine = node_stream(&targets, request)?.engine();
        let format = engine.with(irql, |state, _| state.format);
        request.reply::<WaveFormatEx>(format.to_wave_format_ex())
    }
}

/// Copies, parses and installs a download.
fn download(
    irql: &mut Irql<Passive>,
    engine: &Engine,
    requestor: user_copy::Requestor,
    buffer: SynthBuffer,
) -> Result<Handle, Status> {
    if buffer.size == 0 {
        return Err(Status::UNSUCCESSFUL);
    }
    if buffer.size > MAX_DOWNLOAD {
        return Err(Status::NO_MEMORY);
    }
    if buffer.address == 0 {
        return Err(Status::INVALID_PARAMETER);
    }
    let size = usize::try_from(buffer.size).map_err(|_| Status::NO_MEMORY)?;
    // The copy, and as much again for what becomes of it: enough for a wave of 16 bits but its
    // guard. A client that cannot have that much learns it before a byte is copied.
    let copy = pool_bytes(size);
    let held = Reservation::of(engine.budget(), copy.saturating_mul(2));
    let held = held.ok_or(Status::NO_MEMORY)?;
    let bytes = user_copy::copy_in(irql, requestor, buffer.address, size)?;
    let spare = Cell::new(copy);
    let admit = |bytes: u64| {
        let from_spare = spare.get().min(bytes);
        spare.set(spare.get().saturating_sub(from_spare));
        held.grow(bytes.saturating_sub(from_spare))
    };
    let allowance = Allowance {
        admit: &admit,
        charge: requestor.charge(),
    };
    let parsed = dls::Download::parse_within(&bytes, allowance);
    drop(bytes);
    let download = parsed.map_err(|error| {
        trace::emit(Event::DownloadRejected {
            fault: error.fault as u32,
            offset: error.offset,
        });
        Status::from(error)
    })?;
    // Copy and working memory are freed.
    held.shrink_to(download.pool_bytes());
    let handle = install(irql, engine, download)?;
    held.keep();
    Ok(handle)
}

/// Installs a download, with a larger table when there is no place left in this one. Its waves are
/// looked for in several holds of the lock: a note whose wave is unloaded in between is silent, as if
/// it was unloaded later.
fn install(
    irql: &mut Irql<Passive>,
    engine: &Engine,
    mut download: dls::Download,
) -> Result<Handle, Status> {
    let mut next = Some(0);
    while let Some(first) = next {
        next = engine.with(irql, |state, _| {
            state.synth.look_for_waves(&download, first)
        })?;
    }
    loop {
        let result = engine.with(irql, |state, _| {
            let capacity = state.synth.bank_capacity();
            state
                .synth
                .install_complete(download)
                .map_err(|(error, download)| (error, download, capacity))
        });
        let (error, returned, capacity) = match result {
            Ok(handle) => return Ok(handle),
            Err(refused) => refused,
        };
        if error != InstallError::NoSlot || capacity >= MOST_DOWNLOADS {
            return Err(Status::from(error));
        }
        download = returned;
        engine.grow_bank(irql, capacity.saturating_mul(2).min(MOST_DOWNLOADS))?;
    }
}

/// Handles have 16 bits of place.
const MOST_DOWNLOADS: usize = 65_535;
