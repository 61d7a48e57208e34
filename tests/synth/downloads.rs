//! Downloads: good ones, malformed ones, hostile addresses, 32-bit clients (contract section 11).

use std::cell::Cell;
use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::guids::KSPROPSETID_SYNTH_DLS;
use dmusmini::portcls::synth_abi::{dls_property, synth_property};
use dmusmini_simulator::kernel::{Kernel, Point};
use dmusmini_simulator::session::{Binary, Client, Hardware, Pin, Property, Reply, WaveOptions};

use crate::rig::{
    DIRECT_MUSIC, NODE, Synth, WAVE, ask, buffer64, download_at, download_request, get, handle_of,
    items_of, square_bank, unload, words,
};

crate::scenarios!(
    a_bank_is_downloaded_and_unloaded,
    handles_that_name_nothing_are_refused,
    size_rules_of_a_download,
    bad_addresses_hurt_only_their_client,
    a_buffer_freed_in_flight_hurts_only_its_client,
    malformed_downloads_are_refused,
    an_instrument_needs_its_waves,
    the_quota_is_kept,
    clients_of_32_bits_are_understood,
    clients_in_the_kernel_are_believed,
    downloads_belong_to_their_pin,
    downloads_survive_a_change_of_format,
    a_download_fails_cleanly_at_every_allocation,
    thousands_of_downloads,
    compact_and_append,
);

fn free_memory(pin: &Pin) -> u32 {
    words(&get(pin, synth_property::RUNNING_STATS, 28).ok().unwrap())[5]
}

fn a_bank_is_downloaded_and_unloaded(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let free = free_memory(&midi);
    let before = synth.session.machine().pool().outstanding();
    let handles = synth.download_bank(&midi, &square_bank());
    assert!(
        handles
            .iter()
            .all(|&handle| handle != 0 && u32::try_from(handle).is_ok())
    );
    assert!(free_memory(&midi) < free - 2000);
    // The order of a system: instruments before their waves.
    for &handle in handles.iter().rev() {
        assert_eq!(unload(&midi, handle), Status::SUCCESS);
    }
    assert_eq!(free_memory(&midi), free);
    assert_eq!(
        synth.session.machine().pool().outstanding(),
        before,
        "memory is given back"
    );
}

fn handles_that_name_nothing_are_refused(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let handles = synth.download_bank(&midi, &square_bank());
    assert_eq!(unload(&midi, handles[0]), Status::SUCCESS);
    for bad in [handles[0], 0, 1 << 32 | handles[1], u64::MAX, 0xDEAD_BEEF] {
        assert_eq!(unload(&midi, bad), Status::INVALID_PARAMETER, "{bad:#x}");
    }
    // A place that is used again has another handle.
    let again = synth
        .download(&midi, &items_of(&square_bank())[0].bytes)
        .unwrap();
    assert_ne!(again, handles[0]);
    assert_eq!(unload(&midi, handles[0]), Status::INVALID_PARAMETER);
}

fn size_rules_of_a_download(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let bytes = &items_of(&square_bank())[0].bytes;
    let address = synth.session.machine().memory().map_user(bytes);
    let instance = buffer64(address, bytes.len());
    let ask = |size, instance: &[u8]| {
        let reply = ask(&midi, download_request(size).with_instance(instance));
        (reply.status, reply.size)
    };
    assert_eq!(ask(0, &instance), (Status::BUFFER_OVERFLOW, 16));
    assert_eq!(ask(15, &instance), (Status::BUFFER_TOO_SMALL, 0));
    assert_eq!(ask(16, &instance[..15]), (Status::BUFFER_TOO_SMALL, 0));
    assert_eq!(ask(16, &[]), (Status::BUFFER_TOO_SMALL, 0));
    assert_eq!(ask(17, &instance), (Status::SUCCESS, 16));
    assert_eq!(ask(16, &buffer64(address, 0)), (Status::UNSUCCESSFUL, 0));
    assert_eq!(
        ask(16, &buffer64(address, (64 << 20) + 1)),
        (Status::NO_MEMORY, 0)
    );
    assert_eq!(ask(16, &buffer64(0, 100)), (Status::INVALID_PARAMETER, 0));
    synth.session.machine().memory().unmap_user(address);
}

