package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// alert stores a message about a DAG, or about none, and returns its number.
func (w *world) alert(dagID string, state store.DeliveryState, change ...func(*store.Delivery)) int64 {
	w.t.Helper()
	d := &store.Delivery{
		State: state, Channel: "dingding:ops", Sender: "dingding", Summary: "on_failure of <b>" + dagID + "</b>", Payload: []byte("{}"),
		Owner: store.Owner{Event: "on_failure", DAGID: dagID, MapIndex: -1}, CreatedAt: now.Add(-time.Hour), UpdatedAt: now,
	}
	if state == store.DeliveryRefused {
		d.Error = "310000 keywords not in content hush-hush"
	}
	for _, c := range change {
		c(d)
	}
	w.write(func(ctx context.Context, tx store.Tx) error { return tx.InsertDeliveries(ctx, []*store.Delivery{d}) })
	return d.ID
}

func path(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "/%v", p)
	}
	return b.String()
}

// events are the kinds of what was changed, the newest first.
func (w *world) events() (kinds []string) {
	w.t.Helper()
	l, err := w.api.Events(w.t.Context(), api.EventQuery{})
	require.NoError(w.t, err)
	for _, e := range l.Items {
		kinds = append(kinds, string(e.Event))
	}
	return kinds
}

func TestAlertsAreListedAndFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/alerts").body, "No alert was written yet")
	w.seen("etl")
	w.seen("hourly")
	refused := w.alert("etl", store.DeliveryRefused)
	delivered := w.alert("hourly", store.DeliveryDelivered, func(d *store.Delivery) { d.Channel, d.CreatedAt = "email:smtp", now.Add(-48*time.Hour) })
	ofNone := w.alert("", store.DeliveryDelivered)

	got := w.get("/alerts").body
	for _, text := range []string{"on_<wbr>failure of &lt;b&gt;etl&lt;/b&gt;", "310000 keywords not in content ***", `href="` + path("alerts", refused) + `"`, `<span class="tag bad">refused</span>`, "1h 00m ago"} {
		has(t, got, text)
	}
	shown := func(query string) (ids []int64) {
		t.Helper()
		a := w.get("/alerts" + query)
		require.Equal(t, http.StatusOK, a.status, query)
		for _, id := range []int64{ofNone, delivered, refused} {
			if strings.Contains(a.body, `href="`+path("alerts", id)+`"`) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	assert.Equal(t, []int64{ofNone, delivered, refused}, shown(""))
	assert.Equal(t, []int64{refused}, shown("?state=refused"))
	assert.Equal(t, []int64{delivered}, shown("?channel=email:smtp"))
	assert.Equal(t, []int64{delivered}, shown("?dag_id=hourly"))
	assert.Equal(t, []int64{ofNone, refused}, shown("?since=2026-03-01T00:00"))
	assert.Equal(t, []int64{delivered}, shown("?until=2026-03-01T00:00&since="))
	assert.Equal(t, []int64{delivered, refused}, shown("?before="+strconv.FormatInt(ofNone, 10)))
	assert.Empty(t, shown("?state=folded"))
	for query, status := range map[string]int{
		"?state=lost": 422, "?since=monday": 422, "?before=x": 422, "?before=-1": 422, "?dag_id=elt": 404,
	} {
		assert.Equal(t, status, w.get("/alerts"+query).status, query)
	}
	assert.Equal(t, http.StatusNotFound, w.get("/alerts/999").status)
	assert.Equal(t, http.StatusUnprocessableEntity, w.get("/alerts/x").status)

	w.visitor.Sees = func(id string, _, _ []string) bool { return id == "hourly" }
	assert.Equal(t, []int64{delivered}, shown(""), "who sees one DAG sees no alert of others, and none of no DAG")
	for _, path := range []string{path("alerts", refused), path("alerts", ofNone), "/alerts/999", "/alerts?dag_id=etl"} {
		assert.Equal(t, http.StatusForbidden, w.get(path).status, path)
	}
	assert.Equal(t, http.StatusOK, w.get(path("alerts", delivered)).status)
}

// A list of a limited viewer goes on behind what he may not see.
func TestPagesOfAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	w.seen("hourly")
	for i := range 120 {
		w.alert([]string{"etl", "hourly"}[i%2], store.DeliveryDelivered)
	}
	w.visitor.Sees = func(id string, _, _ []string) bool { return id == "etl" }
	next, seen := "/alerts", 0
	for pages := 0; next != ""; pages++ {
		require.Less(t, pages, 4)
		got := w.get(next).body
		hasNot(t, got, "hourly")
		seen += strings.Count(got, `class="name" href="/alerts/`)
		_, after, more := strings.Cut(got, `rel="next" href="`)
		next, _, _ = strings.Cut(after, `"`)
		if !more {
			next = ""
		}
	}
	assert.Equal(t, 60, seen)
}

func TestAlertIsSentAgainAndSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	id := w.alert("etl", store.DeliveryRefused)
	one := w.get(path("alerts", id)).body
	for _, text := range []string{"Send again", "I have seen it", "Snooze the DAG", "310000 keywords not in content ***", "It was not sent yet."} {
		has(t, one, text)
	}
	has(t, w.get(path("alerts", id), "Accept-Language", "zh").body, "重新发送")

	operates := w.visitor.Operates
	w.visitor.Operates = func(string, []string, []string) bool { return false }
	seen := w.get(path("alerts", id)).body
	for _, text := range []string{"Send again", "I have seen it", "Snooze the DAG"} {
		hasNot(t, seen, text)
	}
	assert.Equal(t, http.StatusForbidden, w.post(path("alerts", id, "decision"), url.Values{"decision": {"retry"}}).status)
	assert.Equal(t, http.StatusForbidden, w.post("/alerts/ack", url.Values{"alert_id": {strconv.FormatInt(id, 10)}}).status)
	w.visitor.Operates = operates

	assert.Equal(t, http.StatusUnprocessableEntity, w.post(path("alerts", id, "decision"), url.Values{"decision": {"burn"}}).status)
	assert.Equal(t, http.StatusForbidden, w.post(path("alerts", id, "decision"), url.Values{"decision": {"retry"}, "csrf_token": {"x"}}).status)
	again := w.post(path("alerts", id, "decision"), url.Values{"decision": {"retry"}})
	assert.Equal(t, http.StatusSeeOther, again.status)
	a, err := w.api.Alert(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, store.DeliveryWaiting, a.State)
	stale := w.post(path("alerts", id, "decision"), url.Values{"decision": {"retry"}})
	assert.Equal(t, http.StatusConflict, stale.status, "a tab that is old is told so")
	has(t, stale.body, "is waiting and cannot be sent again")
	has(t, w.get(path("alerts", id)).body, "It waits:")
	assert.Equal(t, http.StatusSeeOther, w.post(path("alerts", id, "decision"), url.Values{"decision": {"drop"}}).status)

	other := w.alert("etl", store.DeliveryUncertain)
	ids := []string{strconv.FormatInt(id, 10), strconv.FormatInt(other, 10)}
	assert.Equal(t, http.StatusUnprocessableEntity, w.post("/alerts/ack", url.Values{}).status)
	assert.Equal(t, http.StatusUnprocessableEntity, w.post("/alerts/ack", url.Values{"alert_id": ids, "note": {strings.Repeat("x", 1001)}}).status)
	assert.Equal(t, http.StatusNotFound, w.post("/alerts/ack", url.Values{"alert_id": {"77"}}).status)
	assert.Equal(t, http.StatusSeeOther, w.post("/alerts/ack", url.Values{"alert_id": ids, "note": {"I <b>look</b>"}, "list": {"on"}}).status)
	one = w.get(path("alerts", other)).body
	has(t, one, "Seen by ann")
	has(t, one, "I &lt;b&gt;look&lt;/b&gt;")
	hasNot(t, w.get("/alerts?unacked=on").body, path("alerts", other))
	assert.Equal(t, []string{"alert_ack", "alert_drop", "alert_retry"}, w.events())
}

