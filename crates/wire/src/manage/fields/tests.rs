use super::*;

fn fields(json: &str) -> Fields {
    Fields::parse(json.as_bytes()).unwrap()
}

#[test]
fn a_body_that_is_no_object_says_what_it_is_and_where_it_breaks() {
    for (body, says) in [
        ("[]", "it is a list"),
        ("3", "it is a number"),
        ("{\"a\":\n 1,}", "line 2 column 4"),
        ("\u{feff}{}", "line 1 column 1"),
    ] {
        let problem = Fields::parse(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code, "InvalidArgument");
        assert!(problem.message.contains(says), "{}", problem.message);
    }
    assert!(Fields::parse(b" \n").unwrap().is_empty());
}

#[test]
fn a_body_may_nest_so_deep_and_no_deeper() {
    let nested = |lists: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(lists), "]".repeat(lists));
    assert!(Fields::parse(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    for lists in [MAX_DEPTH, 126, 127, 100_000] {
        let problem = Fields::parse(nested(lists).as_bytes()).unwrap_err();
        assert_eq!(problem.code, "InvalidArgument", "{}", problem.message);
    }
}

#[test]
fn null_is_not_given() {
    let mut fields = fields(r#"{"a":null,"b":"x","c":{"d":null}}"#);
    assert_eq!(fields.text("a", 9), Ok(None));
    assert_eq!(fields.text("b", 9), Ok(Some("x".to_owned())));
    assert!(fields.object("c").unwrap().unwrap().is_empty());
    assert!(fields.is_empty());
}

#[test]
fn what_is_wrong_is_named_with_its_type_or_value_and_what_is_allowed() {
    let message = |problem: Problem| problem.message;
    let mut fields = fields(
        r#"{"t":1,"long":"abc","n":"1","big":11,"half":1.5,"f":"true","o":[],"in":{"x":{}}}"#,
    );
    let cases = [
        (
            fields.text("t", 9).map_err(message).unwrap_err(),
            "t is a number, but it must be a string",
        ),
        (
            fields.text("long", 2).map_err(message).unwrap_err(),
            "long 'abc' is not allowed: it must be at most 2 bytes long",
        ),
        (
            fields.whole("n", 1..=10).map_err(message).unwrap_err(),
            "n is a string, but it must be a whole number from 1 to 10",
        ),
        (
            fields.whole("big", 1..=10).map_err(message).unwrap_err(),
            "big '11' is not allowed: it must be a whole number from 1 to 10",
        ),
        (
            fields.whole("half", 1..=10).map_err(message).unwrap_err(),
            "half '1.5' is not allowed: it must be a whole number from 1 to 10",
        ),
        (
            fields.flag("f").map_err(message).unwrap_err(),
            "f is a string, but it must be true or false",
        ),
        (
            fields.object("o").map(drop).map_err(message).unwrap_err(),
            "o is a list, but it must be an object",
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(message, expected);
    }
    let inner = fields.object("in").unwrap().unwrap();
    let problem = inner.rest(&[("x", Type::Text)]).unwrap_err();
    assert_eq!(
        problem.message,
        "in.x is an object, but it must be a string"
    );
}

struct Parcel;

impl FromFields for Parcel {
    const NAME: &'static str = "Parcel";

    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        fields.text("to", 9)?;
        fields.text("note", usize::MAX)?;
        fields.whole("weight", 1..=5)?;
        if let Some(mut extras) = fields.object("extras")? {
            extras.flag("gift")?;
            extras.share("value")?;
            extras.each(|extras, name| extras.text(&name, 3).map(drop))?;
        }
        fields.rest(&[("stamps", Type::List)])?;
        Err(Problem::required("to"))
    }
}

#[test]
fn a_body_is_described_by_what_is_asked_of_it() {
    let schema = serde_json::to_value(schema::<Parcel>().build()).unwrap();
    assert_eq!(
        schema,
        serde_json::json!({
            "type": "object",
            "properties": {
                "to": { "type": "string", "maxLength": 9 },
                "note": { "type": "string" },
                "weight": { "type": "integer", "minimum": 1, "maximum": 5 },
                "extras": {
                    "type": "object",
                    "properties": {
                        "gift": { "type": "boolean" },
                        "value": { "type": "number", "minimum": 0, "maximum": 1 },
                    },
                    "additionalProperties": { "type": "string", "maxLength": 3 },
                },
                "stamps": { "type": "array", "items": {} },
            },
            // Whatever else there is, is kept.
            "additionalProperties": {},
        })
    );
}