fn bad_addresses_hurt_only_their_client(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let memory = synth.session.machine().memory();
    let bytes = &items_of(&square_bank())[0].bytes;
    let short = memory.map_user(&bytes[..100]);
    let gone = memory.map_user(bytes);
    memory.unmap_user(gone);
    let kernel = 0xFFFF_8000_0000_1000;
    let wraps = usize::MAX - 15;
    for (address, length) in [
        (gone, bytes.len()),
        (short, 1 << 20),
        (kernel, 64),
        (wraps, 64),
        (1, 64),
    ] {
        let reply = download_at(&midi, address, length);
        assert_eq!(
            (reply.status, reply.size),
            (Status::ACCESS_VIOLATION, 0),
            "{address:#x}"
        );
    }
    // Memory that the client cannot write can be read all the same.
    let constant = memory.map_user(bytes);
    memory.protect_user(constant);
    handle_of(&download_at(&midi, constant, bytes.len())).unwrap();
    memory.unmap_user(constant);
    memory.unmap_user(short);
}

/// Another thread of the client unmaps the buffer while its download is under way, at each point at
/// which the driver calls the kernel.
fn a_buffer_freed_in_flight_hurts_only_its_client(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let bytes = &items_of(&square_bank())[0].bytes;
    let machine = synth.session.machine();
    let free = free_memory(&midi);
    let (mut refused, mut taken) = (0, 0);
    for nth in 0_u32.. {
        let address = machine.memory().map_user(bytes);
        let points = Rc::new(Cell::new(0));
        let passed = Rc::clone(&points);
        machine.inject(move |kernel: &Kernel, _: Point| {
            if passed.replace(passed.get() + 1) == nth {
                kernel.memory().unmap_user(address);
            }
        });
        let reply = download_at(&midi, address, bytes.len());
        machine.inject_nothing();
        let is_over = points.get() <= nth;
        match handle_of(&reply) {
            // The pages were locked by then, or copied: all of it is there.
            Ok(handle) => {
                assert_eq!(unload(&midi, handle), Status::SUCCESS);
                taken += u32::from(!is_over);
            }
            Err(status) => {
                assert_eq!(status, Status::ACCESS_VIOLATION, "point {nth}");
                refused += 1;
            }
        }
        assert_eq!(free_memory(&midi), free, "point {nth}");
        machine.memory().unmap_user(address);
        if is_over {
            break;
        }
    }
    println!("freed in flight: {refused} refused, {taken} taken");
    assert!(refused > 0 && taken > 0);
}

fn malformed_downloads_are_refused(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let items = items_of(&square_bank());
    synth.download(&midi, &items[0].bytes).unwrap();
    for item in &items {
        for length in 1..item.bytes.len().min(200) {
            let status = synth.download(&midi, &item.bytes[..length]).unwrap_err();
            assert_eq!(
                status,
                Status::INVALID_PARAMETER,
                "{} cut to {length}",
                item.name
            );
        }
        for (place, value) in [
            (0, 9),
            (0, 0),
            (8, 0),
            (8, 200),
            (12, 4),
            (16, 3),
            (16, 0xFF),
        ] {
            let mut bad = item.bytes.clone();
            bad[place] = value;
            assert_eq!(synth.download(&midi, &bad), Err(Status::INVALID_PARAMETER));
        }
    }
    // Any single wrong byte is either refused or harmless.
    for place in 0..items[1].bytes.len() {
        let mut bad = items[1].bytes.clone();
        bad[place] ^= 0xFF;
        let _ = synth.download(&midi, &bad);
    }
}

fn an_instrument_needs_its_waves(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let items = items_of(&square_bank());
    assert_eq!(
        synth.download(&midi, &items[1].bytes),
        Err(Status::NOT_FOUND)
    );
    let wave = synth.download(&midi, &items[0].bytes).unwrap();
    let instrument = synth.download(&midi, &items[1].bytes).unwrap();
    // A wave may go before the instrument that plays it.
    assert_eq!(unload(&midi, wave), Status::SUCCESS);
    assert_eq!(unload(&midi, instrument), Status::SUCCESS);
}

