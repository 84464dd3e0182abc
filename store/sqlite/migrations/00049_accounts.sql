-- +goose Up
-- account has who may sign in, account_token what bears their rights, known by hashes alone.
CREATE TABLE account (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    full_name    TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    dags         TEXT    NOT NULL,
    password     TEXT    NOT NULL,
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    disabled_at  INTEGER,
    created_at   INTEGER NOT NULL,
    signed_in_at INTEGER
);
CREATE UNIQUE INDEX account_of_subject ON account (issuer, subject) WHERE subject <> '';

CREATE TABLE account_token (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    dags       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at    INTEGER,
    address    TEXT    NOT NULL
);
CREATE INDEX account_token_of_account ON account_token (account_id, kind);
CREATE INDEX account_token_expires ON account_token (kind, expires_at);

-- From where a change was asked for.
ALTER TABLE event_log ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN address TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE request DROP COLUMN address;
ALTER TABLE event_log DROP COLUMN address;
DROP TABLE account_token;
DROP TABLE account;
