//! Price lists as purchasing departments keep them: workbooks and text, read unambiguously or refused whole.

use std::fs;
use std::process::Command;

use edgemem::catalog::{Catalog, prices};
use edgemem::diag::Diagnostic;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};

const BOARDS: &str = include_str!("fixtures/explain/boards.yaml");

fn catalog() -> Catalog {
    Catalog::with_overlays(&[("boards.yaml".to_owned(), BOARDS.to_owned())]).unwrap()
}

/// A sheet's name and what fills it in.
type Sheet<'a> = (&'a str, &'a dyn Fn(&mut Worksheet));

/// A workbook whose sheets are filled in one after the other.
fn workbook(sheets: &[Sheet<'_>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, fill) in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(*name).unwrap();
        fill(sheet);
    }
    workbook.save_to_buffer().unwrap()
}

fn heading(sheet: &mut Worksheet, row: u32, columns: &[&str]) {
    for (i, column) in columns.iter().enumerate() {
        sheet.write(row, i as u16, *column).unwrap();
    }
}

fn apply(bytes: &[u8]) -> Result<Catalog, Diagnostic> {
    let mut changed = catalog();
    let before = changed.sha256().to_owned();
    let result = prices::apply(&mut changed, "list.xlsx", bytes);
    match result {
        Ok(_) => Ok(changed),
        Err(error) => {
            // Never partly applied.
            assert_eq!(changed.sha256(), before, "{error}");
            assert_eq!(breaks(&changed, "board-alpha"), breaks(&catalog(), "board-alpha"), "{error}");
            Err(error)
        }
    }
}

fn breaks(catalog: &Catalog, device: &str) -> Vec<(u64, String)> {
    let device = catalog.device(device).unwrap().0;
    device.prices.iter().map(|b| (b.min_quantity, b.price.to_string())).collect()
}

fn refused(bytes: &[u8]) -> String {
    // Without the catalog: a panic would print all of it.
    apply(bytes).map(|_| ()).unwrap_err().one_line()
}

#[test]
fn a_workbook_says_what_the_same_text_says() {
    let date = Format::new().set_num_format("yyyy-mm-dd");
    let dollars = Format::new().set_num_format("$#,##0.00");
    let bytes = workbook(&[
        ("Notes", &|sheet| {
            sheet.write(0, 0, "agreed in October").unwrap();
        }),
        ("Prices", &|sheet| {
            sheet.write(0, 0, "Price list of the purchasing department").unwrap();
            heading(sheet, 2, &["As Of", "price_usd", "supplier", "Device", "Min Quantity", "lead-time days"]);
            let rows = [("1299.50", 1.0, 7.0), ("1150", 50.0, 21.0)];
            for (i, (price, quantity, days)) in rows.iter().enumerate() {
                let row = 3 + 2 * i as u32; // every other row is empty
                let day = ExcelDateTime::from_ymd(2026, 11, 1 + i as u8).unwrap();
                sheet.write_with_format(row, 0, day, &date).unwrap();
                if i == 0 {
                    sheet.write_with_format(row, 1, price.parse::<f64>().unwrap(), &dollars).unwrap();
                } else {
                    sheet.write(row, 1, *price).unwrap(); // a number as text
                }
                sheet.write(row, 2, "north").unwrap();
                sheet.write(row, 3, " board-alpha ").unwrap();
                sheet.write(row, 4, *quantity).unwrap();
                sheet.write(row, 5, *days).unwrap();
            }
            // What stands beside the table is a note, however far away.
            sheet.write(1_048_575, 16_383, "the end").unwrap();
        }),
    ]);
    let text = "as_of,price_usd,supplier,device,min_quantity,lead_time_days\n\
                2026-11-01,1299.50,north,board-alpha,1,7\n2026-11-02,1150,north,board-alpha,50,21\n";
    let (book, plain) = (apply(&bytes).unwrap(), apply(text.as_bytes()).unwrap());
    assert_eq!(breaks(&book, "board-alpha"), [(1, "1299.50".to_owned()), (50, "1150.00".to_owned())]);
    let facts = |catalog: &Catalog| {
        let device = catalog.device("board-alpha").unwrap().0.clone();
        (device.prices, device.price_date, device.lead_time_days)
    };
    assert_eq!(facts(&book), facts(&plain));
    assert_eq!(facts(&book).1.as_deref(), Some("2026-11-01"));
    assert_eq!(facts(&book).2, Some(21));
}

#[test]
fn formulas_count_with_the_value_that_was_saved() {
    let with = |formula: Formula| {
        workbook(&[("Sheet1", &|sheet| {
            heading(sheet, 0, &["device", "price_usd"]);
            sheet.write(1, 0, "board-alpha").unwrap();
            sheet.write(1, 1, formula.clone()).unwrap();
        })])
    };
    // What floating point makes of 799.98 / 2 is still 399.99.
    let halved = apply(&with(Formula::new("=799.98/2").set_result("399.98999999999995"))).unwrap();
    assert_eq!(breaks(&halved, "board-alpha"), [(1, "399.99".to_owned())]);
    let part = refused(&with(Formula::new("=1000/3").set_result("333.333333333333")));
    assert!(part.contains("sheet `Sheet1`, cell B2"), "{part}");
    let error = refused(&with(Formula::new("=1/0").set_result("#DIV/0!")));
    assert!(error.contains("cell B2") && error.contains("#DIV/0!"), "{error}");
    let empty = refused(&with(Formula::new("=A9").set_result("")));
    assert!(empty.contains("cell B2"), "{empty}");
}

