INSERT INTO schema_versions (version, compatible_from) VALUES (2, 2);

-- What is registered, as small documents that every process knows all of. A kind is the place of its
-- name in: service, function, version, snapshot (a function as a version has it), alias, config,
-- disabled destination (0 to 6).
CREATE TABLE registry (
    kind       SMALLINT NOT NULL CHECK (kind >= 0),
    key        TEXT COLLATE "C" NOT NULL,
    -- JSON.
    document   TEXT NOT NULL,
    -- Grows with each change of the document: the guard of the next.
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);

-- One row; grows with every change of the registry, so that caches notice.
CREATE TABLE registry_revision (
    revision BIGINT NOT NULL
);
INSERT INTO registry_revision (revision) VALUES (0);

-- Who may use the API. A secret is kept as it is: signatures are checked with it.
CREATE TABLE access_keys (
    id         TEXT COLLATE "C" PRIMARY KEY,
    secret     TEXT NOT NULL,
    -- The key's scopes and functions, as JSON.
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
