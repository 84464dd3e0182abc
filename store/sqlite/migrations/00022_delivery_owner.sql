-- +goose Up
-- Which instance of a mapped task a message tells of, and which process sent it last.
ALTER TABLE delivery ADD COLUMN map_index INTEGER NOT NULL DEFAULT -1;
ALTER TABLE delivery ADD COLUMN node TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE delivery DROP COLUMN node;
ALTER TABLE delivery DROP COLUMN map_index;
