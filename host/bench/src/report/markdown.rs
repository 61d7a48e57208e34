//! The report as docs/benchmarks.md, whole.

use std::fmt::Write as _;

use super::{Report, Row};

impl Report {
    pub(crate) fn as_markdown(&self) -> String {
        let mut text = String::from(HEAD);
        let _ = writeln!(text, "Measured on {}.\n", machine());
        text.push_str("## Bars\n\n| what | measured | bar | |\n|---|---|---|---|\n");
        for bar in &self.bars {
            let _ = writeln!(
                text,
                "| {} | {:.2} {} | {} {} {} | {} |",
                bar.what,
                bar.number,
                bar.unit,
                bar.side(),
                bar.limit,
                bar.unit,
                bar.verdict()
            );
        }
        text.push_str(HELD);
        table(&mut text, "ns a voice and frame", &self.held);
        text.push_str(PATHS);
        table(&mut text, "ns a voice and frame", &self.paths);
        for (mode, value) in ["sinc16", "sinc16-filter"].iter().zip(self.portable) {
            let _ = writeln!(text, "| dmusmini without SIMD | {mode} | 64 | {value:.2} |");
        }
        let _ = write!(text, "\n## A song\n\n{} {SONG}", self.song);
        table(&mut text, "ms of one processor a second", &self.songs);
        text.push_str(INSTRUCTIONS);
        let counts = [
            (
                "sinc16, gains moving",
                self.counts.plain,
                "a voice and frame",
            ),
            (
                "sinc16, filter, two LFOs, two envelopes",
                self.counts.filtered,
                "a voice and frame",
            ),
            (
                "1,024 filtered voices and 4,000 events",
                self.counts.worst_block * 1e6,
                "a block of 64 frames",
            ),
        ];
        for (what, count, each) in counts {
            let _ = writeln!(text, "| {what} | {count:.1} {each} |");
        }
        // One at the end is enough.
        text.truncate(text.trim_end().len());
        text
    }
}

fn table(text: &mut String, unit: &str, rows: &[Row]) {
    let _ = write!(
        text,
        "| engine | mode | voices | {unit} |\n|---|---|---|---|\n"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} |",
            row.engine, row.mode, row.voices, row.value
        );
    }
}

/// The processor, and how busy it was with other things.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, name)| name);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {count} processors, load average {load} at the end of the run")
}

const HEAD: &str = "\
# Benchmarks of the synthesizer

`cargo xtask bench` measures the driver's synth and the peers that a registry can install (rustysynth and oxisynth as
crates, fluidsynth from Debian) one after the other in one run, and writes this file; `--json` prints the same as data.
Times are processor time, not wall time, and the best of several rounds; effects off, 44.1 kHz stereo. Bars for times
are meant for one core at 3.5 GHz. `cargo bench -p dmusmini-bench` repeats the driver's own measurements with criterion.

";

const HELD: &str = "
## Held notes, every engine

64 looped notes of TimGM6mb, the same in every engine (the DLS here, the SoundFont there), one voice each: the tremolo
strings, which have no filter, and, with `-filter` behind the mode, the violin, which has a filter, both LFOs and both
envelopes. oxisynth filters the former as well: it cannot do otherwise. fluidsynth's time includes writing its output.

";

const PATHS: &str = "
## Bare paths

A looped tone with its gains moving (EG1 in its decay); `-filter` adds the resonant filter, both LFOs and EG2, to pitch,
gain and cutoff. Nothing else is in these numbers: no bank, no events.

";

const SONG: &str =
    "with 64 voices and TimGM6mb, to its end. Most of the bank's regions have a filter.

";

const INSTRUCTIONS: &str = "
## Instructions

`valgrind --tool=callgrind`, a long run less a short one, 64 voices. The last row is the worst that one block can be:
what events may cost in a block is bounded (`src/synth/mix.rs`), and the rest waits for the next. Continuous integration
fails where a count is above its bar.

| path | instructions |
|---|---|
";
