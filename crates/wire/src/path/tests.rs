use super::*;

fn parse(service: Option<&str>, query: &str) -> Result<FunctionPath, Problem> {
    let mut params = vec![("function".to_owned(), "f".to_owned())];
    params.extend(service.map(|service| ("service".to_owned(), service.to_owned())));
    let query = Query::of(&format!("/?{query}").parse().unwrap()).unwrap();
    FunctionPath::parse(Dialect::V2021, &Params(params), &query)
}

fn qualifier(path: Result<FunctionPath, Problem>) -> Option<String> {
    path.unwrap().qualifier.map(String::from)
}

#[test]
fn the_qualifier_stands_in_the_path_or_the_query() {
    assert_eq!(qualifier(parse(Some("s"), "")), None);
    assert_eq!(qualifier(parse(Some("s.prod"), "")).unwrap(), "prod");
    assert_eq!(qualifier(parse(Some("s"), "qualifier=1")).unwrap(), "1");
    let same = parse(Some("s.prod"), "qualifier=prod");
    assert_eq!(qualifier(same).unwrap(), "prod");
    let both = parse(Some("s.prod"), "qualifier=1").unwrap_err();
    assert!(both.message.contains("'prod', as in the path"));
}

#[test]
fn a_function_of_no_service_is_in_the_default_one() {
    assert_eq!(parse(None, "").unwrap().name.as_str(), "default/f");
}

#[test]
fn names_that_are_none_are_refused_by_field() {
    for service in ["1s", "", "s/t", "é"] {
        let problem = parse(Some(service), "").unwrap_err();
        assert!(problem.message.starts_with("serviceName"), "{service:?}");
    }
    let problem = parse(Some("s.a.b"), "").unwrap_err();
    assert!(problem.message.starts_with("qualifier 'a.b'"));
}
