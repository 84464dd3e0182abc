-- +goose Up
-- favorite is a DAG that somebody has among his favourites. user_name is what he signs in with.
CREATE TABLE favorite (
    user_name TEXT COLLATE "C" NOT NULL,
    dag_id    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_name, dag_id)
);
CREATE INDEX favorite_of_dag ON favorite (dag_id);

-- +goose Down
DROP TABLE favorite;
