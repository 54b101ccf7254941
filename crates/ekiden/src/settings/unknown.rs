//! What was given but never read: slips.

use super::{
    problems::nearest,
    source::{PREFIX, Source, Variable},
};
use toml::Value;

impl Source {
    pub(super) fn find_unknown_in_file(&mut self) {
        for (name, value) in std::mem::take(&mut self.table) {
            let label = format!("{}{name}", self.file);
            let inside = format!("{name}.");
            let is_section = self.known.iter().any(|key| key.starts_with(&inside));
            match value {
                Value::Table(section) if is_section => {
                    let keys = section.keys().map(|key| format!("{name}.{key}"));
                    keys.for_each(|key| self.check_known(&format!("{}{key}", self.file), &key));
                }
                _ if is_section => {
                    let problem = format!("{label} must be a section, written [{name}]");
                    self.problems.push(problem);
                }
                Value::Table(_) if !self.known.contains(&name.as_str()) => {
                    let sections = self.known.iter().filter_map(|key| key.split('.').next());
                    self.problems.unknown(&label, nearest(&name, sections));
                }
                _ => self.check_known(&label, &name),
            }
        }
    }

    fn check_known(&mut self, label: &str, key: &str) {
        if !self.known.contains(&key) {
            let near = nearest(key, self.known.iter().copied());
            self.problems.unknown(label, near);
        }
    }

    pub(super) fn find_unknown_variables(&mut self) {
        for (key, Variable { name, .. }) in std::mem::take(&mut self.variables) {
            if !self.known.contains(&key.as_str()) {
                let near = nearest(&key, self.known.iter().copied());
                let spell = |key: &str| PREFIX.to_owned() + &key.replace('.', "__").to_uppercase();
                self.problems.unknown(&name, near.map(spell));
            }
        }
    }
}
