-- +goose Up
-- Each update of an asset by a task that succeeded.
CREATE TABLE asset_event (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    uri       TEXT NOT NULL,
    at        INTEGER NOT NULL,
    dag_id    TEXT NOT NULL,
    run_id    TEXT NOT NULL,
    task_id   TEXT NOT NULL,
    map_index INTEGER NOT NULL
);
CREATE INDEX asset_event_uri ON asset_event (uri, id);

-- What each DAG that waits for assets has been told, and the run that took it; NULL is
-- not taken yet.
CREATE TABLE asset_queue (
    dag_id   TEXT NOT NULL,
    uri      TEXT NOT NULL,
    event_id INTEGER NOT NULL,
    run_key  INTEGER,
    PRIMARY KEY (dag_id, event_id)
) WITHOUT ROWID;
CREATE INDEX asset_queue_waiting ON asset_queue (dag_id, uri, event_id) WHERE run_key IS NULL;
CREATE INDEX asset_queue_run ON asset_queue (run_key) WHERE run_key IS NOT NULL;

-- +goose Down
DROP TABLE asset_queue;
DROP TABLE asset_event;
