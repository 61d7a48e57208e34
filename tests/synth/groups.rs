//! Channel groups: up to 65,535, with memory for those in use, and what outlives a change
//! (contract section 12).

use dmusmini::com::Status;
use dmusmini::portcls::guids::{GUID_DMUS_PROP_WAVES_REVERB, KSPROPSETID_SYNTH};
use dmusmini::portcls::synth_abi::synth_property;
use dmusmini_simulator::session::{
    Binary, Format, Hardware, Pin, Property, WaveFormat, WaveOptions,
};

use crate::rig::{CD, Synth, WAVE, ask, bytes, set, square_bank};

crate::scenarios!(
    every_count_of_groups_can_be_used,
    memory_for_groups_comes_out_of_the_budget,
    every_group_plays_and_only_those_in_use_take_memory,
    a_message_to_all_groups_reaches_those_used_later,
    a_group_without_memory_loses_its_events_and_nothing_else,
    rendering_neither_allocates_nor_frees,
    a_change_of_format_keeps_priorities_and_volumes,
    a_change_of_format_keeps_controllers_and_the_reverb,
);

const NOTE: &[u8] = &[0x90, 60, 127];
const QUIET: &[u8] = &[0xB0, 120, 0];

fn open_groups(pin: &Pin, count: u32) {
    let status = set(pin, synth_property::CHANNEL_GROUPS, &bytes(&[count]));
    assert_eq!(status, Status::SUCCESS);
}

/// The loudest of the next frames.
fn peak(sink: &mut dmusmini_simulator::session::WaveClient, frames: usize) -> u16 {
    let mut sound = Vec::new();
    sink.pull(frames, &mut sound);
    sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0)
}

fn every_group_plays_and_only_those_in_use_take_memory(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    let pool = synth.session.machine().pool();
    let before = pool.counters().bytes;
    open_groups(&midi, 65_535);
    let opened = pool.counters().bytes - before;
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let before = pool.counters().bytes;
    for group in [2, 1000, 65_535] {
        midi.send(0, group, NOTE);
        assert_ne!(peak(&mut sink, 8820), 0, "group {group}");
        midi.send(0, group, QUIET);
        peak(&mut sink, 22_050);
    }
    let three = pool.counters().bytes - before;
    for group in 2000..2100 {
        midi.send(0, group, NOTE);
    }
    assert_ne!(peak(&mut sink, 8820), 0);
    let hundred = pool.counters().bytes - before;
    println!("65,535 groups opened: {opened} bytes; 3 in use: {three} more; 103: {hundred}");
    assert!(opened <= 400 << 10 && three <= 8 << 10 && hundred <= 128 << 10);
    // Closed again, they give all of it back but what is open.
    open_groups(&midi, 1);
    assert!(pool.counters().bytes < before);
    midi.send(0, 65_535, NOTE);
    peak(&mut sink, 22_050);
    assert_eq!(peak(&mut sink, 8820), 0, "a group that is no longer open");
}

fn a_message_to_all_groups_reaches_those_used_later(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    open_groups(&midi, 300);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(0, 7, NOTE);
    let loud = peak(&mut sink, 8820);
    midi.send(0, 0, &[0xB0, 7, 10]);
    peak(&mut sink, 8820);
    let used = peak(&mut sink, 8820);
    midi.send(0, 7, QUIET);
    peak(&mut sink, 22_050);
    midi.send(0, 250, NOTE);
    peak(&mut sink, 8820);
    let unused = peak(&mut sink, 8820);
    println!("volume 100: {loud}; 10 in all groups: {used} and {unused}");
    assert!(used < loud / 20 && used == unused && used > 0);
    // A note to all groups sounds in those that were addressed.
    midi.send(0, 0, QUIET);
    peak(&mut sink, 22_050);
    midi.send(0, 0, NOTE);
    peak(&mut sink, 8820);
    let all = peak(&mut sink, 8820);
    assert!(
        (5 * used / 2..=7 * used / 2).contains(&all),
        "three groups: {all}"
    );
}

fn a_group_without_memory_loses_its_events_and_nothing_else(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    open_groups(&midi, 100);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let pool = synth.session.machine().pool();
    // Eight groups beside the first share a piece of memory.
    for group in 2..=9 {
        midi.send(0, group, QUIET);
    }
    peak(&mut sink, 8820);
    // The simulated port's events have memory of their own; the driver's call is the first.
    pool.fail_from(0);
    midi.send(0, 50, NOTE);
    assert_eq!(peak(&mut sink, 8820), 0);
    midi.send(0, 8, NOTE);
    assert_ne!(peak(&mut sink, 8820), 0, "a group that has memory plays");
    midi.send(0, 8, QUIET);
    peak(&mut sink, 22_050);
    pool.fail_none();
    midi.send(0, 50, NOTE);
    assert_ne!(
        peak(&mut sink, 8820),
        0,
        "and so does the other, with memory"
    );
    assert_eq!(midi.events_with_driver(), (0, 0));
}