fn the_quota_is_kept(binary: &Binary) {
    let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("DownloadQuotaMiB", 1));
    let midi = synth.open(DIRECT_MUSIC);
    let wave = dmusmini_collection::Wave::new("long", 44_100, vec![0; 200_000]);
    let mut bank = square_bank();
    bank.waves[0] = wave;
    let bytes = items_of(&bank).remove(0).bytes;
    // One, and a copy of the next: the wave itself has no room any more.
    let first = synth.download(&midi, &bytes).unwrap();
    assert_eq!(synth.download(&midi, &bytes), Err(Status::NO_MEMORY));
    // Another pin has no quota of its own.
    let other = synth.open(DIRECT_MUSIC);
    assert_eq!(synth.download(&other, &bytes), Err(Status::NO_MEMORY));
    assert_eq!(unload(&midi, first), Status::SUCCESS);
    synth.download(&other, &bytes).unwrap();
}

/// A filter above us, or a system driver: its memory is no program's, and only it may name such memory.
fn clients_in_the_kernel_are_believed(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let bytes = &items_of(&square_bank())[0].bytes;
    let download = |address: usize, client: Client| {
        let instance = buffer64(address, bytes.len());
        let request = download_request(16).with_instance(&instance);
        handle_of(&midi.property(&request.on_node(NODE), client))
    };
    let machine = synth.session.machine();
    // Windows refuses a kernel address in the probe, and only the image is built with it.
    let probes = || machine.calls("ProbeForRead");
    let handle = download(bytes.as_ptr().expose_provenance(), Client::KERNEL).unwrap();
    assert_eq!(unload(&midi, handle), Status::SUCCESS);
    assert_eq!(probes(), 0);
    // The same bytes from a program.
    let mapped = machine.memory().map_user(bytes);
    let handle = download(mapped, Client::USER).unwrap();
    assert_eq!(unload(&midi, handle), Status::SUCCESS);
    assert_eq!(probes(), u64::from(matches!(binary, Binary::Sys(_))));
    machine.memory().unmap_user(mapped);
    let nowhere = download(0, Client::KERNEL);
    assert_eq!(nowhere, Err(Status::INVALID_PARAMETER));
}

fn clients_of_32_bits_are_understood(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let items = items_of(&square_bank());
    let bytes = &items[0].bytes;
    let ask = |property: Property| midi.property(&property.on_node(NODE), Client::USER_32);
    let memory = synth.session.machine().memory();
    // Above 2 GiB: an address is no signed number.
    let low = memory.map_user_32(bytes);
    assert!(low >= 1 << 31);
    let size = u32::try_from(bytes.len()).unwrap();
    let instance = [size.to_le_bytes(), low.to_le_bytes()].concat();
    let download = |value: usize, instance: &[u8]| -> Reply {
        ask(download_request(value).with_instance(instance))
    };
    let query = download(0, &instance);
    assert_eq!((query.status, query.size), (Status::BUFFER_OVERFLOW, 8));
    assert_eq!(download(7, &instance).status, Status::BUFFER_TOO_SMALL);
    assert_eq!(download(8, &instance[..7]).status, Status::BUFFER_TOO_SMALL);
    let reply = download(8, &instance);
    assert_eq!((reply.status, reply.size), (Status::SUCCESS, 8));
    let reply = words(&reply.value);
    assert_eq!(reply[1], 1, "the client may free its buffer");
    memory.unmap_user(usize::try_from(low).unwrap());
    // What was downloaded is the wave, to the last byte: an instrument finds it, and it sounds.
    let instrument = &items[1].bytes;
    let low = memory.map_user_32(instrument);
    let instance = [u32::try_from(instrument.len()).unwrap(), low].map(u32::to_le_bytes);
    let second = download(8, &instance.concat());
    assert_eq!(second.status, Status::SUCCESS);
    memory.unmap_user(usize::try_from(low).unwrap());
    let wave = synth.open(WAVE);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(synth.session.master_time(), 1, &[0x90, 60, 100]);
    let mut sound = Vec::new();
    sink.pull(4410, &mut sound);
    assert!(sound.iter().any(|&sample| sample.unsigned_abs() > 1000));
    drop(sink);
    // An address that its program unmapped is no address.
    assert_eq!(
        download(8, &instance.concat()).status,
        Status::ACCESS_VIOLATION
    );
    for handle in [words(&second.value)[0], reply[0]] {
        let item = dls_property::UNLOAD;
        let unload = Property::set(KSPROPSETID_SYNTH_DLS, item, &handle.to_le_bytes());
        assert_eq!(ask(unload).status, Status::SUCCESS);
    }
    // A handle of 32 bits is a whole handle to such a client, and half a one to others.
    let handle = synth.download(&midi, bytes).unwrap();
    let handle = u32::try_from(handle).unwrap().to_le_bytes();
    let unload = Property::set(KSPROPSETID_SYNTH_DLS, dls_property::UNLOAD, &handle);
    let other = crate::rig::ask(&midi, unload.clone());
    assert_eq!(other.status, Status::BUFFER_TOO_SMALL);
    assert_eq!(ask(unload).status, Status::SUCCESS);
}

