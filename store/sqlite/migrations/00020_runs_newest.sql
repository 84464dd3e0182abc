-- +goose Up
-- The newest runs of all DAGs, and those that ended since a moment.
CREATE INDEX dag_run_newest ON dag_run (run_after);
CREATE INDEX dag_run_ended ON dag_run (end_date);

-- +goose Down
DROP INDEX dag_run_ended;
DROP INDEX dag_run_newest;
