//! What all clients of the device may hold together (`DownloadQuotaMiB`).
//!
//! Sizes are those of the pool of x64: blocks beyond a page take whole pages, others a header of
//! 16 bytes and are rounded up to 16.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::abi::DmusKernelEvent;
use dmusmini::portcls::guids::KSPROPSETID_SYNTH;
use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_collection::Wave;
use dmusmini_simulator::irql::Irql;
use dmusmini_simulator::kernel::{Kernel, Point};
use dmusmini_simulator::process::Process;
use dmusmini_simulator::session::{
    Binary, Client, Format, Hardware, Pin, Property, WaveFormat, WaveOptions,
};

use crate::rig::{
    DIRECT_MUSIC, MIDI, NODE, Synth, WAVE, ask, buffer64, bytes, download_at, download_request,
    get, handle_of, items_of, set, square_bank, unload, words,
};

crate::scenarios!(
    free_memory_is_that_of_the_device,
    the_total_is_reached_exactly_and_not_passed,
    copies_under_way_count,
    all_clients_together_stay_below_the_total,
    a_stalled_page_holds_up_no_other_client,
    downloads_that_fail_take_nothing,
    everything_closed_leaves_nothing_used,
    no_more_downloads_than_a_handle_can_name,
    downloads_count_against_the_process,
);

const PAGE: usize = 4096;
/// Of an event, in this port.
const BUFFER: usize = 1024;
const MIB: usize = 1 << 20;
const A: Process = Process::new(0x1234);
const B: Process = Process::new(0x5678);

fn free_memory(pin: &Pin) -> usize {
    let free = words(&get(pin, synth_property::RUNNING_STATS, 28).ok().unwrap())[5];
    usize::try_from(free).unwrap()
}

fn synth_with(binary: &Binary, mib: u32) -> Synth {
    Synth::boot_with(
        binary,
        &Hardware::synth().with_dword("DownloadQuotaMiB", mib),
    )
}

/// A download of a 16-bit wave with so many frames.
fn wave_of(frames: usize) -> Vec<u8> {
    let mut bank = square_bank();
    bank.waves[0] = Wave::new("long", 44_100, vec![0; frames]);
    items_of(&bank).remove(0).bytes
}

/// Frames whose download is `size` bytes long.
fn frames_for(size: usize) -> usize {
    let head = wave_of(1000).len() - 2000;
    (size - head) / 2
}

fn pages(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE)
}

/// Whether the driver is about to copy a client's bytes.
fn is_copy(point: Point) -> bool {
    matches!(point, Point::Import("ProbeForRead" | "guarded copy"))
}

/// Does something once, while the driver copies.
fn during_the_next_copy(kernel: &Kernel, work: impl FnOnce(&Kernel) + 'static) {
    let mut work = Some(work);
    kernel.inject(move |kernel, point| {
        if is_copy(point)
            && let Some(work) = work.take()
        {
            work(kernel);
        }
    });
}

fn free_memory_is_that_of_the_device(binary: &Binary) {
    // The default, 1, the limits of the range and what lies outside.
    let default = Synth::boot(binary);
    assert_eq!(free_memory(&default.open(DIRECT_MUSIC)), 64 * MIB);
    drop(default);
    for (mib, bytes) in [
        (0, MIB),
        (1, MIB),
        (2, 2 * MIB),
        (4095, 4095 * MIB),
        // The statistics have 32 bits.
        (4096, 0xFFFF_FFFF),
        (4097, 0xFFFF_FFFF),
    ] {
        let synth = synth_with(binary, mib);
        assert_eq!(free_memory(&synth.open(DIRECT_MUSIC)), bytes, "{mib}");
    }
    // What one client takes is gone for the other.
    let synth = Synth::boot(binary);
    let one = synth.open(DIRECT_MUSIC);
    let other = synth.session.machine().within(B, || synth.open(WAVE));
    let handle = synth.download(&one, &wave_of(100_000)).unwrap();
    // 100,000 frames and 32 of silence on both sides.
    let taken = pages(2 * (100_000 + 64));
    assert_eq!(free_memory(&one), 64 * MIB - taken);
    assert_eq!(free_memory(&other), 64 * MIB - taken);
    assert_eq!(unload(&one, handle), Status::SUCCESS);
    assert_eq!(free_memory(&other), 64 * MIB);
}

