//! A bank as a DLS file.

use crate::bank::{Bank, Block, Instrument, Region, Sample, Wave};

impl Bank {
    /// The bank as a level 2 DLS file.
    ///
    /// # Panics
    ///
    /// If the file would not fit in 4 GiB.
    pub fn to_dls(&self) -> Vec<u8> {
        let mut pool = Vec::new();
        let mut cues = Vec::new();
        for wave in &self.waves {
            cues.push(length(&pool));
            pool.extend(wave.to_list());
        }
        let instruments: Vec<u8> = self
            .instruments
            .iter()
            .flat_map(Instrument::to_list)
            .collect();
        let mut table = [8_u32, length(&cues)].map(u32::to_le_bytes).concat();
        table.extend(cues.iter().flat_map(|cue| cue.to_le_bytes()));
        let body = [
            chunk(*b"colh", &length(&self.instruments).to_le_bytes()),
            list(*b"lins", &instruments),
            chunk(*b"ptbl", &table),
            list(*b"wvpl", &pool),
            info(&self.name),
        ];
        container(*b"RIFF", *b"DLS ", &body.concat())
    }
}

impl Instrument {
    fn to_list(&self) -> Vec<u8> {
        let head = [
            length(&self.regions),
            // `MIDILOCALE`: CC32 in bits 0-6, CC0 in bits 8-14 (dls.md section 2).
            (self.patch & 0x8000_0000) | (self.patch >> 8 & 0x7F7F),
            self.patch & 0x7F,
        ];
        let regions: Vec<u8> = self.regions.iter().flat_map(Region::to_list).collect();
        let body = [
            chunk(*b"insh", &head.map(u32::to_le_bytes).concat()),
            list(*b"lrgn", &regions),
            articulation(&self.articulation),
            info(&self.name),
        ];
        list(*b"ins ", &body.concat())
    }
}

impl Region {
    fn to_list(&self) -> Vec<u8> {
        let mut head = vec![
            self.keys.0.into(),
            self.keys.1.into(),
            self.velocities.0.into(),
            self.velocities.1.into(),
            u16::from(self.self_non_exclusive),
            self.key_group,
        ];
        if !self.articulation_alone {
            // Level 2 has the layer number, which only editors look at.
            head.push(0);
        }
        let head: Vec<u8> = head.into_iter().flat_map(u16::to_le_bytes).collect();
        let wave = u32::try_from(self.wave).expect("a wave index fits 32 bits");
        let mut link = vec![0; 4];
        link.extend([1, wave].map(u32::to_le_bytes).concat());
        let body = [
            chunk(*b"rgnh", &head),
            self.sample
                .map_or_else(Vec::new, |s| chunk(*b"wsmp", &s.to_bytes())),
            chunk(*b"wlnk", &link),
            if self.articulation_alone {
                list(
                    *b"lart",
                    &chunk(*b"art1", &connection_list(&self.articulation)),
                )
            } else {
                articulation(&self.articulation)
            },
        ];
        // A region of level 1 is what has its articulation alone.
        let form = if self.articulation_alone {
            *b"rgn "
        } else {
            *b"rgn2"
        };
        list(form, &body.concat())
    }
}

impl Wave {
    fn to_list(&self) -> Vec<u8> {
        let body = [
            chunk(*b"fmt ", &self.format()),
            self.sample
                .map_or_else(Vec::new, |s| chunk(*b"wsmp", &s.to_bytes())),
            chunk(*b"data", &self.frames.to_bytes()),
            info(&self.name),
        ];
        list(*b"wave", &body.concat())
    }

    /// The wave's `WAVEFORMATEX`, 18 bytes.
    pub(crate) fn format(&self) -> Vec<u8> {
        let bits = self.frames.bits();
        let frame = bits / 8;
        let mut format = [1_u16, 1].map(u16::to_le_bytes).concat();
        format.extend(self.rate.to_le_bytes());
        format.extend(self.rate.saturating_mul(frame.into()).to_le_bytes());
        format.extend([frame, bits, 0].map(u16::to_le_bytes).concat());
        format
    }
}

impl Sample {
    /// `WSMPL` and, if there is a loop, `WLOOP`.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = 20_u32.to_le_bytes().to_vec();
        bytes.extend(u16::from(self.unity_key).to_le_bytes());
        bytes.extend(self.fine_tune.to_le_bytes());
        bytes.extend(self.gain.to_le_bytes());
        // Neither truncation nor compression.
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(u32::from(self.wave_loop.is_some()).to_le_bytes());
        if let Some(wave_loop) = self.wave_loop {
            let kind = u32::from(wave_loop.until_release);
            let words = [16, kind, wave_loop.start, wave_loop.length];
            bytes.extend(words.map(u32::to_le_bytes).concat());
        }
        bytes
    }
}

/// A `CONNECTIONLIST`.
pub(crate) fn connection_list(blocks: &[Block]) -> Vec<u8> {
    let mut bytes = [8, length(blocks)].map(u32::to_le_bytes).concat();
    for block in blocks {
        let codes = [
            block.source,
            block.control,
            block.destination,
            block.transform,
        ];
        bytes.extend(codes.map(u16::to_le_bytes).concat());
        bytes.extend(block.scale.to_le_bytes());
    }
    bytes
}

fn articulation(blocks: &[Block]) -> Vec<u8> {
    if blocks.is_empty() {
        Vec::new()
    } else {
        list(*b"lar2", &chunk(*b"art2", &connection_list(blocks)))
    }
}

fn info(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return Vec::new();
    }
    let text = [name.as_bytes(), &[0]].concat();
    list(*b"INFO", &chunk(*b"INAM", &text))
}

fn list(form: [u8; 4], body: &[u8]) -> Vec<u8> {
    container(*b"LIST", form, body)
}

fn container(id: [u8; 4], form: [u8; 4], body: &[u8]) -> Vec<u8> {
    chunk(id, &[&form[..], body].concat())
}

fn chunk(id: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [&id[..], &length(data).to_le_bytes(), data].concat();
    if !bytes.len().is_multiple_of(2) {
        bytes.push(0);
    }
    bytes
}

fn length<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("a DLS file is smaller than 4 GiB")
}
