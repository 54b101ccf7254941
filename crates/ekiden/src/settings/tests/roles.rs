use super::*;

const POSTGRES: &str = "database.url = 'postgres://h/db'\n";
const AMQP: &str = "broker.url = 'amqp://h'\n";

fn check(file: &str, roles: &[Role]) -> usize {
    let checked = load(file, &[]).unwrap().check(roles);
    checked.map_or_else(|problems| problems.count(), |()| 0)
}

#[test]
fn what_lives_in_one_process_needs_all_roles_there() {
    for file in ["", POSTGRES, AMQP, &[POSTGRES, AMQP].concat()] {
        assert_eq!(check(file, &Role::ALL), 0, "{file}");
        assert_eq!(check(file, &[]), 0, "{file}");
    }
    for some in [
        &[Role::Worker][..],
        &[Role::Enqueue, Role::List, Role::List],
    ] {
        assert_eq!(check("", some), 2);
        assert_eq!(check(POSTGRES, some), 1);
        assert_eq!(check(AMQP, some), 1);
        assert_eq!(check(&[POSTGRES, AMQP].concat(), some), 0);
    }
}

#[test]
fn an_sqlite_file_has_a_name_that_its_socket_can_have() {
    let check = |path: &str| check(&format!("database.url = 'sqlite:///{path}'"), &[]);
    assert_eq!(check(&format!("{}ekiden.db", "deep/".repeat(90))), 0);
    assert_eq!(check(&format!("data/{}.db", "n".repeat(100))), 1);
}

#[test]
fn a_certificate_and_its_key_need_each_other() {
    let [cert, key] = ["server.tls_cert = 'c'\n", "server.tls_key = 'k'\n"];
    assert_eq!([cert, key].map(|file| check(file, &[])), [1, 1]);
    assert_eq!(check(&[cert, key].concat(), &[]), 0);
}

#[test]
fn without_a_key_only_loopback_is_listened_on() {
    let check = |listen: &str, more: &str, is_insecure, has_stored_keys| {
        let settings = load(&format!("server.listen = '{listen}'\n{more}"), &[]).unwrap();
        settings.check_exposure(is_insecure, has_stored_keys)
    };
    let key = "[[auth.key]]\nid = 'a'\nsecret = 'x'\nscopes = ['read']\n";
    for loopback in [
        "127.0.0.1:1",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert!(check(loopback, "", false, false).is_ok(), "{loopback}");
    }
    for open in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
        let problem = check(open, "", false, false).unwrap_err().to_string();
        assert!(problem.contains("ekiden key create") && problem.contains("--insecure"));
        assert!(check(open, key, false, false).is_ok(), "{open}");
        assert!(check(open, "", true, false).is_ok(), "{open}");
        assert!(check(open, "", false, true).is_ok(), "{open}");
    }
}
