-- +goose Up
-- Values are sealed with the key of this installation.
CREATE TABLE variable (
    key         TEXT PRIMARY KEY,
    value       TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT ''
);

-- +goose Down
DROP TABLE variable;
