-- +goose Up
-- What the templated fields of a try rendered to, as JSON, secrets masked.
CREATE TABLE rendered_fields (
    run_key   INTEGER NOT NULL,
    task_id   TEXT NOT NULL,
    map_index INTEGER NOT NULL DEFAULT -1,
    try       INTEGER NOT NULL,
    fields    TEXT NOT NULL,
    PRIMARY KEY (run_key, task_id, map_index, try)
) WITHOUT ROWID;

-- The runs that have such rows, and when the last of them was written (unix milliseconds):
-- the runs of a DAG that have rested longest lose theirs.
CREATE TABLE rendered_run (
    run_key     INTEGER PRIMARY KEY,
    dag_id      TEXT NOT NULL,
    rendered_at INTEGER NOT NULL
);
CREATE INDEX rendered_run_dag ON rendered_run (dag_id, rendered_at);

-- +goose Down
DROP TABLE rendered_run;
DROP TABLE rendered_fields;
