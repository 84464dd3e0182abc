-- +goose Up
-- template_file has the template files that versions of DAGs have, each content once. hash is its SHA-256 in hex.
CREATE TABLE template_file (
    hash    TEXT PRIMARY KEY,
    content BLOB NOT NULL
);
-- dag_version_file tells which contents a version has, so that those that no version has any more can go. What the files are called is in the source
-- of the version.
CREATE TABLE dag_version_file (
    version TEXT NOT NULL,
    hash    TEXT NOT NULL,
    PRIMARY KEY (version, hash)
) WITHOUT ROWID;
CREATE INDEX dag_version_file_of_hash ON dag_version_file (hash);
INSERT INTO additive_migration (version) VALUES (63);

-- +goose Down
DELETE FROM additive_migration WHERE version = 63;
DROP TABLE dag_version_file;
DROP TABLE template_file;
