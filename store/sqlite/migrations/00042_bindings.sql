-- +goose Up
-- chat_binding says which conversations are told of which DAGs.
CREATE TABLE chat_binding (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conn_id         TEXT    NOT NULL,
    conversation_id TEXT    NOT NULL,
    title           TEXT    NOT NULL,
    is_group        INTEGER NOT NULL,
    user_id         TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    value           TEXT    NOT NULL,
    made_by         TEXT    NOT NULL,
    made_via        TEXT    NOT NULL,
    made_at         INTEGER NOT NULL,
    UNIQUE (conn_id, conversation_id, kind, value)
);

-- +goose Down
DROP TABLE chat_binding;
