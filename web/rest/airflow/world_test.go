// Package airflow tests the REST API over HTTP, with a real store, against what Airflow's own answers.
package airflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
	"github.com/dingdag/dingdag/web/pages/live"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/assets"
	"github.com/dingdag/dingdag/web/rest/backfills"
	"github.com/dingdag/dingdag/web/rest/dags"
	"github.com/dingdag/dingdag/web/rest/resttest"
	"github.com/dingdag/dingdag/web/rest/runs"
)

const files = `
etl:
  schedule: "0 6 * * *"
  start_date: 2026-01-01
  tags: [sales, morning]
  params: {day: monday}
  description: loads sales # the key is s3cr3t
  tasks:
    - {task_id: first, operator: empty, owner: ann, pool: big}
    - {task_id: second, operator: empty, dependencies: [first], retries: 2, retry_delay: "25h"}
    - {task_id: each, operator: bash, partial: {}, expand: {bash_command: ["true", "false"]}, dependencies: [second]}
by_hand:
  schedule: null
  dag_display_name: By hand
  is_paused_upon_creation: true
  tasks:
    - {task_id: only, operator: empty, owner: bob}
by_name:
  schedule: "@hourly"
  tags: [sales]
  default_args: {owner: airflow, retries: 1, retry_delay: 300, timezone: Asia/Shanghai, start_date: 2026-01-01T08:00:00, execution_timeout: null, depends_on_past: no,
    priority_weight: 0x10, bash_command: say s3cr3t, env: {rows: [1.5, .inf, null]}}
  start_date: 2026-01-01
  tasks:
    - {task_id: only, operator: empty}
`

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// world is the REST API on a real store, with the DAGs of files.
type world struct {
	t     *testing.T
	srv   *rest.Server
	store *sqlite.Store
	dir   string
	files *apitest.Folder
	keys  map[string]*store.Run
	// reparsed is how often the DAG files were to be read again.
	reparsed int
	hub      *live.Hub

	browse *browse.Browser
	masker *connections.Masker
	// elsewhere are where connections and variables come from that are not in the store.
	elsewhere map[string]string
	tester    func(*connections.Connection) (bool, string)

	doc *resttest.Document
}

// door lets in whose name is the token.
type door struct{}