fn the_total_is_reached_exactly_and_not_passed(binary: &Binary) {
    let synth = synth_with(binary, 1);
    let midi = synth.open(DIRECT_MUSIC);
    let half = MIB / 2;
    // The copy is half of the total and the wave, whose frames have 128 bytes of silence around
    // them, the other.
    let fits = wave_of(frames_for(half) - 100);
    assert_eq!(pages(fits.len()), half);
    let handle = synth.download(&midi, &fits).unwrap();
    assert_eq!(free_memory(&midi), half);
    // Nothing like it is left beside it, down to what leaves room for a copy.
    assert_eq!(synth.download(&midi, &fits), Err(Status::NO_MEMORY));
    let quarter = wave_of(frames_for(half / 2) - 100);
    let second = synth.download(&midi, &quarter).unwrap();
    assert_eq!(free_memory(&midi), half / 2);
    assert_eq!(synth.download(&midi, &quarter), Err(Status::NO_MEMORY));
    assert_eq!(unload(&midi, second), Status::SUCCESS);
    assert_eq!(unload(&midi, handle), Status::SUCCESS);
    // One page more in the copy, or in the wave alone.
    for frames in [frames_for(half) + 1, frames_for(half)] {
        let one_more = wave_of(frames);
        assert_eq!(synth.download(&midi, &one_more), Err(Status::NO_MEMORY));
        assert_eq!(free_memory(&midi), MIB);
    }
    // Waves of 8 bits become twice as long.
    for (thirds, granted) in [(MIB / 3 - 2 * PAGE, true), (MIB / 3 + 2 * PAGE, false)] {
        let mut eight = wave_of(frames_for(thirds));
        eight_bits(&mut eight);
        let result = synth.download(&midi, &eight);
        assert_eq!(result.is_ok(), granted, "{thirds}: {result:?}");
        if let Ok(handle) = result {
            assert_eq!(unload(&midi, handle), Status::SUCCESS);
        }
    }
    // Down to the last page, with ever smaller ones.
    let mut held = 0;
    let mut size = half / 2;
    while size >= 4 * PAGE {
        let wave = wave_of(frames_for(size) - 100);
        match synth.download(&midi, &wave) {
            Ok(_) => held += size,
            Err(status) => {
                assert_eq!(status, Status::NO_MEMORY);
                assert!(held + 2 * size > MIB, "{held} held, {size} refused");
                size /= 2;
            }
        }
        assert_eq!(free_memory(&midi), MIB - held);
    }
}

/// Makes the wave format of a download 8 bits.
fn eight_bits(download: &mut [u8]) {
    let offset = u32::from_le_bytes(download[16..20].try_into().unwrap());
    // DMUS_WAVE: three indices, then WAVEFORMATEX with the bits at 14.
    let bits = usize::try_from(offset).unwrap() + 12 + 14;
    assert_eq!(download[bits], 16);
    download[bits] = 8;
}

fn copies_under_way_count(binary: &Binary) {
    let synth = Rc::new(synth_with(binary, 1));
    let midi = synth.open(DIRECT_MUSIC);
    let other = synth
        .session
        .machine()
        .within(B, || synth.open(DIRECT_MUSIC));
    let other = Rc::new(other);
    let machine = synth.session.machine();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let half = wave_of(frames_for(MIB / 2) - 100);
    {
        let (synth, other, seen) = (Rc::clone(&synth), Rc::clone(&other), Rc::clone(&seen));
        let small = wave_of(10);
        during_the_next_copy(machine, move |_| {
            let result = synth.download(&other, &small);
            seen.borrow_mut().push((free_memory(&other), result));
        });
    }
    let handle = synth.download(&midi, &half).unwrap();
    machine.inject_nothing();
    // The copy and its wave hold all of it: a second one, however small, is refused meanwhile.
    assert_eq!(seen.take(), [(0, Err(Status::NO_MEMORY))]);
    assert_eq!(free_memory(&midi), MIB / 2);
    synth.download(&other, &wave_of(10)).unwrap();
    assert_eq!(unload(&midi, handle), Status::SUCCESS);
}

