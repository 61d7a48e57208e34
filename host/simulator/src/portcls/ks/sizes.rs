//! How much comes back: the size rules of `KsPropertyHandler` and `KsHandleSizedListQuery`.

use dmusmini::com::Status;

use super::IoReply;

/// A value of a fixed size: asked for its size with no room, an error with too little.
pub(super) fn value(bytes: Vec<u8>, room: usize) -> IoReply {
    match room {
        0 => IoReply {
            status: Status::BUFFER_OVERFLOW,
            information: bytes.len(),
            output: Vec::new(),
        },
        _ if room < bytes.len() => IoReply::refused(Status::BUFFER_TOO_SMALL),
        _ => IoReply::with(bytes),
    }
}

/// A KSMULTIPLE_ITEM and its items. A client with room for the head alone gets that.
pub(super) fn list(count: usize, items: &[u8], room: usize) -> IoReply {
    let mut bytes = Vec::with_capacity(HEAD + items.len());
    for word in [HEAD + items.len(), count] {
        bytes.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
    }
    if room == HEAD {
        return IoReply::with(bytes);
    }
    bytes.extend(items);
    value(bytes, room)
}

/// A null-terminated UTF-16 string.
pub(super) fn text(text: &str, room: usize) -> IoReply {
    let units = text.encode_utf16().chain([0]);
    value(units.flat_map(u16::to_le_bytes).collect(), room)
}

/// `sizeof (KSMULTIPLE_ITEM)`.
const HEAD: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_answer_by_the_room_there_is() {
        let items = [7; 16];
        let ask = |room| {
            let reply = list(2, &items, room);
            (reply.status, reply.information)
        };
        assert_eq!(ask(0), (Status::BUFFER_OVERFLOW, 24));
        assert_eq!(ask(7), (Status::BUFFER_TOO_SMALL, 0));
        assert_eq!(ask(8), (Status::SUCCESS, 8));
        assert_eq!(ask(23), (Status::BUFFER_TOO_SMALL, 0));
        assert_eq!(ask(24), (Status::SUCCESS, 24));
        assert_eq!(list(2, &items, 8).output, [24, 0, 0, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn strings_are_terminated() {
        assert_eq!(text("A", 0).information, 4);
        assert_eq!(text("A", 4).output, [65, 0, 0, 0]);
    }
}