/// Notes, controllers, SysEx, many groups, stealing, unloading: no call for memory in `Render`.
fn rendering_neither_allocates_nor_frees(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let handles = synth.download_bank(&midi, &square_bank());
    open_groups(&midi, 64);
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut random = 1_u32;
    let mut next = move || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    let machine = synth.session.machine();
    let mut sound = Vec::with_capacity(1 << 20);
    for step in 0..300 {
        for _ in 0..40 {
            let channel = next() & 15;
            let group = u16::from(next() & 63) + 1;
            let data = [next() & 127, next() & 127];
            let status = [0x80, 0x90, 0x90, 0x90, 0xA0, 0xB0, 0xE0, 0xD0][usize::from(next() & 7)];
            midi.send(0, group, &[status | channel, data[0], data[1]]);
        }
        if step % 50 == 0 {
            midi.send(0, 0, &[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7]);
        }
        if step == 150 {
            for &handle in handles.iter().rev() {
                assert!(crate::rig::unload(&midi, handle).is_success());
            }
        }
        machine.pool().forbid("in Render", || sink.render(441));
        if step % 10 == 0 {
            // Between renderings the sink tells its time: there unloaded waves are freed.
            sink.pull(100, &mut sound);
        }
    }
    let stats = crate::rig::words(
        &crate::rig::get(&midi, synth_property::RUNNING_STATS, 28)
            .ok()
            .unwrap(),
    );
    println!("{} voices on average, {} notes lost", stats[1], stats[4]);
    assert!(stats[1] > 16);
}

/// The wave pin is opened again at another rate (contract section 5.6).
fn a_change_of_format_keeps_priorities_and_volumes(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    open_groups(&midi, 20);
    let priority = synth_property::VOICE_PRIORITY;
    let set_priority = Property::set(KSPROPSETID_SYNTH, priority, &bytes(&[77]));
    let of = bytes(&[12, 3]);
    assert!(
        ask(&midi, set_priority.with_instance(&of))
            .status
            .is_success()
    );
    let quiet = (-2000_i32).to_le_bytes();
    assert!(set(&midi, synth_property::VOLUME, &quiet).is_success());
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(0, 12, &[0x93, 60, 127]);
    peak(&mut sink, 8820);
    let before = peak(&mut sink, 8820);
    drop(sink);
    drop(wave);
    let format = Format::Wave(WaveFormat::pcm16(22_050, CD.channels));
    let wave = synth.filter.open(WAVE, &format).unwrap();
    let read = Property::get(KSPROPSETID_SYNTH, priority, 4).with_instance(&of);
    assert_eq!(ask(&midi, read).as_u32(), Some(77));
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(0, 12, &[0x93, 60, 127]);
    peak(&mut sink, 8820);
    let after = peak(&mut sink, 8820);
    println!("peak {before} before, {after} at the other rate");
    // A square wave overshoots a little more where there are fewer frames; 20 dB it is not.
    assert!(before > 0 && before.abs_diff(after) <= before / 5);
}

/// The wave pin is closed and opened again, at the same rate or another; the song goes on.
fn a_change_of_format_keeps_controllers_and_the_reverb(binary: &Binary) {
    let reverb = |midi: &Pin| ask(midi, Property::get(GUID_DMUS_PROP_WAVES_REVERB, 0, 16)).value;
    let peaks = |rate: Option<u32>| {
        let synth = Synth::boot(binary);
        let (midi, wave) = synth.open_pair();
        synth.download_bank(&midi, &square_bank());
        midi.run().unwrap();
        let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
        let now = synth.session.master_time();
        midi.send(now, 1, &[0xB0, 7, 30]);
        midi.send(now, 1, &[0xB0, 10, 0]);
        midi.send(now, 1, &[0xE0, 0, 96]);
        let params: Vec<u8> = [-3.0_f32, -20.0, 700.0, 0.25]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let change = Property::set(GUID_DMUS_PROP_WAVES_REVERB, 0, &params);
        assert_eq!(ask(&midi, change).status, Status::SUCCESS);
        peak(&mut sink, 8820);
        let (mut sink, wave) = match rate {
            None => (sink, wave),
            Some(rate) => {
                drop(sink);
                drop(wave);
                let format = Format::Wave(WaveFormat::pcm16(rate, CD.channels));
                let wave = synth.filter.open(WAVE, &format).unwrap();
                (wave.start_wave(WaveOptions::default()).unwrap(), wave)
            }
        };
        assert_eq!(reverb(&midi), params);
        midi.send(synth.session.master_time(), 1, &[0x90, 60, 127]);
        let mut sound = Vec::new();
        sink.pull(22_050, &mut sound);
        drop(wave);
        let side = |side: usize| {
            let side = sound.iter().skip(side).step_by(2);
            side.map(|sample| sample.unsigned_abs()).max().unwrap()
        };
        (side(0), side(1))
    };
    let untouched = peaks(None);
    let (left, right) = untouched;
    assert!(left > 100 && left > 2 * right, "quiet, and on the left");
    assert_eq!(peaks(Some(CD.rate)), untouched, "closed and opened again");
    let other = peaks(Some(22_050)).0;
    println!("peak {left} before, {other} at the other rate");
    assert!(left.abs_diff(other) <= left / 5);
}

