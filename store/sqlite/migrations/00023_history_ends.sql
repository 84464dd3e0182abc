-- +goose Up
-- What a run has lost already: 1 its logs, 2 its XComs, 3 both. Runs that have ended are found by it.
ALTER TABLE dag_run ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dag_run_prunable ON dag_run (dag_id, pruned, run_after) WHERE end_date IS NOT NULL;
-- The versions that runs refer to.
CREATE INDEX dag_run_version ON dag_run (version);
-- Who was told of an event.
CREATE INDEX asset_queue_event ON asset_queue (event_id);

-- Runs whose row is gone and whose other rows or logs may still be there.
CREATE TABLE removed_run (
    run_key INTEGER PRIMARY KEY,
    dag_id  TEXT NOT NULL,
    run_id  TEXT NOT NULL
);

-- +goose Down
DROP TABLE removed_run;
DROP INDEX asset_queue_event;
DROP INDEX dag_run_version;
DROP INDEX dag_run_prunable;
ALTER TABLE dag_run DROP COLUMN pruned;