func (door) Authenticate(r *http.Request) (access.Identity, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer ann":
		return access.Identity{User: "ann", Role: access.Admin, DAGs: access.AllDAGs()}, nil
	case "Bearer bob":
		s, err := access.ParseScope("owner:bob", "tag:morning")
		return access.Identity{User: "bob", Role: access.Viewer, DAGs: s}, err
	case "Bearer vic":
		return access.Identity{User: "vic", Role: access.Viewer, DAGs: access.AllDAGs()}, nil
	case "Bearer oli":
		s, err := access.ParseScope("dag:etl")
		return access.Identity{User: "oli", Role: access.Operator, DAGs: s}, err
	default:
		return access.Identity{}, access.ErrUnknown
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), files: apitest.Write(t, files), keys: map[string]*store.Run{}}
	s := sqlitetest.Open(t, filepath.Join(w.dir, "db"), sqlite.Options{Synchronous: "NORMAL", Clock: func() time.Time { return now }, Cipher: conntest.Cipher(t, 1)})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	w.store = s
	clock := func() time.Time { return now }
	e, err := engine.New(s, engine.Options{
		LogDir: w.dir, FindDAG: w.files.DAG, Operators: w.files.Catalog.Operators, Callbacks: w.files.Catalog.Callbacks, Templates: w.files.Catalog.Templates, Clock: clock,
	})
	require.NoError(t, err)
	masker := connections.NewMasker()
	masker.Add(hidden)
	ask := api.New(api.Options{
		Store: s, Vault: s, Folder: w.files, Masker: masker, LogDir: w.dir, Clock: clock,
		Engine: func(context.Context) (api.Engine, error) { return e, nil },
	})
	b := browse.New(browse.Options{API: ask, Store: s, Lists: s.Lists(), Folder: w.files, Root: filepath.Dir(w.files.All[0].Pos.File), Clock: clock, Reparse: w.reparse})
	as := func(ctx context.Context) *api.API {
		return ask.By(browse.Actor(ctx))
	}
	w.srv = rest.New(rest.Options{Guard: door{}, DAGs: b, Version: "test", Mask: masker.Mask, Clock: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	w.doc = &resttest.Document{Server: w.srv, Base: "/api/v2", Path: "/openapi.json", Token: "ann"}
	dags.Routes(w.srv, b, as)
	w.hub = live.New(2, time.Second)
	questions := asks.New(asks.Options{Store: s, Engine: func(context.Context) (asks.Engine, error) { return e, nil }})
	runs.Routes(w.srv, b, as, runs.Options{Changes: changes{w.hub}, Asks: func(ctx context.Context) *asks.Asks {
		return questions.By(browse.Actor(ctx))
	}})
	backfills.Routes(w.srv, b, as)
	assets.Routes(w.srv, assets.Options{Browse: b, API: as, Emitter: func(ctx context.Context) (*emit.Emitter, error) {
		return &emit.Emitter{Folder: w.files, Engine: e, By: browse.Actor(ctx)}, nil
	}})
	w.browse, w.masker = b, masker
	w.more()
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, d := range w.files.All {
			if err := errors.Join(
				tx.PutVersion(ctx, d.Version, d.ID, dagfile.Source(d), now.Add(-time.Hour)),
				store.AddDAG(ctx, tx, &store.DAGState{ID: d.ID, File: d.Pos.File, Version: d.Version, Paused: d.ID == "by_hand", Active: true, LoadedAt: now.Add(-time.Minute)}, now.Add(-time.Hour)),
			); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

// hidden is a secret that is masked.
const hidden = "s3cr3t"

func (w *world) reparse(context.Context) error { w.reparsed++; return nil }

// changes are those that a hub tells of.
type changes struct{ hub *live.Hub }

func (c changes) Follow(ctx context.Context, dagID, runID string, begin, tell func() error, quiet time.Duration, idle func() error) error {
	return c.hub.Follow(ctx, live.Topic{DAGID: dagID, RunID: runID}, begin, tell, quiet, idle)
}

func (w *world) write(fn func(ctx context.Context, tx store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// run adds a run that began h hours after midnight and took ten minutes if it has ended, with its instances.
func (w *world) run(dagID, runID string, h int, state dag.RunState, is ...store.Instance) {
	w.t.Helper()
	at := time.Date(2026, 2, 1, h, 0, 0, 0, time.UTC)
	d := w.files.Of(dagID)
	r := &store.Run{
		DAGID: dagID, RunID: runID, Type: dag.ScheduledRun, State: state, LogicalDate: at, IntervalStart: at, IntervalEnd: at, RunAfter: at, QueuedAt: at,
		Version: d.Version, Actor: store.Actor{Via: store.ViaTimetable}, Conf: json.RawMessage(`{"hour": ` + string(rune('0'+h)) + `}`),
	}
	if state != dag.RunQueued {
		r.StartDate = at.Add(time.Minute)
	}
	if state.Finished() {
		r.EndDate = at.Add(11*time.Minute + 500*time.Millisecond)
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.InsertRun(ctx, r); err != nil {
			return err
		}
		var rows []*store.Instance
		for i := range is {
			in := is[i]
			in.RunKey = r.Key
			if in.Try > 0 {
				in.StartDate = at.Add(time.Minute)
				in.Host, in.PID = "here", 7
			}
			if in.State.Finished() {
				in.EndDate = at.Add(2 * time.Minute)
			}
			in.Operator = d.Task(in.TaskID).Operator
			rows = append(rows, &in)
		}
		return tx.PutInstances(ctx, rows)
	})
	w.keys[dagID+"/"+runID] = r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) call(who, method, path, body string, header ...string) answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.srv.ServeHTTP(rec, r)
	w.conforms(r, rec)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

func (w *world) get(path string) map[string]any {
	w.t.Helper()
	return w.json(w.call("ann", http.MethodGet, "/api/v2"+path, ""), 200)
}

func (w *world) json(a answer, status int) map[string]any {
	w.t.Helper()
	require.Equal(w.t, status, a.status, a.body)
	var out map[string]any
	require.NoError(w.t, json.Unmarshal([]byte(a.body), &out), a.body)
	return out
}

// ids are the values of a key in a list of an answer.
func ids(answer map[string]any, list, key string) []string {
	out := []string{}
	for _, item := range answer[list].([]any) {
		switch v := item.(map[string]any)[key].(type) {
		case string:
			out = append(out, v)
		case nil:
			out = append(out, "null")
		default:
			b, _ := json.Marshal(v)
			out = append(out, string(b))
		}
	}
	return out
}

// conforms checks an answer in JSON against the schema that the document has for it.
func (w *world) conforms(r *http.Request, rec *httptest.ResponseRecorder) {
	w.t.Helper()
	if rec.Code >= 300 || rec.Header().Get("Content-Type") != "application/json" || strings.HasSuffix(r.URL.Path, ".json") || strings.Contains(r.URL.Path, "/logs/") {
		return
	}
	require.NotEmpty(w.t, w.doc.Of(r), r.URL.Path)
	w.doc.Validate(w.t, r, rec)
}
