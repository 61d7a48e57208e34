//! A client's declarations against the driver's, which were written apart.

use dmusmini::portcls::{abi, guids as driver, synth_abi};
use dmusmini_ks::{format, guids as client, property, synth, zerocopy::IntoBytes as _};

macro_rules! same {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), client::$name.to_string(), driver::$name.to_string())),*]
    };
}

#[test]
fn guids() {
    let all = same![
        KSDATAFORMAT_TYPE_MUSIC,
        KSDATAFORMAT_SUBTYPE_MIDI,
        KSDATAFORMAT_SUBTYPE_MIDI_BUS,
        KSDATAFORMAT_SUBTYPE_DIRECTMUSIC,
        KSDATAFORMAT_TYPE_AUDIO,
        KSDATAFORMAT_SUBTYPE_PCM,
        KSDATAFORMAT_SPECIFIER_NONE,
        KSDATAFORMAT_SPECIFIER_WAVEFORMATEX,
        KSINTERFACESETID_STANDARD,
        KSMEDIUMSETID_STANDARD,
        KSMUSIC_TECHNOLOGY_PORT,
        KSMUSIC_TECHNOLOGY_WAVETABLE,
        KSMUSIC_TECHNOLOGY_SWSYNTH,
        KSCATEGORY_AUDIO,
        KSCATEGORY_RENDER,
        KSCATEGORY_CAPTURE,
        KSCATEGORY_DATATRANSFORM,
        KSCATEGORY_SYNTHESIZER,
        KSCATEGORY_WDMAUD_USE_PIN_NAME,
        KSNODETYPE_SYNTHESIZER,
        KSNODETYPE_DMSYNTH,
        KSAUDFNAME_DMUSIC_MPU_OUT,
        KSAUDFNAME_DMUSIC_MPU_IN,
        KSAUDFNAME_MIDI,
        KSPROPSETID_PIN,
        KSPROPSETID_SYNTH,
        KSPROPSETID_SYNTH_DLS,
        KSPROPSETID_SYNTH_CLOCK,
        CLSID_MINIPORT_DRIVER_DMUS_UART,
        CLSID_MINIPORT_DRIVER_DMUS_UART_CAPTURE,
        GUID_DMUS_PROP_GM_HARDWARE,
        GUID_DMUS_PROP_GS_HARDWARE,
        GUID_DMUS_PROP_XG_HARDWARE,
        GUID_DMUS_PROP_DLS1,
        GUID_DMUS_PROP_SAMPLE_MEMORY_SIZE,
        GUID_DMUS_PROP_XG_CAPABLE,
        GUID_DMUS_PROP_GS_CAPABLE,
        GUID_DMUS_PROP_DLS2,
        GUID_DMUS_PROP_WAVES_REVERB,
        GUID_DMUS_PROP_EFFECTS,
        GUID_DMUS_PROP_INSTRUMENT2,
        DMUSMINI_SYNTH,
        DMUSMINI_PIN_MIDI,
        DMUSMINI_PIN_DIRECTMUSIC,
        DMUSMINI_PIN_WAVE,
        DMUSMINI_PROPSETID_SYNTH,
        KSPROPTYPESETID_GENERAL,
    ];
    for (name, client, driver) in all {
        assert_eq!(client, driver, "{name}");
    }
}

#[test]
fn sizes() {
    macro_rules! sizes {
        ($($client:ty = $driver:ty),* $(,)?) => {
            [$((stringify!($client), size_of::<$client>(), size_of::<$driver>())),*]
        };
    }
    let all = sizes![
        property::Property = abi::KsIdentifier,
        property::Connection = abi::ConnectionDescriptor,
        format::DataFormat = abi::KsDataRange,
        format::MusicRange = abi::KsDataRangeMusic,
        format::AudioRange = abi::KsDataRangeAudio,
        format::WaveFormatEx = abi::WaveFormatEx,
        format::WaveDataFormat = abi::KsDataFormatWaveFormatEx,
        synth::SynthCaps = synth_abi::SynthCaps,
        synth::PortParams = synth_abi::PortParams,
        synth::SynthStats = synth_abi::SynthStats,
        synth::SynthBuffer = synth_abi::SynthBuffer,
        synth::SynthDownload = synth_abi::SynthDownload,
        synth::VoicePriorityInstance = synth_abi::VoicePriorityInstance,
        synth::SilentEntry = synth_abi::SilentEntry,
        synth::SilentTable = synth_abi::SilentTable,
        property::Description = abi::PropertyDescription,
    ];
    for (name, client, driver) in all {
        assert_eq!(client, driver, "{name}");
    }
}

