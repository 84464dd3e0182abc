-- +goose Up
-- When DAG files could not be loaded and why, a row for each stretch: one for the file,
-- with an empty dag_id, and one for each DAG that was known and could not be loaded.
-- until is NULL while it is broken. Times are unix milliseconds.
CREATE TABLE import_error (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    file   TEXT NOT NULL,
    dag_id TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER,
    error  TEXT NOT NULL
);
CREATE INDEX import_error_open ON import_error (id) WHERE until IS NULL;
CREATE INDEX import_error_dag ON import_error (dag_id, id) WHERE dag_id <> '';

-- The URIs of the assets that a DAG waits for, as a JSON list: its file may be broken when
-- they are updated.
ALTER TABLE dag ADD COLUMN assets TEXT NOT NULL DEFAULT '[]';

-- When the first try since the last clearing began: the timeout of a sensor counts from it.
ALTER TABLE task_instance ADD COLUMN first_start_date INTEGER;

-- +goose Down
ALTER TABLE task_instance DROP COLUMN first_start_date;
ALTER TABLE dag DROP COLUMN assets;
DROP TABLE import_error;
