//! References, failures at every allocation, pins closed in any order, devices that go
//! (contract sections 2, 3 and 7.5).

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};
use dmusmini_simulator::session::{
    Binary, Device, Format, Hardware, Pin, Session, WaveClient, WaveFormat, WaveOptions,
};

use crate::rig::{CD, DIRECT_MUSIC, MIDI, Synth, WAVE, format_of};

crate::scenarios!(
    a_stream_is_gone_when_its_pin_is,
    new_stream_fails_cleanly_at_every_allocation,
    start_device_fails_cleanly_at_every_allocation,
    instances_are_limited,
    formats_that_a_pin_does_not_take,
    pins_close_in_any_order_while_data_flows,
    a_filter_is_removed_with_streams_open,
    a_device_is_pulled_out_while_it_plays,
    a_device_stops_and_starts_again,
    a_device_is_not_rebalanced,
    a_port_of_either_habit_is_gone_with_its_device,
    a_port_that_no_registration_keeps_is_kept,
    a_subdevice_that_is_refused_leaves_nothing,
    a_thousand_devices_leave_nothing,
    a_thousand_streams_leave_nothing,
    states_in_any_order,
    waiting_events_go_back,
    bare_calls_do_nothing,
);

fn outstanding(synth: &Synth) -> Vec<(u32, usize, usize)> {
    let pool = synth.session.machine().pool();
    pool.outstanding()
        .iter()
        .map(|(tag, blocks, bytes)| (tag.0, *blocks, *bytes))
        .collect()
}

fn a_stream_is_gone_when_its_pin_is(binary: &Binary) {
    let synth = Synth::boot(binary);
    let references = synth.filter.miniport_references();
    let before = outstanding(&synth);
    for pin in [MIDI, DIRECT_MUSIC, WAVE] {
        assert_eq!(synth.open(pin).close(), 0, "pin {pin}");
        assert_eq!(synth.filter.miniport_references(), references);
        assert_eq!(outstanding(&synth), before);
    }
}

fn new_stream_fails_cleanly_at_every_allocation(binary: &Binary) {
    let synth = Synth::boot(binary);
    let pool = synth.session.machine().pool();
    let references = synth.filter.miniport_references();
    // A wave pin that joins a synthesizer of another format has the most to do.
    let mono = Format::Wave(WaveFormat::pcm16(22_050, 1));
    let cases = [
        (None, MIDI, Format::Midi),
        (None, DIRECT_MUSIC, Format::DirectMusic),
        (None, WAVE, format_of(WAVE)),
        (Some(DIRECT_MUSIC), WAVE, mono),
        (Some(WAVE), DIRECT_MUSIC, Format::DirectMusic),
    ];
    for (other, pin, format) in cases {
        let other = other.map(|other| synth.open(other));
        let with_other = synth.filter.miniport_references();
        let before = outstanding(&synth);
        let mut failures = 0;
        loop {
            pool.fail_nth(failures);
            let result = synth.filter.open(pin, &format);
            if pool.fail_none() {
                assert_eq!(result.unwrap().close(), 0);
                break;
            }
            assert_eq!(result.map(|_| ()), Err(Status::INSUFFICIENT_RESOURCES));
            assert_eq!(
                synth.filter.miniport_references(),
                with_other,
                "allocation {failures}"
            );
            assert_eq!(outstanding(&synth), before, "allocation {failures}");
            failures += 1;
        }
        println!("pin {pin}, {}: {failures} allocations", other.is_some());
        assert!(failures > 0);
    }
    assert_eq!(synth.filter.miniport_references(), references);
}

fn start_device_fails_cleanly_at_every_allocation(binary: &Binary) {
    let session = Session::boot(binary).unwrap();
    let pool = session.machine().pool();
    let before = pool.outstanding();
    let mut failures = 0;
    loop {
        pool.fail_nth(failures);
        let result = session.install(&Hardware::synth());
        if pool.fail_none() {
            result.unwrap().remove();
            break;
        }
        assert!(result.is_err(), "allocation {failures}");
        assert_eq!(pool.outstanding(), before, "allocation {failures}");
        failures += 1;
    }
    println!("StartDevice: {failures} allocations");
    assert_eq!(pool.outstanding(), before);
}

