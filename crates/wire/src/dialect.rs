//! The spellings of one API: which generation of clients a request comes from.

use serde::Serialize;

/// Which generation of FC's API a path belongs to. All share one resource model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `/services/...`, as FC's early documentation prints it.
    Unversioned,
    /// `/2016-08-15/...`: the SDKs aliyun-fc2, @alicloud/fc2, fc-go-sdk and fc-java-sdk.
    V2016,
    /// `/2021-04-06/...`: the SDKs named fc-open20210406.
    V2021,
    /// `/2023-03-30/...`: FC 3.0, whose functions belong to no service.
    V2023,
}

impl Dialect {
    /// The spellings of FC 2.0, in which every function belongs to a service.
    pub const FC2: [Self; 3] = [Self::Unversioned, Self::V2016, Self::V2021];

    /// What every path of this spelling begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Unversioned => "",
            Self::V2016 => "/2016-08-15",
            Self::V2021 => "/2021-04-06",
            Self::V2023 => "/2023-03-30",
        }
    }

    /// The spelling that `path` is in.
    #[must_use]
    pub fn of(path: &str) -> Self {
        [Self::V2016, Self::V2021, Self::V2023]
            .into_iter()
            .find(|dialect| path.starts_with(dialect.prefix()))
            .unwrap_or(Self::Unversioned)
    }

    /// Whether names and records are FC 3.0's: tasks instead of stateful async invocations.
    #[must_use]
    pub const fn is_fc3(self) -> bool {
        matches!(self, Self::V2023)
    }

    /// The largest and the default page of a list: FC's documentation says 50 for 2.0, 20 for 3.0.
    #[must_use]
    pub const fn default_limit(self) -> u32 {
        if self.is_fc3() { 20 } else { 50 }
    }
}

/// One operation's path in all spellings, without their prefixes; `{...}` are its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The path in FC 2.0; `None` where FC 2.0 has no such operation.
    pub fc2: Option<&'static str>,
    /// The path in FC 3.0; `None` where FC 3.0 has no such operation.
    pub fc3: Option<&'static str>,
}

impl Spelling {
    /// Every path that names the operation.
    pub fn paths(self) -> impl Iterator<Item = String> {
        let fc2 = Dialect::FC2
            .into_iter()
            .filter_map(move |dialect| Some(format!("{}{}", dialect.prefix(), self.fc2?)));
        let fc3 = self
            .fc3
            .map(|path| format!("{}{path}", Dialect::V2023.prefix()));
        fc2.chain(fc3)
    }
}

/// What each generation reads in its own words: `A` in FC 2.0, `B` in FC 3.0.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Either<A, B> {
    /// In FC 2.0's words.
    Fc2(A),
    /// In FC 3.0's words.
    Fc3(B),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_spelling() {
        assert_eq!(Dialect::of("/services/s"), Dialect::Unversioned);
        for dialect in [Dialect::V2016, Dialect::V2021, Dialect::V2023] {
            assert_eq!(Dialect::of(&format!("{}/x", dialect.prefix())), dialect);
        }
    }

    #[test]
    fn an_operation_has_a_path_in_each_spelling_that_has_it() {
        let both = Spelling {
            fc2: Some("/a"),
            fc3: Some("/b"),
        };
        let paths: Vec<String> = both.paths().collect();
        assert_eq!(
            paths,
            ["/a", "/2016-08-15/a", "/2021-04-06/a", "/2023-03-30/b"]
        );
        let old = Spelling {
            fc2: Some("/a"),
            fc3: None,
        };
        assert_eq!(old.paths().count(), 3);
    }
}
