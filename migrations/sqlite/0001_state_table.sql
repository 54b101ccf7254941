-- The schema's history. A binary that does not know `compatible_from` must not touch the database.
CREATE TABLE schema_versions (
    version         INTEGER NOT NULL PRIMARY KEY,
    compatible_from INTEGER NOT NULL
);
INSERT INTO schema_versions (version, compatible_from) VALUES (1, 1);

-- All times are milliseconds since the Unix epoch, bound by the caller. A status is the place of
-- its name in: Enqueued, Dequeued, Running, Retrying, Stopping, Succeeded, Failed, Stopped,
-- Expired, Invalid (0 to 9).

-- What never changes. The unique key refuses a duplicate whatever became of the first. `trace` is a
-- `traceparent` and, after a space, a `tracestate` if there is one.
CREATE TABLE invocation_inputs (
    request_id    BLOB NOT NULL PRIMARY KEY,
    function      TEXT NOT NULL,
    invocation_id TEXT NOT NULL,
    qualifier     TEXT NOT NULL,
    version       TEXT NOT NULL,
    stateful      BOOLEAN NOT NULL,
    lane          TEXT NOT NULL,
    max_retries   INTEGER NOT NULL,
    retry_base_ms INTEGER NOT NULL,
    retry_max_ms  INTEGER NOT NULL,
    hops          INTEGER NOT NULL,
    on_success    TEXT,
    on_failure    TEXT,
    trace         TEXT,
    payload       BLOB NOT NULL,
    CONSTRAINT invocation_inputs_identity UNIQUE (function, invocation_id)
);

-- What is not final. No index names a column that a step changes, but for the partial one on
-- claims, so that most steps rewrite no index.
CREATE TABLE invocations_live (
    request_id       BLOB NOT NULL PRIMARY KEY,
    function         TEXT NOT NULL,
    accepted_at      INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    lease            INTEGER NOT NULL,
    due_at           INTEGER,
    worker           BLOB,
    claimed_at       INTEGER,
    started_at       INTEGER,
    deadline_at      INTEGER,
    first_started_at INTEGER,
    attempts         INTEGER NOT NULL,
    retries          INTEGER NOT NULL,
    system_retries   INTEGER NOT NULL,
    releases         INTEGER NOT NULL,
    reached          BOOLEAN NOT NULL,
    duration_ms      INTEGER NOT NULL,
    fault_kind       INTEGER,
    error            TEXT,
    error_message    TEXT,
    http_status      INTEGER,
    events           TEXT NOT NULL,
    CHECK ((claimed_at IS NOT NULL) = (status IN (1, 2, 4)))
);
CREATE INDEX invocations_live_listed ON invocations_live (function, accepted_at, request_id);
CREATE INDEX invocations_live_expiring ON invocations_live (expires_at);
CREATE INDEX invocations_live_held ON invocations_live (worker) WHERE claimed_at IS NOT NULL;

-- What is final: inserted once, never updated.
CREATE TABLE invocations_history (
    request_id       BLOB NOT NULL PRIMARY KEY,
    function         TEXT NOT NULL,
    invocation_id    TEXT NOT NULL,
    qualifier        TEXT NOT NULL,
    stateful         BOOLEAN NOT NULL,
    accepted_at      INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    status           INTEGER NOT NULL CHECK (status BETWEEN 5 AND 9),
    lease            INTEGER NOT NULL,
    worker           BLOB,
    first_started_at INTEGER,
    attempts         INTEGER NOT NULL,
    retries          INTEGER NOT NULL,
    system_retries   INTEGER NOT NULL,
    releases         INTEGER NOT NULL,
    reached          BOOLEAN NOT NULL,
    duration_ms      INTEGER NOT NULL,
    fault_kind       INTEGER,
    error            TEXT,
    error_message    TEXT,
    http_status      INTEGER,
    ended_at         INTEGER NOT NULL,
    events           TEXT NOT NULL
);
CREATE INDEX invocations_history_listed
    ON invocations_history (function, accepted_at, request_id);
-- Nearly all end Succeeded: listing those is listing them all.
CREATE INDEX invocations_history_listed_by_status
    ON invocations_history (function, status, accepted_at, request_id) WHERE status <> 5;
CREATE INDEX invocations_history_ended ON invocations_history (ended_at);