fn instances_are_limited(binary: &Binary) {
    let synth = Synth::boot(binary);
    for pin in [MIDI, DIRECT_MUSIC, WAVE] {
        let open: Vec<Pin> = (0..4).map(|_| synth.open(pin)).collect();
        assert!(
            synth.try_open(pin).is_err(),
            "a fifth instance of pin {pin}"
        );
        drop(open);
        drop(synth.open(pin));
    }
}

fn formats_that_a_pin_does_not_take(binary: &Binary) {
    let synth = Synth::boot(binary);
    let good = Format::Wave(CD).bytes();
    let with = |place: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[place..place + value.len()].copy_from_slice(value);
        Format::Raw(bytes)
    };
    let bad = [
        Format::Absent,
        // A size that promises less than a wave format has.
        with(0, &64_u32.to_le_bytes()),
        with(0, &81_u32.to_le_bytes()),
        // Another type, subtype, specifier.
        with(16, &[0]),
        with(32, &[3]),
        with(48, &[0]),
        // Not PCM; no channel; three; too slow; too fast; 8 bits.
        with(64, &3_u16.to_le_bytes()),
        with(66, &0_u16.to_le_bytes()),
        with(66, &3_u16.to_le_bytes()),
        with(68, &7_999_u32.to_le_bytes()),
        with(68, &48_001_u32.to_le_bytes()),
        with(78, &8_u16.to_le_bytes()),
    ];
    for format in &bad {
        let status = synth.filter.open(WAVE, format).map(|_| ()).unwrap_err();
        assert_eq!(status, Status::INVALID_PARAMETER, "{format:?}");
    }
    for (rate, channels) in [(8_000, 1), (11_025, 2), (48_000, 2)] {
        drop(
            synth
                .filter
                .open(WAVE, &Format::Wave(WaveFormat::pcm16(rate, channels)))
                .unwrap(),
        );
    }
}

fn pins_close_in_any_order_while_data_flows(binary: &Binary) {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for order in orders {
        let synth = Synth::boot(binary);
        let mut pins: Vec<Option<Pin>> = [MIDI, DIRECT_MUSIC, WAVE]
            .iter()
            .map(|&pin| Some(synth.open(pin)))
            .collect();
        let wave = pins[2].as_ref().unwrap();
        let mut sink = Some(wave.start_wave(WaveOptions::default()).unwrap());
        for pin in pins.iter().flatten().take(2) {
            pin.run().unwrap();
        }
        let mut sound = Vec::new();
        for step in 0..60 {
            for pin in pins.iter().flatten().take(2) {
                let now = synth.session.master_time();
                if pin.factory() != WAVE {
                    pin.send(now + step * 1000, 1, &[0x90, 60, 100]);
                    pin.send(now + 50_000_000, 0, &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]);
                    pin.send(0, 1, &[0xB0, 7, 90]);
                }
            }
            if step % 20 == 10 {
                let which = order[usize::try_from(step / 20).unwrap()];
                if which == 2 {
                    sink.take();
                }
                assert_eq!(pins[which].take().unwrap().close(), 0, "{order:?}");
            }
            match &mut sink {
                Some(sink) => sink.pull(441, &mut sound),
                None => synth.session.machine().advance(100_000),
            }
        }
    }
}

fn a_filter_is_removed_with_streams_open(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(
        synth.session.master_time() + 90_000_000,
        1,
        &[0x90, 60, 100],
    );
    sink.pull(4410, &mut Vec::new());
    // The sink lets go; the pins stay open, running, with an event waiting.
    drop(sink);
    synth.device.remove();
    // The client's handles outlive the device.
    drop(wave);
    drop(midi);
}

fn a_device_is_pulled_out_while_it_plays(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    sink.pull(4410, &mut Vec::new());
    synth.device.surprise_remove();
    midi.send(synth.session.master_time(), 1, &[0x90, 60, 100]);
    sink.pull(4410, &mut Vec::new());
    drop(sink);
    drop((wave, midi));
    synth.device.remove();
}

