//! Our structures, field by field, with the names of the headers.

/// A structure of ours.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Its path.
    pub(crate) ours: String,
    /// The header's name.
    pub(crate) theirs: &'static str,
    /// Bytes.
    pub(crate) size: usize,
    /// Alignment.
    pub(crate) align: usize,
    /// Its fields.
    pub(crate) fields: Vec<Field>,
}

/// A field of ours.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) ours: &'static str,
    /// The header's name; `A+B.C` is field C of the structure B that field A is.
    pub(crate) theirs: &'static str,
    /// Where it is.
    pub(crate) offset: usize,
    /// Bytes.
    pub(crate) size: usize,
}

macro_rules! layouts {
    ($($type:path = $theirs:literal { $($field:ident = $name:literal),* $(,)? })*) => {
        vec![$(
            Layout {
                ours: stringify!($type).replace(' ', ""),
                theirs: $theirs,
                size: size_of::<$type>(),
                align: align_of::<$type>(),
                fields: vec![$(Field {
                    ours: stringify!($field),
                    theirs: $name,
                    offset: core::mem::offset_of!($type, $field),
                    size: size(|it: $type| it.$field),
                }),*],
            }
        ),*]
    };
}

fn size<T, F>(_: fn(T) -> F) -> usize {
    size_of::<F>()
}

