-- +goose Up
-- extra is a JSON object about the update, NULL for nothing. An event that no task made has empty ids.
ALTER TABLE asset_event ADD COLUMN extra TEXT;

-- +goose Down
ALTER TABLE asset_event DROP COLUMN extra;
