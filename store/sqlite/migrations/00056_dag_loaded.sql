-- +goose Up
-- loaded_at is when the process that schedules has last read the DAG as a new or a changed one.
ALTER TABLE dag ADD COLUMN loaded_at INTEGER;

-- +goose Down
ALTER TABLE dag DROP COLUMN loaded_at;
