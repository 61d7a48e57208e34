//! The two envelopes as functions of time (dls.md sections 4.1 and 4.2).

/// The level's span: 100 % down to 0 % are 96 dB.
pub const SPAN: f64 = 96.0;

/// Segment times in seconds and the sustain level, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segments {
    /// Before the attack.
    pub delay: f64,
    /// From nothing to the peak.
    pub attack: f64,
    /// At the peak.
    pub hold: f64,
    /// From the peak to nothing.
    pub decay: f64,
    /// Where the decay stops.
    pub sustain: f64,
    /// From the peak to nothing.
    pub release: f64,
    /// From the peak to nothing, for a voice that is cut.
    pub shutdown: f64,
}

/// An absolute time in time cents as seconds.
pub fn seconds(time_cents: f64) -> f64 {
    if time_cents <= -32_768.0 {
        0.0
    } else {
        (time_cents / 1200.0).exp2()
    }
}

/// The volume envelope: attack linear in amplitude, all else linear in decibels.
#[derive(Clone, Debug)]
pub struct Volume {
    segments: Segments,
    /// Since when the level falls, from how many decibels, in how many seconds for [`SPAN`].
    fall: Option<(f64, f64, f64)>,
}

impl Volume {
    /// At rest; time starts at 0.
    pub fn new(segments: Segments) -> Self {
        Self {
            segments,
            fall: None,
        }
    }

    /// Note-off at `time`.
    pub fn release(&mut self, time: f64) {
        self.fall = Some((time, self.decibels(time), self.segments.release));
    }

    /// The voice is cut at `time`.
    pub fn shut_down(&mut self, time: f64) {
        self.fall = Some((time, self.decibels(time), self.segments.shutdown));
    }

    /// Amplitude at `time`.
    pub fn amplitude(&self, time: f64) -> f64 {
        let decibels = self.decibels(time);
        if decibels <= -SPAN {
            0.0
        } else {
            10_f64.powf(decibels / 20.0)
        }
    }

    /// Level in the unit of the sustain level at `time`: 1 at the peak, 0 at -[`SPAN`]. What EG1
    /// reads as a source of connections.
    pub fn level(&self, time: f64) -> f64 {
        1.0 + self.decibels(time) / SPAN
    }

    /// Whether it fell to nothing after note-off.
    pub fn is_over(&self, time: f64) -> bool {
        self.fall.is_some() && self.decibels(time) <= -SPAN
    }

    /// Level at `time`, at least -[`SPAN`].
    pub fn decibels(&self, time: f64) -> f64 {
        if let Some((since, from, span_time)) = self.fall {
            let elapsed = time - since;
            if span_time <= 0.0 {
                return -SPAN;
            }
            return (from - SPAN * elapsed / span_time).max(-SPAN);
        }
        let Segments {
            delay,
            attack,
            hold,
            decay,
            sustain,
            ..
        } = self.segments;
        let time = time - delay;
        if time < 0.0 {
            return -SPAN;
        }
        if time < attack {
            return (20.0 * (time / attack).log10()).max(-SPAN);
        }
        let time = time - attack - hold;
        let floor = -SPAN * (1.0 - sustain);
        if time <= 0.0 && hold > 0.0 {
            0.0
        } else if decay <= 0.0 {
            floor
        } else {
            (-SPAN * time / decay).max(floor)
        }
    }
}

/// The modulation envelope: every segment linear.
#[derive(Clone, Debug)]
pub struct Modulation {
    segments: Segments,
    /// Since when it falls and from where.
    fall: Option<(f64, f64)>,
}

impl Modulation {
    /// At rest; time starts at 0.
    pub fn new(segments: Segments) -> Self {
        Self {
            segments,
            fall: None,
        }
    }

    /// Note-off at `time`.
    pub fn release(&mut self, time: f64) {
        if self.fall.is_none() {
            self.fall = Some((time, self.level(time)));
        }
    }

    /// 0..=1 at `time`.
    pub fn level(&self, time: f64) -> f64 {
        self.level_since(time, time)
    }

    /// The level at `time` if no new segment began after `since`: where the segment that holds
    /// at a frame's start is heading during the frame.
    pub fn level_since(&self, since: f64, time: f64) -> f64 {
        let segments = &self.segments;
        if let Some((start, from)) = self.fall {
            if segments.release <= 0.0 {
                return 0.0;
            }
            return (from - (time - start) / segments.release).max(0.0);
        }
        let (since, time) = (since - segments.delay, time - segments.delay);
        if since < 0.0 {
            return 0.0;
        }
        if since < segments.attack {
            return (time / segments.attack).min(1.0);
        }
        let (since, time) = (
            since - segments.attack - segments.hold,
            time - segments.attack - segments.hold,
        );
        if since <= 0.0 && segments.hold > 0.0 {
            1.0
        } else if segments.decay <= 0.0 {
            segments.sustain
        } else {
            (1.0 - time / segments.decay).max(segments.sustain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Segments = Segments {
        delay: 0.5,
        attack: 1.0,
        hold: 0.25,
        decay: 2.0,
        sustain: 0.5,
        release: 4.0,
        shutdown: 0.015,
    };

    #[test]
    fn volume_goes_through_its_segments() {
        let volume = Volume::new(SHAPE);
        let near = |time, expected: f64| {
            let level = volume.amplitude(time);
            assert!((level - expected).abs() < 1e-9, "{time}: {level}");
        };
        near(0.0, 0.0);
        near(0.4999, 0.0);
        near(1.0, 0.5);
        near(1.5, 1.0);
        near(1.75, 1.0);
        near(2.25, 10_f64.powf(-24.0 / 20.0));
        near(2.75, 10_f64.powf(-48.0 / 20.0));
        near(9.0, 10_f64.powf(-48.0 / 20.0));
    }

    #[test]
    fn release_from_half_way_lasts_half_as_long() {
        let mut volume = Volume::new(SHAPE);
        volume.release(5.0);
        assert!((volume.decibels(5.0) + 48.0).abs() < 1e-9);
        assert!(!volume.is_over(6.99));
        assert!(volume.is_over(7.0));
        // During the attack there is no step.
        let mut volume = Volume::new(SHAPE);
        let before = volume.amplitude(1.1);
        volume.release(1.1);
        assert!((volume.amplitude(1.1) - before).abs() < 1e-12);
        // During the delay there is nothing to release.
        let mut volume = Volume::new(SHAPE);
        volume.release(0.2);
        assert!(volume.is_over(0.2));
    }

    #[test]
    fn modulation_is_linear_throughout() {
        let mut modulation = Modulation::new(SHAPE);
        for (time, expected) in [(0.2, 0.0), (1.0, 0.5), (1.6, 1.0), (2.25, 0.75), (9.0, 0.5)] {
            assert!((modulation.level(time) - expected).abs() < 1e-12, "{time}");
        }
        modulation.release(9.0);
        assert!((modulation.level(10.0) - 0.25).abs() < 1e-12);
        assert!(modulation.level(11.0).abs() < 1e-12);
    }
}
