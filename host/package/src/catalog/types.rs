//! The ASN.1 types of a catalog.

use anyhow::{Context, Result};
use der::asn1::{Any, BmpString, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Sequence, ValueOrd};
use spki::AlgorithmIdentifierOwned;

/// `CertificateTrustList`.
#[derive(Clone, Debug, Sequence)]
pub(super) struct CertificateTrustList {
    pub subject_usage: Vec<ObjectIdentifier>,
    pub list_identifier: OctetString,
    pub this_update: UtcTime,
    pub subject_algorithm: AlgorithmIdentifierOwned,
    pub trusted_subjects: Vec<TrustedSubject>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub extensions: Option<Vec<Extension>>,
}

/// `TrustedSubject`.
#[derive(Clone, Debug, Sequence)]
pub(super) struct TrustedSubject {
    pub identifier: OctetString,
    pub attributes: SetOfVec<Attribute>,
}

/// `Attribute`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Sequence, ValueOrd)]
pub(super) struct Attribute {
    pub oid: ObjectIdentifier,
    pub values: SetOfVec<Any>,
}

/// `Extension` that is not critical.
#[derive(Clone, Debug, Sequence)]
pub(super) struct Extension {
    pub oid: ObjectIdentifier,
    pub value: OctetString,
}

/// `CatalogNameValue`.
#[derive(Clone, Debug, Sequence)]
pub(super) struct NameValue {
    pub name: BmpString,
    pub flags: u32,
    pub value: OctetString,
}

impl NameValue {
    pub(super) fn new(name: &str, flags: u32, text: &str) -> Result<Self> {
        let value: Vec<u8> = text
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect();
        Ok(Self {
            name: BmpString::from_utf8(name)?,
            flags,
            value: OctetString::new(value)?,
        })
    }

    pub(super) fn text(&self) -> Result<String> {
        let units: Vec<u16> = self
            .value
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let text = units.strip_suffix(&[0]).context("a text without its end")?;
        Ok(String::from_utf16(text)?)
    }
}

/// `SpcIndirectDataContent`.
#[derive(Clone, Debug, Sequence)]
pub(super) struct IndirectData {
    pub data: TypeAndValue,
    pub digest: DigestInfo,
}

/// `SpcAttributeTypeAndOptionalValue`.
#[derive(Clone, Debug, Sequence)]
pub(super) struct TypeAndValue {
    pub kind: ObjectIdentifier,
    pub value: Any,
}

/// `DigestInfo`.
#[derive(Clone, Debug, Sequence)]
pub(super) struct DigestInfo {
    pub algorithm: AlgorithmIdentifierOwned,
    pub digest: OctetString,
}

/// `SpcPeImageData` as Microsoft writes it: the flags `includeResources` and `includeImportAddressTable`, and a file link that
/// names nothing.
pub(super) fn pe_image_data() -> Result<Any> {
    Ok(der::Decode::from_der(&[
        0x30, 0x0A, 0x03, 0x02, 0x05, 0xA0, 0xA0, 0x04, 0xA2, 0x02, 0x80, 0x00,
    ])?)
}

/// `SpcLink`: the same link that names nothing.
pub(super) fn flat_file_data() -> Result<Any> {
    Ok(der::Decode::from_der(&[0xA2, 0x02, 0x80, 0x00])?)
}
