package postgres_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/storetest"
	"github.com/dingdag/dingdag/store/storetest/plantest"
)

const (
	// history is how many rows each table has of what has ended, and most how many of them an operation may look at.
	history = 3000
	most    = 60
	// long is the history of the tables that grow with each attempt.
	long = 200_000
)

// growing are those tables.
var growing = map[string]int{"task_instance": long, "river_job": long}

// What a process does while nothing or little is to be done must cost the same after a million runs as after none: no
// statement of the hot path reads what has ended. The statements are those that the store of one file must run in this way;
// here the database runs each again over a history, and tells how many rows it looked at.
func TestTheHotPathReadsNoHistory(t *testing.T) {
	t.Parallel()
	s, c, heard := opened(t, postgres.Options{})
	fill(t, c)
	read, plan := rowsRead(t, c, statement{"SELECT count(*) FROM dag_run WHERE dag_id = $1", []any{"d"}})
	require.Equal(t, history, read, "rows are counted: %s", plan)

	for name, do := range plantest.HotPath(t.Context(), s) {
		heard.forget()
		require.NoError(t, do(), name)
		asked := 0
		for _, st := range heard.all() {
			if !strings.Contains(st.query, "FROM") && !strings.Contains(st.query, "UPDATE") || strings.Contains(st.query, "pg_notify") {
				continue
			}
			asked++
			read, plan := rowsRead(t, c, st)
			assert.LessOrEqual(t, read, most, "%s: %s\n%s", name, st.query, plan)
		}
		assert.NotZero(t, asked, name)
	}
}

// However many jobs wait, to take one looks at a few: at those that are taken, and at the first of each queue; and a job that
// is exchanged does not look at those of queues that are not served.
func TestTakingReadsNoBacklog(t *testing.T) {
	t.Parallel()
	s, c, heard := opened(t, postgres.Options{PollOnly: true, Looks: time.Hour})
	_, err := c.Exec(t.Context(), fmt.Sprintf(`INSERT INTO river_job (args, kind, max_attempts, queue)
		SELECT jsonb_build_object('run', g, 'task', 't', 'map', -1, 'try', 1, 'queue', 'q' || g %% 3), 'attempt', 16384, 'q' || g %% 3 FROM generate_series(1, %d) g`, 3*history))
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "ANALYZE river_job")
	require.NoError(t, err)
	const workers = 8
	for name, queues := range map[string][]string{"all queues": nil, "two queues": {"q1", "q2", "none"}, "an empty queue": {"none"}} {
		heard.forget()
		done := make(chan struct{}, workers)
		stop := storetest.Work(t, s, store.WorkOptions{Workers: workers, Queues: queues, Handle: func(ctx context.Context, j store.Job) error {
			write := context.WithoutCancel(ctx)
			err := s.Tx(write, func(tx store.Tx) error {
				next, err := tx.Exchange(write, j, []store.Job{{TaskID: "other", Queue: "none"}})
				if err != nil || next == nil {
					return err
				}
				return tx.Release(write, *next)
			})
			assert.NoError(t, err)
			select {
			case done <- struct{}{}:
			default:
			}
			<-ctx.Done()
			return nil
		}})
		if name == "an empty queue" {
			storetest.EnqueueIn(t, s, "none")
		}
		<-done
		stop()
		fetched := false
		for _, st := range heard.all() {
			if !strings.Contains(st.query, "river_job") || strings.Contains(st.query, "INSERT") {
				continue
			}
			fetched = fetched || strings.Contains(st.query, "picked")
			read, plan := rowsRead(t, c, st)
			assert.LessOrEqual(t, read, most, "%s: %s\n%s", name, st.query, plan)
		}
		assert.True(t, fetched, name)
	}
}

// opened is a store of which it is heard what it asks, with a connection to its database.
func opened(t *testing.T, opts postgres.Options) (*postgres.Store, *pgx.Conn, *statements) {
	t.Helper()
	u := database(t)
	heard := &statements{}
	s, err := postgres.OpenTraced(t.Context(), u, opts, heard)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s, connect(t, u), heard
}

// statement is one with its values.
type statement struct {
	query string
	args  []any
}

// statements hears of those of a store. It is safe for concurrent use.
type statements struct {
	mu    sync.Mutex
	heard []statement
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, statement{q.SQL, slices.Clone(q.Args)})
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = nil
}

