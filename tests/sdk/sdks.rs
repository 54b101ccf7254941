//! The SDKs, at the versions that the lock files pin.

use std::{fs, path::PathBuf};

/// The language that an SDK is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    Node,
}

/// An SDK, as its registry names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sdk {
    pub(crate) package: &'static str,
    pub(crate) language: Language,
    /// Its story, in the folder of its language.
    pub(crate) story: &'static str,
    /// A program that uses it, in the folder of examples.
    pub(crate) producer: &'static str,
    /// Whether it speaks FC 3.0, whose functions belong to no service.
    pub(crate) is_fc3: bool,
}

pub(crate) const SDKS: [Sdk; 6] = [
    Sdk {
        package: "aliyun-fc2",
        language: Language::Python,
        story: "story_fc2.py",
        producer: "aliyun_fc2.py",
        is_fc3: false,
    },
    Sdk {
        package: "@alicloud/fc2",
        language: Language::Node,
        story: "story_fc2.js",
        producer: "fc2.js",
        is_fc3: false,
    },
    Sdk {
        package: "alibabacloud-fc-open20210406",
        language: Language::Python,
        story: "story_fc_open.py",
        producer: "fc_open.py",
        is_fc3: false,
    },
    Sdk {
        package: "@alicloud/fc-open20210406",
        language: Language::Node,
        story: "story_fc_open.js",
        producer: "fc_open.js",
        is_fc3: false,
    },
    Sdk {
        package: "alibabacloud-fc20230330",
        language: Language::Python,
        story: "story_fc3.py",
        producer: "fc3.py",
        is_fc3: true,
    },
    Sdk {
        package: "@alicloud/fc20230330",
        language: Language::Node,
        story: "story_fc3.js",
        producer: "fc3.js",
        is_fc3: true,
    },
];

impl Language {
    /// What stories and examples of it lie in, below their own folders.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }
}

impl Sdk {
    /// The version that the lock file pins.
    pub(crate) fn version(&self) -> String {
        let pinned = match self.language {
            Language::Python => read("python/requirements.txt")
                .lines()
                .filter_map(|line| line.split_once("=="))
                // Python takes both for the same.
                .find(|(name, _)| name.replace('_', "-") == self.package)
                .map(|(_, version)| version.to_owned()),
            Language::Node => {
                let package: serde_json::Value =
                    serde_json::from_str(&read("node/package.json")).unwrap();
                let version = package["dependencies"][self.package].as_str();
                version.map(str::to_owned)
            }
        };
        pinned.unwrap_or_else(|| panic!("no version of {} is pinned", self.package))
    }
}

/// The folder of this suite.
pub(crate) fn suite() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sdk"))
}

fn read(file: &str) -> String {
    fs::read_to_string(suite().join(file)).unwrap()
}