fn a_device_stops_and_starts_again(binary: &Binary) {
    let synth = Synth::boot(binary);
    for _ in 0..3 {
        let filter = synth.device.filter("DMusic").unwrap();
        drop(filter.open(DIRECT_MUSIC, &Format::DirectMusic).unwrap());
        drop(filter);
        // A stop is as a removal: the adapter lets go of everything (the simulated PortCls looks),
        // and power management is registered again by the next start.
        assert!(synth.device.stop().is_success());
        assert!(synth.device.subdevices().is_empty());
        assert_eq!(synth.session.portcls_objects("IPortDMus"), 0);
        assert_eq!(
            synth.device.query_capabilities(&[0; 64]),
            Err(Status::NOT_FOUND),
            "there is no power management"
        );
        assert!(synth.device.start().is_success());
        assert!(synth.device.query_capabilities(&[0; 64]).is_ok());
        assert!(synth.device.set_power(PowerState::D3).is_success());
        assert!(synth.device.set_power(PowerState::D0).is_success());
    }
    let filter = synth.device.filter("DMusic").unwrap();
    drop(filter.open(DIRECT_MUSIC, &Format::DirectMusic).unwrap());
}

/// PortCls refuses to stop a DMus device for a rebalance (contract section 15).
fn a_device_is_not_rebalanced(binary: &Binary) {
    const QUERY_STOP_DEVICE: u8 = 0x05;
    let synth = Synth::boot(binary);
    assert!(!synth.device.pnp(QUERY_STOP_DEVICE).is_success());
    drop(synth.open(DIRECT_MUSIC));
}

/// Installs a device, plays with it, and ends it: nothing is left.
fn come_and_go(session: &Session, ending: impl Fn(&Device) -> Status) {
    let pool = session.machine().pool();
    let before = pool.outstanding();
    let device = session.install(&Hardware::synth()).unwrap();
    let filter = device.filter("DMusic").unwrap();
    assert_eq!(session.portcls_objects("IPortDMus"), 1);
    let midi = filter.open(DIRECT_MUSIC, &Format::DirectMusic).unwrap();
    let wave = filter.open(WAVE, &format_of(WAVE)).unwrap();
    midi.run().unwrap();
    let mut sink = wave.start_wave(WaveOptions::default()).unwrap();
    midi.send(session.master_time(), 1, &[0x90, 60, 100]);
    sink.pull(4410, &mut Vec::new());
    drop(sink);
    drop((midi, wave, filter));
    assert!(ending(&device).is_success());
    assert_eq!(session.portcls_objects("IPortDMus"), 0, "the port lives on");
    assert_eq!(pool.outstanding(), before);
    device.remove();
}

fn a_port_of_either_habit_is_gone_with_its_device(binary: &Binary) {
    for keeps_miniport in [false, true] {
        let session = Session::boot(binary).unwrap();
        session.settings().keeps_miniport.set(keeps_miniport);
        come_and_go(&session, Device::remove);
        come_and_go(&session, Device::stop);
        come_and_go(&session, |device| {
            assert!(device.surprise_remove().is_success());
            device.remove()
        });
    }
}

/// `PcRegisterSubdevice` need not take a reference: the adapter's own keeps the port.
fn a_port_that_no_registration_keeps_is_kept(binary: &Binary) {
    for keeps_miniport in [false, true] {
        let session = Session::boot(binary).unwrap();
        session.settings().keeps_miniport.set(keeps_miniport);
        session.settings().registers_weakly.set(true);
        come_and_go(&session, Device::remove);
        come_and_go(&session, Device::stop);
    }
}

fn a_subdevice_that_is_refused_leaves_nothing(binary: &Binary) {
    for keeps_miniport in [false, true] {
        let session = Session::boot(binary).unwrap();
        session.settings().keeps_miniport.set(keeps_miniport);
        let before = session.machine().pool().outstanding();
        session.settings().refuses_subdevices.set(true);
        let device = session.add(&Hardware::synth()).unwrap();
        assert!(!device.start().is_success());
        assert_eq!(session.portcls_objects("IPortDMus"), 0);
        // The same device may be tried again.
        session.settings().refuses_subdevices.set(false);
        assert!(device.start().is_success());
        device.remove();
        assert_eq!(session.portcls_objects("IPortDMus"), 0);
        assert_eq!(session.machine().pool().outstanding(), before);
    }
}

