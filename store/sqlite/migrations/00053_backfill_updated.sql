-- +goose Up
-- updated_at is when the state of a backfill was changed last.
ALTER TABLE backfill ADD COLUMN updated_at INTEGER;
UPDATE backfill SET updated_at = coalesce(completed_at, created_at);

-- +goose Down
ALTER TABLE backfill DROP COLUMN updated_at;