func (s *statements) all() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// step is a step of a plan that was carried out.
//
//nolint:tagliatelle // the database's own names
type step struct {
	Type     string  `json:"Node Type"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Joined   float64 `json:"Rows Removed by Join Filter"`
	Checked  float64 `json:"Rows Removed by Index Recheck"`
	Steps    []step  `json:"Plans"`
}

// read is how many rows of tables and indexes it looked at.
func (s step) read() (n int) {
	if strings.HasSuffix(s.Type, "Scan") && s.Type != "CTE Scan" && s.Type != "Subquery Scan" {
		n = int((s.Rows + s.Filtered + s.Joined + s.Checked) * s.Loops)
	}
	for _, below := range s.Steps {
		n += below.read()
	}
	return n
}

// explained is what EXPLAIN says of a statement.
type explained struct {
	Plan step `json:"Plan"` //nolint:tagliatelle // the database's own name
}

// rowsRead runs a statement, takes back what it does, and returns how many rows it looked at, with its plan.
func rowsRead(t *testing.T, c *pgx.Conn, st statement) (n int, plan string) {
	t.Helper()
	tx, err := c.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	require.NoError(t, tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+st.query, st.args...).Scan(&plan), st.query)
	var plans []explained
	require.NoError(t, json.Unmarshal([]byte(plan), &plans))
	for _, p := range plans {
		n += p.Plan.read()
	}
	return n, plan
}

// made are tables with a row for each thing that people made or that is open: they do not grow with time.
var made = []string{"dag", "additive_migration", "slot_pool", "node_lease", "leader", "report", "run_deadline", "broken", "daily_digest", "dag_pause"}

// ours are values of the columns that the hot path asks for. All history is that of one DAG and of one channel, as that of
// a small installation may be.
var ours = map[string]string{"dag_id": "'d'", "task_id": "'t'", "channel": "'c'", "robot": "'r'", "uri": "'a'", "state": "'success'", "run_type": "'scheduled'"}

// fill puts a history into each table that has one, and has the database look how it is.
func fill(t *testing.T, c *pgx.Conn) {
	t.Helper()
	unique := map[string][][]string{}
	rows, err := c.Query(t.Context(), `SELECT r.relname, array_agg(a.attname ORDER BY n.i) FROM pg_index x JOIN pg_class r ON r.oid = x.indrelid
		CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS n (attnum, i) JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = n.attnum
		WHERE r.relnamespace = current_schema()::regnamespace AND x.indisunique GROUP BY x.indexrelid, r.relname`)
	require.NoError(t, err)
	var table string
	var key []string
	_, err = pgx.ForEachRow(rows, []any{&table, &key}, func() error {
		unique[table] = append(unique[table], slices.Clone(key))
		return nil
	})
	require.NoError(t, err)
	rows, err = c.Query(t.Context(), `SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name !~ '^(river|goose|additive)' AND is_identity = 'NO' ORDER BY ordinal_position`)
	require.NoError(t, err)
	type filled struct{ names, values []string }
	tables := map[string]*filled{}
	var name, kind string
	var null bool
	_, err = pgx.ForEachRow(rows, []any{&table, &name, &kind, &null}, func() error {
		if slices.Contains(made, table) {
			return nil
		}
		f := tables[table]
		if f == nil {
			f = &filled{}
			tables[table] = f
		}
		value, fixed := ours[name]
		for _, k := range unique[table] {
			// The last column of a key that is ours otherwise tells its rows apart.
			others := slices.DeleteFunc(slices.Clone(k), func(n string) bool { return ours[n] != "" })
			if len(others) == 0 && k[len(k)-1] == name {
				fixed = false
			}
		}
		keyed := slices.ContainsFunc(unique[table], func(k []string) bool { return slices.Contains(k, name) })
		switch {
		case fixed:
		case kind == "bigint":
			value = "g"
		case kind == "boolean":
			value = "FALSE"
		case kind == "bytea":
			value = "''"
		case keyed:
			value = "'x' || g"
		case null:
			value = "NULL"
		default:
			value = "''"
		}
		f.names, f.values = append(f.names, name), append(f.values, value)
		return nil
	})
	require.NoError(t, err)
	for table, f := range tables {
		_, err := c.Exec(t.Context(), fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) g", table, strings.Join(f.names, ", "), strings.Join(f.values, ", "), cmp.Or(growing[table], history)))
		require.NoError(t, err, table)
	}
	_, err = c.Exec(t.Context(), fmt.Sprintf(`INSERT INTO river_job (args, attempt, attempted_by, finalized_at, kind, max_attempts, state)
		SELECT '{}', 1, '{local}', now(), 'attempt', 16384, 'completed' FROM generate_series(1, %d)`, growing["river_job"]))
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "ANALYZE river_job, "+strings.Join(slices.Collect(maps.Keys(tables)), ", "))
	require.NoError(t, err)
}
