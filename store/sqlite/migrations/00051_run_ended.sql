-- +goose Up
-- What ended on a day is counted by DAG and state without looking at the runs themselves.
DROP INDEX dag_run_ended;
CREATE INDEX dag_run_ended ON dag_run (end_date, dag_id, state) WHERE end_date IS NOT NULL;

-- +goose Down
DROP INDEX dag_run_ended;
CREATE INDEX dag_run_ended ON dag_run (end_date) WHERE end_date IS NOT NULL;
