use super::*;
use std::time::Duration;
use tokio::net::TcpListener;

const SETTING: &str = "some.allow";

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn allowing(entries: &[&str]) -> Reach {
    let allowed = entries.iter().map(|entry| entry.parse().unwrap());
    Reach::beyond_this_machine(SETTING, allowed)
}

fn reaches(reach: &Reach, host: &str) -> bool {
    reach.check(&url(&format!("http://{host}/"))).is_ok()
}

const LOOPBACK: [&str; 5] = [
    "127.0.0.1",
    "127.9.9.9",
    "[::1]",
    "[::ffff:127.0.0.1]",
    // As a URL may spell 127.0.0.1.
    "0x7f.1",
];
const LINK_AND_METADATA: [&str; 16] = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "2852039166",
    "100.100.100.200",
    "255.255.255.255",
    "224.0.0.1",
    "[::]",
    "[fe80::1]",
    "[febf::1]",
    "[ff02::1]",
    "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
];
const FAR: [&str; 7] = [
    "10.0.0.1",
    "192.168.1.1",
    "93.184.216.34",
    "[2606:2800::1]",
    "[fd12::1]",
    "[64:ff9b::93.184.216.34]",
    "[::ffff:10.0.0.1]",
];

#[test]
fn what_is_local_is_out_of_reach() {
    let reach = allowing(&[]);
    for local in LOOPBACK.iter().chain(&LINK_AND_METADATA) {
        assert!(!reaches(&reach, local), "{local}");
        assert!(reaches(&Reach::anywhere(), local), "{local}");
    }
    for far in FAR {
        assert!(reaches(&reach, far), "{far}");
    }
}

#[test]
fn loopback_is_no_more_than_that() {
    let reach = Reach::beyond_this_machine(SETTING, Allowed::loopback());
    for host in LOOPBACK {
        assert!(reaches(&reach, host), "{host}");
    }
    for host in LINK_AND_METADATA {
        assert!(!reaches(&reach, host), "{host}");
    }
}

#[test]
fn the_owner_may_allow_it() {
    let reach = allowing(&["127.0.0.0/8", "::1", "Hooks.internal"]);
    assert!(reaches(&reach, "127.0.0.1") && reaches(&reach, "[::1]"));
    assert!(!reaches(&reach, "169.254.169.254"));
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST)];
    let link = [IpAddr::from([169, 254, 1, 1])];
    let within = |host, addresses| reach.within(host, addresses, |address: &IpAddr| *address);
    assert_eq!(within("hooks.internal", link), Ok(link.to_vec()));
    assert_eq!(within("other.internal", loopback), Ok(loopback.to_vec()));
    assert!(within("other.internal", link).is_err());
    let named = ["http://[fe80::1]:9/a", "http://Localhost/"]
        .map(|text| Allowed::host_of(&url(text)).unwrap());
    let named = Reach::beyond_this_machine(SETTING, named);
    assert!(reaches(&named, "[fe80::1]") && !reaches(&named, "[fe80::2]"));
    let localhost = named.within("localhost", loopback, |address| *address);
    assert_eq!(localhost, Ok(loopback.to_vec()));
}

#[test]
fn of_a_name_with_several_addresses_those_within_reach_are_left() {
    let [local, far] = ["127.0.0.1", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
    let within = |found: &[IpAddr]| {
        let found = found.to_vec();
        allowing(&[]).within("mixed", found, |address| *address)
    };
    assert_eq!(within(&[local, far]), Ok(vec![far]));
    assert_eq!(within(&[]), Ok(Vec::new()));
    let refused = within(&[local]).unwrap_err().to_string();
    assert!(
        refused.starts_with("'mixed' is out of reach") && refused.contains(SETTING),
        "{refused}"
    );
}

#[test]
fn an_entry_that_is_neither_is_refused() {
    for bad in ["", "http://host", "10.0.0.0/33", "a b", "host:80"] {
        assert!(bad.parse::<Allowed>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = |reach| Client::new(reach, Duration::from_secs(30));
    let post = |reach| {
        client(reach)
            .post(url(&format!("http://localhost:{port}/")))
            .unwrap()
    };
    let refused = post(allowing(&[])).send().await.unwrap_err();
    assert!(is_out_of_reach(&refused), "{refused:?}");
    assert!(innermost(&refused).contains("'localhost' is out of reach"));
    // Whoever may go there connects, and nobody did before.
    let sending = tokio::spawn(post(allowing(&["127.0.0.1"])).send());
    drop(listener.accept().await.unwrap());
    assert!(!is_out_of_reach(&sending.await.unwrap().unwrap_err()));
    let unsent = client(allowing(&[])).post(url(&format!("http://127.0.0.1:{port}/")));
    assert!(matches!(unsent, Err(Unsent::OutOfReach(_))), "{unsent:?}");
}
