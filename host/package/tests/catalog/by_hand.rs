//! The bytes of an unsigned catalog, from inf section 5.1 and the ASN.1 of RFC 2315: a helper counts lengths, all else is
//! literal.

/// A catalog of `dmusmini.inf` (SHA-1 is 20 times B2, SHA-256 32 times 11) and `dmusmini.sys` (11, 5A).
pub fn catalog() -> Vec<u8> {
    // In the order of the identifiers: 11 * 20 begins 11 * 32, and the shorter comes first.
    let subjects = of(
        0x30,
        &[
            &subject(
                &[0x11; 20],
                &[&member_info(0x80), &os(), &file("dmusmini.sys")],
            ),
            &subject(
                &[0x11; 32],
                &[
                    &member_info(0x82),
                    &os(),
                    &file("dmusmini.inf"),
                    &flat(&[0x11; 32]),
                ],
            ),
            &subject(
                &[0x5A; 32],
                &[
                    &member_info(0x80),
                    &os(),
                    &file("dmusmini.sys"),
                    &image(&[0x5A; 32]),
                ],
            ),
            &subject(
                &[0xB2; 20],
                &[&member_info(0x82), &os(), &file("dmusmini.inf")],
            ),
        ],
    );
    let extensions = of(
        0x30,
        &[
            &extension("OS", "_v100_X64"),
            &extension("HWID1", "acpi\\pnpb006"),
            &extension("HWID2", "root\\dmusmini"),
        ],
    );
    let list = of(
        0x30,
        &[
            // 1.3.6.1.4.1.311.12.1.1: a catalog list.
            &of(
                0x30,
                &[&[
                    0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0C, 0x01, 0x01,
                ]],
            ),
            &of(0x04, &[&[7; 16]]),
            &of(0x17, &[b"260921141320Z"]),
            // 1.3.6.1.4.1.311.12.1.3: members of version 2.
            &of(
                0x30,
                &[&[
                    0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0C, 0x01, 0x03, 0x05,
                    0x00,
                ]],
            ),
            &subjects,
            &of(0xA0, &[&extensions]),
        ],
    );
    let signed = of(
        0x30,
        &[
            &[0x02, 0x01, 0x01, 0x31, 0x00],
            &of(
                0x30,
                &[
                    // 1.3.6.1.4.1.311.10.1: a certificate trust list.
                    &[
                        0x06, 0x09, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0A, 0x01,
                    ],
                    &of(0xA0, &[&list]),
                ],
            ),
            &[0x31, 0x00],
        ],
    );
    of(
        0x30,
        &[
            // 1.2.840.113549.1.7.2: signed data.
            &[
                0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02,
            ],
            &of(0xA0, &[&signed]),
        ],
    )
}

fn subject(identifier: &[u8], attributes: &[&[u8]]) -> Vec<u8> {
    of(0x30, &[&of(0x04, &[identifier]), &of(0x31, attributes)])
}

/// `[0]`, 80 00, says an image, `[2]`, 82 00, a flat file.
fn member_info(tag: u8) -> Vec<u8> {
    vec![
        0x30, 0x10, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0C, 0x02, 0x03, 0x31,
        0x02, tag, 0x00,
    ]
}

fn os() -> Vec<u8> {
    of(
        0x30,
        &[NAME_VALUE, &of(0x31, &[&name_value("OSAttr", "2:10.0")])],
    )
}

fn file(name: &str) -> Vec<u8> {
    of(0x30, &[NAME_VALUE, &of(0x31, &[&name_value("File", name)])])
}

fn extension(name: &str, text: &str) -> Vec<u8> {
    of(0x30, &[NAME_VALUE, &of(0x04, &[&name_value(name, text)])])
}

/// 1.3.6.1.4.1.311.12.2.1.
const NAME_VALUE: &[u8] = &[
    0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0C, 0x02, 0x01,
];

/// The name is big-endian, the value little-endian with its zero; 10010001: text, and part of what is signed.
fn name_value(name: &str, text: &str) -> Vec<u8> {
    let name: Vec<u8> = name.bytes().flat_map(|byte| [0, byte]).collect();
    let text: Vec<u8> = text.bytes().chain([0]).flat_map(|byte| [byte, 0]).collect();
    of(
        0x30,
        &[
            &of(0x1E, &[&name]),
            &[0x02, 0x04, 0x10, 0x01, 0x00, 0x01],
            &of(0x04, &[&text]),
        ],
    )
}

fn image(hash: &[u8; 32]) -> Vec<u8> {
    indirect(
        &[
            0x30, 0x18, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0F,
            0x30, 0x0A, 0x03, 0x02, 0x05, 0xA0, 0xA0, 0x04, 0xA2, 0x02, 0x80, 0x00,
        ],
        hash,
    )
}

fn flat(hash: &[u8; 32]) -> Vec<u8> {
    indirect(
        &[
            0x30, 0x10, 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x19,
            0xA2, 0x02, 0x80, 0x00,
        ],
        hash,
    )
}

fn indirect(data: &[u8], hash: &[u8; 32]) -> Vec<u8> {
    let sha_256 = [
        0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    ];
    let digest = of(0x30, &[&sha_256, &of(0x04, &[hash])]);
    // 1.3.6.1.4.1.311.2.1.4.
    let oid = [
        0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04,
    ];
    of(0x30, &[&oid, &of(0x31, &[&of(0x30, &[data, &digest])])])
}

/// A value with its tag and length.
fn of(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut bytes = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    bytes.extend(content);
    bytes
}
