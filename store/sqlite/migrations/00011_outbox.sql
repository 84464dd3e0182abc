-- +goose Up
-- progress is the sender's record of the parts that the receiver took, event_data what a
-- message that stands in for this one tells of, refusals how often the receiver refused it
-- for a reason that nobody knows, and hold how its failure holds those behind it.
ALTER TABLE delivery ADD COLUMN progress TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN event_data TEXT;
ALTER TABLE delivery ADD COLUMN stands_in_for INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN hold TEXT NOT NULL DEFAULT '';
CREATE INDEX delivery_queue ON delivery (channel, state, next_try) WHERE state IN ('waiting', 'sending');

-- +goose Down
DROP INDEX delivery_queue;
ALTER TABLE delivery DROP COLUMN hold;
ALTER TABLE delivery DROP COLUMN refusals;
ALTER TABLE delivery DROP COLUMN stands_in_for;
ALTER TABLE delivery DROP COLUMN event_data;
ALTER TABLE delivery DROP COLUMN progress;
