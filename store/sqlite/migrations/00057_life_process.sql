-- +goose Up
-- Which process it was: see store.Process.
ALTER TABLE scheduler_life ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE scheduler_life ADD COLUMN pid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scheduler_life ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE scheduler_life ADD COLUMN workers INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE scheduler_life DROP COLUMN workers;
ALTER TABLE scheduler_life DROP COLUMN version;
ALTER TABLE scheduler_life DROP COLUMN pid;
ALTER TABLE scheduler_life DROP COLUMN host;
