-- +goose Up
-- What a try of a task asks people: see store.Ask. Lists and params are JSON.
CREATE TABLE ask (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    run_key        INTEGER NOT NULL,
    dag_id         TEXT NOT NULL,
    run_id         TEXT NOT NULL,
    task_id        TEXT NOT NULL,
    map_index      INTEGER NOT NULL DEFAULT -1,
    try            INTEGER NOT NULL,
    subject        TEXT NOT NULL,
    body           TEXT NOT NULL,
    options        TEXT NOT NULL,
    multiple       INTEGER NOT NULL,
    defaults       TEXT NOT NULL,
    params         TEXT NOT NULL,
    assigned       TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    deadline       INTEGER,
    state          TEXT NOT NULL,
    settled_at     INTEGER,
    responder      TEXT NOT NULL DEFAULT '',
    responder_name TEXT NOT NULL DEFAULT '',
    via            TEXT NOT NULL DEFAULT '',
    chosen         TEXT NOT NULL DEFAULT '[]',
    input          TEXT,
    note           TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX ask_of_try ON ask (run_key, task_id, map_index, try);
CREATE INDEX ask_of_dag ON ask (dag_id, id);
CREATE INDEX ask_open ON ask (id) WHERE state = 'open';

-- +goose Down
DROP TABLE ask;
