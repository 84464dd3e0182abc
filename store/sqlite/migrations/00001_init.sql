-- +goose Up
-- Times are unix milliseconds, NULL when unset. JSON is text.
CREATE TABLE dag (
    dag_id  TEXT PRIMARY KEY,
    file    TEXT NOT NULL,
    version TEXT NOT NULL,
    paused  INTEGER NOT NULL DEFAULT 0,
    active  INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX dag_paused ON dag (dag_id) WHERE paused = 1;

-- What a run needs to go on with the DAG it was created from.
CREATE TABLE dag_version (
    version TEXT PRIMARY KEY,
    dag_id  TEXT NOT NULL,
    source  BLOB NOT NULL
);

CREATE TABLE dag_run (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    dag_id         TEXT NOT NULL,
    run_id         TEXT NOT NULL,
    run_type       TEXT NOT NULL,
    state          TEXT NOT NULL,
    logical_date   INTEGER,
    interval_start INTEGER,
    interval_end   INTEGER,
    run_after      INTEGER NOT NULL,
    queued_at      INTEGER,
    start_date     INTEGER,
    end_date       INTEGER,
    conf           TEXT,
    version        TEXT NOT NULL,
    reason         TEXT NOT NULL DEFAULT '',
    UNIQUE (dag_id, run_id),
    UNIQUE (dag_id, logical_date)
);
CREATE INDEX dag_run_open ON dag_run (state, run_after) WHERE state IN ('queued', 'running');
CREATE INDEX dag_run_scheduled ON dag_run (dag_id, run_type, logical_date);

CREATE TABLE task_instance (
    run_key    INTEGER NOT NULL,
    task_id    TEXT NOT NULL,
    map_index  INTEGER NOT NULL DEFAULT -1,
    state      TEXT NOT NULL,
    try        INTEGER NOT NULL,
    max_tries  INTEGER NOT NULL,
    lost       INTEGER NOT NULL DEFAULT 0,
    operator   TEXT NOT NULL,
    queued_at  INTEGER,
    start_date INTEGER,
    end_date   INTEGER,
    retry_at   INTEGER,
    error      TEXT NOT NULL DEFAULT '',
    log        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run_key, task_id, map_index)
);

CREATE TABLE xcom (
    run_key   INTEGER NOT NULL,
    task_id   TEXT NOT NULL,
    map_index INTEGER NOT NULL DEFAULT -1,
    key       TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (run_key, task_id, map_index, key)
) WITHOUT ROWID;

-- The outbox: every message a callback sends, and what became of it.
CREATE TABLE delivery (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    state      TEXT NOT NULL,
    channel    TEXT NOT NULL,
    sender     TEXT NOT NULL,
    summary    TEXT NOT NULL,
    payload    TEXT NOT NULL,
    event      TEXT NOT NULL,
    dag_id     TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    task_id    TEXT NOT NULL,
    try        INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    next_try   INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    receipt    TEXT NOT NULL DEFAULT '',
    error      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX delivery_open ON delivery (id) WHERE state IN ('waiting', 'sending');

-- Password and extra are sealed with the key of this installation.
CREATE TABLE connection (
    conn_id     TEXT PRIMARY KEY,
    conn_type   TEXT NOT NULL,
    description TEXT,
    host        TEXT,
    login       TEXT,
    password    TEXT,
    schema_name TEXT,
    port        INTEGER,
    extra       TEXT
);

-- A process that runs attempts holds a lease; who lets it run out is dead.
CREATE TABLE node_lease (
    node    TEXT PRIMARY KEY,
    expires INTEGER NOT NULL
);

-- +goose Down
DROP TABLE node_lease;
DROP TABLE connection;
DROP TABLE delivery;
DROP TABLE xcom;
DROP TABLE task_instance;
DROP TABLE dag_run;
DROP TABLE dag_version;
DROP TABLE dag;
