//! The shipped catalogs as a whole: they load, they are complete, and their names lead where they should.

use edgemem::catalog::Catalog;
use edgemem::planner::budget::mode_of;

#[test]
fn the_shipped_catalogs_load() {
    let catalog = Catalog::shipped().unwrap();
    assert!(catalog.devices().count() >= 140);
    assert!(catalog.runtimes().count() >= 12);
    assert!(catalog.os_images().count() >= 10);
    assert!(catalog.formats().count() >= 40);
}

#[test]
fn a_super_id_is_the_module_in_the_modes_of_its_firmware() {
    let catalog = Catalog::shipped().unwrap();
    for (id, mode, expected) in [
        ("jetson-orin-nx-16gb", None, "15W"),
        ("jetson-orin-nx-16gb", Some("40W"), "40W"),
        ("jetson-orin-nx-16gb-super", None, "40W"),
        ("jetson-orin-nx-16gb-super", Some("maxn_super"), "MAXN_SUPER"),
        ("jetson-orin-nano-8gb", Some("15w"), "15W"),
        ("jetson-orin-nano-8gb-super", None, "25W"),
        ("jetson-agx-orin-64gb", None, "30W"),
    ] {
        let (device, of_alias) = catalog.device(id).unwrap();
        assert_eq!(mode_of(device, mode, of_alias).unwrap().id, expected, "{id} asked with {mode:?}");
        assert_eq!(device.id, id.trim_end_matches("-super"));
    }
    let (device, of_alias) = catalog.device("jetson-orin-nx-16gb-super").unwrap();
    assert!(mode_of(device, Some("MAXN"), of_alias).is_err(), "the firmware of the alias has no such mode");
}
