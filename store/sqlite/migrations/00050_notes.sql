-- +goose Up
-- number counts the versions of a DAG, created_at is when one was seen first.
ALTER TABLE dag_version ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dag_version ADD COLUMN created_at INTEGER;
UPDATE dag_version SET
    number = (SELECT count(*) FROM dag_version AS o WHERE o.dag_id = dag_version.dag_id AND o.rowid <= dag_version.rowid),
    created_at = coalesce(
        (SELECT min(coalesce(r.queued_at, r.run_after)) FROM dag_run AS r WHERE r.version = dag_version.version),
        CAST(strftime('%s', 'now') AS INTEGER) * 1000);
CREATE INDEX dag_version_of_dag ON dag_version (dag_id, number);
-- note is what somebody noted about a run, whose task_id is empty, or about one of its task instances.
CREATE TABLE note (
    run_key   INTEGER NOT NULL,
    task_id   TEXT    NOT NULL,
    map_index INTEGER NOT NULL,
    content   TEXT    NOT NULL,
    owner     TEXT    NOT NULL,
    via       TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (run_key, task_id, map_index)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE note;
DROP INDEX dag_version_of_dag;
ALTER TABLE dag_version DROP COLUMN created_at;
ALTER TABLE dag_version DROP COLUMN number;
