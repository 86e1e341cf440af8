//! Any texts as the parts of a workbook of prices: whole archives are never hit upon by chance, for each part has a check
//! sum. The parts are divided by bytes of zero.
#![no_main]

use std::cell::RefCell;
use std::sync::LazyLock;

use edgemem::catalog::{Catalog, prices};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the shipped catalog"));

thread_local! {
    /// Copied anew only after a list was used: copying takes longer than all the rest.
    static CHANGED: RefCell<Catalog> = RefCell::new(CATALOG.clone());
}

/// In the order of the input.
const PARTS: [&str; 4] = ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"];

const RELATIONS: &[u8] = br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>
</Relationships>"#;

const PACKAGE: &[u8] = br#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>
</Relationships>"#;

fuzz_target!(|bytes: &[u8]| {
    let mut files: Vec<(&str, &[u8])> = PARTS.into_iter().zip(bytes.split(|&byte| byte == 0)).collect();
    files.extend([("xl/_rels/workbook.xml.rels", RELATIONS), ("_rels/.rels", PACKAGE)]);
    CHANGED.with_borrow_mut(|catalog| match prices::apply(catalog, "prices.xlsx", archive(&files)) {
        Ok(_) => *catalog = CATALOG.clone(),
        Err(_) => assert_eq!(catalog.sha256(), CATALOG.sha256()),
    });
});

/// A zip archive of files as they are.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in files {
        let at = archive.len() as u32;
        let mut facts = Vec::new();
        facts.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        facts.extend(check_sum(bytes).to_le_bytes());
        facts.extend((bytes.len() as u32).to_le_bytes());
        facts.extend((bytes.len() as u32).to_le_bytes());
        facts.extend((name.len() as u16).to_le_bytes());
        facts.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&facts);
        archive.extend(name.bytes());
        archive.extend(*bytes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&facts);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.bytes());
    }
    let (at, files) = (archive.len() as u32, files.len() as u16);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(files.to_le_bytes());
    archive.extend(files.to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

/// CRC-32 as zip archives have it.
fn check_sum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1)))
    })
}
