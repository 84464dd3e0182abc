-- +goose Up
-- run_on_latest_version lets the runs that a backfill clears go on in its version of the DAG.
ALTER TABLE backfill ADD COLUMN run_on_latest_version BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE backfill DROP COLUMN run_on_latest_version;