/// A dozen clients fill devices by every means: pins, large waves, small ones, tables of downloads
/// that grow, copies under way, voices, channel groups, events.
fn all_clients_together_stay_below_the_total(binary: &Binary) {
    let pins = |mib| Hardware::synth().with_dword("DownloadQuotaMiB", mib);
    // With room for every pin, with room for some, with pins that are as dear as can be.
    assert_eq!(fill(binary, 32, &pins(32)), 12);
    assert!(fill(binary, 8, &pins(8)) >= 3);
    assert!(fill(binary, 1, &pins(1)) >= 2);
    let dear = pins(16).with_dword("Voices", 1024);
    let dear = dear
        .with_dword("Effects", 3)
        .with_dword("EventQueue", 1 << 20);
    assert!(fill(binary, 16, &dear) >= 2);
}

/// Fills a device and says how many pins of it could be opened. What is held is measured from
/// before the first pin was opened.
fn fill(binary: &Binary, mib: usize, hardware: &Hardware) -> usize {
    let total = mib * MIB;
    let limit = u64::try_from(total + 4 * MIB).unwrap();
    let synth = Rc::new(Synth::boot_with(binary, hardware));
    let machine = synth.session.machine();
    let pool = machine.pool();
    let before = pool.counters().bytes;
    let mut pins = Vec::new();
    for client in 0..4 {
        // Each pin a synthesizer of its own: all are opened by different programs.
        for pin in [DIRECT_MUSIC, MIDI, WAVE] {
            let process = Process::new(0x1000 * (client + 1) + pin);
            match machine.within(process, || synth.try_open(pin)) {
                Ok(pin) => pins.push(pin),
                Err(status) => assert_eq!(status, Status::INSUFFICIENT_RESOURCES),
            }
        }
    }
    let held = || pool.counters().bytes - before;
    println!("{mib} MiB, {} pins open: {} bytes", pins.len(), held());
    let pins = Rc::new(pins);
    for pin in pins.iter().filter(|pin| pin.factory() != WAVE) {
        let _ = pin.run();
        let _ = set(pin, synth_property::CHANNEL_GROUPS, &bytes(&[65_535]));
        let parameters = [3, 1024, 65_535, 0, 0, 0, 0];
        let id = synth_property::PORT_PARAMETERS;
        let request = Property::get(KSPROPSETID_SYNTH, id, 28);
        let _ = ask(pin, request.with_instance(&bytes(&parameters)));
    }
    // Events that wait, and the state of the groups that they are for.
    let far = synth.session.master_time() + 1_000_000_000;
    let long = [&[0xF0][..], &[1; 3000], &[0xF7]].concat();
    for number in 0..1000_u16 {
        for pin in pins.iter().filter(|pin| pin.factory() != WAVE) {
            pin.send(far, 1 + number * 61, &[0x90, 60, 0]);
            if number % 10 == 0 {
                pin.send(far, 1, &long);
            }
        }
    }
    println!(
        "with events: {} bytes, {} free",
        held(),
        free_memory(&pins[0])
    );
    // One of each download size on every pin in turn, until nothing more is granted.
    let mut wave_id = 1_u32;
    for size in [MIB, 200_000, 20_000, 1000] {
        let mut wave = wave_of(frames_for(size));
        let mut granted = true;
        while granted {
            granted = false;
            for pin in pins.iter() {
                wave_id += 1;
                wave[4..8].copy_from_slice(&wave_id.to_le_bytes());
                granted |= synth.download(pin, &wave).is_ok();
            }
        }
        println!(
            "waves of {size}: {} bytes held, {} free",
            held(),
            free_memory(&pins[0])
        );
    }
    // Copies upon copies: each begins while those before are under way.
    let depth = Rc::new(Cell::new(0_usize));
    nest(&synth, &pins, &depth);
    let _ = synth.download(&pins[0], &wave_of(10));
    machine.inject_nothing();
    // The events are the port's: what they take comes to what the driver holds.
    let waiting: u64 = pins.iter().map(waiting_bytes).sum();
    let peak = pool.counters().peak - before + waiting;
    println!(
        "events: {waiting} bytes; at most {peak} bytes, {} copies deep",
        depth.get()
    );
    assert!(peak <= limit, "{peak} of {limit}");
    // The test would see it if nothing were granted.
    assert!(peak >= u64::try_from(total * 7 / 8).unwrap(), "{peak}");
    // All clients go, and one that comes has all of it.
    let count = pins.len();
    drop(pins);
    let midi = synth.open(DIRECT_MUSIC);
    if hardware.registry.len() == 1 {
        assert_eq!(free_memory(&midi), total);
    }
    assert_eq!(midi.close(), 0);
    assert_eq!(pool.counters().bytes, before);
    count
}

