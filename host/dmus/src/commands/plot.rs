//! `dmus plot`

use crate::arguments::Plot;
use crate::output::{self, Output};
use crate::plot::{self, Picture, Sound};
use crate::report::{AudioReport, clock};
use crate::warnings::Warnings;
use anyhow::Result;
use dmusmini_song::Song;

pub(super) fn run(arguments: &Plot, mut warnings: Warnings) -> Result<()> {
    let inputs: Vec<_> = [Some(&arguments.wav), arguments.song.as_ref()]
        .into_iter()
        .flatten()
        .map(AsRef::as_ref)
        .collect();
    output::distinct(&arguments.output, &inputs)?;
    let sound = Sound::open(&arguments.wav)?;
    let song = arguments.song.as_ref().map(Song::open).transpose()?;
    if let Some(song) = &song {
        warnings.of_song(song)?;
    }
    let mut audio = AudioReport::new(sound.rate, sound.channels);
    audio.add(&sound.samples);
    let title = arguments
        .wav
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let subtitle = format!(
        "{} at {} Hz    peak {:.1} dBFS    rms {:.1} dBFS",
        clock(audio.seconds()),
        audio.rate,
        audio.peak_db(),
        audio.rms_db
    );
    plot::draw(
        &Picture {
            title: &title,
            subtitle: &subtitle,
            sound: &sound,
            song: song.as_ref(),
        },
        Output::create(&arguments.output)?,
    )
}
