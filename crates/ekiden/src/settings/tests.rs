use super::*;

mod documents;
mod environment;
mod functions;
mod keys;
mod reports;
mod roles;
mod values;

const FUNCTION: &str = "[[function]]\nservice = 's'\nname = 'f'\ntarget = { handler = 'h' }\n";

fn source(file: &str, environment: &[(&str, &str)]) -> Source {
    let environment = environment
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Source::default()
        .with_file(Path::new("test.toml"), file)
        .with_environment(environment)
}

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, Problems> {
    let mut source = source(file, environment);
    let settings = Settings::read(&mut source);
    source.finish(settings)
}

/// What is wrong with `file`, without the file's name.
fn problems(file: &str) -> Vec<String> {
    lines(&load(file, &[]).unwrap_err())
}

fn lines(problems: &Problems) -> Vec<String> {
    let lines = problems.to_string();
    let lines = lines.lines();
    lines
        .map(|line| line.replacen("test.toml: ", "", 1))
        .collect()
}

fn default_settings() -> String {
    format!("{:?}", load("", &[]).unwrap())
}