/// The bytes of a pin's events that the driver holds: DMUS_KERNEL_EVENTs and buffers.
fn waiting_bytes(pin: &Pin) -> u64 {
    if pin.factory() == WAVE {
        return 0;
    }
    let (events, buffers) = pin.events_with_driver();
    u64::try_from(events * size_of::<DmusKernelEvent>() + buffers * BUFFER).unwrap()
}

/// During a copy another client begins one.
fn nest(synth: &Rc<Synth>, pins: &Rc<Vec<Pin>>, depth: &Rc<Cell<usize>>) {
    let (again, pins, depth) = (Rc::clone(synth), Rc::clone(pins), Rc::clone(depth));
    during_the_next_copy(synth.session.machine(), move |_| {
        if depth.get() < 20 {
            depth.set(depth.get() + 1);
            nest(&again, &pins, &depth);
            let pin = &pins[depth.get() % pins.len()];
            let _ = again.download(pin, &wave_of(10));
        }
    });
}

/// A client's buffer lies on a page that takes its time. Meanwhile another client downloads, plays
/// and renders.
fn a_stalled_page_holds_up_no_other_client(binary: &Binary) {
    let synth = Rc::new(Synth::boot(binary));
    let machine = synth.session.machine();
    let slow = machine.within(A, || synth.open(DIRECT_MUSIC));
    let midi = machine.within(B, || synth.open(DIRECT_MUSIC));
    let wave = machine.within(B, || synth.open(WAVE));
    midi.run().unwrap();
    let sink = wave.start_wave(WaveOptions::default()).unwrap();
    let heard = Rc::new(Cell::new(0));
    {
        let (synth, heard) = (Rc::clone(&synth), Rc::clone(&heard));
        // Pins and sink go with the callback, while the copy is still under way.
        let (midi, wave, mut sink) = (midi, wave, sink);
        during_the_next_copy(machine, move |kernel| {
            assert_eq!(
                kernel.irql(),
                Irql::PASSIVE,
                "the copy is made under no lock"
            );
            kernel.within(B, || {
                let handles = synth.download_bank(&midi, &square_bank());
                midi.send(0, 1, &[0x90, 60, 127]);
                let mut sound = Vec::new();
                sink.pull(8820, &mut sound);
                heard.set(sound.iter().filter(|&&sample| sample != 0).count());
                assert_eq!(unload(&midi, handles[0]), Status::SUCCESS);
                let status = set(&midi, synth_property::CHANNEL_GROUPS, &bytes(&[4]));
                assert_eq!(status, Status::SUCCESS);
                drop(sink);
                drop(wave);
                drop(midi);
            });
        });
    }
    let bytes = items_of(&square_bank()).remove(0).bytes;
    let handle = machine.within(A, || synth.download(&slow, &bytes)).unwrap();
    machine.inject_nothing();
    assert!(heard.get() > 1000, "{} samples", heard.get());
    assert_eq!(unload(&slow, handle), Status::SUCCESS);
    assert_eq!(free_memory(&slow), 64 * MIB);
}

