//! The FC API as data: routes, requests, records, errors.
