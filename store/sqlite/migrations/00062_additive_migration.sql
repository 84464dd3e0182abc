-- +goose Up
-- additive_migration lists the migrations beside which a program that does not know them goes on. A migration inserts its own
-- number; one that is not listed keeps out each program that does not know it.
CREATE TABLE additive_migration (
    version INTEGER PRIMARY KEY
);

-- +goose Down
DROP TABLE additive_migration;
