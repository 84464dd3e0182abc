-- +goose Up
-- What is open is found by its state, and within a DAG, without a look at what has ended.
-- Statements repeat the condition, else SQLite does not see that the index holds all.
DROP INDEX dag_run_open;
CREATE INDEX dag_run_open ON dag_run (state, dag_id, run_after) WHERE state IN ('queued', 'running');
-- The newest runs of a DAG.
CREATE INDEX dag_run_recent ON dag_run (dag_id, run_after);
-- What no run has taken has no run_key, and is found by that.
DROP INDEX asset_queue_run;
CREATE INDEX asset_queue_run ON asset_queue (run_key, dag_id);

-- +goose Down
DROP INDEX asset_queue_run;
CREATE INDEX asset_queue_run ON asset_queue (run_key) WHERE run_key IS NOT NULL;
DROP INDEX dag_run_recent;
DROP INDEX dag_run_open;
CREATE INDEX dag_run_open ON dag_run (state, run_after) WHERE state IN ('queued', 'running');
