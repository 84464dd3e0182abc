package pages_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

func TestWhatIsWrongWithFilesIsMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/import_errors").body, "All DAG files can be loaded.")
	name := filepath.Join(w.dir, "broken.yaml")
	require.NoError(t, os.WriteFile(name, []byte("etl:\n  taks:\n    - {task_id: <b>a</b>, token: hush-hush}\n"), 0o600))
	w.findings = dag.Diagnostics{
		{File: name, Line: 2, Column: 3, Severity: dag.Error, DAGID: "etl", Text: `unknown key "taks"; did you mean "tasks"?`},
		{File: filepath.Join(w.dir, "fine.yaml"), Line: 1, Column: 1, Severity: dag.Warning, Text: "odd"},
	}
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutImportError(ctx, &store.ImportError{File: name, DAGID: "etl", Text: "x", Since: now.Add(-2 * time.Hour)})
	})
	has(t, w.get("/").body, `<a href="/import_errors">Files that cannot be loaded</a></dt><dd>1</dd>`)
	got := w.get("/import_errors").body
	for _, text := range []string{
		"broken.yaml", "1 error", "2h 00m ago", "line 2, column 3", `unknown key &#34;taks&#34;; did you mean &#34;tasks&#34;?`,
		`<span class="line at"><span class="number">2</span>  <mark>taks</mark>:`, "&lt;b&gt;a&lt;/b&gt;, token: ***", `href="/dags/etl"`,
	} {
		has(t, got, text)
	}
	hasNot(t, got, "hush-hush")
	hasNot(t, got, "fine.yaml")
	has(t, w.get("/import_errors?warnings=on").body, "fine.yaml")
	has(t, w.get("/import_errors", "Accept-Language", "zh").body, "第 2 行，第 3 列")

	w.seen("etl")
	for id, sees := range map[string]bool{"etl": true, "hourly": false} {
		w.visitor.Sees = func(dagID string, _, _ []string) bool { return dagID == id }
		var err error
		w.who.DAGs, err = access.ParseScope("dag:" + id)
		require.NoError(t, err)
		got, home := w.get("/import_errors").body, w.get("/").body
		assert.Equal(t, sees, strings.Contains(got, "unknown key"), id)
		assert.Equal(t, !sees, strings.Contains(got, "The files of the DAGs that you may see can all be loaded."), id)
		assert.Equal(t, sees, strings.Contains(home, "Files that cannot be loaded"), id)
		hasNot(t, got, "<mark>") // its file is another one than that where it was last
	}
	w.visitor.Sees, w.who.DAGs = nil, access.AllDAGs()
	w.files.Fails = &api.FolderError{Err: errGone}
	missing := w.get("/import_errors")
	assert.Equal(t, http.StatusServiceUnavailable, missing.status)
	has(t, missing.body, "The DAGs folder cannot be read")
}

func TestSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/system").body, "Everything works.")
	w.health.Status = health.Unhealthy
	w.health.Problems = []health.Problem{{Part: "robots", Severity: health.Error, Said: phrase.Plain("robot <b>ops</b> is gone"), Command: "dingdag connections test ops"}}
	w.health.Robots = []health.Robot{{Name: "ops", GoneSince: new(now.Add(-time.Hour)), SentThisMonth: 4000, Quota: 5000}, {Name: "dev", ClosedUntil: new(now.Add(time.Minute))}}
	w.health.Applications = []health.Application{{ConnID: "office", Status: health.Disconnected, Since: new(now.Add(-time.Minute)), Error: "no route"}}
	w.health.ImportErrors.Count = 3
	w.health.Outbox.Refused = 7
	got := w.get("/system").body
	for _, text := range []string{
		"Something does not work.", "robot &lt;b&gt;ops&lt;/b&gt; is gone", "dingdag connections test ops", `max="5000" value="4000"`, "takes no messages", "office", "no route",
		`href="/import_errors"`, `<a href="/alerts?state=refused">7</a>`, "1.2.3", "node-7",
	} {
		has(t, got, text)
	}
	w.health = nil
	has(t, w.get("/system").body, "It is not known")
}

func TestAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/audit").body, "Nobody has changed anything")
	w.seen("etl")
	w.seen("hourly")
	event := func(kind store.EventKind, dagID, who, extra string, hours int) {
		w.write(func(ctx context.Context, tx store.Tx) error {
			return tx.InsertEvents(ctx, &store.Event{
				At: now.Add(-time.Duration(hours) * time.Hour), Actor: store.Actor{Name: who, Via: "ui", Address: "192.0.2.7"}, Kind: kind, DAGID: dagID, MapIndex: -1, Extra: []byte(extra),
			})
		})
	}
	event(store.EventPause, "etl", "ann", `{}`, 30)
	event(store.EventClear, "hourly", "<b>bob</b>", `{"task_ids": ["hush-hush", "<i>x</i>"]}`, 2)
	event(store.EventConnectionSet, "", "root", `{"conn_id": "ops"}`, 1)

	got := w.get("/audit").body
	for _, text := range []string{"<code>pause</code>", "<code>clear</code>", "<code>connection_set</code>", ">ops</td>", "192.0.2.7", "&lt;b&gt;bob&lt;/b&gt;", "&lt;i&gt;x&lt;/i&gt;", "***"} {
		has(t, got, text)
	}
	only := func(query string, wants ...string) {
		t.Helper()
		a := w.get("/audit" + query)
		require.Equal(t, http.StatusOK, a.status, query)
		for _, kind := range []string{"pause", "clear", "connection_set"} {
			want := false
			for _, k := range wants {
				want = want || k == kind
			}
			assert.Equal(t, want, contains(a.body, "<code>"+kind+"</code>"), "%s: %s", query, kind)
		}
	}
	only("?event=clear", "clear")
	only("?owner=ann", "pause")
	only("?dag_id=hourly", "clear")
	only("?since=2026-03-01T00:00", "clear", "connection_set")
	only("?until=2026-03-01T00:00", "pause")
	for query, status := range map[string]int{"?event=nothing": 422, "?since=x": 422, "?before=x": 422, "?dag_id=elt": 404} {
		assert.Equal(t, status, w.get("/audit"+query).status, query)
	}

	w.visitor.Configures = false
	only("", "pause", "clear")
	hasNot(t, w.get("/audit").body, "192.0.2.7")
	w.visitor.Sees = func(id string, _, _ []string) bool { return id == "etl" }
	only("", "pause")
	hasNot(t, w.get("/audit").body, "hourly")
	assert.Equal(t, http.StatusForbidden, w.get("/audit?dag_id=hourly").status)
	assert.Equal(t, http.StatusForbidden, w.get("/audit?dag_id=elt").status)
}
