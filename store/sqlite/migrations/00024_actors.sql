-- +goose Up
-- Who asked for what: a user's name and the way, both empty where nobody is known.
ALTER TABLE dag_run ADD COLUMN triggered_by TEXT NOT NULL DEFAULT '';
ALTER TABLE dag_run ADD COLUMN triggering_user_name TEXT NOT NULL DEFAULT '';
ALTER TABLE backfill ADD COLUMN triggered_by TEXT NOT NULL DEFAULT '';
ALTER TABLE backfill ADD COLUMN triggering_user_name TEXT NOT NULL DEFAULT '';
ALTER TABLE dag_pause ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE dag_pause ADD COLUMN via TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN via TEXT NOT NULL DEFAULT '';

-- What people changed. Times are unix milliseconds, extra is a JSON object or NULL.
CREATE TABLE event_log (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    owner     TEXT NOT NULL,
    via       TEXT NOT NULL,
    event     TEXT NOT NULL,
    dag_id    TEXT NOT NULL,
    run_id    TEXT NOT NULL,
    task_id   TEXT NOT NULL,
    map_index INTEGER NOT NULL,
    extra     TEXT
);
CREATE INDEX event_log_of_run ON event_log (dag_id, run_id);
CREATE INDEX event_log_of_dag ON event_log (dag_id);
CREATE INDEX event_log_of_owner ON event_log (owner);
CREATE INDEX event_log_at ON event_log (at);

-- +goose Down
DROP TABLE event_log;
ALTER TABLE request DROP COLUMN via;
ALTER TABLE request DROP COLUMN owner;
ALTER TABLE dag_pause DROP COLUMN via;
ALTER TABLE dag_pause DROP COLUMN owner;
ALTER TABLE backfill DROP COLUMN triggering_user_name;
ALTER TABLE backfill DROP COLUMN triggered_by;
ALTER TABLE dag_run DROP COLUMN triggering_user_name;
ALTER TABLE dag_run DROP COLUMN triggered_by;
