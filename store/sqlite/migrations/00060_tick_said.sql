-- +goose Up
-- said is the reason as a code with what it is about (JSON), from which it is put into words in any language. The records of
-- older versions have only the words.
ALTER TABLE tick_range ADD COLUMN said TEXT;

-- +goose Down
ALTER TABLE tick_range DROP COLUMN said;
