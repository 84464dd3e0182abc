-- +goose Up
-- asset has the assets that DAG files have or had, under a number that stays.
CREATE TABLE asset (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uri         TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    asset_group TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
);
INSERT INTO asset (uri, name, asset_group, created_at, updated_at)
    SELECT uri, uri, 'asset', min(at), min(at) FROM asset_event GROUP BY uri ORDER BY min(id);
-- The events of all assets are listed by time.
CREATE INDEX asset_event_at ON asset_event (at);

-- +goose Down
DROP INDEX asset_event_at;
DROP TABLE asset;