/// All of them. A test sees to it that none is left out.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn all() -> Vec<Layout> {
    layouts! {
        dmusmini::com::guid::Guid = "GUID" {
            data1 = "Data1", data2 = "Data2", data3 = "Data3", data4 = "Data4",
        }
        dmusmini::portcls::abi::FilterDescriptor = "PCFILTER_DESCRIPTOR" {
            version = "Version", automation_table = "AutomationTable", pin_size = "PinSize", pin_count = "PinCount",
            pins = "Pins", node_size = "NodeSize", node_count = "NodeCount", nodes = "Nodes",
            connection_count = "ConnectionCount", connections = "Connections", category_count = "CategoryCount",
            categories = "Categories",
        }
        dmusmini::portcls::abi::PinDescriptor = "PCPIN_DESCRIPTOR" {
            max_global_instances = "MaxGlobalInstanceCount", max_filter_instances = "MaxFilterInstanceCount",
            min_filter_instances = "MinFilterInstanceCount", automation_table = "AutomationTable", ks = "KsPinDescriptor",
        }
        dmusmini::portcls::abi::KsPinDescriptor = "KSPIN_DESCRIPTOR" {
            interfaces_count = "InterfacesCount", interfaces = "Interfaces", mediums_count = "MediumsCount",
            mediums = "Mediums", data_ranges_count = "DataRangesCount", data_ranges = "DataRanges", data_flow = "DataFlow",
            communication = "Communication", category = "Category", name = "Name",
            constrained_data_ranges_count = "ConstrainedDataRangesCount", constrained_data_ranges = "ConstrainedDataRanges",
        }
        dmusmini::portcls::abi::NodeDescriptor = "PCNODE_DESCRIPTOR" {
            flags = "Flags", automation_table = "AutomationTable", kind = "Type", name = "Name",
        }
        dmusmini::portcls::abi::ConnectionDescriptor = "PCCONNECTION_DESCRIPTOR" {
            from_node = "FromNode", from_pin = "FromNodePin", to_node = "ToNode", to_pin = "ToNodePin",
        }
        dmusmini::portcls::abi::AutomationTable = "PCAUTOMATION_TABLE" {
            property_item_size = "PropertyItemSize", property_count = "PropertyCount", properties = "Properties",
            method_item_size = "MethodItemSize", method_count = "MethodCount", methods = "Methods",
            event_item_size = "EventItemSize", event_count = "EventCount", events = "Events", reserved = "Reserved",
        }
        dmusmini::portcls::abi::PropertyItem = "PCPROPERTY_ITEM" {
            set = "Set", id = "Id", flags = "Flags", handler = "Handler",
        }
        dmusmini::portcls::abi::PropertyRequest = "PCPROPERTY_REQUEST" {
            major_target = "MajorTarget", minor_target = "MinorTarget", node = "Node", property_item = "PropertyItem",
            verb = "Verb", instance_size = "InstanceSize", instance = "Instance", value_size = "ValueSize", value = "Value",
            irp = "Irp",
        }
        dmusmini::portcls::abi::PropertyDescription = "KSPROPERTY_DESCRIPTION" {
            access_flags = "AccessFlags", description_size = "DescriptionSize",
            type_set = "PropTypeSet+KSIDENTIFIER.Anonymous.Anonymous.Set",
            type_id = "PropTypeSet+KSIDENTIFIER.Anonymous.Anonymous.Id",
            type_flags = "PropTypeSet+KSIDENTIFIER.Anonymous.Anonymous.Flags",
            members_list_count = "MembersListCount", reserved = "Reserved",
        }
        dmusmini::portcls::abi::KsIdentifier = "KSIDENTIFIER" {
            set = "Anonymous.Anonymous.Set", id = "Anonymous.Anonymous.Id", flags = "Anonymous.Anonymous.Flags",
        }
        dmusmini::portcls::abi::KsDataRange = "KSDATAFORMAT" {
            format_size = "Anonymous.FormatSize", flags = "Anonymous.Flags", sample_size = "Anonymous.SampleSize",
            reserved = "Anonymous.Reserved", major_format = "Anonymous.MajorFormat", sub_format = "Anonymous.SubFormat",
            specifier = "Anonymous.Specifier",
        }
        dmusmini::portcls::abi::KsDataRangeMusic = "KSDATARANGE_MUSIC" {
            data_range = "DataRange", technology = "Technology", channels = "Channels", notes = "Notes",
            channel_mask = "ChannelMask",
        }
        dmusmini::portcls::abi::KsDataRangeAudio = "KSDATARANGE_AUDIO" {
            data_range = "DataRange", maximum_channels = "MaximumChannels", minimum_bits = "MinimumBitsPerSample",
            maximum_bits = "MaximumBitsPerSample", minimum_frequency = "MinimumSampleFrequency",
            maximum_frequency = "MaximumSampleFrequency",
        }
        dmusmini::portcls::abi::WaveFormatEx = "WAVEFORMATEX" {
            format_tag = "wFormatTag", channels = "nChannels", samples_per_sec = "nSamplesPerSec",
            avg_bytes_per_sec = "nAvgBytesPerSec", block_align = "nBlockAlign", bits_per_sample = "wBitsPerSample",
            size = "cbSize",
        }
        dmusmini::portcls::abi::KsDataFormatWaveFormatEx = "KSDATAFORMAT_WAVEFORMATEX" {
            format_size = "DataFormat+KSDATAFORMAT.Anonymous.FormatSize", flags = "DataFormat+KSDATAFORMAT.Anonymous.Flags",
            sample_size = "DataFormat+KSDATAFORMAT.Anonymous.SampleSize",
            reserved = "DataFormat+KSDATAFORMAT.Anonymous.Reserved",
            major_format = "DataFormat+KSDATAFORMAT.Anonymous.MajorFormat",
            sub_format = "DataFormat+KSDATAFORMAT.Anonymous.SubFormat",
            specifier = "DataFormat+KSDATAFORMAT.Anonymous.Specifier", wave_format = "WaveFormatEx",
        }
        dmusmini::portcls::abi::DmusKernelEvent = "DMUS_KERNEL_EVENT" {
            reserved = "bReserved", size = "cbStruct", byte_count = "cbEvent", channel_group = "usChannelGroup",
            flags = "usFlags", presentation_time = "ullPresTime100ns", byte_position = "ullBytePosition", next = "pNextEvt",
            data = "uData",
        }
        dmusmini::portcls::abi::PartialResourceDescriptor = "CM_PARTIAL_RESOURCE_DESCRIPTOR" {
            kind = "Type", share = "ShareDisposition", flags = "Flags", data = "u",
        }
        dmusmini::portcls::synth_abi::SynthCaps = "SYNTHCAPS" {
            guid = "Guid", flags = "Flags", memory_size = "MemorySize", max_channel_groups = "MaxChannelGroups",
            max_voices = "MaxVoices", max_audio_channels = "MaxAudioChannels", effect_flags = "EffectFlags",
            description = "Description",
        }
        dmusmini::portcls::synth_abi::PortParams = "SYNTH_PORTPARAMS" {
            valid = "ValidParams", voices = "Voices", channel_groups = "ChannelGroups", audio_channels = "AudioChannels",
            sample_rate = "SampleRate", effects_flags = "EffectsFlags", share = "Share",
        }
        dmusmini::portcls::synth_abi::SynthStats = "SYNTH_STATS" {
            valid = "ValidStats", voices = "Voices", total_cpu = "TotalCPU", cpu_per_voice = "CPUPerVoice",
            lost_notes = "LostNotes", free_memory = "FreeMemory", peak_volume = "PeakVolume",
        }
        dmusmini::portcls::synth_abi::SynthBuffer = "SYNTH_BUFFER" { size = "BufferSize", address = "BufferAddress" }
        dmusmini::portcls::synth_abi::SynthBuffer32 = "SYNTH_BUFFER_of_32_bits" {
            size = "BufferSize", address = "BufferAddress",
        }
        dmusmini::portcls::synth_abi::SynthDownload = "SYNTHDOWNLOAD" { handle = "DownloadHandle", free = "Free" }
        dmusmini::portcls::synth_abi::SynthDownload32 = "SYNTHDOWNLOAD_of_32_bits" {
            handle = "DownloadHandle", free = "Free",
        }
        dmusmini::portcls::synth_abi::VoicePriorityInstance = "SYNTHVOICEPRIORITY_INSTANCE" {
            channel_group = "ChannelGroup", channel = "Channel",
        }
        dmusmini::portcls::synth_abi::ReverbParams = "DMUS_WAVES_REVERB_PARAMS" {
            in_gain = "fInGain", mix = "fReverbMix", time = "fReverbTime", high_ratio = "fHighFreqRTRatio",
        }
        dmusmini::kernel::nt::DeviceObject = "DEVICE_OBJECT" { extension = "DeviceExtension" }
        dmusmini::kernel::nt::DriverObject = "DRIVER_OBJECT" { unload = "DriverUnload", major_function = "MajorFunction" }
        dmusmini::kernel::nt::Irp = "IRP" {
            requestor_mode = "RequestorMode",
            stack_location = "Tail.Overlay.Anonymous2.Anonymous.CurrentStackLocation",
        }
        dmusmini::kernel::nt::IoStackLocation = "IO_STACK_LOCATION" {
            major_function = "MajorFunction", minor_function = "MinorFunction",
        }
        dmusmini::kernel::nt::UnicodeString = "UNICODE_STRING" {
            length = "Length", maximum_length = "MaximumLength", buffer = "Buffer",
        }
        dmusmini::kernel::nt::KDpc = "KDPC" {}

        dmusmini_ks::guid::Guid = "GUID" {}
        dmusmini_ks::format::DataFormat = "KSDATAFORMAT" {
            format_size = "Anonymous.FormatSize", flags = "Anonymous.Flags", sample_size = "Anonymous.SampleSize",
            reserved = "Anonymous.Reserved", major_format = "Anonymous.MajorFormat", sub_format = "Anonymous.SubFormat",
            specifier = "Anonymous.Specifier",
        }
        dmusmini_ks::format::PackedDataFormat = "KSDATAFORMAT" {
            format_size = "Anonymous.FormatSize", flags = "Anonymous.Flags", sample_size = "Anonymous.SampleSize",
            reserved = "Anonymous.Reserved", major_format = "Anonymous.MajorFormat", sub_format = "Anonymous.SubFormat",
            specifier = "Anonymous.Specifier",
        }
        dmusmini_ks::format::MusicRange = "KSDATARANGE_MUSIC" {
            range = "DataRange", technology = "Technology", channels = "Channels", notes = "Notes",
            channel_mask = "ChannelMask",
        }
        dmusmini_ks::format::AudioRange = "KSDATARANGE_AUDIO" {
            range = "DataRange", maximum_channels = "MaximumChannels", minimum_bits = "MinimumBitsPerSample",
            maximum_bits = "MaximumBitsPerSample", minimum_frequency = "MinimumSampleFrequency",
            maximum_frequency = "MaximumSampleFrequency",
        }
        dmusmini_ks::format::WaveFormatEx = "WAVEFORMATEX" {
            format_tag = "wFormatTag", channels = "nChannels", samples_per_sec = "nSamplesPerSec",
            avg_bytes_per_sec = "nAvgBytesPerSec", block_align = "nBlockAlign", bits_per_sample = "wBitsPerSample",
            size = "cbSize",
        }
        dmusmini_ks::format::WaveDataFormat = "KSDATAFORMAT_WAVEFORMATEX" { format = "DataFormat", wave = "WaveFormatEx" }
        dmusmini_ks::property::Property = "KSIDENTIFIER" {
            set = "Anonymous.Anonymous.Set", id = "Anonymous.Anonymous.Id", flags = "Anonymous.Anonymous.Flags",
        }
        dmusmini_ks::property::Description = "KSPROPERTY_DESCRIPTION" {
            access = "AccessFlags", size = "DescriptionSize", value = "PropTypeSet", members = "MembersListCount",
            reserved = "Reserved",
        }
        dmusmini_ks::property::PinProperty = "KSP_PIN" {
            property = "Property", pin = "PinId", reserved = "Anonymous.Reserved",
        }
        dmusmini_ks::property::NodeProperty = "KSP_NODE" { property = "Property", node = "NodeId", reserved = "Reserved" }
        dmusmini_ks::property::MultipleItem = "KSMULTIPLE_ITEM" { size = "Size", count = "Count" }
        dmusmini_ks::property::Connection = "KSTOPOLOGY_CONNECTION" {
            from_node = "FromNode", from_pin = "FromNodePin", to_node = "ToNode", to_pin = "ToNodePin",
        }
        dmusmini_ks::property::Instances = "KSPIN_CINSTANCES" { possible = "PossibleCount", current = "CurrentCount" }
        dmusmini_ks::pin::Connect = "KSPIN_CONNECT" {
            interface = "Interface", medium = "Medium", pin = "PinId", pin_to_handle = "PinToHandle",
            priority_class = "Priority+KSPRIORITY.PriorityClass", priority_sub_class = "Priority+KSPRIORITY.PrioritySubClass",
        }
        dmusmini_ks::stream::StreamHeader = "KSSTREAM_HEADER" {
            size = "Size", type_specific_flags = "TypeSpecificFlags", time = "PresentationTime+KSTIME.Time",
            numerator = "PresentationTime+KSTIME.Numerator", denominator = "PresentationTime+KSTIME.Denominator",
            duration = "Duration", frame_extent = "FrameExtent", data_used = "DataUsed", data = "Data",
            options = "OptionsFlags", reserved = "Reserved",
        }
        dmusmini_ks::synth::SynthCaps = "SYNTHCAPS" {
            guid = "Guid", flags = "Flags", memory_size = "MemorySize", max_channel_groups = "MaxChannelGroups",
            max_voices = "MaxVoices", max_audio_channels = "MaxAudioChannels", effect_flags = "EffectFlags",
            description = "Description",
        }
        dmusmini_ks::synth::PortParams = "SYNTH_PORTPARAMS" {
            valid = "ValidParams", voices = "Voices", channel_groups = "ChannelGroups", audio_channels = "AudioChannels",
            sample_rate = "SampleRate", effects = "EffectsFlags", share = "Share",
        }
        dmusmini_ks::synth::SynthStats = "SYNTH_STATS" {
            valid = "ValidStats", voices = "Voices", total_cpu = "TotalCPU", cpu_per_voice = "CPUPerVoice",
            lost_notes = "LostNotes", free_memory = "FreeMemory", peak_volume = "PeakVolume",
        }
        dmusmini_ks::synth::SynthBuffer = "SYNTH_BUFFER" { size = "BufferSize", address = "BufferAddress" }
        dmusmini_ks::synth::SynthDownload = "SYNTHDOWNLOAD" { handle = "DownloadHandle", free = "Free" }
        dmusmini_ks::synth::VoicePriorityInstance = "SYNTHVOICEPRIORITY_INSTANCE" {
            channel_group = "ChannelGroup", channel = "Channel",
        }
    }
}
