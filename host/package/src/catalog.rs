//! The catalog: a PKCS #7 message that lists the package's files by their hashes.
//!
//! What Inf2Cat writes, built with the RustCrypto ASN.1 and CMS types: `SignedData` (RFC 2315)
//! whose content is a certificate trust list. Each trusted subject is one file: its identifier is
//! the SHA-256 hash (Authenticode for images, plain for the INF), its attributes are the file's
//! name, the systems it is for, the kind of subject and the hash once more as
//! `SpcIndirectDataContent`. The catalog as a whole names the systems and the hardware ids.
//!
//! The catalog comes out unsigned; `osslsigncode` signs it. What only Windows can confirm: that
//! its catalog database takes the layout. The object identifiers, and the member layout of catalog
//! version 2, are as public dumps of shipped catalogs are remembered to show them: no document that
//! specifies them was at hand, so they are the first thing to check when Windows refuses.

mod pe_hash;
mod types;

use anyhow::{Context, Result};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerInfos};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Decode, Encode, Tag};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use std::time::SystemTime;
use types::{
    Attribute, CertificateTrustList, DigestInfo, Extension, IndirectData, NameValue,
    TrustedSubject, TypeAndValue,
};

pub use pe_hash::authenticode_sha256;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// szOID_CTL.
const TRUST_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.1");
/// szOID_CATALOG_LIST.
const CATALOG_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.1.1");
/// szOID_CATALOG_LIST_MEMBER_V2: subjects are SHA-256 hashes.
const CATALOG_MEMBER_2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.1.3");
/// CAT_NAMEVALUE_OBJID.
const NAME_VALUE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.2.1");
/// CAT_MEMBERINFO2_OBJID.
const MEMBER_INFO_2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.2.3");
/// SPC_INDIRECT_DATA_OBJID.
const INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// SPC_PE_IMAGE_DATA_OBJID.
const PE_IMAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.15");
/// SPC_CAB_DATA_OBJID, which stands for a flat file.
const FLAT_FILE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.25");

/// Attributes are text and part of what is signed.
const TEXT_ATTRIBUTE: u32 = 0x1001_0001;

/// How a file is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PE image: the Authenticode hash, which a signature does not change.
    Image,
    /// Any other file: the hash of its bytes.
    Flat,
}

/// One file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The file's name.
    pub name: String,
    /// How it was hashed.
    pub kind: Kind,
    /// Its SHA-256 hash.
    pub hash: [u8; 32],
}

impl Member {
    /// Hashes a file.
    ///
    /// # Errors
    ///
    /// When an image is not a PE image.
    pub fn of_file(name: &str, bytes: &[u8], kind: Kind) -> Result<Self> {
        let hash = match kind {
            Kind::Image => authenticode_sha256(bytes).with_context(|| format!("hashing {name}"))?,
            Kind::Flat => Sha256::digest(bytes).into(),
        };
        Ok(Self {
            name: name.to_owned(),
            kind,
            hash,
        })
    }
}

/// What a catalog says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// The files.
    pub members: Vec<Member>,
    /// The OS attribute of each file: `2:10.0`.
    pub os_attribute: String,
    /// The systems of the whole catalog: `_v100_X64`.
    pub systems: String,
    /// The hardware ids that the INF claims.
    pub hardware_ids: Vec<String>,
}

