//! What a filter says of itself: pins, nodes, connections.

use anyhow::Result;
use dmusmini_ks::{
    Guid,
    format::{Range, ranges},
    guids::{self, KSDATAFORMAT_SUBTYPE_PCM, KSPROPSETID_PIN},
    pin::{communication, flow},
    property::{Connection, FILTER_NODE, Instances, Property, items, pin_item, topology_item},
    zerocopy::IntoBytes as _,
};
use serde::Serialize;

use crate::{
    ks::{Filter, Object, filter_object},
    table::table,
};

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its device path.
    pub path: String,
    /// Categories, by name where they have one.
    pub categories: Vec<String>,
    /// Pin factories.
    pub pins: Vec<PinDescription>,
    /// Node types, by name where they have one.
    pub nodes: Vec<String>,
    /// Connections, as text.
    pub connections: Vec<String>,
}

/// A pin factory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinDescription {
    /// Its number.
    pub id: u32,
    /// The name, where the system knows one.
    pub name: Option<String>,
    /// `in`: the client writes; `out`: the client reads.
    pub flow: &'static str,
    /// `none`, `sink`, `source`, `both`, `bridge`.
    pub communication: &'static str,
    /// The category, where it has one.
    pub category: Option<String>,
    /// Instances that are open.
    pub open: u32,
    /// Instances that there may be.
    pub possible: u32,
    /// Formats, as text.
    pub formats: Vec<String>,
    #[serde(skip)]
    ranges: Vec<Range>,
}

impl PinDescription {
    /// Whether the pin takes this subtype.
    #[must_use]
    pub fn takes(&self, sub_format: Guid) -> bool {
        self.ranges
            .iter()
            .any(|range| range.common().sub_format == sub_format)
    }

    /// The formats in full.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Whether clients can open it.
    #[must_use]
    pub fn can_open(&self) -> bool {
        matches!(self.communication, "sink" | "both") && self.possible > 0
    }
}

impl Description {
    /// Asks a filter.
    ///
    /// # Errors
    ///
    /// What the filter must answer and does not.
    pub fn ask(path: &str, filter: &dyn Filter) -> Result<Self> {
        let object = filter_object(filter);
        let types = Property::get(KSPROPSETID_PIN, pin_item::TYPES);
        let count: u32 = object.get_value(types.as_bytes(), "the number of pins")?;
        let pins: Result<Vec<_>> = (0..count).map(|id| ask_pin(object, id)).collect();
        let categories = items::<Guid>(&object.topology(topology_item::CATEGORIES)?)?;
        let nodes = items::<Guid>(&object.topology(topology_item::NODES)?)?;
        let connections = items::<Connection>(&object.topology(topology_item::CONNECTIONS)?)?;
        Ok(Self {
            path: path.to_owned(),
            categories: categories.into_iter().map(name_of).collect(),
            pins: pins?,
            nodes: nodes.into_iter().map(name_of).collect(),
            connections: connections.iter().map(connection).collect(),
        })
    }

    /// What the path ends in: the reference string, in lower case as some systems write paths.
    #[must_use]
    pub fn reference(&self) -> &str {
        self.path.rsplit(['\\', '/']).next().unwrap_or_default()
    }

    /// The first pin of this direction (`in`, `out`) that clients can open with this subtype.
    #[must_use]
    pub fn pin_of(&self, sub_format: Guid, flow: &str) -> Option<&PinDescription> {
        self.pins
            .iter()
            .find(|pin| pin.flow == flow && pin.can_open() && pin.takes(sub_format))
    }

    /// Whether it is a synthesizer: it has a wave pin.
    #[must_use]
    pub fn is_synth(&self) -> bool {
        self.pin_of(KSDATAFORMAT_SUBTYPE_PCM, "out").is_some()
    }

    /// A table for people.
    #[must_use]
    pub fn text(&self) -> String {
        let head = ["pin", "flow", "communication", "open", "formats", "name"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for pin in &self.pins {
            rows.push(vec![
                pin.id.to_string(),
                pin.flow.to_owned(),
                pin.communication.to_owned(),
                format!("{}/{}", pin.open, pin.possible),
                pin.formats.join(", "),
                pin.name.clone().unwrap_or_default(),
            ]);
        }
        format!(
            "{}\ncategories: {}\nnodes: {}\nconnections: {}\n{}",
            self.path,
            self.categories.join(", "),
            self.nodes.join(", "),
            self.connections.join(", "),
            table(&rows)
        )
    }
}

fn ask_pin(object: &dyn Object, id: u32) -> Result<PinDescription> {
    let ranges = ranges(&object.pin_bytes(id, pin_item::DATA_RANGES)?)?;
    let instances: Instances = object.pin_item(id, pin_item::INSTANCES)?;
    let name = object.pin_bytes(id, pin_item::NAME).ok().map(|b| text(&b));
    let category: Option<Guid> = object.pin_item(id, pin_item::CATEGORY).ok();
    Ok(PinDescription {
        id,
        name: name.filter(|name| !name.is_empty()),
        flow: match object.pin_item::<u32>(id, pin_item::DATA_FLOW)? {
            flow::IN => "in",
            flow::OUT => "out",
            _ => "?",
        },
        communication: match object.pin_item::<u32>(id, pin_item::COMMUNICATION)? {
            communication::NONE => "none",
            communication::SINK => "sink",
            communication::SOURCE => "source",
            communication::BOTH => "both",
            communication::BRIDGE => "bridge",
            _ => "?",
        },
        category: category.map(name_of),
        open: instances.current,
        possible: instances.possible,
        formats: ranges.iter().map(format_of).collect(),
        ranges,
    })
}

/// UTF-16 up to its zero.
fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16_lossy(&units)
}

fn name_of(guid: Guid) -> String {
    guids::name(guid).map_or_else(|| guid.to_string(), str::to_owned)
}

fn format_of(range: &Range) -> String {
    let name = name_of(range.common().sub_format);
    let short = name.strip_prefix("KSDATAFORMAT_SUBTYPE_").unwrap_or(&name);
    match range {
        Range::Audio(audio) => format!(
            "{short} {}-{} bits, {}-{} Hz, {} channels",
            audio.minimum_bits,
            audio.maximum_bits,
            audio.minimum_frequency,
            audio.maximum_frequency,
            audio.maximum_channels
        ),
        _ => short.to_owned(),
    }
}

fn connection(connection: &Connection) -> String {
    let end = |node: u32, pin: u32| match node {
        FILTER_NODE => format!("pin {pin}"),
        node => format!("node {node}.{pin}"),
    };
    format!(
        "{} -> {}",
        end(connection.from_node, connection.from_pin),
        end(connection.to_node, connection.to_pin)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_connections_are_readable() {
        assert_eq!(text(b"A\0b\0\0\0x\0"), "Ab");
        assert_eq!(name_of(guids::KSCATEGORY_AUDIO), "KSCATEGORY_AUDIO");
        let unknown = Guid::from_u128(7);
        assert_eq!(name_of(unknown), unknown.to_string());
        let line = Connection {
            from_node: FILTER_NODE,
            from_pin: 1,
            to_node: 0,
            to_pin: 1,
        };
        assert_eq!(connection(&line), "pin 1 -> node 0.1");
    }
}
