-- +goose Up
-- The name that map_index_template gave an instance of a mapped task.
ALTER TABLE task_instance ADD COLUMN rendered_map_index TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE task_instance DROP COLUMN rendered_map_index;
