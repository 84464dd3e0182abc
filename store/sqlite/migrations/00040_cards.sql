-- +goose Up
-- card are interactive cards that are redrawn while what they tell of goes on; card_press the buttons that had an effect.
CREATE TABLE card (
    out_track_id         TEXT NOT NULL PRIMARY KEY,
    conn_id              TEXT NOT NULL,
    kind                 TEXT NOT NULL,
    delivery_id          INTEGER NOT NULL,
    dag_id               TEXT NOT NULL,
    run_id               TEXT NOT NULL,
    task_id              TEXT NOT NULL,
    map_index            INTEGER NOT NULL,
    try                  INTEGER NOT NULL,
    open_conversation_id TEXT NOT NULL,
    user_ids             TEXT,
    face                 TEXT NOT NULL,
    shown                TEXT NOT NULL,
    failures             INTEGER NOT NULL,
    error                TEXT NOT NULL,
    next_look            INTEGER,
    made_at              INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    closed_at            INTEGER
) WITHOUT ROWID;
CREATE INDEX card_open ON card (made_at, out_track_id) WHERE closed_at IS NULL;
CREATE INDEX card_of_delivery ON card (delivery_id);
CREATE TABLE card_press (
    out_track_id TEXT NOT NULL,
    press        TEXT NOT NULL,
    action       TEXT NOT NULL,
    pressed_by   TEXT NOT NULL,
    said         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (out_track_id, press)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE card_press;
DROP TABLE card;
