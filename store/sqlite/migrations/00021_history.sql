-- +goose Up
-- The runs that ended in one state, newest first: a DAG that failed a thousand times in a row
-- has a success behind all of them, or none.
CREATE INDEX dag_run_success ON dag_run (dag_id, run_after) WHERE state = 'success';
CREATE INDEX dag_run_success_date ON dag_run (dag_id, logical_date) WHERE state = 'success';
CREATE INDEX dag_run_failed ON dag_run (dag_id, run_after) WHERE state = 'failed';
CREATE INDEX dag_run_failed_newest ON dag_run (run_after) WHERE state = 'failed';

-- +goose Down
DROP INDEX dag_run_failed_newest;
DROP INDEX dag_run_failed;
DROP INDEX dag_run_success_date;
DROP INDEX dag_run_success;
