//! Conditional chunks (`cdl `): a little stack machine that asks what the device can do.
//!
//! The client resolves them; a port never sees one (dls.md section 2).

use crate::error::Cause;
use crate::riff::{Chunk, Fault};

/// Whether the list that holds this `cdl ` chunk is meant for our device.
pub(crate) fn holds(chunk: &Chunk<'_>) -> Result<bool, Fault> {
    let mut stack = Vec::new();
    let mut at = 0;
    while at < chunk.data.bytes.len() {
        let here = chunk.data.from(at);
        let bad = |what| here.fault(Cause::Condition(what));
        let code = chunk.u16(at)?;
        at += 2;
        let result = match code {
            CONST => {
                let value = chunk.u32(at)?;
                at += 4;
                value
            }
            QUERY | QUERY_SUPPORTED => {
                let answer = query(chunk.array(at)?);
                at += 16;
                if code == QUERY {
                    answer.unwrap_or(0)
                } else {
                    answer.is_some().into()
                }
            }
            NOT => {
                let x: u32 = stack.pop().ok_or_else(|| bad("nothing to negate"))?;
                (x == 0).into()
            }
            _ => {
                let x = stack.pop();
                let y = stack.pop();
                let (Some(x), Some(y)) = (x, y) else {
                    return Err(bad("an operator lacks its operands"));
                };
                binary(code, x, y).map_err(bad)?
            }
        };
        stack.push(result);
    }
    let result = stack.pop();
    Ok(result.ok_or_else(|| chunk.data.fault(Cause::Condition("it has no result")))? != 0)
}

/// An operator on the top (`x`) and the next (`y`) of the stack.
fn binary(code: u16, x: u32, y: u32) -> Result<u32, &'static str> {
    Ok(match code {
        1 => x & y,
        2 => x | y,
        3 => x ^ y,
        4 => x.wrapping_add(y),
        5 => x.wrapping_sub(y),
        6 => x.wrapping_mul(y),
        7 => x.checked_div(y).ok_or("division by zero")?,
        8 => (x != 0 && y != 0).into(),
        9 => (x != 0 || y != 0).into(),
        10 => (x < y).into(),
        11 => (x <= y).into(),
        12 => (x > y).into(),
        13 => (x >= y).into(),
        14 => (x == y).into(),
        _ => return Err("unknown operator"),
    })
}

/// What our device answers; none if it does not know the question.
fn query(id: [u8; 16]) -> Option<u32> {
    let (head, tail) = id.split_first_chunk::<4>()?;
    let data1 = u32::from_le_bytes(*head);
    if tail == PORT_TAIL {
        return match data1 {
            // GM, GS and XG "in hardware": our sounds are all downloaded.
            0x178F_2F24..=0x178F_2F26 => Some(0),
            // DLS level 1.
            0x178F_2F27 => Some(1),
            // Sample memory: as much as the system has.
            0x178F_2F28 => Some(0x7FFF_FFFF),
            _ => None,
        };
    }
    match (data1, tail) {
        // DLS level 2.
        (
            0xF145_99E5,
            [
                0x89,
                0x46,
                0xD2,
                0x11,
                0xAF,
                0xA6,
                0,
                0xAA,
                0,
                0x24,
                0xD8,
                0xB6,
            ],
        ) => Some(1),
        _ => None,
    }
}

/// Everything but the first field of {178f2fxx-c364-11d1-a760-0000f875ac12}.
const PORT_TAIL: &[u8] = &[
    0x64, 0xC3, 0xD1, 0x11, 0xA7, 0x60, 0, 0, 0xF8, 0x75, 0xAC, 0x12,
];
const NOT: u16 = 15;
const CONST: u16 = 16;
const QUERY: u16 = 17;
const QUERY_SUPPORTED: u16 = 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::riff::Span;

    enum Op {
        Const(u32),
        Query(u32),
        Supported(u32),
        Do(u16),
    }

    fn run(ops: &[Op]) -> Result<bool, Fault> {
        let mut bytes = Vec::new();
        for op in ops {
            let (code, rest) = match op {
                Op::Const(value) => (CONST, value.to_le_bytes().to_vec()),
                Op::Query(id) => (QUERY, [&id.to_le_bytes()[..], PORT_TAIL].concat()),
                Op::Supported(id) => (QUERY_SUPPORTED, [&id.to_le_bytes()[..], PORT_TAIL].concat()),
                Op::Do(code) => (*code, Vec::new()),
            };
            bytes.extend(code.to_le_bytes());
            bytes.extend(rest);
        }
        holds(&Chunk {
            id: *b"cdl ",
            data: Span::new(&bytes, 0),
            cut: false,
        })
    }

    #[test]
    fn asks_and_decides() {
        assert!(run(&[Op::Query(0x178F_2F27)]).unwrap());
        assert!(!run(&[Op::Query(0x178F_2F24)]).unwrap());
        assert!(run(&[Op::Supported(0x178F_2F24)]).unwrap());
        assert!(!run(&[Op::Supported(7)]).unwrap());
        assert!(run(&[Op::Query(0x178F_2F24), Op::Do(NOT)]).unwrap());
    }

    #[test]
    fn x_is_the_top_of_the_stack() {
        // 10 / 3 with X = 10 on top, then 3 = that.
        assert!(
            run(&[
                Op::Const(3),
                Op::Const(10),
                Op::Do(7),
                Op::Const(3),
                Op::Do(14)
            ])
            .unwrap()
        );
        assert!(
            run(&[Op::Const(5), Op::Const(2), Op::Do(10)]).unwrap(),
            "2 < 5"
        );
        assert!(
            !run(&[Op::Const(5), Op::Const(2), Op::Do(13)]).unwrap(),
            "2 >= 5"
        );
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(run(&[]).is_err());
        assert!(run(&[Op::Do(1)]).is_err());
        assert!(run(&[Op::Const(1), Op::Const(1), Op::Do(99)]).is_err());
        assert!(run(&[Op::Const(0), Op::Const(1), Op::Do(7)]).is_err());
    }
}
