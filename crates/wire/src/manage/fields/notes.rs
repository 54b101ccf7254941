//! What is asked of a body, taken down: so whoever reads one describes it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use utoipa::openapi::{ObjectBuilder, Schema};

/// Stands for whatever members there are.
pub(super) const ANY: &str = "*";

/// The members that were asked for, in one object. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Rc<RefCell<BTreeMap<String, Note>>>);

#[derive(Debug)]
enum Note {
    Value(Box<Schema>),
    Object(Notes),
}

impl Notes {
    /// A member of this schema is asked for.
    pub(super) fn value(&self, name: &str, schema: Schema) {
        self.put(name, Note::Value(Box::new(schema)));
    }

    /// A member is asked for that is an object, of which more may be asked.
    pub(super) fn object(&self, name: &str) -> Self {
        let inner = Self::default();
        self.put(name, Note::Object(inner.clone()));
        inner
    }

    fn put(&self, name: &str, note: Note) {
        self.0.borrow_mut().insert(name.to_owned(), note);
    }

    /// The schema of an object that has what was asked for.
    pub(super) fn schema(&self) -> ObjectBuilder {
        let notes = self.0.take().into_iter();
        notes.fold(ObjectBuilder::new(), |object, (name, note)| {
            let schema = match note {
                Note::Value(schema) => *schema,
                Note::Object(notes) => notes.schema().into(),
            };
            if name == ANY {
                object.additional_properties(Some(schema))
            } else {
                object.property(name, schema)
            }
        })
    }
}
