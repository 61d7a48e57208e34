//! A reader of catalogs, written from inf section 5.1 and X.690 alone: tags and lengths, no ASN.1 crate.
//! It panics at the first byte that is not as there.

/// A trusted subject.
#[derive(Debug)]
pub struct Subject {
    /// Its name: a hash.
    pub identifier: Vec<u8>,
    /// The value of `File`.
    pub file: String,
    /// The value of `OSAttr`.
    pub os: String,
    /// The bytes of MEMBERINFO2.
    pub member_info: Vec<u8>,
    /// `SpcIndirectDataContent`.
    pub indirect: Option<Indirect>,
}

/// `SpcIndirectDataContent`.
#[derive(Debug, PartialEq, Eq)]
pub struct Indirect {
    /// The value after the kind: `SpcPeImageData` or `SpcLink`.
    pub data: Vec<u8>,
    /// The hash.
    pub digest: Vec<u8>,
}

const NAME_VALUE: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0C, 0x02, 0x01];
const MEMBER_INFO_2: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0C, 0x02, 0x03];
const INDIRECT_DATA: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BMP_STRING: u8 = 0x1E;
const INTEGER: u8 = 0x02;
const EXPLICIT_0: u8 = 0xA0;

/// The subjects of a catalog, signed or not, in their order.
pub fn subjects(catalog: &[u8]) -> Vec<Subject> {
    let mut info = Bytes(Bytes(catalog).take(SEQUENCE));
    info.take(OID);
    let mut signed = Bytes(Bytes(info.take(EXPLICIT_0)).take(SEQUENCE));
    signed.take(INTEGER);
    signed.take(SET);
    let mut content = Bytes(signed.take(SEQUENCE));
    content.take(OID);
    let mut list = Bytes(Bytes(content.take(EXPLICIT_0)).take(SEQUENCE));
    list.take(SEQUENCE);
    list.take(OCTETS);
    list.take(0x17);
    list.take(SEQUENCE);
    let mut subjects = Bytes(list.take(SEQUENCE));
    let mut found = Vec::new();
    while !subjects.0.is_empty() {
        found.push(subject(subjects.take(SEQUENCE)));
    }
    found
}

fn subject(bytes: &[u8]) -> Subject {
    let mut parts = Bytes(bytes);
    let identifier = parts.take(OCTETS).to_vec();
    let (mut file, mut os, mut member_info, mut indirect) = (None, None, None, None);
    let mut attributes = Bytes(parts.take(SET));
    while !attributes.0.is_empty() {
        let mut attribute = Bytes(attributes.take(SEQUENCE));
        let oid = attribute.take(OID);
        let mut value = Bytes(attribute.take(SET));
        if oid == NAME_VALUE {
            let mut pair = Bytes(value.take(SEQUENCE));
            let name = utf16(pair.take(BMP_STRING), u16::from_be_bytes);
            // Text, and part of what is signed.
            assert_eq!(pair.take(INTEGER), [0x10, 0x01, 0x00, 0x01]);
            let text = utf16(pair.take(OCTETS), u16::from_le_bytes);
            let text = text.strip_suffix('\0').unwrap().to_owned();
            let place = match name.as_str() {
                "File" => &mut file,
                "OSAttr" => &mut os,
                other => panic!("an attribute {other}"),
            };
            assert!(place.replace(text).is_none());
        } else if oid == MEMBER_INFO_2 {
            assert!(member_info.replace(value.0.to_vec()).is_none());
        } else if oid == INDIRECT_DATA {
            let mut content = Bytes(value.take(SEQUENCE));
            let mut data = Bytes(content.take(SEQUENCE));
            data.take(OID);
            let data = data.0.to_vec();
            let mut digest = Bytes(content.take(SEQUENCE));
            let mut algorithm = Bytes(digest.take(SEQUENCE));
            assert_eq!(algorithm.take(OID), SHA_256);
            let digest = digest.take(OCTETS).to_vec();
            assert!(indirect.replace(Indirect { data, digest }).is_none());
        } else {
            panic!("an attribute {oid:02X?}");
        }
    }
    Subject {
        identifier,
        file: file.unwrap(),
        os: os.unwrap(),
        member_info: member_info.unwrap(),
        indirect,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| unit([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).unwrap()
}

/// What is left of some bytes.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// The content of the next value, which has this tag.
    fn take(&mut self, tag: u8) -> &'a [u8] {
        let [found, first, rest @ ..] = self.0 else {
            panic!("{:02X?} is cut off", self.0);
        };
        assert_eq!(*found, tag, "{:02X?}", &self.0[..self.0.len().min(16)]);
        let long = usize::from(first.checked_sub(0x80).unwrap_or_default());
        let length = if *first < 0x80 {
            usize::from(*first)
        } else {
            rest[..long]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte))
        };
        let (content, left) = rest[long..].split_at(length);
        self.0 = left;
        content
    }
}
