-- +goose Up
-- In PostgreSQL this removes indexes of River's that nothing goes by. Those of this database are few, and River makes them anew with its tables.
INSERT INTO additive_migration (version) VALUES (66);

-- +goose Down
DELETE FROM additive_migration WHERE version = 66;
