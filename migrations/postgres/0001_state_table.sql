-- The schema's history. A binary that does not know `compatible_from` must not touch the database.
CREATE TABLE schema_versions (
    version         BIGINT PRIMARY KEY,
    compatible_from BIGINT NOT NULL
);
INSERT INTO schema_versions (version, compatible_from) VALUES (1, 1);

-- All times are milliseconds since the Unix epoch, bound by the caller. A status is the place of
-- its name in: Enqueued, Dequeued, Running, Retrying, Stopping, Succeeded, Failed, Stopped,
-- Expired, Invalid (0 to 9).

-- What all tasks pass through is vacuumed in one go as soon as that is worth it, what stays at fifty times
-- the usual pace: at autovacuum's own, it falls behind where 15,000 end each second.

-- What never changes. The unique key refuses a duplicate whatever became of the first. `trace` is a
-- `traceparent` and, after a space, a `tracestate` if there is one.
CREATE TABLE invocation_inputs (
    request_id    UUID PRIMARY KEY,
    function      TEXT COLLATE "C" NOT NULL,
    invocation_id TEXT COLLATE "C" NOT NULL,
    qualifier     TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    stateful      BOOLEAN NOT NULL,
    lane          TEXT COLLATE "C" NOT NULL,
    max_retries   BIGINT NOT NULL,
    retry_base_ms BIGINT NOT NULL,
    retry_max_ms  BIGINT NOT NULL,
    hops          BIGINT NOT NULL,
    on_success    TEXT,
    on_failure    TEXT,
    trace         TEXT,
    payload       BYTEA NOT NULL,
    CONSTRAINT invocation_inputs_identity UNIQUE (function, invocation_id)
) WITH (autovacuum_vacuum_cost_limit = 10000);

-- What is not final. No index names a column that a step changes, so that a step rewrites no index;
-- the fill factor leaves room in the page for each row's claimed version.
CREATE TABLE invocations_live (
    request_id       UUID PRIMARY KEY,
    function         TEXT COLLATE "C" NOT NULL,
    accepted_at      BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    status           SMALLINT NOT NULL CHECK (status BETWEEN 0 AND 4),
    lease            BIGINT NOT NULL,
    due_at           BIGINT,
    worker           UUID,
    claimed_at       BIGINT,
    started_at       BIGINT,
    deadline_at      BIGINT,
    first_started_at BIGINT,
    attempts         BIGINT NOT NULL,
    retries          BIGINT NOT NULL,
    system_retries   BIGINT NOT NULL,
    releases         BIGINT NOT NULL,
    reached          BOOLEAN NOT NULL,
    duration_ms      BIGINT NOT NULL,
    fault_kind       SMALLINT,
    error            TEXT,
    error_message    TEXT,
    http_status      BIGINT,
    events           TEXT NOT NULL,
    CHECK ((claimed_at IS NOT NULL) = (status IN (1, 2, 4)))
) WITH (
    fillfactor = 45,
    autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000
);
-- For statements that say so: while the table is taken to be small, any index that holds the id would do to
-- look one up, and a plan that took this one would read all of it for each once the table is large.
CREATE INDEX invocations_live_listed ON invocations_live (function, accepted_at, request_id)
    WHERE accepted_at >= 0;
CREATE INDEX invocations_live_expiring ON invocations_live (expires_at);

-- What each worker took, one row for each commit that claimed: it stands for an index on what is
-- claimed, which every claim and every end would have to rewrite. A row is removed once its worker
-- holds none of these any more.
CREATE TABLE claims (
    id          UUID NOT NULL,
    worker      UUID NOT NULL,
    request_ids UUID[] NOT NULL,
    PRIMARY KEY (id, worker)
) WITH (
    autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);