/// Every group of the greatest counts, reached from one group as every client does: the table's first
/// piece of memory is a short one then. Each count is opened over the one before, whose groups stay.
fn every_count_of_groups_can_be_used(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    let pool = synth.session.machine().pool();
    let priority = synth_property::VOICE_PRIORITY;
    let set_priority = |group: u32, value: u32| {
        let property = Property::set(KSPROPSETID_SYNTH, priority, &bytes(&[value]));
        let of = bytes(&[group, 0]);
        ask(&midi, property.with_instance(&of)).status
    };
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    let mut used = 1;
    for count in [1, 2, 7, 8, 9]
        .into_iter()
        .chain(65_529..=u32::from(u16::MAX))
    {
        open_groups(&midi, count);
        // All but the last two through the property.
        for group in used + 1..count.saturating_sub(1) {
            assert_eq!(
                set_priority(group, group),
                Status::SUCCESS,
                "{group} of {count}"
            );
        }
        // A driver that asks for memory again and again gets none some time.
        pool.fail_from(8);
        let last = u16::try_from(count).unwrap();
        for group in [
            last.saturating_sub(1).max(1),
            last,
            last.saturating_sub(1).max(1),
            last,
        ] {
            midi.send(0, group, NOTE);
            assert_ne!(peak(&mut sink, 4410), 0, "{group} of {count}");
            midi.send(0, group, QUIET);
            peak(&mut sink, 8820);
            assert_eq!(peak(&mut sink, 4410), 0, "{group} of {count}");
        }
        for group in count.saturating_sub(2).max(1)..=count {
            assert_eq!(
                set_priority(group, 7),
                Status::SUCCESS,
                "{group} of {count}"
            );
            let of = bytes(&[group, 0]);
            let read = Property::get(KSPROPSETID_SYNTH, priority, 4).with_instance(&of);
            assert_eq!(ask(&midi, read).as_u32(), Some(7));
        }
        pool.fail_none();
        assert_ne!(set_priority(count + 1, 7), Status::SUCCESS);
        used = count;
    }
    // What was set long ago is still there.
    let of = bytes(&[40_000, 0]);
    let read = Property::get(KSPROPSETID_SYNTH, priority, 4).with_instance(&of);
    assert_eq!(ask(&midi, read).as_u32(), Some(40_000));
}

/// The state of groups counts for the device's total: what does not fit is refused or lost, and what
/// goes makes room again.
fn memory_for_groups_comes_out_of_the_budget(binary: &Binary) {
    let hardware = Hardware::synth().with_dword("DownloadQuotaMiB", 1);
    let synth = Synth::boot_with(binary, &hardware);
    let (midi, wave) = synth.open_pair();
    synth.download_bank(&midi, &square_bank());
    open_groups(&midi, 10_000);
    let pool = synth.session.machine().pool();
    let before = pool.counters().bytes;
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    for group in 1..=10_000 {
        midi.send(0, group, QUIET);
        if group % 100 == 0 {
            peak(&mut sink, 882);
        }
    }
    peak(&mut sink, 44_100);
    let used = pool.counters().bytes - before;
    println!("10,000 groups used, of 1 MiB: {used} bytes");
    assert!((500 << 10..=1 << 20).contains(&used), "{used}");
    let priority = Property::set(
        KSPROPSETID_SYNTH,
        synth_property::VOICE_PRIORITY,
        &bytes(&[7]),
    );
    let set_of =
        |group: u32| ask(&midi, priority.clone().with_instance(&bytes(&[group, 0]))).status;
    assert_eq!(set_of(10_000), Status::INSUFFICIENT_RESOURCES);
    assert_eq!(set_of(2), Status::SUCCESS);
    // Fewer groups leave room for others.
    open_groups(&midi, 1);
    open_groups(&midi, 10_000);
    assert_eq!(set_of(10_000), Status::SUCCESS);
}
