//! Values that fields cannot have: the field, the value as JSON, and what the refusal says.

pub(super) const SERVICE: &str = r#"
serviceName | ".." | serviceName '..'
serviceName | "%2e%2e" | serviceName '%2e%2e'
serviceName | "a\u0000b" | serviceName
serviceName | "" | serviceName ''
"#;

pub(super) const FUNCTION: &str = r#"
functionName | "../../etc" | functionName '../../etc'
functionName | "%2e%2e" | functionName '%2e%2e'
functionName | "f\u0000" | functionName
functionName | "" | functionName ''
runtime | "" | runtime
handler | "" | handler
timeout | 0 | from 1 to 86400
timeout | 86401 | from 1 to 86400
timeout | 1.5 | from 1 to 86400
timeout | -1 | from 1 to 86400
timeout | 1e999 | not JSON
memorySize | 18446744073709551616 | a whole number
code | {"zipFile":"no Base64"} | code.zipFile
code | {"zipFile":1} | code.zipFile is a number
environmentVariables | {"A":1} | environmentVariables.A is a number
environmentVariables | {"EKIDEN_TARGET":"file:///etc/passwd"} | EKIDEN_TARGET 'file'
environmentVariables | {"EKIDEN_TARGET":"ftp://user:password@host/"} | EKIDEN_TARGET 'ftp'
environmentVariables | {"EKIDEN_TARGET":"http://"} | begins with http:// or https://
environmentVariables | {"EKIDEN_TARGET":"http://h:99999"} | a port up to 65535
environmentVariables | {"EKIDEN_TARGET":"sh -c id"} | begins with http:// or https://
"#;

pub(super) const ALIAS: &str = r#"
aliasName | "LATEST" | aliasName 'LATEST'
aliasName | "1" | aliasName '1'
aliasName | ".." | aliasName '..'
versionId | "prod" | versionId 'prod'
versionId | "" | versionId ''
versionId | "99999999999999999999" | versionId '99999999999999999999'
additionalVersionWeight | {"LATEST":1.5} | from 0 to 1
additionalVersionWeight | {"LATEST":-0.1} | from 0 to 1
additionalVersionWeight | {"LATEST":"1"} | from 0 to 1
additionalVersionWeight | {"prod":0.5} | a version's number
additionalVersionWeight | {"1":0.5} | another version than versionId
additionalVersionWeight | {"LATEST":0.6,"9":0.6} | 1 or less together
resolvePolicy | "Content" | resolvePolicy 'Content'
routePolicy | {"condition":"a"} | routePolicy
"#;

pub(super) const CONFIG: &str = r#"
maxAsyncRetryAttempts | 9 | from 0 to 8
maxAsyncRetryAttempts | -1 | from 0 to 8
maxAsyncEventAgeInSeconds | 0 | from 1 to 604800
maxAsyncEventAgeInSeconds | 604801 | from 1 to 604800
destinationConfig | {"onSuccess":1} | destinationConfig.onSuccess is a number
destinationConfig | {"onFailure":{"destination":1}} | destinationConfig.onFailure.destination
"#;

pub(super) const CONCURRENCY: &str = r"
reservedConcurrency | 0 | reservedConcurrency '0'
reservedConcurrency | -1 | reservedConcurrency '-1'
reservedConcurrency | 4294967296 | from 1 to 4294967295
";

pub(super) const DISABLE: &str = "
abortOngoingRequest | true | abortOngoingRequest
";