fn downloads_that_fail_take_nothing(binary: &Binary) {
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let memory = synth.session.machine().memory();
    let pool = synth.session.machine().pool();
    let items = items_of(&square_bank());
    let wave = synth.download(&midi, &items[0].bytes).unwrap();
    let (free, held) = (free_memory(&midi), pool.outstanding());
    let unchanged = |what: &str| {
        assert_eq!(free_memory(&midi), free, "{what}");
        assert_eq!(pool.outstanding(), held, "{what}");
    };
    // An address where nothing is, of every size.
    let mapped = memory.map_user(&items[0].bytes);
    let gone = memory.map_user(&items[0].bytes);
    memory.unmap_user(gone);
    for size in [1, 15, 16, 4080, 4081, 32 * MIB - 1, 32 * MIB] {
        let reply = download_at(&midi, gone, size);
        assert!(!reply.status.is_success(), "{size}");
        unchanged("no address");
    }
    for size in [
        0,
        32 * MIB + 1,
        64 * MIB - 1,
        64 * MIB,
        64 * MIB + 1,
        0xFFFF_FFFF,
    ] {
        let reply = download_at(&midi, mapped, size);
        let expected = if size == 0 {
            Status::UNSUCCESSFUL
        } else {
            Status::NO_MEMORY
        };
        assert_eq!(reply.status, expected, "{size}");
        unchanged("a size that nothing can have");
    }
    memory.unmap_user(mapped);
    // Every cut of both kinds, and every byte wrong.
    for item in &items {
        for length in 1..item.bytes.len().min(150) {
            assert!(synth.download(&midi, &item.bytes[..length]).is_err());
            unchanged("cut");
        }
    }
    for place in 0..items[1].bytes.len() {
        let mut bad = items[1].bytes.clone();
        bad[place] ^= 0xFF;
        if let Ok(handle) = synth.download(&midi, &bad) {
            assert_eq!(unload(&midi, handle), Status::SUCCESS);
        }
        unchanged("a wrong byte");
    }
    // An instrument without its wave.
    assert_eq!(unload(&midi, wave), Status::SUCCESS);
    let (free, held) = (free_memory(&midi), pool.outstanding());
    assert_eq!(
        synth.download(&midi, &items[1].bytes),
        Err(Status::NOT_FOUND)
    );
    assert_eq!((free_memory(&midi), pool.outstanding()), (free, held));
    assert_eq!(free, 64 * MIB);
    // Every allocation fails once.
    for nth in 0_u64.. {
        pool.fail_nth(nth);
        let result = synth.download(&midi, &items[0].bytes);
        let failed = !pool.fail_none();
        if let Ok(handle) = result {
            assert_eq!(unload(&midi, handle), Status::SUCCESS);
        }
        assert_eq!(free_memory(&midi), free, "allocation {nth}");
        if !failed {
            break;
        }
    }
}

fn everything_closed_leaves_nothing_used(binary: &Binary) {
    let synth = Synth::boot(binary);
    let watcher = synth.open(MIDI);
    let midi = synth.open(DIRECT_MUSIC);
    let wave = synth.open(WAVE);
    let handles = synth.download_bank(&midi, &square_bank());
    // More than the table has room for at first, and it keeps what it has grown to.
    let mut short = wave_of(8);
    for id in 0..3000_u32 {
        short[4..8].copy_from_slice(&(id + 1000).to_le_bytes());
        let handle = synth.download(&midi, &short).unwrap();
        if id % 2 == 0 {
            assert_eq!(unload(&midi, handle), Status::SUCCESS);
        }
    }
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(0, 1, &[0x90, 60, 127]);
    sink.pull(441, &mut Vec::new());
    // Unloaded while it sounds.
    for handle in handles {
        assert_eq!(unload(&midi, handle), Status::SUCCESS);
    }
    drop(sink);
    drop(wave);
    // Another format takes the downloads over.
    let mono = Format::Wave(WaveFormat::pcm16(22_050, 1));
    let wave = synth.filter.open(WAVE, &mono).unwrap();
    assert!(free_memory(&watcher) < 64 * MIB);
    drop(wave);
    drop(midi);
    assert_eq!(free_memory(&watcher), 64 * MIB);
}

