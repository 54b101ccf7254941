//! The stories: one for each SDK on each stack, each told once however many tests ask for it.

use crate::{
    sdks::{SDKS, Sdk, suite},
    stage::{READER, Stack, play},
};
use serde::Deserialize;
use std::{process::Command, time::Duration};
use tokio::sync::OnceCell;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// What became of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// As FC has it.
    Works,
    /// Otherwise than FC has it.
    Differs,
    /// This SDK or this generation has no such operation.
    #[serde(rename = "not applicable")]
    NotApplicable,
}

/// One line of a story.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    pub(crate) sdk: String,
    pub(crate) operation: String,
    pub(crate) result: Outcome,
    /// A remark on it.
    pub(crate) why: Option<String>,
}

type Told = OnceCell<Result<Vec<Line>, String>>;

static EMBEDDED: [Told; 6] = [const { OnceCell::const_new() }; 6];
static PRODUCTION: [Told; 6] = [const { OnceCell::const_new() }; 6];

/// What an SDK, by its place in [`SDKS`], tells of a stack; an error says how it failed.
pub(crate) async fn told(stack: Stack, place: usize) -> Result<Vec<Line>, String> {
    let cells = match stack {
        Stack::Embedded => &EMBEDDED,
        Stack::Production => &PRODUCTION,
    };
    let tell = || tell(stack, &SDKS[place]);
    cells[place].get_or_init(tell).await.clone()
}

async fn tell(stack: Stack, sdk: &Sdk) -> Result<Vec<Line>, String> {
    let story = suite().join(sdk.language.folder()).join(sdk.story);
    let mut command = sdk.language.run(story).await;
    let told = play(stack, async |stage| {
        command
            .envs(stage.environment())
            .env("EKIDEN_TEST_READER_ID", READER.0)
            .env("EKIDEN_TEST_READER_SECRET", READER.1)
            .env("EKIDEN_TEST_TARGET", &stage.function);
        output(command).await
    });
    let lines = told.await?;
    let lines = lines.lines().map(|line| {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        if line.sdk == sdk.package {
            Ok(line)
        } else {
            Err(format!("another's line in the story of {}", sdk.package))
        }
    });
    lines.collect()
}

/// What a program prints; an error, with all that it said, if it fails or does not end.
pub(crate) async fn output(command: Command) -> Result<String, String> {
    let mut command = tokio::process::Command::from(command);
    command
        .kill_on_drop(true)
        .stdin(std::process::Stdio::null());
    let Ok(output) = tokio::time::timeout(PATIENCE, command.output()).await else {
        return Err(format!("it did not end within {PATIENCE:?}: {command:?}"));
    };
    let output = output.map_err(|error| format!("{error}: {command:?}"))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    let err = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{out}\n{err}", output.status))
}

async fn is_told(stack: Stack, place: usize) {
    if let Err(error) = told(stack, place).await {
        panic!("the story of {} failed: {error}", SDKS[place].package);
    }
}

/// Stamps a test for each SDK, on both stacks.
macro_rules! stories {
    ($($name:ident: $place:literal),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::is_told(crate::stage::Stack::Embedded, $place).await;
            })+
        }

        mod production {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::is_told(crate::stage::Stack::Production, $place).await;
            })+
        }
    };
}

stories! {
    python_fc2: 0,
    node_fc2: 1,
    python_fc_open: 2,
    node_fc_open: 3,
    python_fc3: 4,
    node_fc3: 5,
}
