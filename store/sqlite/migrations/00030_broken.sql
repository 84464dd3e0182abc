-- +goose Up
-- What is broken, of which people were told: a task instance, or with an empty task_id the runs of
-- a DAG. since is the end of the first of its failures, run_id, logical_date and run_start are of
-- the newest run among those that failed. A row goes with the first success.
CREATE TABLE broken (
    dag_id       TEXT NOT NULL,
    task_id      TEXT NOT NULL,
    map_index    INTEGER NOT NULL,
    since        INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    run_id       TEXT NOT NULL,
    logical_date INTEGER,
    run_start    INTEGER,
    PRIMARY KEY (dag_id, task_id, map_index)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE broken;