-- What is final: inserted once, never updated.
CREATE TABLE invocations_history (
    request_id       UUID PRIMARY KEY,
    function         TEXT COLLATE "C" NOT NULL,
    invocation_id    TEXT COLLATE "C" NOT NULL,
    qualifier        TEXT COLLATE "C" NOT NULL,
    stateful         BOOLEAN NOT NULL,
    accepted_at      BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    status           SMALLINT NOT NULL CHECK (status BETWEEN 5 AND 9),
    lease            BIGINT NOT NULL,
    worker           UUID,
    first_started_at BIGINT,
    attempts         BIGINT NOT NULL,
    retries          BIGINT NOT NULL,
    system_retries   BIGINT NOT NULL,
    releases         BIGINT NOT NULL,
    reached          BOOLEAN NOT NULL,
    duration_ms      BIGINT NOT NULL,
    fault_kind       SMALLINT,
    error            TEXT,
    error_message    TEXT,
    http_status      BIGINT,
    ended_at         BIGINT NOT NULL,
    events           TEXT NOT NULL
) WITH (autovacuum_vacuum_cost_limit = 10000);
CREATE INDEX invocations_history_listed
    ON invocations_history (function, accepted_at, request_id) WHERE accepted_at >= 0;
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
           CAST(NULL AS BIGINT) AS ended_at, live.events, inputs.payload
    FROM invocations_live live
    JOIN invocation_inputs inputs ON inputs.request_id = live.request_id;

-- Those that are claimed. Each is looked up by its key, which `LIMIT` makes sure of: the planner cannot
-- know how few they are.
CREATE VIEW claimed AS
    SELECT taken.worker AS claimant, invocation.*
    FROM (
        SELECT DISTINCT claims.worker, id.request_id
        FROM claims CROSS JOIN LATERAL unnest(claims.request_ids) AS id(request_id)
    ) AS taken
    CROSS JOIN LATERAL (
        SELECT * FROM live_invocations
        WHERE request_id = taken.request_id AND worker = taken.worker AND claimed_at IS NOT NULL
        LIMIT 1
    ) AS invocation;

-- Who may hold some.
CREATE VIEW claimants AS
    SELECT DISTINCT worker FROM claims;

CREATE VIEW ended_invocations AS
    SELECT history.request_id, history.invocation_id, history.function, history.qualifier,
           inputs.version, history.stateful, inputs.lane, inputs.max_retries, inputs.retry_base_ms,
           inputs.retry_max_ms, inputs.hops, inputs.on_success, inputs.on_failure, inputs.trace, history.accepted_at, history.expires_at, history.status,
           history.lease, CAST(NULL AS BIGINT) AS due_at, history.worker,
           CAST(NULL AS BIGINT) AS claimed_at, CAST(NULL AS BIGINT) AS started_at,
           CAST(NULL AS BIGINT) AS deadline_at, history.first_started_at, history.attempts,
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
    request_id    UUID NOT NULL,
    number        BIGINT NOT NULL,
    worker        UUID NOT NULL,
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT NOT NULL,
    fault_kind    SMALLINT,
    error         TEXT,
    error_message TEXT,
    http_status   BIGINT,
    output        BYTEA NOT NULL,
    log           BYTEA NOT NULL,
    PRIMARY KEY (request_id, number)
);

-- What must be handed to the broker. `kind` is 0 for a dispatch, 1 for a stop notice. A poller may
-- take a row from `take_at` on, and moves that forward while it publishes.
CREATE TABLE outbox (
    request_id UUID NOT NULL,
    id         UUID NOT NULL,
    kind       SMALLINT NOT NULL,
    lane       TEXT COLLATE "C",
    due_at     BIGINT NOT NULL,
    take_at    BIGINT NOT NULL,
    trace      TEXT,
    PRIMARY KEY (request_id, id)
) WITH (
    autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000
);
CREATE INDEX outbox_untaken ON outbox (take_at);

-- What became of handing a result on to its destination, and when that is to be tried again: only
-- what is pending has a time for it. `status` is 0 for pending, 1 for succeeded, 2 for failed;
-- `attempts` grows with each try and guards what it reports.
CREATE TABLE deliveries (
    request_id  UUID PRIMARY KEY,
    destination TEXT NOT NULL,
    status      SMALLINT NOT NULL CHECK (status BETWEEN 0 AND 2),
    attempts    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    take_at     BIGINT,
    answered_at BIGINT,
    http_status BIGINT,
    answer      TEXT,
    error       TEXT,
    CHECK ((take_at IS NOT NULL) = (status = 0))
) WITH (fillfactor = 70);
CREATE INDEX deliveries_pending ON deliveries (destination, take_at) WHERE take_at IS NOT NULL;

CREATE TABLE workers (
    id         UUID PRIMARY KEY,
    name       TEXT NOT NULL,
    slots      BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    counter    BIGINT NOT NULL,
    beat_at    BIGINT NOT NULL
) WITH (fillfactor = 50);

-- What one process does for all, and until when it is left to it.
CREATE TABLE duties (
    name       TEXT COLLATE "C" PRIMARY KEY,
    holder     UUID NOT NULL,
    held_until TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50);
