-- +goose Up
-- Access tokens of DingTalk applications, sealed, so that processes share them.
CREATE TABLE app_token (
    key         TEXT PRIMARY KEY,
    token       TEXT NOT NULL,
    obtained_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
);

-- +goose Down
DROP TABLE app_token;