/// Handles have 16 bits for the place: 65,535 downloads, and not one more.
fn no_more_downloads_than_a_handle_can_name(binary: &Binary) {
    const MOST: u32 = 65_535;
    let synth = Synth::boot(binary);
    let midi = synth.open(DIRECT_MUSIC);
    let memory = synth.session.machine().memory();
    let wave = wave_of(1);
    let address = memory.map_user(&wave);
    let download = |id: u32| {
        memory.write_user(address + 4, &id.to_le_bytes()).unwrap();
        handle_of(&download_at(&midi, address, wave.len()))
    };
    let mut handles: Vec<u64> = (0..MOST).map(|id| download(id).unwrap()).collect();
    let free = free_memory(&midi);
    assert_eq!(download(MOST), Err(Status::NO_MEMORY));
    assert_eq!(free_memory(&midi), free, "a refusal takes nothing");
    for place in [0, 1, 65_533, 65_534] {
        assert_eq!(unload(&midi, handles[place]), Status::SUCCESS);
        handles[place] = download(MOST).unwrap();
        assert_eq!(download(MOST), Err(Status::NO_MEMORY));
    }
    handles.sort_unstable();
    handles.dedup();
    assert_eq!(handles.len(), 65_535);
    memory.unmap_user(address);
    let watcher = synth.open(MIDI);
    drop(midi);
    assert_eq!(free_memory(&watcher), 64 * MIB);
}

fn downloads_count_against_the_process(binary: &Binary) {
    let synth = Synth::boot(binary);
    let machine = synth.session.machine();
    let pool = machine.pool();
    let midi = machine.within(A, || synth.open(DIRECT_MUSIC));
    let wave = wave_of(100_000);
    let charged = Rc::new(Cell::new((0, 0)));
    {
        let charged = Rc::clone(&charged);
        during_the_next_copy(machine, move |kernel| {
            charged.set((kernel.pool().charged_to(A), kernel.pool().paged()));
        });
    }
    let handle = machine.within(A, || synth.download(&midi, &wave)).unwrap();
    machine.inject_nothing();
    assert_eq!(charged.get(), (wave.len(), wave.len()), "the copy is paged");
    assert_eq!(pool.paged(), 0, "what is played from is not");
    // Rust's allocator of a native build has no quotas.
    let kept = match binary {
        Binary::Sys(_) => 2 * (100_000 + 64),
        Binary::Native => 0,
    };
    assert_eq!(pool.charged_to(A), kept);
    // Given back in whichever process frees it.
    machine.within(B, || assert_eq!(unload(&midi, handle), Status::SUCCESS));
    assert_eq!((pool.charged_to(A), pool.charged_to(B)), (0, 0));
    // A quota that is used up is a failed download and nothing else.
    pool.set_quota(A, wave.len() - 1);
    let refused = machine.within(A, || synth.download(&midi, &wave));
    assert_eq!(refused, Err(Status::NO_MEMORY));
    assert_eq!(free_memory(&midi), 64 * MIB);
    // The quota is the program's own: another has one, and kernel clients have none.
    let handle = machine.within(B, || synth.download(&midi, &wave)).unwrap();
    assert_eq!(unload(&midi, handle), Status::SUCCESS);
    let from_kernel = machine.within(A, || {
        let instance = buffer64(wave.as_ptr().expose_provenance(), wave.len());
        let request = download_request(16).with_instance(&instance);
        handle_of(&midi.property(&request.on_node(NODE), Client::KERNEL))
    });
    assert_eq!(pool.charged_to(A), 0);
    assert_eq!(unload(&midi, from_kernel.unwrap()), Status::SUCCESS);
}
