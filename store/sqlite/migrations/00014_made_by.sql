-- +goose Up
-- The try of a task that made the run, or had it run again; empty for anybody else.
ALTER TABLE dag_run ADD COLUMN made_by TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE dag_run DROP COLUMN made_by;
