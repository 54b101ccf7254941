INSERT INTO schema_versions (version, compatible_from) VALUES (2, 1);

-- Who may use the API. A secret is kept as it is: signatures are checked with it.
CREATE TABLE access_keys (
    id         TEXT NOT NULL PRIMARY KEY,
    secret     TEXT NOT NULL,
    -- The key's scopes and functions, as JSON.
    definition TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
