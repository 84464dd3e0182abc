-- +goose Up
-- A run that has not ended is found by its state, and what the schedule did not make is not looked for among what
-- it made: each index that a new run does not go into saves a page that is written.
DROP INDEX dag_run_ended;
CREATE INDEX dag_run_ended ON dag_run (end_date) WHERE end_date IS NOT NULL;
DROP INDEX dag_run_scheduled;
CREATE INDEX dag_run_scheduled ON dag_run (dag_id, logical_date) WHERE run_type = 'scheduled';
-- Whether a task has ever pushed a key of its own.
CREATE INDEX xcom_pushed ON xcom (task_id, key) WHERE key <> 'return_value';

-- +goose Down
DROP INDEX xcom_pushed;
DROP INDEX dag_run_scheduled;
CREATE INDEX dag_run_scheduled ON dag_run (dag_id, run_type, logical_date);
DROP INDEX dag_run_ended;
CREATE INDEX dag_run_ended ON dag_run (end_date);
