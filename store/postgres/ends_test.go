package postgres_test

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/storetest"
)

var endings = regexp.MustCompile(`FOR NO KEY UPDATE SKIP LOCKED`)

// An end whose answer is lost is there once, however often it is said again.
func TestTheAnswerToAnEndIsLost(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"the answer": false, "the question": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cut atomic.Int64
			u := with(t, database(t), func(_ *url.URL, q url.Values) { q.Set("default_query_exec_mode", "exec") })
			s, err := postgres.OpenThrough(t.Context(), u, postgres.Options{}, func(c net.Conn) net.Conn { return &cutter{c, endings, &cut, first, nil, atomic.Bool{}} })
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.Close()) })
			ended := make(chan struct{})
			storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
				defer close(ended)
				cut.Store(1)
				assert.ErrorIs(t, s.End(ctx, j, ending("t")), store.ErrBusy)
				assert.Less(t, cut.Load(), int64(1), "the connection was cut")
				assert.NoError(t, s.End(ctx, j, ending("t")))
				assert.NoError(t, s.End(ctx, j, ending("t")), "nobody knows who has heard of it")
				return nil
			}})
			storetest.Enqueue(t, s, "t")
			<-ended
			assert.Equal(t, []string{`"t"`}, said(t, s))
		})
	}
}

// Who ends jobs waits for those who change one of them, and they never wait for each other: not even when both change the same two the
// other way round. The transactions of others do not hold it up.
func TestEndsWaitForNobodyElse(t *testing.T) {
	t.Parallel()
	u := database(t)
	s, other := open(t, u, postgres.Options{}), open(t, u, postgres.Options{Node: "other"})
	const jobs = 3
	var begun, ended sync.WaitGroup
	begun.Add(jobs)
	ended.Add(jobs)
	var mu sync.Mutex
	running := map[string]store.Job{}
	goOn := map[string]chan struct{}{"a": make(chan struct{}), "b": make(chan struct{}), "free": make(chan struct{})}
	free := make(chan struct{})
	storetest.Work(t, s, store.WorkOptions{Workers: jobs, Handle: func(ctx context.Context, j store.Job) error {
		defer ended.Done()
		mu.Lock()
		running[j.TaskID] = j
		mu.Unlock()
		begun.Done()
		<-goOn[j.TaskID]
		err := s.End(ctx, j, ending(j.TaskID))
		assert.NoError(t, err, j.TaskID)
		if j.TaskID == "free" {
			close(free)
		}
		return err
	}})
	storetest.Enqueue(t, s, "a", "b", "free")
	begun.Wait()
	require.NoError(t, other.Tx(t.Context(), func(tx store.Tx) error {
		if !assert.NoError(t, tx.CancelJob(t.Context(), running["b"], "no")) {
			return nil
		}
		for _, c := range goOn {
			close(c)
		}
		<-free // in spite of this transaction
		return tx.CancelJob(t.Context(), running["a"], "no")
	}))
	ended.Wait()
	assert.ElementsMatch(t, []string{`"a"`, `"b"`, `"free"`}, said(t, s))
}

// Those who wait for reports are told of an end.
func TestEndsAreTold(t *testing.T) {
	t.Parallel()
	u := database(t)
	s, leader := open(t, u, postgres.Options{Looks: time.Hour}), open(t, u, postgres.Options{Node: "leader", Looks: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	told, watched := make(chan struct{}, 1), make(chan error)
	go func() {
		watched <- leader.Watch(ctx, func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
	}()
	storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error { return s.End(ctx, j, ending("t")) }})
	storetest.Enqueue(t, s, "t")
	for len(said(t, leader)) == 0 {
		<-told
	}
	cancel()
	require.NoError(t, <-watched)
}

func ending(task string) *store.Report {
	return &store.Report{Payload: json.RawMessage(`"` + task + `"`), At: time.Unix(1, 0)}
}

// said are the reports that were written.
func said(t *testing.T, s *postgres.Store) (all []string) {
	t.Helper()
	rs, err := s.Reports(t.Context(), 0, 99)
	require.NoError(t, err)
	for _, r := range rs {
		all = append(all, string(r.Payload))
	}
	return all
}

// However many jobs have ended, and whatever the database takes their number for, an end looks at its own.
func TestEndingReadsNoHistory(t *testing.T) {
	t.Parallel()
	s, c, heard := opened(t, postgres.Options{})
	_, err := c.Exec(t.Context(), "ANALYZE river_job") // which is empty
	require.NoError(t, err)
	fill(t, c)
	ended := make(chan struct{})
	stop := storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		defer close(ended)
		assert.NoError(t, s.End(ctx, j, ending("t")))
		assert.NoError(t, s.End(ctx, j, ending("t")))
		return nil
	}})
	storetest.Enqueue(t, s, "t")
	<-ended
	stop()
	asked := 0
	for _, st := range heard.all() {
		if endings.MatchString(st.query) || regexp.MustCompile(`FOR NO KEY UPDATE\)|state = 'completed' AND attempt`).MatchString(st.query) {
			asked++
			read, plan := rowsRead(t, c, st)
			assert.LessOrEqual(t, read, most, "%s\n%s", st.query, plan)
		}
	}
	assert.Equal(t, 4, asked, "twice together, alone, and whether it has ended")
}

// Until the table is vacuumed, an index has an entry for each time that a job was running. What is asked of jobs that are known
// goes past them: at a rate of 1,000 jobs a second there may be hundreds of thousands.
func TestKnownJobsAreFoundAlone(t *testing.T) {
	t.Parallel()
	s, c, heard := opened(t, postgres.Options{})
	for _, statement := range []string{
		"ALTER TABLE river_job SET (autovacuum_enabled = off)",
		`INSERT INTO river_job (args, attempt, attempted_by, kind, max_attempts, state)
			SELECT '{}', 1, '{other,other}', 'attempt', 16384, 'running' FROM generate_series(1, 5000)`,
		"UPDATE river_job SET state = 'completed', finalized_at = now()",
		"ANALYZE river_job",
	} {
		_, err := c.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	ended := make(chan struct{})
	stop := storetest.Work(t, s, store.WorkOptions{Handle: func(ctx context.Context, j store.Job) error {
		defer close(ended)
		canceled, err := s.Canceled(ctx)
		assert.NoError(t, err)
		assert.Empty(t, canceled)
		taken, err := s.Taken(ctx, []store.Job{j})
		assert.NoError(t, err)
		assert.Empty(t, taken)
		assert.NoError(t, s.End(ctx, j, ending("t")))
		assert.NoError(t, s.End(ctx, j, ending("t")))
		return nil
	}})
	storetest.Enqueue(t, s, "t")
	<-ended
	stop()
	asked := 0
	for _, st := range heard.all() {
		if strings.Contains(st.query, "ANY (ARRAY(") && !strings.Contains(st.query, "picked") {
			asked++
			_, plan := rowsRead(t, c, st) // rows that are gone do not count there
			assert.NotContains(t, plan, "fetching_index", st.query)
		}
	}
	assert.Equal(t, 5, asked, "what is canceled, what is taken, the end twice together and once alone")
}
