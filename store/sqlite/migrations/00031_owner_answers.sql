-- +goose Up
-- What looking up the owners of tasks gave: people as JSON, the key of the question, when it was
-- answered last and since when it fails. Times are unix milliseconds.
CREATE TABLE owner_answer (
    name         TEXT NOT NULL PRIMARY KEY,
    asked        TEXT NOT NULL,
    people       TEXT,
    at           INTEGER,
    failed_since INTEGER,
    error        TEXT NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE owner_answer;
