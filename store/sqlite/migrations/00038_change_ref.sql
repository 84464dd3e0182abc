-- +goose Up
-- For which message of a chat a change was made, with its first event: see store.Actor. Each is made once.
CREATE TABLE change_ref (
    ref      TEXT PRIMARY KEY,
    event_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX change_ref_of_event ON change_ref (event_id);

-- +goose Down
DROP TABLE change_ref;
