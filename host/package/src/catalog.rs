//! The catalog: a PKCS #7 message that lists the package's files by their hashes.
//!
//! What Microsoft's Hardware Dev Center writes (inf section 5.1), built with the RustCrypto ASN.1 and CMS types:
//! `SignedData` (RFC 2315) whose content is a certificate trust list. A file is two trusted subjects. Their identifiers are
//! its SHA-1 and its SHA-256 hash (Authenticode for images, plain for the INF); the attributes of both are the file's name,
//! the systems it is for and the kind of subject, and the second has its hash once more as `SpcIndirectDataContent`. All
//! subjects are one list in the order of their identifiers' bytes. The catalog as a whole names the systems and the hardware ids.
//!
//! The catalog comes out unsigned; `osslsigncode` signs it. What only Windows can confirm: that its catalog database takes it.

mod pe_hash;
mod types;

use anyhow::{Context, Result};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerInfos};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Decode, Encode, Tag, TagNumber, Tagged};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use std::time::SystemTime;
use types::{
    Attribute, CertificateTrustList, DigestInfo, Extension, IndirectData, NameValue,
    TrustedSubject, TypeAndValue,
};

pub use pe_hash::authenticode;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// szOID_CTL.
const TRUST_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.1");
/// szOID_CATALOG_LIST.
const CATALOG_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.1.1");
/// szOID_CATALOG_LIST_MEMBER_V2: subjects are named by hashes of either kind.
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

impl Kind {
    /// Which alternative of `CatMemberInfo2` says so: `[0]` is a PE image, `[2]` a flat file. It has no content.
    const fn member_info(self) -> u8 {
        match self {
            Self::Image => 0,
            Self::Flat => 2,
        }
    }
}

/// A file's two hashes, each of which names a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// What systems before SHA-256 look a file up by, and what Microsoft's catalogs list still.
    pub sha_1: [u8; 20],
    /// What Windows looks a file up by.
    pub sha_256: [u8; 32],
}

/// One file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The file's name.
    pub name: String,
    /// How it was hashed.
    pub kind: Kind,
    /// Its hashes.
    pub hashes: Hashes,
}