fn a_thousand_devices_leave_nothing(binary: &Binary) {
    let session = Session::boot(binary).unwrap();
    let cycle = || {
        let device = session.install(&Hardware::synth()).unwrap();
        let filter = device.filter("DMusic").unwrap();
        drop(filter.open(MIDI, &Format::Midi).unwrap());
        drop(filter);
        device.remove();
    };
    cycle();
    let before = session.machine().pool().outstanding();
    for round in 0..1000 {
        cycle();
        assert_eq!(
            session.machine().pool().outstanding(),
            before,
            "round {round}"
        );
    }
}

fn a_thousand_streams_leave_nothing(binary: &Binary) {
    // A small queue: what is measured is growth, not the zeroing of megabytes.
    let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("EventQueue", 1024));
    let before = outstanding(&synth);
    for round in 0..1000 {
        let (midi, wave) = synth.open_pair();
        if round % 2 == 0 {
            drop(midi);
            drop(wave);
        } else {
            drop(wave);
            drop(midi);
        }
        assert_eq!(outstanding(&synth), before, "round {round}");
    }
}

fn states_in_any_order(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    let states = [
        KsState::STOP,
        KsState::ACQUIRE,
        KsState::PAUSE,
        KsState::RUN,
    ];
    for pin in [&midi, &wave] {
        for from in states {
            for to in states {
                assert_eq!(pin.jump(from), Status::SUCCESS, "{from:?}");
                assert_eq!(pin.jump(to), Status::SUCCESS, "{from:?} to {to:?}");
                assert_eq!(pin.jump(to), Status::SUCCESS, "{to:?} again");
                midi.send(synth.session.master_time() + 10, 1, &[0x90, 1, 1]);
            }
        }
        for bad in [-1, 4, i32::MIN, i32::MAX] {
            assert_eq!(pin.jump(KsState(bad)), Status::INVALID_PARAMETER);
        }
        assert_eq!(pin.jump(KsState::STOP), Status::SUCCESS);
    }
    drop(wave);
    // Without its wave pin a DirectMusic pin does not know its rate; a legacy pin may run deaf.
    assert_eq!(midi.jump(KsState::RUN), Status::UNSUCCESSFUL);
    let legacy = synth.open(MIDI);
    assert_eq!(legacy.jump(KsState::RUN), Status::SUCCESS);
}

fn waiting_events_go_back(binary: &Binary) {
    let synth = Synth::boot_with(binary, &Hardware::synth().with_dword("EventQueue", 1024));
    let (midi, _wave) = synth.open_pair();
    let far = synth.session.master_time() + 1_000_000_000;
    // In STOP nothing is kept.
    let _ = midi.jump(KsState::STOP);
    midi.send(far, 1, &[0x90, 60, 100]);
    assert_eq!(midi.events_with_driver(), (0, 0));
    midi.set_state(KsState::RUN).unwrap();
    let long: Vec<u8> = [vec![0xF0], vec![1; 5000], vec![0xF7]].concat();
    midi.send(far, 1, &long);
    midi.send_package(far, 1, &[&[0x90, 60, 1], &[0x80, 60, 0]]);
    let (events, buffers) = midi.events_with_driver();
    println!("{events} events and {buffers} buffers wait");
    assert_eq!(
        (events, buffers),
        (8, 0),
        "attached buffers count with their events"
    );
    // The queue is bounded: what does not fit goes back, too.
    for _ in 0..3000 {
        midi.send(far, 1, &[0x90, 60, 100]);
    }
    assert_eq!(midi.events_with_driver().0, 1024);
    midi.stop().unwrap();
    assert_eq!(midi.events_with_driver(), (0, 0));
}

fn bare_calls_do_nothing(binary: &Binary) {
    let synth = Synth::boot(binary);
    let (midi, wave) = synth.open_pair();
    for pin in [&midi, &wave] {
        assert_eq!(pin.put_null(), Status::SUCCESS);
    }
    let mut sink: WaveClient = wave.start_wave(WaveOptions::default()).unwrap();
    assert!(sink.render(0).is_empty());
    // Not running: silence, all of it written.
    let _ = wave.jump(KsState::PAUSE);
    assert!(sink.render(100_000).iter().all(|&sample| sample == 0));
}