#[test]
fn what_could_be_meant_otherwise_is_refused_at_its_cell() {
    let one = |fill: &dyn Fn(&mut Worksheet)| {
        refused(&workbook(&[("Angebot", &|sheet| {
            heading(sheet, 0, &["device", "price_usd", "min_quantity", "as_of"]);
            sheet.write(1, 0, "board-beta").unwrap();
            sheet.write(1, 1, 10.0).unwrap();
            sheet.write(2, 0, "board-alpha").unwrap();
            sheet.write(2, 1, 10.0).unwrap();
            fill(sheet);
        })]))
    };
    for text in ["1.234", "1,234", "1,23.4", "10 kr", "10 EUR", "-10", "0", "ten"] {
        let error = one(&|sheet| {
            sheet.write(2, 1, text).unwrap();
        });
        assert!(error.contains("sheet `Angebot`, cell B3") && error.contains(text), "{text}: {error}");
        assert!(error.contains("no price of the list was used"), "{error}");
    }
    for (format, unit) in [
        ("#,##0.00 €", "€"),
        ("[$CHF-807] 0.00", "CHF"),
        ("0%", "%"),
        ("[$$-1009]0.00", "1009"),
        ("0.00 \"kr\"", "kr"),
        ("0.00,", "thousands"),
        ("0.00 \"per 10\"", "per 10"),
    ] {
        let error = one(&|sheet| {
            sheet.write_with_format(2, 1, 10.0, &Format::new().set_num_format(format)).unwrap();
        });
        assert!(error.contains("cell B3") && error.contains(unit), "{format}: {error}");
    }
    for (column, value, place) in [(2, "1.5", "C3"), (2, "0", "C3"), (3, "31.11.2026", "D3"), (3, "46327", "D3")] {
        let error = one(&|sheet| {
            sheet.write(2, column, value).unwrap();
        });
        assert!(error.contains(&format!("cell {place}")) && error.contains(value), "{value}: {error}");
    }
    let error = one(&|sheet| {
        sheet.write(2, 2, true).unwrap();
    });
    assert!(error.contains("cell C3") && error.contains("true"), "{error}");
    let error = one(&|sheet| {
        sheet.write_blank(2, 1, &Format::new().set_bold()).unwrap();
    });
    assert!(error.contains("cell B3") && error.contains("is empty"), "{error}");
    let error = one(&|sheet| {
        sheet.write(0, 4, "price").unwrap();
    });
    assert!(error.contains("cell E1") && error.contains("is defined twice"), "{error}");
    let error = one(&|sheet| {
        sheet.write(0, 4, "suplier").unwrap();
    });
    assert!(error.contains("cell E1") && error.contains("did you mean `supplier`?"), "{error}");
}

#[test]
fn amounts_with_one_reading_are_read_from_text_and_numbers_alike() {
    for (text, price) in [("1.234,00", "1234.00"), ("1,234.50", "1234.50"), ("$10", "10.00"), ("799,00", "799.00")] {
        let book = workbook(&[("prices", &|sheet| {
            heading(sheet, 0, &["device", "price_usd", "notes", "as_of"]);
            sheet.write(1, 0, "board-alpha").unwrap();
            sheet.write(1, 1, text).unwrap();
            sheet.write(1, 3, "31.12.2026").unwrap();
            sheet.write(2, 0, "Total").unwrap();
        })]);
        let catalog = apply(&book).unwrap();
        assert_eq!(breaks(&catalog, "board-alpha"), [(1, price.to_owned())], "{text}");
        assert_eq!(catalog.device("board-alpha").unwrap().0.price_date.as_deref(), Some("2026-12-31"));
    }
    // A number is a number, however many decimals its format shows.
    let book = workbook(&[("prices", &|sheet| {
        heading(sheet, 0, &["device", "price_usd"]);
        sheet.write(1, 0, "board-alpha").unwrap();
        sheet.write_with_format(1, 1, 1.5, &Format::new().set_num_format("0.000")).unwrap();
    })]);
    assert_eq!(breaks(&apply(&book).unwrap(), "board-alpha"), [(1, "1.50".to_owned())]);
}

#[test]
fn a_part_that_does_not_match_its_checksum_is_not_used() {
    let book = workbook(&[("prices", &|sheet| {
        heading(sheet, 0, &["device", "price_usd"]);
        sheet.write(1, 0, "board-alpha").unwrap();
        sheet.write(1, 1, 10.0).unwrap();
    })]);
    let mut seen = 0;
    let mut at = 0;
    // In the list of parts the checksum stands 16 bytes after the mark.
    while let Some(found) = book[at..].windows(4).position(|bytes| bytes == b"PK\x01\x02") {
        at += found + 4;
        let mut changed = book.clone();
        changed[at + 12] ^= 1;
        assert!(refused(&changed).contains("not an .xlsx workbook"), "{}", refused(&changed));
        seen += 1;
    }
    assert!(seen > 5, "{seen} parts");
}

