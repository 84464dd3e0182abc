-- +goose Up
-- River's indexes that none of its statements here, nor ours, goes by: each job would be entered into them three times, when it is made, taken and ended.
DROP INDEX IF EXISTS river_job_args_index;
DROP INDEX IF EXISTS river_job_metadata_index;
DROP INDEX IF EXISTS river_job_kind;
INSERT INTO additive_migration (version) VALUES (66);

-- +goose Down
DELETE FROM additive_migration WHERE version = 66;
CREATE INDEX river_job_kind ON river_job (kind);
CREATE INDEX river_job_metadata_index ON river_job USING GIN (metadata);
CREATE INDEX river_job_args_index ON river_job USING GIN (args);
