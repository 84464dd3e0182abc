-- +goose Up
-- run_on_latest_version lets the runs that a backfill clears go on in its version of the DAG. Those of the backfills that there
-- are keep theirs, as it was said when they were made.
ALTER TABLE backfill ADD COLUMN run_on_latest_version INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE backfill DROP COLUMN run_on_latest_version;
