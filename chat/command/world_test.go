package command_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/chat/command"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const files = `
etl:
  schedule: "0 6 * * *"
  timezone: Asia/Shanghai
  start_date: 2026-01-01
  tags: [sales]
  tasks:
    - {task_id: extract, operator: empty}
    - {task_id: load, operator: empty, dependencies: [extract]}
    - {task_id: report_x, operator: empty, dependencies: [load]}
by_hand:
  schedule: null
  params:
    day: {__type__: airflow.sdk.Param, type: string, default: monday}
    limit: {__type__: airflow.sdk.Param, type: integer, default: 1, minimum: 1}
    any: x
  tasks:
    - {task_id: load, operator: empty}
resting:
  schedule: "@hourly"
  start_date: 2026-01-01
  is_paused_upon_creation: true
  tasks:
    - {task_id: only, operator: empty}
`

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// world is the commands on a real store, with the DAGs of files.
type world struct {
	*command.Commands

	t     *testing.T
	api   *api.API
	store *sqlite.Store
	dir   string
	dags  []*dag.DAG
	extra string
	lists roles.Lists
	dirs  directory
	// seq numbers the messages.
	seq int
	now time.Time
}

// directory is an organisation in which nobody is anything, or that is away.
type directory struct{ err error }

func (d *directory) Person(context.Context, string, string) (roles.Person, error) {
	return roles.Person{}, d.err
}

// Connection is that of every application.
func (w *world) Connection(_ context.Context, id string) (*connections.Connection, error) {
	return &connections.Connection{ID: id, Type: "dingtalk", Extra: new(connections.Secret(w.extra))}, nil
}

func newWorld(t *testing.T) *world { t.Helper(); return newWorldWith(t, func(*world) {}) }

// newWorldWith is a world with other roles.
func newWorldWith(t *testing.T, change func(*world)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), extra: "{}", now: now}
	w.lists = roles.Lists{Viewers: []string{"vera"}, Operators: []string{"opal"}, Admins: []string{"adam"}}
	change(w)
	ops, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	cbs, err := callbacks.NewRegistry(nil, nil)
	require.NoError(t, err)
	cat := catalog.Catalog{Operators: ops, Callbacks: cbs, Templates: template.New(template.Options{})}
	ds, problems := dagfile.Parse("dags.yaml", []byte(files), cat, dagfile.Options{})
	require.False(t, problems.HasErrors(), problems.String())
	slices.SortFunc(ds, func(a, b *dag.DAG) int { return strings.Compare(a.ID, b.ID) })
	w.dags = ds
	w.store = sqlitetest.Open(t, filepath.Join(w.dir, "db"), sqlite.Options{Synchronous: "NORMAL"})
	t.Cleanup(func() { assert.NoError(t, w.store.Close()) })
	clock := func() time.Time { return w.now }
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	folder := &folder{w, cat}
	w.api = api.New(api.Options{
		Store: w.store, Folder: folder, Masker: masker, LogDir: w.dir, Clock: clock,
		Engine: func(context.Context) (api.Engine, error) {
			//nolint:contextcheck // it makes an engine, and runs none
			return engine.New(w.store, engine.Options{LogDir: w.dir, FindDAG: folder.DAG, Operators: ops, Callbacks: cbs, Templates: cat.Templates, Clock: clock})
		},
	})
	rs, err := roles.New(roles.Options{Lists: w.lists, Connections: w, Directory: &w.dirs, Clock: clock})
	require.NoError(t, err)
	w.Commands, err = command.New(command.Options{
		By: func(a store.Actor) command.API { return w.api.By(a) }, Roles: rs, Connections: w,
		Bindings: func(a store.Actor) command.Bindings { return bindings.New(w.store, a, clock) },
		Masker:   masker, Zone: time.UTC, Clock: clock, Done: w.store.EventOfRef,
		Asks: func(who store.Actor) command.Asks {
			return asks.New(asks.Options{Store: w.store, By: who, Engine: func(context.Context) (asks.Engine, error) {
				//nolint:contextcheck // it makes an engine, and runs none
				return engine.New(w.store, engine.Options{LogDir: w.dir, FindDAG: folder.DAG, Operators: ops, Callbacks: cbs, Templates: cat.Templates, Clock: clock})
			}})
		},
	})
	require.NoError(t, err)
	for _, d := range ds {
		w.write(func(ctx context.Context, tx store.Tx) error {
			if err := tx.PutVersion(ctx, d.Version, d.ID, dagfile.Source(d), time.Unix(1, 0)); err != nil {
				return err
			}
			return store.AddDAG(ctx, tx, &store.DAGState{ID: d.ID, Version: d.Version, Paused: d.ID == "resting", Active: true}, now.Add(-time.Hour))
		})
	}
	return w
}

// folder holds the DAGs of a world.
type folder struct {
	w       *world
	catalog catalog.Catalog
}

func (f *folder) DAGs() (all []*dag.Summary, broken bool, err error) {
	for _, d := range f.w.dags {
		all = append(all, d.Summary())
	}
	return all, false, nil
}

func (f *folder) Load() (all []*dag.DAG, broken bool, err error) { return f.w.dags, false, nil }

func (f *folder) DAG(id string) (*dag.DAG, error) {
	for _, d := range f.w.dags {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("no dag %q in the folder", id)
}

func (f *folder) Restore(source []byte) (*dag.DAG, error) {
	return dagfile.Restore(source, f.catalog, dagfile.Options{})
}

func (w *world) write(fn func(context.Context, store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// later makes it later.
func (w *world) later(at time.Time) { w.now = at }

// run stores a run of a DAG with an id, n hours ago.
func (w *world) run(dagID, runID string, n int, state dag.RunState, is ...*store.Instance) *store.Run {
	w.t.Helper()
	at := now.Add(-time.Duration(n) * time.Hour)
	i := slices.IndexFunc(w.dags, func(d *dag.DAG) bool { return d.ID == dagID })
	r := &store.Run{
		DAGID: dagID, RunID: runID, Type: dag.ManualRun, State: state, LogicalDate: at, IntervalStart: at, IntervalEnd: at, RunAfter: at, QueuedAt: at,
		StartDate: at, Version: w.dags[i].Version,
	}
	if state.Finished() {
		r.EndDate = at.Add(90 * time.Second)
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.InsertRun(ctx, r); err != nil {
			return err
		}
		for _, in := range is {
			in.RunKey = r.Key
		}
		return tx.PutInstances(ctx, is)
	})
	return r
}

// failedRun is a run of etl in which load failed.
func (w *world) failedRun(runID string, n int) *store.Run {
	w.t.Helper()
	at := now.Add(-time.Duration(n) * time.Hour)
	load := &store.Instance{
		TaskID: "load", MapIndex: -1, State: dag.Failed, Try: 2, StartDate: at, EndDate: at.Add(time.Minute), Error: "Traceback\n  file\nValueError: no *rows* for hush-hush\n",
	}
	r := w.run("etl", runID, n, dag.RunFailed,
		&store.Instance{TaskID: "extract", MapIndex: -1, State: dag.Success, Try: 1, StartDate: at, EndDate: at}, load,
		&store.Instance{TaskID: "report_x", MapIndex: -1, State: dag.UpstreamFailed, StartDate: at, EndDate: at})
	path := filepath.Join(w.dir, worker.LogPath(r, load, 0))
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(w.t, os.WriteFile(path, []byte("one\nhush-hush two\n"), 0o600))
	return r
}

// request is a message of somebody.
func (w *world) request(user, text string) command.Request {
	w.seq++
	return command.Request{
		ConnID: "app", ConversationID: "cid1", ConversationTitle: "on call", Group: true, Sender: command.Person{UserID: user, Nick: "Nick of " + user},
		Kind: "text", Text: text, MessageID: fmt.Sprintf("msg%d", w.seq), At: now,
	}
}

// do is the answer to a message of somebody.
func (w *world) do(user, text string) command.Answer {
	w.t.Helper()
	a, err := w.Do(w.t.Context(), w.request(user, text))
	require.NoError(w.t, err, text)
	assert.NotContains(w.t, a.Text, "hush-hush")
	assert.NotContains(w.t, a.Text, "%!", "a broken format")
	assert.NotEmpty(w.t, a.Title)
	return a
}

// says is the text of an answer that was not refused.
func (w *world) says(user, text string) string {
	w.t.Helper()
	a := w.do(user, text)
	assert.False(w.t, a.Refused, "%s: %s", text, a.Text)
	return a.Text
}

// refuses is the text of an answer that was.
func (w *world) refuses(user, text string) string {
	w.t.Helper()
	a := w.do(user, text)
	assert.True(w.t, a.Refused, "%s: %s", text, a.Text)
	return a.Text
}
