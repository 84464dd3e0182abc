-- +goose Up
-- said is the reason as a code with what it is about (JSON), from which it is put into words in any language.
ALTER TABLE tick_range ADD COLUMN said TEXT COLLATE "C";

-- +goose Down
ALTER TABLE tick_range DROP COLUMN said;
