-- +goose Up
-- What came from DingTalk, and what came of it: see store.ChatMessage. reply is encrypted, answer is JSON.
CREATE TABLE chat_message (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conn_id         TEXT NOT NULL,
    app             TEXT NOT NULL,
    kind            TEXT NOT NULL,
    key             TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    conversation    TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    nick            TEXT NOT NULL,
    said            TEXT NOT NULL,
    payload         TEXT,
    reply           TEXT NOT NULL,
    reply_until     INTEGER,
    received_at     INTEGER NOT NULL,
    state           TEXT NOT NULL,
    started_at      INTEGER,
    attempts        INTEGER NOT NULL,
    node            TEXT NOT NULL,
    next_try        INTEGER,
    outcome         TEXT NOT NULL,
    answer          TEXT NOT NULL,
    answer_state    TEXT NOT NULL,
    done_at         INTEGER,
    error           TEXT NOT NULL
);
CREATE UNIQUE INDEX chat_message_of_key ON chat_message (app, kind, key);
CREATE INDEX chat_message_open ON chat_message (app, conversation_id, id) WHERE state IN ('waiting', 'working');
CREATE INDEX chat_message_of_user ON chat_message (user_id);
CREATE INDEX chat_message_of_conversation ON chat_message (conversation_id);

-- Who alone may do something: see store.NamedLease.
CREATE TABLE named_lease (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE named_lease;
DROP TABLE chat_message;
