-- +goose Up
-- A run that was made while no process scheduled has the version of who made it until one
-- that schedules gives it its own.
ALTER TABLE dag_run ADD COLUMN provisional INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE dag_run DROP COLUMN provisional;