fn downloads_belong_to_their_pin(binary: &Binary) {
    let synth = Synth::boot(binary);
    let first = synth.open(DIRECT_MUSIC);
    let second = synth.open(DIRECT_MUSIC);
    let handle = synth.download_bank(&first, &square_bank())[0];
    assert_eq!(unload(&second, handle), Status::INVALID_PARAMETER);
    // A wave pin joins the first DirectMusic pin: its downloads are the same ones.
    let wave = synth.open(WAVE);
    assert_eq!(unload(&wave, handle), Status::SUCCESS);
    assert_eq!(unload(&first, handle), Status::INVALID_PARAMETER);
}

fn downloads_survive_a_change_of_format(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let handles = synth.download_bank(&midi, &square_bank());
    let free = free_memory(&midi);
    let format = dmusmini_simulator::session::WaveFormat::pcm16(22_050, 1);
    let format = dmusmini_simulator::session::Format::Wave(format);
    let wave = synth.filter.open(WAVE, &format).unwrap();
    assert_eq!(free_memory(&midi), free);
    for handle in handles {
        assert_eq!(unload(&wave, handle), Status::SUCCESS);
    }
}

fn a_download_fails_cleanly_at_every_allocation(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let pool = synth.session.machine().pool();
    let items = items_of(&square_bank());
    for item in &items {
        let before = pool.outstanding();
        let mut failures = 0;
        loop {
            pool.fail_nth(failures);
            let result = synth.download(&midi, &item.bytes);
            if pool.fail_none() {
                result.unwrap();
                break;
            }
            assert_eq!(result, Err(Status::NO_MEMORY), "allocation {failures}");
            assert_eq!(pool.outstanding(), before, "allocation {failures}");
            failures += 1;
        }
        println!("{}: {failures} allocations, each failed once", item.name);
        assert!(failures > 1);
    }
}

fn thousands_of_downloads(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let mut bank = square_bank();
    bank.waves[0] = dmusmini_collection::Wave::new("short", 44_100, vec![1; 8]);
    let mut bytes = items_of(&bank).remove(0).bytes;
    // More than the bank has places at first.
    let handles: Vec<u64> = (0..5000_u32)
        .map(|id| {
            bytes[4..8].copy_from_slice(&id.to_le_bytes());
            synth.download(&midi, &bytes).unwrap()
        })
        .collect();
    let mut unique = handles.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), handles.len());
    for handle in handles {
        assert_eq!(unload(&midi, handle), Status::SUCCESS);
    }
}

fn compact_and_append(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let compact = Property::set(KSPROPSETID_SYNTH_DLS, dls_property::COMPACT, &[]);
    assert_eq!(ask(&midi, compact).status, Status::SUCCESS);
    let append = Property::get(KSPROPSETID_SYNTH_DLS, dls_property::APPEND, 4);
    assert_eq!(ask(&midi, append).as_u32(), Some(0));
}
