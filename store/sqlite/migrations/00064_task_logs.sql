-- +goose Up
-- task_log has the parts of task logs where the store is the log store too. A part counts once it is whole.
CREATE TABLE task_log (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    node       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    whole      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX task_log_by_name ON task_log (name, started_at);
-- task_log_chunk has their text, compressed in pieces, so that it is read from any place.
CREATE TABLE task_log_chunk (
    log_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    data   BLOB NOT NULL,
    PRIMARY KEY (log_id, number)
) WITHOUT ROWID;
-- log_removal has the folders whose logs are to be removed from the log store, wherever that is: those that began before a moment.
CREATE TABLE log_removal (
    id        INTEGER PRIMARY KEY,
    folder    TEXT NOT NULL,
    before_at INTEGER NOT NULL
);
INSERT INTO additive_migration (version) VALUES (64);

-- +goose Down
DELETE FROM additive_migration WHERE version = 64;
DROP TABLE log_removal;
DROP TABLE task_log_chunk;
DROP TABLE task_log;
