-- +goose Up
-- priority is the rank of a message in the line of its receiver, lower first; digest_id the message
-- that tells it together with others; named_in the message that told of one that is uncertain;
-- dedupe_key what tells that two say the same; acked_at and acked_by who has seen it.
ALTER TABLE delivery ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;
ALTER TABLE delivery ADD COLUMN digest_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN named_in INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN dedupe_key TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN acked_at INTEGER;
ALTER TABLE delivery ADD COLUMN acked_by TEXT NOT NULL DEFAULT '';
UPDATE delivery SET priority = CASE event
    WHEN 'on_failure' THEN 1 WHEN 'on_missed' THEN 1 WHEN 'on_deadline' THEN 1 WHEN 'on_import_error' THEN 1
    WHEN 'on_retry' THEN 2 ELSE 3 END
    WHERE state IN ('waiting', 'sending');
CREATE INDEX delivery_line ON delivery (channel, state, priority, dag_id, id, next_try) WHERE state IN ('waiting', 'sending');
CREATE INDEX delivery_of_digest ON delivery (digest_id) WHERE digest_id > 0;
CREATE INDEX delivery_of_key ON delivery (dedupe_key, created_at) WHERE dedupe_key <> '';
CREATE INDEX delivery_unnamed ON delivery (channel, id) WHERE state = 'uncertain' AND named_in = 0;

-- +goose Down
DROP INDEX delivery_unnamed;
DROP INDEX delivery_of_key;
DROP INDEX delivery_of_digest;
DROP INDEX delivery_line;
ALTER TABLE delivery DROP COLUMN acked_by;
ALTER TABLE delivery DROP COLUMN acked_at;
ALTER TABLE delivery DROP COLUMN dedupe_key;
ALTER TABLE delivery DROP COLUMN named_in;
ALTER TABLE delivery DROP COLUMN digest_id;
ALTER TABLE delivery DROP COLUMN priority;
