package pages_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/emit"
	apifiles "github.com/dingdag/dingdag/api/files"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/api/notes"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/api/vault"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/web/pages"
	"github.com/dingdag/dingdag/web/pages/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const files = `
etl:
  description: "Loads <b>orders</b> & more"
  schedule: "0 6 * * *"
  start_date: 2026-01-01
  tags: [sales, "<i>tag</i>"]
  default_args: {owner: "data-team, ops"}
  tasks:
    - {task_id: extract, operator: bash, bash_command: "echo {{ ds }}"}
    - {task_id: load, operator: bash, bash_command: "exit 1", dependencies: [extract]}
    - {task_id: report, operator: empty, dependencies: [load]}
by_hand:
  schedule: null
  tags: [sales]
  params: {day: monday, count: {__type__: airflow.sdk.Param, default: 3, type: integer, minimum: 1}}
  tasks:
    - {task_id: only, operator: empty}
hourly:
  schedule: "@hourly"
  start_date: 2026-01-01
  is_paused_upon_creation: true
  tasks:
    - {task_id: only, operator: empty}
`

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// world is the pages on a real store, with the DAGs of files.
type world struct {
	*pages.Pages

	t       testing.TB
	store   *sqlite.Store
	dir     string
	files   *apitest.Folder
	visitor pages.Visitor
	who     access.Identity
	people  *accounts.Accounts
	inbox   *inbox.Inbox
	conns   []*connections.Connection
	health  *health.Health
	api     *api.API
	// findings are what is wrong with the DAG files.
	findings dag.Diagnostics
	log      strings.Builder
}

// newWorld makes one; change sets its options.
func newWorld(tb testing.TB, change ...func(*pages.Options)) *world {
	tb.Helper()
	w := &world{t: tb, dir: tb.TempDir(), files: apitest.NewFolder(tb, files), visitor: pages.Visitor{Name: "ann", Configures: true}, who: access.Identity{User: "ann", Role: access.Admin, DAGs: access.AllDAGs(), Address: "192.0.2.7"}}
	cipher, err := connections.NewCipher(bytes.Repeat([]byte{7}, 32))
	require.NoError(tb, err)
	w.store = sqlitetest.Open(tb, filepath.Join(w.dir, "db"), sqlite.Options{Synchronous: "NORMAL", Cipher: cipher})
	tb.Cleanup(func() { assert.NoError(tb, w.store.Close()) })
	clock := func() time.Time { return now }
	masker := connections.NewMasker()
	masker.Add("hush-hush")
	theEngine := sync.OnceValues(func() (*engine.Engine, error) {
		return engine.New(w.store, engine.Options{
			LogDir: w.dir, FindDAG: w.files.DAG, Operators: w.files.Catalog.Operators, Callbacks: w.files.Catalog.Callbacks, Templates: w.files.Catalog.Templates, Clock: clock,
		})
	})
	by := store.Actor{Name: "ann", Via: "page"}
	w.api = api.New(api.Options{
		Store: w.store, Vault: w.store, Folder: w.files, Masker: masker, LogDir: w.dir, Clock: clock, By: by,
		Engine: func(context.Context) (api.Engine, error) { return theEngine() },
	})
	w.health = &health.Health{Status: health.Healthy, At: now, Store: health.Store{Status: health.Healthy}, Scheduler: health.Scheduler{Status: health.Healthy}, Outbox: health.Outbox{Status: health.Healthy}}
	shapes := &overview.Shapes{}
	keep := vault.New(vault.Options{Vault: w.store, Masker: masker, By: by, Clock: clock, Places: func() (*vault.Places, error) {
		return &vault.Places{Connection: w.place, Variable: w.place}, nil
	}, Check: func(_ context.Context, c *connections.Connection) (wrong, err error) {
		if extra, err := c.ExtraMap(); err == nil && extra["keyword"] != nil {
			if _, ok := extra["keyword"].(string); !ok {
				return fmt.Errorf("checked: %v", map[bool]string{true: "the secret is kept", false: "without its secret"}[extra["secret"] == "SEC-of-robot"]), nil
			}
		}
		return nil, nil
	}})
	w.people = accounts.New(accounts.Options{Store: w.store, Clock: clock, Log: slog.New(slog.DiscardHandler)})
	w.inbox = inbox.New(inbox.Options{
		Connections: func(context.Context) ([]*connections.Connection, error) { return w.conns, nil }, Mask: masker.Mask, Clock: func() time.Time { return now },
	})
	browser := browse.New(browse.Options{API: w.api, Store: w.store, Lists: w.store.Lists(), Folder: w.files, Clock: clock})
	o := pages.Options{
		Inbox: w.inbox, Nodes: func(ctx context.Context, since time.Time) ([]nodes.Node, error) {
			return nodes.List(ctx, w.store, since)
		},
		Drain: func(ctx context.Context, id string, on bool) error {
			_, err := nodes.Drain(ctx, w.store, id, on, by, now)
			return err
		},
		Accounts: w.people, By: func(context.Context) accounts.Actor {
			return accounts.Actor{Name: w.who.User, Via: "ui", Address: w.who.Address}
		},
		Guard: w, Overview: func(context.Context) *overview.Overview {
			return overview.New(overview.Options{API: w.api, Store: w.store, Folder: w.files, Shapes: shapes, Masker: masker, Clock: clock})
		},
		Bindings: func(context.Context) pages.Bindings {
			return bindings.New(w.store, by, clock)
		},
		Notes: func(context.Context) *notes.Notes {
			return notes.New(notes.Options{Store: w.store, By: by, Clock: clock})
		},
		Browse: browser,
		Emitter: func(context.Context) (*emit.Emitter, error) {
			e, err := theEngine()
			return &emit.Emitter{Folder: w.files, Engine: e, By: by}, err
		},
		Vault: func(context.Context) *vault.Keeper { return keep },
		TestConnection: func(_ context.Context, id string) (bool, string) {
			return id == "ops", "asked <b>DingTalk</b> about " + id + " with hush-hush"
		},
		Asks: func(context.Context) *asks.Asks {
			return asks.New(asks.Options{Store: w.store, By: by, Engine: func(context.Context) (asks.Engine, error) { return theEngine() }})
		},
		Files: func(context.Context) *apifiles.Files {
			return apifiles.New(apifiles.Options{Store: w.store, Visible: browser.Visible, Findings: func() (dag.Diagnostics, error) { return w.findings, w.files.Fails }, Masker: masker})
		},
		Health:  func(context.Context) *health.Health { return w.health },
		Changes: live.New(2, time.Second), Version: "1.2.3", Host: "node-7", Workers: 8, Mask: masker.Mask, Clock: clock, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	w.Pages, err = pages.New(o)
	require.NoError(tb, err)
	return w
}

// place is where connections and variables are that are not in the store.
func (*world) place(name string) string {
	if name == "of_a_file" {
		return "/etc/dingdag/connections.yaml"
	}
	return ""
}

// Enter implements [pages.Guard]: everybody is let in but those who say that they are strangers.
func (w *world) Enter(rw http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	if r.Header.Get("X-Stranger") != "" {
		http.Error(rw, "sign in", http.StatusUnauthorized)
		return r, false
	}
	return r.WithContext(access.With(r.Context(), w.who)), true
}

// Token implements it.
func (*world) Token(*http.Request) string { return "a-token" }

// Genuine implements it.
func (*world) Genuine(r *http.Request) bool { return r.PostForm.Get(pages.TokenField) == "a-token" }

// Visitor implements it.
func (w *world) Visitor(context.Context) pages.Visitor { return w.visitor }

func (w *world) write(fn func(context.Context, store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// seen makes a DAG known to the store, as a scheduler does.
func (w *world) seen(id string) *dag.DAG {
	w.t.Helper()
	d, err := w.files.DAG(id)
	require.NoError(w.t, err)
	w.write(func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutVersion(ctx, d.Version, d.ID, dagfile.Source(d), time.Unix(1, 0)); err != nil {
			return err
		}
		return store.AddDAG(ctx, tx, &store.DAGState{ID: id, File: "dags.yaml", Version: d.Version, Active: true}, now.Add(-time.Hour))
	})
	return d
}

// run stores the run of a DAG that is n hours old.
func (w *world) run(d *dag.DAG, n int, state dag.RunState, is ...*store.Instance) {
	w.t.Helper()
	at := now.Add(-time.Duration(n) * time.Hour)
	r := &store.Run{DAGID: d.ID, RunID: "manual__" + at.Format(time.RFC3339), Type: dag.ManualRun, State: state, LogicalDate: at, IntervalStart: at, IntervalEnd: at, RunAfter: at, QueuedAt: at, Version: d.Version}
	if state != dag.RunQueued {
		r.StartDate = at
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
}

// task is an instance of a run that is n hours old.
func task(id string, n int, state dag.State) *store.Instance {
	at := now.Add(-time.Duration(n) * time.Hour)
	in := &store.Instance{TaskID: id, MapIndex: -1, State: state, Try: 1, MaxTries: 1, Operator: "bash", QueuedAt: at, StartDate: at}
	if state.Finished() {
		in.EndDate = at.Add(30 * time.Second)
	}
	return in
}

// answer is what was answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a page.
func (w *world) get(path string, header ...string) answer {
	w.t.Helper()
	return w.do(httptest.NewRequest(http.MethodGet, path, nil), header...)
}

// post sends a form, with the token.
func (w *world) post(path string, form url.Values, header ...string) answer {
	w.t.Helper()
	if form.Get(pages.TokenField) == "" {
		form.Set(pages.TokenField, "a-token")
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.do(r, header...)
}

func (w *world) do(r *http.Request, header ...string) answer {
	w.t.Helper()
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	body := io.Reader(rec.Body)
	if rec.Header().Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(rec.Body)
		require.NoError(w.t, err)
		body = z
	}
	text, err := io.ReadAll(body)
	require.NoError(w.t, err)
	return answer{rec.Code, rec.Header(), string(text)}
}

var errGone = errors.New("the disk is gone: hush-hush")
