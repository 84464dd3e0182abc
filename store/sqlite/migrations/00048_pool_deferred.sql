-- +goose Up
-- include_deferred says that deferred task instances take slots too.
ALTER TABLE slot_pool ADD COLUMN include_deferred INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE slot_pool DROP COLUMN include_deferred;