impl Member {
    /// Hashes a file.
    ///
    /// # Errors
    ///
    /// When an image is not a PE image.
    pub fn of_file(name: &str, bytes: &[u8], kind: Kind) -> Result<Self> {
        let hashes = match kind {
            Kind::Image => authenticode(bytes).with_context(|| format!("hashing {name}"))?,
            Kind::Flat => Hashes {
                sha_1: Sha1::digest(bytes).into(),
                sha_256: Sha256::digest(bytes).into(),
            },
        };
        Ok(Self {
            name: name.to_owned(),
            kind,
            hashes,
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
            "not members of version 2"
        );
        let (members, os_attribute) = members(&list.trusted_subjects)?;
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
        let mut subjects = Vec::new();
        for member in &self.members {
            subjects.push(self.subject(member, &member.hashes.sha_1, false)?);
            subjects.push(self.subject(member, &member.hashes.sha_256, true)?);
        }
        // Windows finds a subject by bisection.
        subjects.sort_by(|one, other| one.identifier.as_bytes().cmp(other.identifier.as_bytes()));
        Ok(subjects)
    }

    /// The subject that one of the hashes names. `indirect` says whether the hash is among its attributes once more.
    fn subject(&self, member: &Member, hash: &[u8], indirect: bool) -> Result<TrustedSubject> {
        let member_info = Any::new(context_specific(member.kind.member_info()), Vec::new())?;
        let pair = |name, text| {
            Any::encode_from(&NameValue::new(name, TEXT_ATTRIBUTE, text)?)
                .map_err(anyhow::Error::from)
        };
        let mut pairs = vec![
            (NAME_VALUE, pair("File", &member.name)?),
            (NAME_VALUE, pair("OSAttr", &self.os_attribute)?),
            (MEMBER_INFO_2, member_info),
        ];
        if indirect {
            let data = match member.kind {
                Kind::Image => TypeAndValue {
                    kind: PE_IMAGE,
                    value: types::pe_image_data()?,
                },
                Kind::Flat => TypeAndValue {
                    kind: FLAT_FILE,
                    value: types::flat_file_data()?,
                },
            };
            let content = IndirectData {
                data,
                digest: DigestInfo {
                    algorithm: algorithm(SHA_256),
                    digest: OctetString::new(hash)?,
                },
            };
            pairs.push((INDIRECT_DATA, Any::encode_from(&content)?));
        }
        let mut attributes = SetOfVec::new();
        for (oid, value) in pairs {
            attributes.insert(Attribute {
                oid,
                values: SetOfVec::try_from(vec![value])?,
            })?;
        }
        Ok(TrustedSubject {
            identifier: OctetString::new(hash)?,
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

/// What one subject says.
struct Subject {
    name: String,
    os: String,
    kind: Kind,
    hash: Vec<u8>,
    /// The kind and the hash of the indirect data, if there is any.
    indirect: Option<(Kind, Vec<u8>)>,
}

/// The files, each from its two subjects, in the order of their SHA-256 hashes; and the systems that they are for.
fn members(subjects: &[TrustedSubject]) -> Result<(Vec<Member>, String)> {
    let ordered =
        subjects.is_sorted_by(|one, other| one.identifier.as_bytes() < other.identifier.as_bytes());
    anyhow::ensure!(
        ordered,
        "the subjects are not in the order of their identifiers"
    );
    let subjects: Vec<Subject> = subjects.iter().map(read_subject).collect::<Result<_>>()?;
    let mut members = Vec::new();
    let mut os_attribute = String::new();
    for subject in &subjects {
        let name = &subject.name;
        let Some((kind, digest)) = &subject.indirect else {
            let twin = |other: &&Subject| other.name == *name && other.indirect.is_some();
            subjects
                .iter()
                .find(twin)
                .with_context(|| format!("{name} has no SHA-256 subject"))?;
            continue;
        };
        anyhow::ensure!(*digest == subject.hash, "{name} has two different hashes");
        let sha_1 = subjects
            .iter()
            .find(|other| other.name == *name && other.indirect.is_none());
        let sha_1 = sha_1.with_context(|| format!("{name} has no SHA-1 subject"))?;
        anyhow::ensure!(
            [subject.kind, sha_1.kind] == [*kind; 2],
            "{name} is of two kinds"
        );
        anyhow::ensure!(subject.os == sha_1.os, "{name} is for two sorts of systems");
        let hashes = Hashes {
            sha_1: hash(&sha_1.hash).with_context(|| format!("{name}: not SHA-1"))?,
            sha_256: hash(digest).with_context(|| format!("{name}: not SHA-256"))?,
        };
        members.push(Member {
            name: name.clone(),
            kind: *kind,
            hashes,
        });
        os_attribute.clone_from(&subject.os);
    }
    Ok((members, os_attribute))
}

fn hash<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().context("a hash of another length")
}

fn read_subject(subject: &TrustedSubject) -> Result<Subject> {
    let mut name = String::new();
    let mut os = String::new();
    let mut kind = None;
    let mut indirect = None;
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
            MEMBER_INFO_2 => {
                let of = |kind: &Kind| value.tag() == context_specific(kind.member_info());
                kind = [Kind::Image, Kind::Flat].into_iter().find(of);
            }
            INDIRECT_DATA => {
                let content: IndirectData = value.decode_as()?;
                let kind = match content.data.kind {
                    PE_IMAGE => Kind::Image,
                    FLAT_FILE => Kind::Flat,
                    other => anyhow::bail!("{name}: indirect data of the kind {other}"),
                };
                indirect = Some((kind, content.digest.digest.into_bytes()));
            }
            _ => {}
        }
    }
    Ok(Subject {
        kind: kind.with_context(|| format!("{name} is of no known kind"))?,
        name,
        os,
        hash: subject.identifier.as_bytes().to_vec(),
        indirect,
    })
}

/// The tag of an alternative without content.
fn context_specific(number: u8) -> Tag {
    Tag::ContextSpecific {
        constructed: false,
        number: TagNumber::new(number),
    }
}
