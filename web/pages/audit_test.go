package pages_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// An audit log that is longer than a page leads on to what is older, within what was asked for.
func TestAuditLogOfManyPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	w.write(func(ctx context.Context, tx store.Tx) error {
		for i := range 120 {
			e := &store.Event{At: now, Actor: store.Actor{Name: fmt.Sprintf("eve%03d", i), Via: "ui"}, Kind: store.EventPause, DAGID: "etl", MapIndex: -1, Extra: []byte(`{}`)}
			if i%2 == 1 {
				e.Kind, e.Extra = store.EventUnpause, nil
			}
			if err := tx.InsertEvents(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	names := func(body string) []string {
		return regexp.MustCompile(`eve\d{3}\b`).FindAllString(regexp.MustCompile(`href="[^"]*"`).ReplaceAllString(body, ""), -1)
	}
	var seen []string
	path := "/audit?event=pause"
	for range 3 {
		got := w.get(path)
		require.Equal(t, http.StatusOK, got.status)
		hasNot(t, got.body, "{}") // there is nothing else to know
		seen = append(seen, names(got.body)...)
		hasNot(t, regexp.MustCompile(`(?s)<tbody>.*</tbody>`).FindString(got.body), "before=") // what is filtered begins with the newest
		older := regexp.MustCompile(`href="(/audit\?[^"]*)">Older`).FindStringSubmatch(got.body)
		if older == nil {
			break
		}
		path = html.UnescapeString(older[1])
	}
	require.Len(t, seen, 60)
	for i, name := range seen {
		assert.Equal(t, fmt.Sprintf("eve%03d", 118-2*i), name)
	}
}

// What has been removed has no page to lead to.
func TestAuditLogOfWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	etl := w.seen("etl")
	w.run(etl, 1, dag.RunSuccess, task("load", 1, dag.Success))
	there := "manual__2026-03-01T11:00:00Z"
	w.write(func(ctx context.Context, tx store.Tx) error {
		var es []*store.Event
		for _, e := range []store.Event{{DAGID: "etl", RunID: there, TaskID: "load"}, {DAGID: "etl", RunID: "old-run", TaskID: "load"}, {DAGID: "etl", RunID: "older-run"}, {DAGID: "old_dag"}, {DAGID: "etl"}} {
			e.At, e.Actor, e.Kind, e.MapIndex = now, store.Actor{Name: "eve", Via: "ui"}, store.EventPause, -1
			es = append(es, &e)
		}
		return tx.InsertEvents(ctx, es...)
	})
	body := w.get("/audit").body
	for _, text := range []string{"old-run", "older-run", "old_", "no longer there", `href="/dags/etl"`, "/runs/" + url.PathEscape(there) + "/tasks/load"} {
		has(t, body, text)
	}
	for _, link := range []string{"/runs/old-run", "/runs/older-run", `href="/dags/old_dag"`} {
		hasNot(t, body, link)
	}
	// Who changed it can be asked for all the same.
	only := w.get("/audit?dag_id=old_dag")
	assert.Equal(t, http.StatusOK, only.status)
	has(t, only.body, "eve")
	hasNot(t, only.body, "older-run")
	assert.Equal(t, http.StatusOK, w.get("/audit?dag_id=old_dag&event=clear").status, "nothing of that kind was done to it")
	assert.Equal(t, http.StatusNotFound, w.get("/audit?dag_id=no_dag").status)
}

// The port of a connection is kept, shown and removed.
func TestPortOfAConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ was, port string }{{"", "5433"}, {"db", "5433"}, {"db", ""}} {
		form := url.Values{"conn_type": {"postgres"}, "host": {"db.example.com"}, "port": {c.port}, "conn_id": {"db"}}
		if c.was != "" {
			form.Set("was", c.was)
		}
		require.Equal(t, http.StatusSeeOther, w.post("/connections/edit", form).status)
		stored, err := w.store.Connections().Connection(t.Context(), "db")
		require.NoError(t, err)
		if c.port == "" {
			assert.Nil(t, stored.Port)
		} else {
			require.NotNil(t, stored.Port)
			assert.Equal(t, 5433, *stored.Port)
		}
		assert.Regexp(t, `name="port"[^>]* value="`+c.port+`"`, w.get("/connections/edit?conn_id=db").body)
	}
	edit := w.get("/connections/edit?conn_id=db").body
	for _, kind := range []string{"dingding", "dingtalk", "http", "smtp", "postgres", "mysql", "sqlite", "generic"} {
		has(t, edit, `value="`+kind+`"`)
	}
	require.Equal(t, http.StatusSeeOther, w.post("/connections/edit", url.Values{"conn_id": {"lake"}, "conn_type": {"aws"}}).status)
	has(t, w.get("/connections/edit?conn_id=lake").body, `value="aws"`)
	has(t, w.get("/connections/edit?conn_id=lake").body, "<title>lake · ")
}
