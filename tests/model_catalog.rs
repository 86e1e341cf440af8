//! The shipped models: every entry resolves, and its dimensions lead to what its publisher says.

use edgemem::catalog::Catalog;

#[test]
fn every_shipped_model_resolves() {
    let catalog = Catalog::shipped().expect("the shipped catalogs load");
    let mut language = 0;
    for entry in catalog.model_entries() {
        let model = catalog.model(&entry.id).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.id, entry.id);
        if model.task.is_language() {
            let body = model.language().unwrap_or_else(|| panic!("{} has no language body", entry.id));
            assert_eq!(body.layers.len(), body.spec.layers as usize, "{}", entry.id);
            language += 1;
        }
    }
    assert!(language >= 150, "{language} language models");
}