CREATE VIEW live_invocations AS
    SELECT live.request_id, inputs.invocation_id, live.function, inputs.qualifier, inputs.version,
           inputs.stateful, inputs.lane, inputs.max_retries, inputs.retry_base_ms, inputs.retry_max_ms,
           inputs.hops, inputs.on_success, inputs.on_failure, inputs.trace, live.accepted_at, live.expires_at, live.status, live.lease, live.due_at, live.worker,
           live.claimed_at, live.started_at, live.deadline_at, live.first_started_at,
           live.attempts, live.retries, live.system_retries, live.releases, live.reached,
           live.duration_ms, live.fault_kind, live.error, live.error_message, live.http_status,
           CAST(NULL AS INTEGER) AS ended_at, live.events, inputs.payload
    FROM invocations_live live
    JOIN invocation_inputs inputs ON inputs.request_id = live.request_id;

-- Those that are claimed.
CREATE VIEW claimed AS
    SELECT worker AS claimant, * FROM live_invocations WHERE claimed_at IS NOT NULL;

-- Who holds some.
CREATE VIEW claimants AS
    SELECT DISTINCT worker FROM invocations_live WHERE claimed_at IS NOT NULL;

CREATE VIEW ended_invocations AS
    SELECT history.request_id, history.invocation_id, history.function, history.qualifier,
           inputs.version, history.stateful, inputs.lane, inputs.max_retries, inputs.retry_base_ms,
           inputs.retry_max_ms, inputs.hops, inputs.on_success, inputs.on_failure, inputs.trace, history.accepted_at, history.expires_at, history.status,
           history.lease, CAST(NULL AS INTEGER) AS due_at, history.worker,
           CAST(NULL AS INTEGER) AS claimed_at, CAST(NULL AS INTEGER) AS started_at,
           CAST(NULL AS INTEGER) AS deadline_at, history.first_started_at, history.attempts,
           history.retries, history.system_retries, history.releases, history.reached,
           history.duration_ms, history.fault_kind, history.error, history.error_message,
           history.http_status, history.ended_at, history.events, inputs.payload
    FROM invocations_history history
    JOIN invocation_inputs inputs ON inputs.request_id = history.request_id;

-- The state table, as one.
CREATE VIEW invocations AS
    SELECT * FROM live_invocations
    UNION ALL
    SELECT * FROM ended_invocations;

-- The attempts that have something to tell: those that failed, and one that left output or a log.
CREATE TABLE attempts (
    request_id    BLOB NOT NULL,
    number        INTEGER NOT NULL,
    worker        BLOB NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL,
    fault_kind    INTEGER,
    error         TEXT,
    error_message TEXT,
    http_status   INTEGER,
    output        BLOB NOT NULL,
    log           BLOB NOT NULL,
    PRIMARY KEY (request_id, number)
);

-- What must be handed to the broker. `kind` is 0 for a dispatch, 1 for a stop notice. A poller may
-- take a row from `take_at` on, and moves that forward while it publishes.
CREATE TABLE outbox (
    request_id BLOB NOT NULL,
    id         BLOB NOT NULL,
    kind       INTEGER NOT NULL,
    lane       TEXT,
    due_at     INTEGER NOT NULL,
    take_at    INTEGER NOT NULL,
    trace      TEXT,
    PRIMARY KEY (request_id, id)
);
CREATE INDEX outbox_untaken ON outbox (take_at);

-- What became of handing a result on to its destination, and when that is to be tried again: only
-- what is pending has a time for it. `status` is 0 for pending, 1 for succeeded, 2 for failed;
-- `attempts` grows with each try and guards what it reports.
CREATE TABLE deliveries (
    request_id  BLOB NOT NULL PRIMARY KEY,
    destination TEXT NOT NULL,
    status      INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),
    attempts    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    take_at     INTEGER,
    answered_at INTEGER,
    http_status INTEGER,
    answer      TEXT,
    error       TEXT,
    CHECK ((take_at IS NOT NULL) = (status = 0))
);
CREATE INDEX deliveries_pending ON deliveries (destination, take_at) WHERE take_at IS NOT NULL;

CREATE TABLE workers (
    id         BLOB NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    slots      INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    counter    INTEGER NOT NULL,
    beat_at    INTEGER NOT NULL
);
