// Package airflow tests the REST API over HTTP, with a real store, against what Airflow's own answers.
package airflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/catalog"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
	"github.com/dingdag/dingdag/template"
	"github.com/dingdag/dingdag/web/pages/live"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/assets"
	"github.com/dingdag/dingdag/web/rest/backfills"
	"github.com/dingdag/dingdag/web/rest/dags"
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
	files *folder
	keys  map[string]*store.Run
	// reparsed is how often the DAG files were to be read again.
	reparsed int
	hub      *live.Hub

	browse *browse.Browser
	masker *connections.Masker
	// elsewhere are where connections and variables come from that are not in the store.
	elsewhere map[string]string
	tester    func(*connections.Connection) (bool, string)

	schemas  sync.Mutex // of what compiles them
	compiler *jsonschema.Compiler
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
	w := &world{t: t, dir: t.TempDir(), files: newFolder(t), keys: map[string]*store.Run{}}
	s := sqlitetest.Open(t, filepath.Join(w.dir, "db"), sqlite.Options{Synchronous: "NORMAL", Cipher: conntest.Cipher(t, 1)})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	w.store = s
	clock := func() time.Time { return now }
	e, err := engine.New(s, engine.Options{
		LogDir: w.dir, FindDAG: w.files.DAG, Operators: w.files.catalog.Operators, Callbacks: w.files.catalog.Callbacks, Templates: w.files.catalog.Templates, Clock: clock,
	})
	require.NoError(t, err)
	masker := connections.NewMasker()
	masker.Add(hidden)
	ask := api.New(api.Options{
		Store: s, Vault: s, Folder: w.files, Masker: masker, LogDir: w.dir, Clock: clock,
		Engine: func(context.Context) (api.Engine, error) { return e, nil },
	})
	b := browse.New(browse.Options{API: ask, Store: s, Lists: s.Lists(), Folder: w.files, Clock: clock, Reparse: w.reparse})
	as := func(ctx context.Context) *api.API {
		return ask.By(browse.Actor(ctx))
	}
	w.srv = rest.New(rest.Options{Guard: door{}, DAGs: b, Version: "test", Mask: masker.Mask, Clock: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
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
		for _, d := range w.files.dags {
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
	d := w.files.of(dagID)
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
	path := w.pathOf(r)
	escaped := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
	ref := "doc.json#/paths/" + escaped + "/" + strings.ToLower(r.Method) + "/responses/" + http.StatusText(0)
	ref = strings.TrimSuffix(ref, "/") + "/" + jsonNumber(rec.Code) + "/content/application~1json/schema"
	s, err := w.schema(ref)
	require.NoError(w.t, err, ref)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(rec.Body.String()))
	require.NoError(w.t, err)
	assert.NoError(w.t, s.Validate(value), "%s %s: %s", r.Method, r.URL, rec.Body)
}

// schema is one of the document, which is read once for a world.
func (w *world) schema(ref string) (*jsonschema.Schema, error) {
	w.schemas.Lock()
	defer w.schemas.Unlock()
	if w.compiler == nil {
		doc := httptest.NewRecorder()
		ask := httptest.NewRequest(http.MethodGet, "/openapi.json", nil)
		ask.Header.Set("Authorization", "Bearer ann")
		w.srv.ServeHTTP(doc, ask)
		if doc.Code != http.StatusOK {
			return nil, errors.New(doc.Body.String())
		}
		parsed, err := jsonschema.UnmarshalJSON(doc.Body)
		if err != nil {
			return nil, err
		}
		w.compiler = jsonschema.NewCompiler()
		if err := w.compiler.AddResource("doc.json", parsed); err != nil {
			return nil, err
		}
	}
	return w.compiler.Compile(ref)
}

func jsonNumber(n int) string { b, _ := json.Marshal(n); return string(b) }

// pathOf is the path of the operation that answers a request.
func (w *world) pathOf(r *http.Request) string {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v2"), "/")
	best, score := "", -1
	for _, op := range w.srv.Operations() {
		names := strings.Split(op.Path, "/")
		parts := parts
		if last := len(names) - 1; strings.HasSuffix(op.Path, "...}") && len(parts) > last {
			parts = append(slices.Clone(parts[:last]), strings.Join(parts[last:], "/"))
		}
		if op.Method != r.Method || len(names) != len(parts) {
			continue
		}
		n := 0
		for i, name := range names {
			switch {
			case name == parts[i]:
				n++
			case !strings.HasPrefix(name, "{"):
				n = -1000
			}
		}
		if n > score {
			best, score = op.Path, n
		}
	}
	require.NotEmpty(w.t, best, r.URL.Path)
	return "/api/v2" + strings.ReplaceAll(best, "...}", "}")
}

// folder holds DAGs that are given as text.
type folder struct {
	catalog catalog.Catalog
	dags    []*dag.DAG
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	ops, err := operator.NewRegistry(standard.Specs()...)
	require.NoError(t, err)
	cbs, err := callbacks.NewRegistry(nil, nil)
	require.NoError(t, err)
	f := &folder{catalog: catalog.Catalog{Operators: ops, Callbacks: cbs, Templates: template.New(template.Options{})}}
	file := filepath.Join(t.TempDir(), "dags.yaml")
	require.NoError(t, os.WriteFile(file, []byte(files), 0o600))
	ds, problems := dagfile.Parse(file, []byte(files), f.catalog, dagfile.Options{})
	require.False(t, problems.HasErrors(), problems.String())
	slices.SortFunc(ds, func(a, b *dag.DAG) int { return strings.Compare(a.ID, b.ID) })
	f.dags = ds
	return f
}

func (f *folder) of(id string) *dag.DAG {
	i := slices.IndexFunc(f.dags, func(d *dag.DAG) bool { return d.ID == id })
	return f.dags[i]
}

func (f *folder) DAGs() (all []*dag.Summary, broken bool, err error) {
	for _, d := range f.dags {
		all = append(all, d.Summary())
	}
	return all, false, nil
}

func (f *folder) Load() (all []*dag.DAG, broken bool, err error) { return f.dags, false, nil }

func (f *folder) DAG(id string) (*dag.DAG, error) {
	for _, d := range f.dags {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, errors.New("no such DAG")
}

func (f *folder) Restore(source []byte) (*dag.DAG, error) {
	return dagfile.Restore(source, f.catalog, dagfile.Options{})
}