func TestSnoozes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	has(t, w.get("/snoozes").body, "Nothing is silent.")
	bad := w.post("/snoozes", url.Values{"dag_id": {"elt"}, "length": {"1h"}})
	assert.Equal(t, http.StatusNotFound, bad.status)
	for name, form := range map[string]url.Values{
		"of nothing":     {"length": {"1h"}},
		"in the past":    {"dag_id": {"etl"}, "until": {"2026-02-01T00:00"}},
		"no such length": {"dag_id": {"etl"}, "length": {"7m"}},
		"of no task":     {"dag_id": {"etl*"}, "task_id": {"load"}, "length": {"1h"}},
		"no moment":      {"dag_id": {"etl"}, "until": {"tomorrow"}},
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, w.post("/snoozes", form).status, name)
	}
	has(t, w.post("/snoozes", url.Values{"dag_id": {"etl"}, "until": {"2026-02-01T00:00"}, "reason": {"<i>why</i>"}}).body, `value="&lt;i&gt;why&lt;/i&gt;"`) // what was filled in is not lost
	assert.Equal(t, http.StatusSeeOther, w.post("/snoozes", url.Values{"dag_id": {"etl"}, "task_id": {"load"}, "length": {"4h"}, "reason": {"the disk"}}).status)
	assert.Equal(t, http.StatusSeeOther, w.post("/snoozes", url.Values{"dag_id": {"h*"}, "until": {"2026-03-01T20:00"}, "urgent": {"on"}}).status)
	got := w.get("/snoozes").body
	for _, text := range []string{"the disk", "2026-03-01 16:00:00", "2026-03-01 20:00:00", "urgent too"} {
		has(t, got, text)
	}
	first := func(body string) bool {
		return strings.Index(body, `name="length"`) < strings.Index(body, `data-live="snoozes"`)
	}
	assert.False(t, first(got), "what is silent comes before the form")
	assert.True(t, first(w.get("/snoozes?dag_id=etl").body), "whoever comes to silence a DAG has the form first")
	assert.True(t, first(w.post("/snoozes", url.Values{"length": {"1h"}}).body), "so has whoever is to mend it")
	open, err := w.api.Silences(t.Context(), false, 0)
	require.NoError(t, err)
	require.Len(t, open, 2)
	end := path("snoozes", open[1].ID, "end") // the one of etl

	w.visitor.Operates = func(id string, _, _ []string) bool { return id == "hourly" }
	w.visitor.Sees = w.visitor.Operates
	got = w.get("/snoozes").body
	hasNot(t, got, "the disk")
	hasNot(t, got, "h*")
	for _, form := range []url.Values{{"dag_id": {"etl"}, "length": {"1h"}}, {"dag_id": {"h*"}, "length": {"1h"}}, {"all": {"on"}, "length": {"1h"}}, {"robot": {"ops"}, "length": {"1h"}}} {
		assert.Equal(t, http.StatusForbidden, w.post("/snoozes", form).status, form)
	}
	assert.Equal(t, http.StatusForbidden, w.post(end, url.Values{}).status)
	assert.Equal(t, http.StatusForbidden, w.post("/snoozes/99/end", url.Values{}).status)
	// Whoever changes nothing is told nothing of what there is, or is wrong with a form.
	as := w.who
	w.who.Role = access.Viewer
	for path, form := range map[string]url.Values{
		"/alerts/ack": {}, "/alerts/77/decision": {}, "/alerts/x/decision": {}, "/snoozes": {"length": {"x"}}, "/snoozes/98/end": {}, "/snoozes/x/end": {},
	} {
		assert.Equal(t, http.StatusForbidden, w.post(path, form).status, path)
	}
	w.who.Role = access.Operator
	assert.Equal(t, http.StatusUnprocessableEntity, w.post("/alerts/ack", url.Values{}).status)
	w.who = as
	has(t, w.get("/snoozes?dag_id=hourly").body, `value="hourly"`)
	assert.Equal(t, http.StatusSeeOther, w.post("/snoozes", url.Values{"dag_id": {"hourly"}, "length": {"1h"}}).status)

	w.visitor.Operates, w.visitor.Sees = nil, nil
	for range 2 { // twice is no mistake
		assert.Equal(t, http.StatusSeeOther, w.post(end, url.Values{}).status)
	}
	hasNot(t, w.get("/snoozes").body, path("snoozes", open[1].ID, "end"))
	assert.Equal(t, []string{"alert_unsnooze", "alert_snooze", "alert_snooze", "alert_snooze"}, w.events())
}

func TestAsksAreSeenAndRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	has(t, w.get("/asks").body, "No task asks anything.")
	w.run(w.seen("etl"), 1, dag.RunRunning, task("load", 1, dag.Deferred))
	r, err := w.store.RunByID(t.Context(), "etl", "manual__2026-03-01T11:00:00Z")
	require.NoError(t, err)
	var open, done int64
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, a := range []*store.Ask{
			{
				RunKey: r.Key, DAGID: "etl", RunID: r.RunID, TaskID: "load", MapIndex: -1, Try: 1, Subject: "Release <b>3</b>?", Body: "**ready**", Options: []string{"Go on", "Stop"},
				Params: []store.AskParam{{Name: "rows", Value: []byte("3"), Schema: []byte(`{"type": "integer"}`)}}, CreatedAt: now.Add(-time.Hour), State: store.AskOpen,
			},
			{
				RunKey: r.Key, DAGID: "etl", RunID: r.RunID, TaskID: "extract", MapIndex: -1, Try: 1, Subject: "Old?", Options: []string{"OK"}, CreatedAt: now.Add(-2 * time.Hour),
				State: store.AskAnswered, SettledAt: now.Add(-time.Hour), Chosen: []string{"OK"}, RespondedBy: store.Person{ID: "bob", Name: "Bob"}, Input: []byte("{}"),
			},
		} {
			if _, err := tx.InsertAsk(ctx, a); err != nil {
				return err
			}
			open, done = done, a.ID
		}
		return nil
	})
	has(t, w.get("/").body, `<a href="/asks?state=open">Questions</a></dt><dd>1</dd>`)
	list := w.get("/asks").body
	has(t, list, "Release &lt;b&gt;3&lt;/b&gt;?")
	has(t, list, "Bob (bob)")
	hasNot(t, w.get("/asks?state=open").body, "Old?")
	assert.Equal(t, http.StatusUnprocessableEntity, w.get("/asks?state=closing").status)
	assert.Equal(t, http.StatusNotFound, w.get("/asks/99").status)

	one := w.get(path("asks", open)).body
	for _, text := range []string{"**ready**", `name="option" value="Go on"`, `name="param.rows" value="3"`} {
		has(t, one, text)
	}
	settled := w.get(path("asks", done)).body
	has(t, settled, "Bob (bob) answered")
	hasNot(t, settled, "<button name=\"option\"")
	wrong := w.post(path("asks", open), url.Values{"option": {"Go on"}, "param.rows": {"many"}})
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	has(t, wrong.body, `value="many"`)
	assert.Equal(t, http.StatusConflict, w.post(path("asks", done), url.Values{"option": {"OK"}}).status)

	w.visitor.Operates = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, w.post(path("asks", open), url.Values{"option": {"Go on"}}).status)
	hasNot(t, w.get(path("asks", open)).body, "<button name=\"option\"")
	w.visitor.Sees = w.visitor.Operates
	hasNot(t, w.get("/asks").body, "Release")
	has(t, w.get("/").body, `<a href="/asks?state=open">Questions</a></dt><dd>0</dd>`)
	assert.Equal(t, http.StatusForbidden, w.get(path("asks", open)).status)
	assert.Equal(t, http.StatusForbidden, w.get("/asks/99").status)
}

func TestMissingFolderIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Fails = &api.FolderError{Err: errGone}
	for _, path := range []string{"/", "/dags", "/dags/etl"} {
		got := w.get(path)
		assert.Equal(t, http.StatusServiceUnavailable, got.status, path)
		has(t, got.body, "The DAGs folder cannot be read")
		has(t, got.body, "the disk is gone: ***")
	}
}

// Alerts stay when their runs are removed, and lead to no page that is not there.
func TestAlertsOfRemovedRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(w.seen("etl"), 1, dag.RunFailed)
	kept := "manual__" + now.Add(-time.Hour).Format(time.RFC3339)
	ids := map[string]int64{}
	for _, run := range []string{kept, "removed"} {
		ids[run] = w.alert("etl", store.DeliveryRefused, func(d *store.Delivery) { d.Owner.RunID, d.Owner.TaskID, d.Owner.Try = run, "load", 1 })
	}
	digest := w.alert("", store.DeliveryDelivered)
	w.alert("etl", store.DeliveryFolded, func(d *store.Delivery) { d.Owner.RunID, d.DigestID = "removed", digest })
	list := w.get("/alerts").body
	has(t, list, `href="/dags/etl/runs/`+kept+`/tasks/load"`)
	hasNot(t, list, `href="/dags/etl/runs/removed`)
	one := w.get(path("alerts", ids["removed"]))
	assert.Equal(t, http.StatusOK, one.status)
	has(t, one.body, `removed <span class="dim">removed</span>`)
	hasNot(t, one.body, `href="/dags/etl/runs/removed`)
	has(t, w.get(path("alerts", ids[kept])).body, `href="/dags/etl/runs/`+kept+`"`)
	has(t, w.get(path("alerts", digest)).body, "What it tells")
	assert.Equal(t, http.StatusSeeOther, w.post(path("alerts", ids["removed"], "decision"), url.Values{"decision": {"retry"}}).status)
}
