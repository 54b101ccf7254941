//! What the owner writes.

use ekiden_domain::Function;

/// What is wrong with an entry is told, and one that is right survives the registry and its own form.
pub(crate) fn function(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (toml, json) = (toml::from_str(text).ok(), serde_json::from_str(text).ok());
    for function in [toml, json].into_iter().flatten() {
        let function: Function = function;
        if !function.problems().is_empty() {
            continue;
        }
        let kept = serde_json::to_string(&function).unwrap();
        assert_eq!(serde_json::from_str::<Function>(&kept).unwrap(), function);
        let entry = toml::to_string(&function).unwrap();
        assert_eq!(toml::from_str::<Function>(&entry).unwrap(), function);
        assert!(
            !function
                .effective_lane(&function.full_name().unwrap())
                .as_str()
                .is_empty()
        );
    }
}
