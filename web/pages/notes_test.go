package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mapped := task("load", 1, dag.Failed)
	mapped.MapIndex = 2
	w.run(w.seen("etl"), 1, dag.RunFailed, task("extract", 1, dag.Success), mapped)
	const run = "/dags/etl/runs/manual__2026-03-01T11:00:00Z"
	set := func(form url.Values) answer { t.Helper(); return w.post(run+"/note", form) }
	has(t, w.get(run).body, "Note something")
	noted := set(url.Values{"note": {"  looked at it: <b>disk</b>\r\nfull  "}})
	assert.Equal(t, http.StatusSeeOther, noted.status)
	assert.Equal(t, run, noted.header.Get("Location"))
	has(t, w.get(run).body, "looked at it: &lt;b&gt;disk&lt;/b&gt;\nfull</pre>")
	hasNot(t, w.get(run+"/tasks/extract").body, "looked at it")

	assert.Equal(t, run+"/tasks/load/mapped/2", set(url.Values{"note": {"the third shop"}, "task_id": {"load"}, "map_index": {"2"}}).header.Get("Location"))
	has(t, w.get(run+"/tasks/load/mapped/2").body, "the third shop")
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"note": {""}}).status)
	hasNot(t, w.get(run).body, "looked at it")
	for name, want := range map[string]struct {
		form   url.Values
		status int
	}{
		"no such task":     {url.Values{"note": {"x"}, "task_id": {"laod"}}, 404},
		"no such instance": {url.Values{"note": {"x"}, "task_id": {"load"}, "map_index": {"9"}}, 404},
		"no number":        {url.Values{"note": {"x"}, "task_id": {"load"}, "map_index": {"x"}}, 422},
		"too long":         {url.Values{"note": {strings.Repeat("长", 1001)}}, 422},
	} {
		assert.Equal(t, want.status, set(want.form).status, name)
	}
	assert.Equal(t, http.StatusSeeOther, set(url.Values{"note": {strings.Repeat("长", 1000)}}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/dags/etl/runs/none/note", url.Values{"note": {"x"}}).status)

	w.visitor.Operates = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, set(url.Values{"note": {"x"}}).status)
	hasNot(t, w.get(run).body, "/note\"")
	has(t, w.get(run).body, "长长长")
	assert.Equal(t, []string{"note", "note", "note", "note"}, w.events())
}
