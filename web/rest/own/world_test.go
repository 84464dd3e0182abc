// Package own tests the REST API for what Airflow has not over HTTP, with a real store and a real sandbox.
package own_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/apitest"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/chatlog"
	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
	"github.com/dingdag/dingdag/store/storetest/conntest"
	"github.com/dingdag/dingdag/web/rest"
	"github.com/dingdag/dingdag/web/rest/alerts"
	"github.com/dingdag/dingdag/web/rest/chat"
	"github.com/dingdag/dingdag/web/rest/resttest"
	"github.com/dingdag/dingdag/web/rest/system"
	"github.com/dingdag/dingdag/web/rest/why"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const files = `
etl:
  schedule: "0 6 * * *"
  start_date: 2026-01-01
  tags: [sales]
  tasks:
    - {task_id: first, operator: empty}
    - {task_id: second, operator: empty, dependencies: [first]}
    - {task_id: each, operator: bash, partial: {}, expand: {bash_command: ["true", "false"]}, dependencies: [first]}
billing:
  schedule: "@daily"
  start_date: 2026-01-01
  tasks:
    - {task_id: only, operator: empty}
`

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// hidden is a secret that is masked.
const hidden = "s3cr3t"

// world is the API on a real store, with the DAGs of files.
type world struct {
	t      *testing.T
	srv    *rest.Server
	store  *sqlite.Store
	files  *apitest.Folder
	box    *sandboxtest.Sandbox
	resent int
	doc    *resttest.Document
}

// door lets in whose name is the token.
type door struct{}

