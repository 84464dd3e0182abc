-- +goose Up
-- What one process asks of the one that works here, and the answer. Times are unix
-- milliseconds, done_at is NULL while it is open.
CREATE TABLE request (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    done_at    INTEGER,
    result     TEXT,
    error      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX request_open ON request (id) WHERE done_at IS NULL;

-- +goose Down
DROP TABLE request;