#[test]
fn every_unknown_device_is_named_with_its_cell_and_the_nearest_id() {
    let error = refused(&workbook(&[("Sheet1", &|sheet| {
        heading(sheet, 0, &["price_usd", "device"]);
        for (row, device) in [(1, "board-alpah"), (2, "board-alpha"), (4, "board-bta"), (5, "mainframe")] {
            sheet.write(row, 0, 100.0).unwrap();
            sheet.write(row, 1, device).unwrap();
        }
    })]));
    for part in [
        "sheet `Sheet1`, cell B2: ",
        "did you mean `board-alpha`?",
        "cell B5: ",
        "did you mean `board-beta`?",
        "cell B6: ",
        "no price of the list was used",
    ] {
        assert!(error.contains(part), "no `{part}` in {error}");
    }
}

#[test]
fn of_several_sheets_only_one_may_be_meant() {
    let list = |price: f64| {
        move |sheet: &mut Worksheet| {
            heading(sheet, 0, &["device", "price_usd"]);
            sheet.write(1, 0, "board-alpha").unwrap();
            sheet.write(1, 1, price).unwrap();
        }
    };
    let price = |bytes: &[u8]| breaks(&apply(bytes).unwrap(), "board-alpha")[0].1.clone();
    let (old, new) = (list(111.0), list(222.0));
    let error = refused(&workbook(&[("2025", &old), ("2026", &new)]));
    assert!(error.contains("`2025`, `2026`") && error.contains("`prices`"), "{error}");
    assert_eq!(price(&workbook(&[("2025", &old), ("PRICES", &new)])), "222.00");
    let hidden = |sheet: &mut Worksheet| {
        old(sheet);
        sheet.set_hidden(true);
    };
    assert_eq!(price(&workbook(&[("2026", &new), ("2025", &hidden)])), "222.00");
    let none = refused(&workbook(&[("Sheet1", &|sheet| {
        sheet.write(0, 0, "device").unwrap();
    })]));
    assert!(none.contains("no sheet"), "{none}");
    let bare = refused(&workbook(&[("Sheet1", &|sheet| heading(sheet, 0, &["device", "price_usd"]))]));
    assert!(bare.contains("no rows"), "{bare}");
}

#[test]
fn files_of_another_kind_are_told() {
    assert!(refused(b"PK\x03\x04 not really").contains("not an .xlsx workbook"));
    assert!(refused(&[0xD0, 0xCF, 0x11, 0xE0, 1, 2, 3]).contains(".xls"));
    assert!(refused(b"device,price_usd\nboard-alpha,\xff\n").contains("`ÿ`"));
    assert!(refused(b"device,price_usd\nboard-alpha,1\0\n").contains("must be text"));
    assert!(refused(b"").contains("needs the columns"));
    // A part that says it is half a gigabyte unpacked, and a list of parts that breaks off.
    let book = workbook(&[("prices", &|sheet| heading(sheet, 0, &["device", "price_usd"]))]);
    let part = book.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    let mut large = book.clone();
    large[part + 24..part + 28].copy_from_slice(&(1u32 << 29).to_le_bytes());
    assert!(refused(&large).contains("128 MiB unpacked"), "{}", refused(&large));
    let mut damaged = book;
    damaged[part] = b'Q';
    assert!(refused(&damaged).contains("list of parts is damaged"), "{}", refused(&damaged));
}

#[test]
fn a_plan_takes_a_workbook_wherever_it_takes_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("boards.yaml"), BOARDS).unwrap();
    fs::write(
        path("shop.yaml"),
        "scenario: shop\nallow: { devices: [board-alpha, board-epsilon] }\nworkloads:\n  - name: talk\n    \
         model: Qwen/Qwen2.5-0.5B-Instruct\n    context: 2048\n",
    )
    .unwrap();
    let bytes = workbook(&[("Sheet1", &|sheet| {
        heading(sheet, 0, &["device", "price_usd"]);
        sheet.write(1, 0, "board-alpha").unwrap();
        sheet.write(1, 1, 12.34).unwrap();
    })]);
    fs::write(path("list.xlsx"), bytes).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_edgemem"))
            .current_dir(folder.path())
            .args(arguments)
            .args(["--catalog", "boards.yaml", "--prices", "list.xlsx", "--format", "json"])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, plan) = run(&["plan", "shop.yaml"]);
    assert_eq!(code, Some(0), "{plan}");
    let value: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(value["objective"]["value"], 12.34);
    fs::write(path("plan.json"), plan).unwrap();
    assert_eq!(run(&["check", "plan.json"]).0, Some(0));
    assert_eq!(run(&["candidates", "shop.yaml"]).0, Some(0));
    assert!(matches!(run(&["whatif", "shop.yaml", "--base-catalog", "boards.yaml"]).0, Some(0 | 4)));
}
