//! Where the result of an invocation goes.

use crate::{FunctionName, Invalid, Qualifier, name::DEFAULT_SERVICE};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use url::Url;

/// The longest destination, in bytes.
const MAX_LENGTH: usize = 2048;
/// AMQP's longest name of an exchange, and longest routing key, in bytes.
const MAX_AMQP_NAME: usize = 255;
const KINDS: &str = "an http:// or https:// URL, amqp:EXCHANGE/ROUTING.KEY, or a function: \
                     acs:fc:REGION:ACCOUNT:services/SERVICE.QUALIFIER/functions/FUNCTION or \
                     acs:fc:REGION:ACCOUNT:functions/FUNCTION/QUALIFIER";

/// Where a result goes, kept as it was spelled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    text: String,
    route: Route,
}

/// What a destination's text means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// A POST to this URL.
    Webhook(Url),
    /// A message to this exchange, the default one if it is empty.
    Amqp {
        /// The exchange.
        exchange: String,
        /// The routing key.
        routing_key: String,
    },
    /// An asynchronous invocation of this function.
    Function {
        /// The function; FC 3.0's are those of the default service.
        name: FunctionName,
        /// Through which qualifier.
        qualifier: Qualifier,
    },
}

impl Destination {
    /// The destination as it was spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What that means.
    #[must_use]
    pub const fn route(&self) -> &Route {
        &self.route
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.text
    }
}

impl TryFrom<String> for Destination {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl FromStr for Destination {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // A URL may hold a secret: only its scheme is shown.
        let shown = text.split_once("://").map_or(text, |(scheme, _)| scheme);
        if text.len() > MAX_LENGTH {
            let allowed = format!("at most {MAX_LENGTH} bytes long");
            return Err(Invalid::new("destination", shown, allowed));
        }
        // No store could keep NUL, and a URL's parser forgets line ends and tabs.
        if text.contains(char::is_control) {
            let allowed = "free of control characters";
            return Err(Invalid::new("destination", "(hidden)", allowed));
        }
        let route = route(text).ok_or_else(|| Invalid::new("destination", shown, KINDS))?;
        Ok(Self {
            text: text.to_owned(),
            route,
        })
    }
}

fn route(text: &str) -> Option<Route> {
    if let Some(place) = text.strip_prefix("amqp:") {
        return amqp(place);
    }
    if let Some(arn) = text.strip_prefix("acs:fc:") {
        let (_region, rest) = arn.split_once(':')?;
        let (_account, resource) = rest.split_once(':')?;
        return function(resource);
    }
    let url: Url = text.parse().ok()?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_http.then_some(Route::Webhook(url))
}

fn amqp(place: &str) -> Option<Route> {
    let (exchange, routing_key) = place.split_once('/')?;
    let is_name = |name: &str| name.len() <= MAX_AMQP_NAME;
    // Without either there is no queue that a message could reach.
    let is_somewhere = !exchange.is_empty() || !routing_key.is_empty();
    (is_somewhere && is_name(exchange) && is_name(routing_key)).then(|| Route::Amqp {
        exchange: exchange.to_owned(),
        routing_key: routing_key.to_owned(),
    })
}

fn function(resource: &str) -> Option<Route> {
    let segments: Vec<&str> = resource.split('/').collect();
    let (service, function, qualifier) = match *segments.as_slice() {
        ["services", service, "functions", function] => match service.split_once('.') {
            Some((service, qualifier)) => (service, function, Some(qualifier)),
            None => (service, function, None),
        },
        ["functions", function] => (DEFAULT_SERVICE, function, None),
        ["functions", function, qualifier] => (DEFAULT_SERVICE, function, Some(qualifier)),
        _ => return None,
    };
    Some(Route::Function {
        name: FunctionName::new(service, function).ok()?,
        qualifier: match qualifier {
            Some(qualifier) => qualifier.parse().ok()?,
            None => Qualifier::latest(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route_of(text: &str) -> Route {
        text.parse::<Destination>().unwrap().route
    }

    fn function(name: &str, qualifier: &str) -> Route {
        Route::Function {
            name: name.parse().unwrap(),
            qualifier: qualifier.parse().unwrap(),
        }
    }

    #[test]
    fn functions_are_named_as_either_generation_does() {
        let full = "acs:fc:cn-hangzhou:123:services/media.prod/functions/thumb";
        assert_eq!(route_of(full), function("media/thumb", "prod"));
        let short = "acs:fc:::services/media/functions/thumb";
        assert_eq!(route_of(short), function("media/thumb", "LATEST"));
        let fc3 = "acs:fc:::functions/thumb/3";
        assert_eq!(route_of(fc3), function("default/thumb", "3"));
        assert_eq!(
            route_of("acs:fc:::functions/thumb"),
            function("default/thumb", "LATEST")
        );
    }

    #[test]
    fn a_message_has_an_exchange_and_a_key() {
        let route = |exchange: &str, routing_key: &str| Route::Amqp {
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
        };
        assert_eq!(
            route_of("amqp:results/media.ok"),
            route("results", "media.ok")
        );
        assert_eq!(route_of("amqp:/queue/a"), route("", "queue/a"));
        assert_eq!(route_of("amqp:fanout/"), route("fanout", ""));
    }

    #[test]
    fn a_url_is_kept_as_it_was_spelled() {
        let text = "https://Hooks.example/ok?token=1";
        let destination: Destination = text.parse().unwrap();
        assert_eq!(destination.as_str(), text);
        let json = serde_json::to_string(&destination).unwrap();
        assert_eq!(
            serde_json::from_str::<Destination>(&json).unwrap(),
            destination
        );
    }

    #[test]
    fn what_ekiden_cannot_reach_is_refused_with_the_kinds_it_can() {
        let long = format!("https://h/{}", "a".repeat(MAX_LENGTH));
        for text in [
            "",
            "acs:mns:cn-hangzhou:1:/queues/q/messages",
            "acs:eventbridge:::eventbus/bus",
            "acs:fc:::services/media/functions",
            "acs:fc:services/media/functions/f",
            "acs:fc:::functions/1f",
            "ftp://host/file",
            "https://",
            "amqp:",
            "amqp:exchange",
            "amqp:/",
            "https://host/\0",
            "https://host/a\nb",
            "acs:fc:\0::functions/f",
            "amqp:results/\0",
            &long,
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
        let refused = "https//user:pass@host"
            .parse::<Destination>()
            .unwrap_err()
            .to_string();
        assert!(refused.contains("amqp:EXCHANGE"), "{refused}");
        let hidden = "ftp://user:hidden@host".parse::<Destination>().unwrap_err();
        assert_eq!(hidden.value, "ftp");
        let long = format!("https://user:hidden@host/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(long.parse::<Destination>().unwrap_err().value, "https");
    }
}
