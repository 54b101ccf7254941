//! What is said of what is wrong, and what never is.

use super::*;
use std::fs;

#[test]
fn all_problems_are_told_at_once_with_key_value_and_what_is_allowed() {
    let problems = load(
        "listen = ':80'\n[server]\nlisten = 'localhost'\n[worker]\nslots = 'many'\ndrain = '1h'\n\
         [databse]\nurl = ''\n[broker]\nprefix = 'a b'\n",
        &[("EKIDEN__RETENTION__KEEP", "1s")],
    )
    .unwrap_err();
    let expected = "\
test.toml: server.listen 'localhost' is not allowed: it must be an IP address and a port, such as 127.0.0.1:7070
test.toml: broker.prefix 'a b' is not allowed: it must be 1 to 40 letters, digits, '.', '_' or '-'
test.toml: worker.slots 'many' is not allowed: it must be a number from 1 to 10000
EKIDEN__RETENTION__KEEP '1s' is not allowed: it must be a duration from \"1m\" to \"3650d\"
test.toml: databse is not a setting: did you mean database?
test.toml: listen is not a setting: did you mean server.listen?
test.toml: worker.drain is not a setting: did you mean worker.drain_grace?";
    assert_eq!(problems.to_string(), expected);
}

#[test]
fn a_named_file_must_exist_and_be_text() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("my.toml");
    let load = || Settings::load(Some(&path), []);
    let problem = load().unwrap_err().to_string();
    assert!(
        problem.starts_with(&format!("{}: cannot be read: ", path.display())),
        "{problem}"
    );
    fs::write(&path, [0xff]).unwrap();
    assert!(load().is_err());
    fs::write(&path, "worker.slots = 7").unwrap();
    assert_eq!(load().unwrap().worker.slots, 7);
}

#[test]
fn a_syntax_error_shows_line_and_column_but_not_the_line() {
    let file = "[broker]\nurl = \"amqp://me:hunter2@h\nprefix = x hunter2\n[database]\nüü = = 'hunter2'\n\
                [auth]\nsecret = \"hunter2\\q\"\nsecret = 'hunter2'\n";
    let problems = problems(file);
    let places: Vec<_> = problems
        .iter()
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(places[0], "test.toml:2:27");
    assert!(places.contains(&"test.toml:5:6"), "{problems:?}");
    assert!(places.len() >= 4, "{problems:?}");
    assert!(
        problems.iter().all(|line| !line.contains("hunter2")),
        "{problems:?}"
    );
    let too_large = super::problems("[worker]\nslots = 99999999999999999999");
    assert!(too_large[0].starts_with("test.toml:2:9: "), "{too_large:?}");
}

#[test]
fn no_secret_is_shown() {
    let wrong = "database = { url = 'mysql://me:hunter2@h', password = 'hunter2' }\n\
         broker.url = 'me:hunter2@h'\n\
         auth.key = [{ id = 'a', secret = ['hunter2'], scopes = ['read'] }, 'hunter2']\n\
         [[function]]\nservice = 's'\nname = 'f'\ntarget = 'http://me:hunter2@h'\n\
         environment = { PASSWORD = ['hunter2'] }\n\
         [[function]]\nservice = 's'\nname = 'g'\ntarget = { http = 'ftp://me:hunter2@h' }\n";
    let variables = [
        ("AMQP_URL", "hunter2"),
        ("EKIDEN__DATABASE__URL", "\"hunter2://hunter2\""),
    ];
    for environment in [&[][..], &variables] {
        let problems = load(wrong, environment).unwrap_err();
        assert!(!problems.to_string().contains("hunter2"), "{problems}");
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
    let right = "database.url = 'postgres://me:hunter2@h'\nbroker.url = 'amqp://me:hunter2@h'\n\
         auth.key = [{ id = 'a', secret = 'hunter2', scopes = ['read'] }]\n\
         [[function]]\nservice = 's'\nname = 'f'\ntarget = { command = ['x', 'hunter2'] }\n\
         environment = { PASSWORD = 'hunter2' }\n";
    let shown = format!("{:?}", load(right, &[]).unwrap());
    assert!(
        shown.contains("s/f") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn a_value_can_neither_add_a_line_nor_move_the_cursor() {
    let problems = load("server.listen = \"a\\nb\\u001b[2J\"", &[])
        .unwrap_err()
        .to_string();
    assert!(!problems.contains(char::is_control), "{problems:?}");
}
