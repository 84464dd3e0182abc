package sqlqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Ending is a job of PostgreSQL that ends together with a report, see [store.Membership].
type Ending struct {
	Handle Handle
	Report *store.Report
}

// NewEnding is the one of a job.
func NewEnding(j store.Job, r *store.Report) (Ending, error) {
	h, ok := j.Handle.(Handle)
	if !ok {
		return Ending{}, errors.New("end a job that no worker holds")
	}
	return Ending{h, r}, nil
}

// ending is the statement that ends jobs. The rows of jobs are found by their ids alone, whatever the database takes the size of
// the table for, and locked before they are changed: what tells a taking from others is compared with the row as it is then.
var (
	endingFree = ending("FOR NO KEY UPDATE SKIP LOCKED")
	endingAny  = ending("FOR NO KEY UPDATE")
)

func ending(lock string) string {
	pg := &wordsOf[sqlrow.Postgres]
	return `WITH said AS MATERIALIZED (SELECT * FROM json_to_recordset(CAST(? AS json)) AS e (n bigint, id bigint, attempt bigint, node text, payload text, at bigint)),
		job AS MATERIALIZED (SELECT id, attempt, ` + pg.lastNode + ` AS node FROM river_job WHERE id = ANY (ARRAY(SELECT id FROM said)) AND ` + runningByID + ` ` + lock + `),
		held AS MATERIALIZED (SELECT n, said.id, payload, at FROM said JOIN job ON job.id = said.id AND job.attempt = said.attempt AND job.node = said.node),
		ended AS (UPDATE river_job SET state = 'completed', finalized_at = ` + pg.now + ` WHERE id = ANY (ARRAY(SELECT id FROM held))),
		told AS (INSERT INTO report (payload, at) SELECT payload, at FROM held ORDER BY n)
		SELECT n FROM held ORDER BY n`
}

// End ends jobs in one statement, which needs no transaction around it, and returns those that it did not. It waits for nobody: a
// job that another transaction is changing is one of these, so that two that change several do not wait for each other.
func End(ctx context.Context, c sqlrow.Conn, p *Process, es []Ending) (left []Ending, err error) {
	return end(ctx, c, p, endingFree, es)
}

func end(ctx context.Context, c sqlrow.Conn, p *Process, statement string, es []Ending) (left []Ending, err error) {
	type row struct {
		N       int    `json:"n"`
		ID      int64  `json:"id"`
		Attempt int64  `json:"attempt"`
		Node    string `json:"node"`
		Payload string `json:"payload"`
		At      any    `json:"at"`
	}
	rows := make([]row, len(es))
	for i, e := range es {
		rows[i] = row{i, e.Handle.ID, e.Handle.Attempt, e.Handle.Node, sqlrow.Clean(string(e.Report.Payload)), sqlrow.UnixMilli(e.Report.At)}
	}
	said, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("encode the ends of attempts: %w", err)
	}
	ended, err := sqlrow.Column[int](ctx, c, statement, string(said))
	if err != nil {
		return nil, fmt.Errorf("end the jobs of attempts: %w", err)
	}
	next := 0
	for i, e := range es {
		if next < len(ended) && ended[next] == i {
			p.drop(e.Handle)
			next++
		} else {
			left = append(left, e)
		}
	}
	return left, nil
}

// EndOne ends a job that [End] did not. It waits for those who change it, and finds that it is ended when an answer was lost that
// said so. It returns [store.ErrLostLease] for one that is not the holder's any more.
func EndOne(ctx context.Context, c sqlrow.Conn, p *Process, e Ending) error {
	left, err := end(ctx, c, p, endingAny, []Ending{e})
	if err != nil || len(left) == 0 {
		return err
	}
	// Nobody else ends this taking of the job, and no report of its end is written without that.
	n, err := sqlrow.Column[int64](ctx, c, "SELECT count(*) FROM river_job WHERE id = ? AND state = 'completed' AND attempt = ? AND "+wordsOf[sqlrow.Postgres].lastNode+" = ?",
		e.Handle.ID, e.Handle.Attempt, e.Handle.Node)
	if err != nil {
		return fmt.Errorf("look whether an attempt is ended: %w", err)
	}
	if n[0] == 0 {
		return store.ErrLostLease
	}
	p.drop(e.Handle)
	return nil
}