#[test]
fn numbers() {
    use dmusmini_ks::synth::{caps, dls_item, lookup, own_item, port_params, synth_item};
    use synth_abi::{
        caps_flags, dls_property, own_property, port_params as params, synth_property,
    };
    assert_eq!(synth_item::VOLUME, synth_property::VOLUME);
    assert_eq!(synth_item::VOLUME_BOOST, synth_property::VOLUME_BOOST);
    assert_eq!(synth_item::CAPS, synth_property::CAPS);
    assert_eq!(synth_item::PORT_PARAMETERS, synth_property::PORT_PARAMETERS);
    assert_eq!(synth_item::CHANNEL_GROUPS, synth_property::CHANNEL_GROUPS);
    assert_eq!(synth_item::VOICE_PRIORITY, synth_property::VOICE_PRIORITY);
    assert_eq!(synth_item::LATENCY_CLOCK, synth_property::LATENCY_CLOCK);
    assert_eq!(synth_item::RUNNING_STATS, synth_property::RUNNING_STATS);
    assert_eq!(dls_item::DOWNLOAD, dls_property::DOWNLOAD);
    assert_eq!(dls_item::UNLOAD, dls_property::UNLOAD);
    assert_eq!(dls_item::COMPACT, dls_property::COMPACT);
    assert_eq!(dls_item::APPEND, dls_property::APPEND);
    assert_eq!(dls_item::WAVE_FORMAT, dls_property::WAVE_FORMAT);
    assert_eq!(own_item::SILENT_NOTES, own_property::SILENT_NOTES);
    assert_eq!(own_item::LOOKUP, own_property::LOOKUP);
    assert_eq!(lookup::EXACT, synth_abi::lookup::EXACT);
    assert_eq!(lookup::FALLBACKS, synth_abi::lookup::FALLBACKS);
    assert_eq!(caps::DLS, caps_flags::DLS);
    assert_eq!(caps::DLS2, caps_flags::DLS2);
    assert_eq!(caps::EXTERNAL, caps_flags::EXTERNAL);
    assert_eq!(caps::SOFTWARE_SYNTH, caps_flags::SOFTWARE_SYNTH);
    assert_eq!(caps::XG_IN_HARDWARE, caps_flags::XG_IN_HARDWARE);
    assert_eq!(caps::REVERB, caps_flags::REVERB);
    assert_eq!(port_params::SAMPLE_RATE, params::SAMPLE_RATE);
    assert_eq!(port_params::CHANNEL_GROUPS, params::CHANNEL_GROUPS);
    assert_eq!(port_params::AUDIO_CHANNELS, params::AUDIO_CHANNELS);
    assert_eq!(port_params::VOICES, params::VOICES);
    assert_eq!(synth::SYSTEM_MEMORY, synth_abi::SYSTEM_MEMORY);
}

/// What opens a wave pin is what the driver's own parser takes for that format.
#[test]
fn the_driver_reads_a_clients_wave_format() {
    use dmusmini::portcls::format::{WaveFormat, WaveRange};
    let client = format::WaveDataFormat::pcm16(22_050, 2);
    let range = WaveRange {
        min_rate: 8_000,
        max_rate: 48_000,
        max_channels: 2,
    };
    // SAFETY: the bytes are as many as their first field says.
    let read = unsafe { WaveFormat::read(client.as_bytes().as_ptr().cast(), range) };
    let expected = WaveFormat {
        sample_rate: 22_050,
        channels: 2,
    };
    assert_eq!(read, Ok(expected));
}
