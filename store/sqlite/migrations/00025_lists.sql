-- +goose Up
-- Messages of one DAG or channel, those on which a person may decide, and updates of assets by one DAG: for
-- lists, newest first.
CREATE INDEX delivery_of_dag ON delivery (dag_id);
CREATE INDEX delivery_of_channel ON delivery (channel);
CREATE INDEX delivery_failed ON delivery (id) WHERE state IN ('refused', 'uncertain');
CREATE INDEX asset_event_of_dag ON asset_event (dag_id);

-- +goose Down
DROP INDEX asset_event_of_dag;
DROP INDEX delivery_failed;
DROP INDEX delivery_of_channel;
DROP INDEX delivery_of_dag;