impl Catalog {
    /// The catalog as DER, unsigned. `identifier` is any 16 bytes that are this catalog's own.
    ///
    /// # Errors
    ///
    /// When a text or a time has no encoding.
    pub fn to_der(&self, identifier: [u8; 16], made: SystemTime) -> Result<Vec<u8>> {
        let list = CertificateTrustList {
            subject_usage: vec![CATALOG_LIST],
            list_identifier: OctetString::new(identifier)?,
            this_update: UtcTime::from_system_time(made)?,
            subject_algorithm: algorithm(CATALOG_MEMBER_2),
            trusted_subjects: self.subjects()?,
            extensions: Some(self.extensions()?),
        };
        let content = EncapsulatedContentInfo {
            econtent_type: TRUST_LIST,
            econtent: Some(Any::encode_from(&list)?),
        };
        let signed = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::new(),
            encap_content_info: content,
            certificates: None,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::new()),
        };
        let info = ContentInfo {
            content_type: SIGNED_DATA,
            content: Any::encode_from(&signed)?,
        };
        Ok(info.to_der()?)
    }

    /// Reads a catalog, signed or not.
    ///
    /// # Errors
    ///
    /// What is not as in a catalog of ours.
    pub fn from_der(bytes: &[u8]) -> Result<Self> {
        let info = ContentInfo::from_der(bytes).context("not a PKCS #7 message")?;
        anyhow::ensure!(info.content_type == SIGNED_DATA, "not SignedData");
        let signed: SignedData = info.content.decode_as().context("SignedData")?;
        let content = &signed.encap_content_info;
        anyhow::ensure!(
            content.econtent_type == TRUST_LIST,
            "not a certificate trust list"
        );
        let list: CertificateTrustList = content
            .econtent
            .as_ref()
            .context("no content")?
            .decode_as()
            .context("trust list")?;
        anyhow::ensure!(
            list.subject_usage == [CATALOG_LIST],
            "a trust list for something else"
        );
        anyhow::ensure!(
            list.subject_algorithm.oid == CATALOG_MEMBER_2,
            "not SHA-256 members"
        );
        let mut members = Vec::new();
        let mut os_attribute = String::new();
        for subject in &list.trusted_subjects {
            let (member, os) = read_subject(subject)?;
            members.push(member);
            os_attribute = os;
        }
        let mut systems = String::new();
        let mut hardware_ids = Vec::new();
        for extension in list.extensions.iter().flatten() {
            let pair = NameValue::from_der(extension.value.as_bytes()).context("an attribute")?;
            match pair.name.to_string().as_str() {
                "OS" => systems = pair.text()?,
                name if name.starts_with("HWID") => hardware_ids.push(pair.text()?),
                _ => {}
            }
        }
        Ok(Self {
            members,
            os_attribute,
            systems,
            hardware_ids,
        })
    }

    fn subjects(&self) -> Result<Vec<TrustedSubject>> {
        let mut members: Vec<&Member> = self.members.iter().collect();
        // Windows finds a member by bisection.
        members.sort_by_key(|member| member.hash);
        members
            .into_iter()
            .map(|member| self.subject(member))
            .collect()
    }

    fn subject(&self, member: &Member) -> Result<TrustedSubject> {
        let (tag_number, data) = match member.kind {
            Kind::Image => (
                2,
                TypeAndValue {
                    kind: PE_IMAGE,
                    value: types::pe_image_data()?,
                },
            ),
            Kind::Flat => (
                0,
                TypeAndValue {
                    kind: FLAT_FILE,
                    value: types::flat_file_data()?,
                },
            ),
        };
        let indirect = IndirectData {
            data,
            digest: DigestInfo {
                algorithm: algorithm(SHA_256),
                digest: OctetString::new(member.hash)?,
            },
        };
        let subject_kind = Any::new(
            Tag::ContextSpecific {
                constructed: false,
                number: der::TagNumber::new(tag_number),
            },
            Vec::new(),
        )?;
        let mut attributes = SetOfVec::new();
        for (oid, value) in [
            (
                NAME_VALUE,
                Any::encode_from(&NameValue::new("File", TEXT_ATTRIBUTE, &member.name)?)?,
            ),
            (
                NAME_VALUE,
                Any::encode_from(&NameValue::new(
                    "OSAttr",
                    TEXT_ATTRIBUTE,
                    &self.os_attribute,
                )?)?,
            ),
            (MEMBER_INFO_2, subject_kind),
            (INDIRECT_DATA, Any::encode_from(&indirect)?),
        ] {
            attributes.insert(Attribute {
                oid,
                values: SetOfVec::try_from(vec![value])?,
            })?;
        }
        Ok(TrustedSubject {
            identifier: OctetString::new(member.hash)?,
            attributes,
        })
    }

    fn extensions(&self) -> Result<Vec<Extension>> {
        let mut pairs = vec![NameValue::new("OS", TEXT_ATTRIBUTE, &self.systems)?];
        for (index, id) in self.hardware_ids.iter().enumerate() {
            let name = format!("HWID{}", index + 1);
            pairs.push(NameValue::new(
                &name,
                TEXT_ATTRIBUTE,
                &id.to_ascii_lowercase(),
            )?);
        }
        pairs
            .iter()
            .map(|pair| {
                Ok(Extension {
                    oid: NAME_VALUE,
                    value: OctetString::new(pair.to_der()?)?,
                })
            })
            .collect()
    }
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: Some(Any::null()),
    }
}

fn read_subject(subject: &TrustedSubject) -> Result<(Member, String)> {
    let mut name = String::new();
    let mut os = String::new();
    let mut kind = None;
    let mut digest = None;
    for attribute in subject.attributes.iter() {
        let value = attribute
            .values
            .get(0)
            .context("an attribute without a value")?;
        match attribute.oid {
            NAME_VALUE => {
                let pair: NameValue = value.decode_as()?;
                match pair.name.to_string().as_str() {
                    "File" => name = pair.text()?,
                    "OSAttr" => os = pair.text()?,
                    _ => {}
                }
            }
            INDIRECT_DATA => {
                let indirect: IndirectData = value.decode_as()?;
                kind = Some(if indirect.data.kind == PE_IMAGE {
                    Kind::Image
                } else {
                    Kind::Flat
                });
                digest = Some(indirect.digest.digest);
            }
            _ => {}
        }
    }
    let digest = digest.with_context(|| format!("{name} has no hash"))?;
    anyhow::ensure!(
        digest == subject.identifier,
        "{name} has two different hashes"
    );
    let hash = digest
        .as_bytes()
        .try_into()
        .with_context(|| format!("{name}: not SHA-256"))?;
    Ok((
        Member {
            name,
            kind: kind.context("no subject type")?,
            hash,
        },
        os,
    ))
}
