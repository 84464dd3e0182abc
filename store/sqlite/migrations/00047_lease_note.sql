-- +goose Up
-- What the holder of a lease tells the others, as JSON: see store.NamedLease.
ALTER TABLE named_lease ADD COLUMN note TEXT;

-- +goose Down
ALTER TABLE named_lease DROP COLUMN note;