func (door) Authenticate(r *http.Request) (access.Identity, error) {
	scope, err := access.ParseScope("dag:etl")
	switch r.Header.Get("Authorization") {
	case "Bearer ann":
		return access.Identity{User: "ann", Role: access.Admin, DAGs: access.AllDAGs()}, nil
	case "Bearer olaf":
		return access.Identity{User: "olaf", Role: access.Operator, DAGs: access.AllDAGs()}, nil
	case "Bearer vera":
		return access.Identity{User: "vera", Role: access.Viewer, DAGs: access.AllDAGs()}, nil
	case "Bearer otto":
		return access.Identity{User: "otto", Role: access.Operator, DAGs: scope}, err
	case "Bearer lily":
		return access.Identity{User: "lily", Role: access.Viewer, DAGs: scope}, err
	default:
		return access.Identity{}, access.ErrUnknown
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, files: apitest.Write(t, files), box: sandboxtest.Start(t)}
	s := sqlitetest.Open(t, filepath.Join(dir, "db"), sqlite.Options{Synchronous: "NORMAL", Cipher: conntest.Cipher(t, 1)})
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	w.store = s
	clock := func() time.Time { return now }
	e, err := engine.New(s, engine.Options{
		LogDir: dir, FindDAG: w.files.DAG, Operators: w.files.Catalog.Operators, Callbacks: w.files.Catalog.Callbacks, Templates: w.files.Catalog.Templates, Clock: clock,
	})
	require.NoError(t, err)
	masker := connections.NewMasker()
	masker.Add(hidden)
	var b *browse.Browser
	ask := api.New(api.Options{
		Visible: func(ctx context.Context) ([]string, error) { return b.Visible(ctx) },
		Store:   s, Vault: s, Folder: w.files, Masker: masker, LogDir: dir, Clock: clock, Resent: func() { w.resent++ },
		Content: func(d *store.Delivery) (api.AlertContent, error) {
			return api.AlertContent{Title: "t", Text: "it says LINK " + d.Summary, Mentions: []string{"ann"}}, nil
		},
		Engine:  func(context.Context) (api.Engine, error) { return e, nil },
		ConnIDs: func(context.Context) ([]string, error) { return []string{"reports"}, nil },
	})
	mask := func(text string) string { return strings.ReplaceAll(masker.Mask(text), "LINK", "***") }
	b = browse.New(browse.Options{API: ask, Store: s, Lists: s.Lists(), Folder: w.files, Clock: clock})
	as := func(ctx context.Context) *api.API { return ask.By(browse.Actor(ctx)) }
	w.srv = rest.New(rest.Options{Base: rest.Own, Guard: door{}, DAGs: b, Version: "test", Mask: masker.Mask, Clock: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	alerts.Routes(w.srv, alerts.Options{Browse: b, API: as, Mask: mask})
	why.Routes(w.srv, b, as)
	chat.Routes(w.srv, chat.Options{
		Bindings: func(ctx context.Context) *bindings.Bindings { return bindings.New(s, browse.Actor(ctx), clock) },
		Log:      func(ctx context.Context, q chatlog.Query) ([]chatlog.Entry, error) { return chatlog.List(ctx, s, q) },
		Mask:     mask,
	})
	system.Routes(w.srv, b, inbox.New(inbox.Options{Address: w.box.URL, Mask: mask, Clock: clock, Connections: func(context.Context) ([]*connections.Connection, error) {
		return nil, nil
	}}))
	w.doc = &resttest.Document{Server: w.srv, Base: "/api/dingdag", Path: "/api/dingdag/openapi.json", Token: "vera"}
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, d := range w.files.All {
			if err := errors.Join(
				tx.PutVersion(ctx, d.Version, d.ID, dagfile.Source(d), now.Add(-time.Hour)),
				store.AddDAG(ctx, tx, &store.DAGState{ID: d.ID, File: d.Pos.File, Version: d.Version, Active: true, LoadedAt: now.Add(-time.Minute)}, now.Add(-time.Hour)),
			); err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

func (w *world) write(fn func(ctx context.Context, tx store.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tx(w.t.Context(), func(tx store.Tx) error { return fn(w.t.Context(), tx) }))
}

// run adds the run r of a DAG with its instances.
func (w *world) run(dagID string, state dag.RunState, is ...store.Instance) {
	w.t.Helper()
	at := now.Add(-6 * time.Hour)
	r := &store.Run{
		DAGID: dagID, RunID: "r", Type: dag.ScheduledRun, State: state, LogicalDate: at, IntervalStart: at, IntervalEnd: at, RunAfter: at, QueuedAt: at, StartDate: at,
		Version: w.files.Of(dagID).Version, Actor: store.Actor{Via: store.ViaTimetable},
	}
	if state.Finished() {
		r.EndDate = at.Add(time.Minute)
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.InsertRun(ctx, r); err != nil {
			return err
		}
		var rows []*store.Instance
		for i := range is {
			is[i].RunKey, is[i].Operator = r.Key, w.files.Of(dagID).Task(is[i].TaskID).Operator
			rows = append(rows, &is[i])
		}
		return tx.PutInstances(ctx, rows)
	})
}

// alert stores a message about a DAG in a state. The first one has the number 1.
func (w *world) alert(dagID string, state store.DeliveryState, change ...func(*store.Delivery)) {
	w.t.Helper()
	d := &store.Delivery{
		State: state, Channel: "dingding:ops", Sender: "dingding", Summary: hidden + " failed", Payload: json.RawMessage(`{}`), Attempts: 1,
		Owner: store.Owner{Event: "on_failure", DAGID: dagID, MapIndex: -1}, CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Minute),
	}
	if dagID != "" {
		d.Owner.RunID, d.Owner.TaskID, d.Owner.Try = "r", "first", 2
	}
	for _, c := range change {
		c(d)
	}
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) call(who, method, path, body string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, "/api/dingdag"+path, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	rec := httptest.NewRecorder()
	w.srv.ServeHTTP(rec, r)
	assert.NotContains(w.t, rec.Body.String(), hidden)
	assert.NotEqual(w.t, http.StatusInternalServerError, rec.Code, "%s %s: %s", method, path, rec.Body)
	w.conforms(r, rec)
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

// get is what somebody who sees everything gets.
func (w *world) get(path string) map[string]any {
	w.t.Helper()
	return w.json(w.call("vera", http.MethodGet, path, ""), http.StatusOK)
}

func (w *world) json(a answer, status int) map[string]any {
	w.t.Helper()
	require.Equal(w.t, status, a.status, a.body)
	var out map[string]any
	require.NoError(w.t, json.Unmarshal([]byte(a.body), &out), a.body)
	return out
}

// detail is the text of an error.
func (w *world) detail(a answer, status int) string {
	w.t.Helper()
	text, ok := w.json(a, status)["detail"].(string)
	require.True(w.t, ok, a.body)
	return text
}

// ids are the values of a key in a list of an answer.
func ids(answer map[string]any, list, key string) string {
	var out []string
	for _, item := range answer[list].([]any) {
		b, _ := json.Marshal(item.(map[string]any)[key])
		out = append(out, strings.Trim(string(b), `"`))
	}
	return strings.Join(out, " ")
}

// events are the kinds of those of somebody, oldest first.
func (w *world) events(who string) (out []string) {
	w.t.Helper()
	es, err := w.store.Events(w.t.Context(), store.EventFilter{})
	require.NoError(w.t, err)
	for _, e := range slices.Backward(es) {
		if e.Actor.Name == who {
			out = append(out, string(e.Kind))
		}
	}
	return out
}

// conforms checks an answer, be it an error, against the schema that the document has for it.
func (w *world) conforms(r *http.Request, rec *httptest.ResponseRecorder) {
	w.t.Helper()
	if w.doc.Of(r) == "" || rec.Code == http.StatusNoContent || rec.Code == http.StatusMethodNotAllowed {
		return
	}
	var ruled struct {
		Detail any `json:"detail"`
	}
	if json.Unmarshal(rec.Body.Bytes(), &ruled) == nil && rec.Code == http.StatusUnprocessableEntity {
		if _, text := ruled.Detail.(string); text {
			return // Airflow's own rules answer with a text
		}
	}
	w.doc.Validate(w.t, r, rec)
}
