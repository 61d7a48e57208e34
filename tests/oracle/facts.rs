//! The tables: what the sources say, what is pinned by hand, and the exceptions.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// A line of `facts.tsv` or `pinned.tsv`.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    kind: String,
    name: String,
    member: String,
    value: String,
    source: String,
}

/// All that is known.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    known: Vec<Fact>,
    exceptions: BTreeSet<[String; 4]>,
    used: RefCell<BTreeSet<[String; 4]>>,
}

impl Facts {
    /// The committed tables.
    pub(crate) fn committed() -> Self {
        let mut known = Vec::new();
        for text in [include_str!("facts.tsv"), include_str!("pinned.tsv")] {
            for [kind, name, member, value, source] in rows(text) {
                known.push(Fact {
                    kind,
                    name,
                    member,
                    value,
                    source,
                });
            }
        }
        let exceptions = rows(include_str!("exceptions.tsv"));
        let exceptions = exceptions.map(|[who, kind, name, member, reason]| {
            assert!(!reason.is_empty(), "{name} has no reason");
            [who, kind, name, member]
        });
        Self {
            known,
            exceptions: exceptions.collect(),
            used: RefCell::default(),
        }
    }

    /// What the sources say of something, or why that is not known. Names are compared without case and underscores, as ours are
    /// spelled in Rust's way.
    pub(crate) fn value(&self, kind: &str, name: &str, member: &str) -> Result<String, String> {
        let shown = format!("{kind} {name} {member}");
        let mut found: Option<&Fact> = None;
        for fact in &self.known {
            if fact.kind != kind
                || plain(&fact.name) != plain(name)
                || plain(&fact.member) != plain(member)
            {
                continue;
            }
            if self.is_excepted(&fact.source, kind, &fact.name, &fact.member) {
                continue;
            }
            match found {
                Some(other) if other.value != fact.value => {
                    return Err(format!(
                        "{shown}: {} has {}, {} has {}",
                        other.source, other.value, fact.source, fact.value
                    ));
                }
                _ => found = Some(fact),
            }
        }
        found
            .map(|fact| fact.value.clone())
            .ok_or(format!("{shown}: no source has it"))
    }

    /// Whether a line of `exceptions.tsv` says so.
    pub(crate) fn is_excepted(&self, who: &str, kind: &str, name: &str, member: &str) -> bool {
        let key = [who, kind, name, member].map(str::to_owned);
        let is_excepted = self.exceptions.contains(&key);
        if is_excepted {
            self.used.borrow_mut().insert(key);
        }
        is_excepted
    }

    /// Exceptions that nothing asked for.
    pub(crate) fn unused_exceptions(&self) -> Vec<String> {
        let used = self.used.borrow();
        self.exceptions
            .difference(&used)
            .map(|key| key.join(" "))
            .collect()
    }

    /// Two numbers of a value.
    pub(crate) fn pair(&self, kind: &str, name: &str, member: &str) -> Result<(u64, u64), String> {
        let value = self.value(kind, name, member)?;
        let mut numbers = value
            .split(' ')
            .map(|number| match number.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
                None => number.parse().unwrap(),
            });
        Ok((numbers.next().unwrap(), numbers.next().unwrap()))
    }
}

fn rows(text: &'static str) -> impl Iterator<Item = [String; 5]> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        fields.try_into().unwrap_or_else(|_| panic!("{line}"))
    })
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "")
}
