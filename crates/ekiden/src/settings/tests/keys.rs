use super::*;
use ekiden_domain::Scope;
use std::fs;

fn key(more: &str) -> Result<KeySettings, String> {
    let file = format!("[[auth.key]]\nid = 'a'\nscopes = ['read']\n{more}");
    match load(&file, &[]) {
        Ok(mut settings) => Ok(settings.keys.remove(0)),
        Err(problems) => Err(lines(&problems).join("\n")),
    }
}

#[test]
fn a_key_has_a_secret_scopes_and_perhaps_functions() {
    let file = "[[auth.key]]\nid = 'test.id'\nsecret = 'testsecret'\n\
                scopes = ['manage', 'invoke', 'read', 'read']\nfunctions = ['media/thumb*', 'a/b']\n";
    let settings = load(file, &[]).unwrap();
    let KeySettings { key, secret } = &settings.keys[0];
    assert_eq!(
        (key.id.as_str(), secret.expose()),
        ("test.id", "testsecret")
    );
    let scopes: Vec<_> = key.scopes.iter().copied().collect();
    assert_eq!(scopes, [Scope::Invoke, Scope::Read, Scope::Manage]);
    let patterns = ["media/thumb*", "a/b"].map(|text| text.parse().unwrap());
    assert_eq!(key.functions.as_deref(), Some(&patterns[..]));
}

#[test]
fn a_secret_file_may_end_in_one_line_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let read = |content: &str| {
        fs::write(&path, content).unwrap();
        key(&format!("secret_file = '{}'", path.display()))
    };
    for content in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        assert_eq!(read(content).unwrap().secret.expose(), "hunter2");
    }
    for content in ["", "\n", "hunter2\n\n", "hunter 2", "hunter2\nx"] {
        let problem = read(content).unwrap_err();
        let start = format!(
            "auth.key[a].secret_file '{}' is not allowed",
            path.display()
        );
        assert!(
            problem.starts_with(&start[..start.len().min(140)]),
            "{problem}"
        );
        assert!(!problem.contains("hunter"), "{problem}");
    }
    fs::remove_file(&path).unwrap();
    let problem = key(&format!("secret_file = '{}'", path.display())).unwrap_err();
    assert!(problem.contains("cannot be read"), "{problem}");
}

#[test]
fn a_key_has_exactly_one_secret() {
    let both = key("secret = 'x'\nsecret_file = 'y'").unwrap_err();
    assert_eq!(
        both,
        "auth.key[a] has both secret and secret_file: one must be left out"
    );
    assert!(
        key("")
            .unwrap_err()
            .starts_with("auth.key[a].secret is missing")
    );
}

#[test]
fn each_value_of_a_key_is_checked() {
    let file = "[[auth.key]]\nid = 'a b'\nsecret = ''\nscopes = []\nfunctions = []\nrole = 'x'\n\
                [[auth.key]]\nsecret_file = 1\nscopes = ['admin']\n";
    let fields: Vec<_> = problems(file)
        .iter()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    let mut expected = ["functions", "id", "role", "scopes", "secret"]
        .map(|key| format!("auth.key[1].{key}"))
        .to_vec();
    expected.extend(["scopes", "secret_file", "id"].map(|key| format!("auth.key[2].{key}")));
    assert_eq!(fields, expected);
}

#[test]
fn a_function_pattern_is_a_name_or_its_beginning() {
    let pattern = |text: &str| key(&format!("secret = 'x'\nfunctions = ['{text}']"));
    for good in ["*", "a*", "a/*", "a/b*", "a/b"] {
        assert!(pattern(good).is_ok(), "{good}");
    }
    for bad in [
        "", "a", "a/", "/b", "/*", "*/b", "a/b/*", "a/*b", "**", "1*", "a b*",
    ] {
        assert!(pattern(bad).is_err(), "{bad}");
    }
}

#[test]
fn ids_are_unique() {
    let one = "[[auth.key]]\nid = 'a'\nsecret = 'x'\nscopes = ['read']\n";
    let expected = ["auth.key[a] is given twice: each key has an id of its own"];
    assert_eq!(problems(&one.repeat(2)), expected);
}
