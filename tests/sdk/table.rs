//! `docs/compatibility.md`, written from what the stories told.

use crate::{
    sdks::{Language, SDKS},
    stage::{Stack, root},
    stories::{Line, Outcome, told},
};
use std::{fmt::Write, fs};

const INTRODUCTION: &str = "\
# Compatibility with the FC SDKs

What the official SDKs of Alibaba Cloud Function Compute do against Ekiden: unmodified, from their
registries, at the versions below. The test suite walks each through all of these operations, on
SQLite with the in-process queue and on PostgreSQL with RabbitMQ, checks every answer, and fails if
this page says anything else (`EKIDEN_BLESS=1 cargo xtask test -p ekiden-tests --test sdk` writes it).

aliyun-fc2 and @alicloud/fc2 speak 2016-08-15, fc-open20210406 speaks 2021-04-06, and fc20230330
speaks 2023-03-30, which is FC 3.0. fc-go-sdk and fc-java-sdk speak 2016-08-15 as well: the suite does
not run them, but sends requests in their form, which put a config, and invoke, follow, stop and list
tasks. Programs to begin with are in [examples/producers](../examples/producers).

";

const HOW_TO_READ: &str = "
**works**: the story checked the answer and the refusals that belong to it. **differs**: it does not
do what FC documents. A dash: this SDK, or this generation, has no such operation.
";

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_says_what_the_stories_told() {
    let mut columns = Vec::new();
    for place in 0..SDKS.len() {
        let embedded = told(Stack::Embedded, place).await;
        let production = told(Stack::Production, place).await;
        let column = embedded.unwrap_or_else(|error| panic!("{error}"));
        let other = production.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(column, other, "the two stacks differ");
        columns.push(column);
    }
    let page = page(&columns);
    let file = root().join("docs/compatibility.md");
    if std::env::var_os("EKIDEN_BLESS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not what the stories told; EKIDEN_BLESS=1 writes it:\n{page}",
        file.display()
    );
}

fn page(columns: &[Vec<Line>]) -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("| operation |");
    for sdk in SDKS {
        let language = match sdk.language {
            Language::Python => "Python",
            Language::Node => "Node.js",
        };
        write!(page, " {} {} ({language}) |", sdk.package, sdk.version()).unwrap();
    }
    page.push_str("\n| --- |");
    page.push_str(&" --- |".repeat(SDKS.len()));
    page.push('\n');
    let mut remarks = Vec::new();
    for (row, Line { operation, .. }) in columns[0].iter().enumerate() {
        write!(page, "| {operation} |").unwrap();
        for column in columns {
            assert_eq!(column.len(), columns[0].len(), "{column:#?}");
            assert_eq!(&column[row].operation, operation);
            write!(page, " {} |", cell(&column[row], &mut remarks)).unwrap();
        }
        page.push('\n');
    }
    page.push_str(HOW_TO_READ);
    page.push('\n');
    for (index, remark) in remarks.iter().enumerate() {
        writeln!(page, "{}. {remark}", index + 1).unwrap();
    }
    page
}

fn cell<'a>(line: &'a Line, remarks: &mut Vec<&'a str>) -> String {
    let result = match line.result {
        Outcome::Works => "works",
        Outcome::Differs => "differs",
        Outcome::NotApplicable => "–",
    };
    let Some(why) = line.why.as_deref() else {
        return result.to_owned();
    };
    let place = remarks.iter().position(|remark| *remark == why);
    let place = place.unwrap_or_else(|| {
        remarks.push(why);
        remarks.len() - 1
    });
    format!("{result} ({})", place + 1)
}
