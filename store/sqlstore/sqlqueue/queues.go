package sqlqueue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// longestQueue is how many characters River's tables keep of the name of a queue.
const longestQueue = 127

// queueOf is the name of a queue as River's tables hold it: an empty one is the default, and one that is too long ends in
// a sum of the whole.
func queueOf(name string) string {
	name = sqlrow.Clean(name)
	if name == "" {
		return store.DefaultQueue
	}
	if utf8.RuneCountInString(name) <= longestQueue {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	end := "~" + hex.EncodeToString(sum[:])
	return string([]rune(name)[:longestQueue-len(end)]) + end
}

// serving is which queues a process serves, with the statements of PostgreSQL that take jobs from them.
type serving struct {
	// queues are their names in River's tables; nil are all.
	queues []string
	// fetch takes up to a number of jobs that have waited longest, and swap is [words.swap].
	fetch, swap string
}

// newServing is the one of some queues. SQLite has one process, which serves all.
func newServing(queues []string) *serving {
	s := &serving{}
	for _, name := range queues {
		if name = queueOf(name); !slices.Contains(s.queues, name) {
			s.queues = append(s.queues, name)
		}
	}
	// All queues in which a job waits are found by one step through an index for each of them.
	names, among := `WITH RECURSIVE served (name) AS (
			(SELECT queue FROM river_job WHERE state = 'available' ORDER BY queue LIMIT 1)
			UNION ALL SELECT (SELECT queue FROM river_job WHERE state = 'available' AND queue > name ORDER BY queue LIMIT 1)
			FROM served WHERE name IS NOT NULL
		)`, ""
	if s.queues != nil {
		values := strings.TrimSuffix(strings.Repeat("(CAST(? AS text)), ", len(s.queues)), ", ")
		names, among = "WITH served (name) AS (VALUES "+values+")", " AND queue IN ("+sqlrow.Marks(len(s.queues))+")"
	}
	pg := wordsOf[sqlrow.Postgres]
	// The queue whose first job has waited longest is first. A job is locked only when it is the next to be taken: others
	// take theirs at the same time, and pass over those that are locked.
	s.fetch = names + `, heads AS MATERIALIZED (SELECT name FROM served CROSS JOIN LATERAL (SELECT priority, scheduled_at, id FROM river_job
			WHERE state = 'available' AND queue = name` + oldest + ` LIMIT 1) head ORDER BY priority, scheduled_at, id),
		picked AS MATERIALIZED (SELECT id FROM heads CROSS JOIN LATERAL (SELECT id FROM river_job
			WHERE state = 'available' AND queue = name` + oldest + ` LIMIT ? FOR UPDATE SKIP LOCKED) job LIMIT ?)
		UPDATE river_job SET ` + pg.running + " WHERE id = ANY (ARRAY(SELECT id FROM picked)) RETURNING " + pg.jobColumns
	s.swap = pg.swap + " AND NOT EXISTS (SELECT 1 FROM river_job WHERE state = 'available'" + among + ")"
	return s
}

// has reports whether it has a queue.
func (s *serving) has(queue string) bool { return s.queues == nil || slices.Contains(s.queues, queue) }

// args are the names of the queues and values, in the order of the statements.
func (s *serving) args(front []any, behind ...any) []any {
	args := slices.Clone(front)
	for _, q := range s.queues {
		args = append(args, q)
	}
	return append(args, behind...)
}

// Waiting lists the queues in which jobs wait, see [store.Queues].
func Waiting(ctx context.Context, c sqlrow.Conn) ([]store.QueueBacklog, error) {
	w := &wordsOf[c.Dialect()]
	all, err := sqlrow.Collect(ctx, c, func(rows sqlrow.Rows, b *store.QueueBacklog) error {
		var since int64
		err := rows.Scan(&b.Queue, &b.Jobs, &since)
		b.Since = time.UnixMilli(since).UTC()
		return err
	}, w.waiting)
	if err != nil {
		return nil, fmt.Errorf("count the jobs that wait: %w", err)
	}
	out := make([]store.QueueBacklog, len(all))
	for i, b := range all {
		out[i] = *b
	}
	return out, nil
}
