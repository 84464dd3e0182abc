package pages_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web/pages"
	"github.com/dingdag/dingdag/web/pages/live"
)

// Every page holds nothing from outside, nothing inline, and no text that was not escaped.
func TestPagesAreOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, status := range w.example() {
		for _, lang := range []string{"en", "zh-CN"} {
			got := w.get(path, "Accept-Language", lang)
			assert.Equal(t, status, got.status, path)
			assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"), path)
			assert.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'", path)
			assert.NotContains(t, got.header.Get("Content-Security-Policy"), "unsafe", path)
			assert.Equal(t, "no-store", got.header.Get("Cache-Control"), path)
			for what, wrong := range map[string]string{
				"from outside": `(?i)(src|href|action)="(https?:)?//[^"]*"`, "inline": `(?i)<[^>]* (style|on[a-z]+)=`, "a script or style": `(?i)<style|<script[^>]*>[^<]`,
			} {
				assert.Empty(t, regexp.MustCompile(wrong).FindString(got.body), "%s has something %s", path, what)
			}
			hasNot(t, got.body, "<b>orders</b>")
			hasNot(t, got.body, "<i>tag</i>")
			hasNot(t, got.body, "hush-hush")
			hasNot(t, got.body, "ZgotmplZ")
			assert.Equal(t, strings.Count(got.body, `method="post"`), strings.Count(got.body, `name="csrf_token"`), "%s: every form has a token", path)
		}
		has(t, w.get(path).body, `<html lang="en">`)
		has(t, w.get(path, "Accept-Language", "zh").body, `<html lang="zh-Hans">`)
	}
}

// Each link of a page leads to a page.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/dingdag"} {
		w := newWorld(t, func(o *pages.Options) { o.Base = base })
		w.known(accounts.User{Name: "ann", Role: "admin", DAGs: []string{"*"}, Issuer: "https://id.example.com", Subject: "1"})
		seen := map[string]bool{base + "/health": true} // the server has that one
		var next []string
		for path, status := range w.example() {
			if status == http.StatusOK {
				next = append(next, base+path)
			}
		}
		for len(next) > 0 {
			path := next[0]
			next = next[1:]
			if seen[path] {
				continue
			}
			seen[path] = true
			got := w.get(path)
			if got.status == http.StatusFound {
				next = append(next, got.header.Get("Location"))
				continue
			}
			if !assert.Equal(t, http.StatusOK, got.status, path) {
				continue
			}
			for _, m := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(got.body, -1) {
				to := strings.ReplaceAll(m[1], "&amp;", "&")
				require.True(t, strings.HasPrefix(to, base+"/"), "%s leads to %s", path, to)
				kind := regexp.MustCompile(`\b(day|year)=[\d-]+`).ReplaceAllString(to, "$1") // one day is as good as another
				if len(seen) < 400 && (kind == to || !seen[kind]) {
					next = append(next, to)
					seen[kind] = seen[kind] || kind != to
				}
			}
		}
		assert.Greater(t, len(seen), 10)
	}
}

// example fills the world and returns its pages with their status.
func (w *world) example() map[string]int {
	etl, hourly := w.seen("etl"), w.seen("hourly")
	w.run(etl, 3, dag.RunSuccess, task("extract", 3, dag.Success), task("load", 3, dag.Success), task("report", 3, dag.Success))
	broken := task("load", 1, dag.Failed)
	broken.Error = "exit status 1: <b>orders</b> hush-hush"
	w.run(etl, 1, dag.RunFailed, task("extract", 1, dag.Success), broken, task("report", 1, dag.UpstreamFailed))
	w.run(hourly, 0, dag.RunRunning, task("only", 0, dag.Running))
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertTickRange(ctx, &store.TickRange{DAGID: "hourly", First: now.Add(-2 * time.Hour), Last: now.Add(-time.Hour), Count: 2, Outcome: store.TickMissed, Reason: "no scheduler <b>orders</b> was running", RecordedAt: now.Add(-time.Hour)})
	})
	w.alert("etl", store.DeliveryRefused)
	return map[string]int{
		"/": 200, "/dags": 200, "/dags?q=etl&tag=sales&state=failed": 200, "/dags?q=nothing": 200, "/dags?page=9": 200,
		"/dags/etl": 200, "/dags/etl?runs=10&state=failed&type=manual": 200, "/dags/by_hand": 200, "/dags/etl/runs": 200, "/dags/etl/runs?state=failed": 200,
		"/dags/etl/runs/manual__2026-03-01T11:00:00Z": 200, "/dags/hourly/runs/manual__2026-03-01T12:00:00Z": 200,
		"/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load": 200, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/report": 200,
		"/dags/etl/runs/manual__2026-03-01T11:00:00Z/clear?only_failed=on": 200, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/mark?state=success&task_id=load": 200,
		"/dags/by_hand/trigger": 200, "/alerts": 200, "/alerts?state=refused": 200, "/alerts/1": 200, "/snoozes?all=on": 200, "/asks": 200, "/system": 200, "/import_errors?warnings=on": 200, "/audit": 200, "/pools": 200, "/pools?edit=default_pool": 200, "/variables": 200, "/connections": 200, "/connections/edit": 200, "/pools?edit=x": 404, "/variables?edit=x": 404, "/connections/edit?conn_id=x": 404, "/bindings": 200,
		"/dags/etl/backfills": 200, "/dags/etl/backfills/new": 200, "/dags/by_hand/backfills": 200, "/dags/elt/backfills": 404,
		"/dags/etl/graph": 200, "/dags/etl/graph?task=load": 200, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/graph": 200, "/dags/etl/graph?task=laod": 404,
		"/dags/etl/durations": 200, "/dags/etl/durations?task=load&runs=25": 200, "/dags/etl/landing": 200, "/dags/by_hand/landing": 200, "/dags/etl/durations?runs=7": 422, "/dags/etl/durations?task=laod": 404,
		"/dags/etl/calendar": 200, "/dags/etl/calendar?day=2026-03-01": 200, "/dags/by_hand/calendar": 200, "/dags/hourly/calendar?day=2026-03-01": 200, "/dags/etl/calendar?year=1": 422, "/dags/etl/calendar?year=x": 422, "/dags/etl/calendar?day=x": 422,
		"/dags/etl/runs/manual__2026-03-01T11:00:00Z/gantt": 200, "/dags/hourly/runs/manual__2026-03-01T12:00:00Z/gantt": 200, "/dags/etl/runs/none/gantt": 404,
		"/dags/elt": 404, "/dags/etl/runs/none": 404, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/laod": 404, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load/mapped/7": 404,
		"/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load/mapped/x": 404, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load?try_number=9": 404,
		"/dags/etl?runs=7": 422, "/dags/etl?state=fine": 422, "/dags/etl?type=odd": 422, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/mark?state=skipped": 422,
		"/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load?try_number=x": 422, "/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load?from=-1": 422,
		"/dags?state=fine": 422, "/dags?page=0": 422, "/dags?page=x": 422, "/dags?paused=maybe": 422, "/nowhere": 404,
	}
}

// has and hasNot compare without showing the whole page.
func contains(page, text string) bool { return strings.Contains(page, text) }

func has(t *testing.T, page, text string) {
	t.Helper()
	assert.True(t, strings.Contains(page, text), "the page has no %q", text)
}

func hasNot(t *testing.T, page, text string) {
	t.Helper()
	assert.False(t, strings.Contains(page, text), "the page has %q", text)
}

func TestHomeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	empty := w.get("/").body
	for _, text := range []string{"No run failed.", "Nothing is running.", "Everything that was due has started.", "All alerts have arrived."} {
		has(t, empty, text)
	}
	w.example()
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{{
			State: store.DeliveryRefused, Channel: "dingding:ops", Sender: "dingding", Summary: "etl failed", Error: "310000 keywords hush-hush",
			Owner: store.Owner{Event: "on_failure", DAGID: "etl", MapIndex: -1}, Payload: []byte("{}"), CreatedAt: now.Add(-time.Hour), UpdatedAt: now,
		}})
	})
	w.health.Problems = []health.Problem{{Part: "scheduler", Severity: health.Error, Said: phrase.Of("health.scheduler_never"), Command: "dingdag standalone"}}
	got := w.get("/").body
	for _, text := range []string{
		`href="/dags/etl/runs/manual__2026-03-01T11:00:00Z/tasks/load"`, "exit status 1: &lt;b&gt;orders&lt;/b&gt; ***", "58m 30s ago", // the run ended at 11:01:30
		`href="/dags/hourly/runs/manual__2026-03-01T12:00:00Z"`, "no scheduler &lt;b&gt;orders&lt;/b&gt; was running", "2 ticks",
		"310000 keywords ***", "no scheduler is running", "dingdag standalone",
	} {
		has(t, got, text)
	}
	hasNot(t, got, "succeeded since")
	w.run(w.files.All[1], 0, dag.RunSuccess)
	has(t, w.get("/").body, "succeeded since")

	w.visitor.Sees = func(id string, _, owners []string) bool {
		assert.Contains(t, [][]string{{"data-team", "ops"}, {"airflow"}, nil}, owners)
		return id == "hourly"
	}
	limited := w.get("/").body
	hasNot(t, limited, "etl") // who may not see a DAG learns nothing of it
	unknown := w.get("/dags/etll")
	assert.Equal(t, http.StatusForbidden, unknown.status)
	hasNot(t, unknown.body, "did you mean")
	has(t, limited, "hourly")
}

// However many alerts nobody has got, home shows the newest few and says how many there are.
func TestHomeIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	w.write(func(ctx context.Context, tx store.Tx) error {
		var all []*store.Delivery
		for i := range 300 {
			all = append(all, &store.Delivery{
				State: store.DeliveryRefused, Channel: "dingding:ops", Sender: "dingding", Summary: fmt.Sprintf("alert %d of many", i), Error: "310000",
				Owner: store.Owner{Event: "on_failure", DAGID: "etl", MapIndex: -1}, Payload: []byte("{}"), CreatedAt: now.Add(-time.Hour), UpdatedAt: now,
			})
		}
		return tx.InsertDeliveries(ctx, all)
	})
	got := w.get("/").body
	assert.Equal(t, 5, strings.Count(got, " of many"))
	has(t, got, "alert 299 of many")
	has(t, got, "301 alerts in all.") // one is of the example
}

func TestDAGsAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	got := w.get("/dags").body
	for _, text := range []string{
		`<a class="name" href="/dags/etl" data-open>etl</a>`, "Loads &lt;b&gt;orders&lt;/b&gt; &amp; more", `tag=%3ci%3etag%3c%2fi%3e`, "0 6 * * *",
		`<time datetime="2026-03-01T06:00:00Z"`, "has never run", "no schedule",
	} {
		has(t, got, text)
	}
	assert.Equal(t, 3, strings.Count(got, "<rect"), "a bar for each run")
	for query, want := range map[string][]string{
		"":                        {"by_hand", "etl", "hourly"},
		"q=LOADS":                 {"etl"},
		"tag=sales":               {"by_hand", "etl"},
		"owner=ops":               {"etl"},
		"state=failed":            {"etl"},
		"state=running&tag=sales": nil,
		"paused=true":             nil,
		"paused=false&q=h":        {"by_hand", "hourly"},
		"page=2":                  nil,
	} {
		var ids []string
		for _, m := range regexp.MustCompile(`class="name" href="/dags/(\w+)"`).FindAllStringSubmatch(w.get("/dags?"+query).body, -1) {
			ids = append(ids, m[1])
		}
		assert.Equal(t, want, ids, query)
	}
	w.visitor.Operates = func(id string, _, _ []string) bool { return id == "etl" }
	assert.Equal(t, 1, strings.Count(w.get("/dags").body, `/pause"`), "buttons are for those who may press them")
}

func TestManyDAGsComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var text strings.Builder
	for i := range 120 {
		fmt.Fprintf(&text, "d%03d:\n  schedule: null\n  tasks: [{task_id: only, operator: empty}]\n", i)
	}
	w.files.Parse(t, text.String())
	first, last := w.get("/dags?q=d").body, w.get("/dags?q=d&page=3").body
	has(t, first, "Page 1 of 3")
	has(t, first, `rel="next" href="/dags?page=2&amp;q=d"`)
	hasNot(t, first, `rel="prev"`)
	has(t, last, ">d119<")
	hasNot(t, last, ">d099<")
	hasNot(t, last, `rel="next"`)
}

func TestPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen("etl")
	paused := func() bool {
		d, err := w.store.DAG(t.Context(), "etl")
		require.NoError(t, err)
		return d.Paused
	}
	got := w.post("/dags/etl/pause", url.Values{"paused": {"true"}, "back": {"/dags?q=etl"}})
	assert.Equal(t, http.StatusSeeOther, got.status)
	assert.Equal(t, "/dags?q=etl", got.header.Get("Location"))
	assert.True(t, paused())
	for name, got := range map[string]answer{
		"without a token":   w.post("/dags/etl/pause", url.Values{"paused": {"false"}, pages.TokenField: {"wrong"}}),
		"from another site": w.post("/dags/etl/pause", url.Values{"paused": {"false"}}, "Sec-Fetch-Site", "cross-site"),
		"by a stranger":     w.post("/dags/etl/pause", url.Values{"paused": {"false"}}, "X-Stranger", "yes"),
		"without a choice":  w.post("/dags/etl/pause", url.Values{}),
		"too long":          w.post("/dags/etl/pause", url.Values{"paused": {"false"}, "back": {strings.Repeat("x", 2<<20)}}),
	} {
		assert.Contains(t, []int{400, 401, 403, 422}, got.status, name)
		assert.True(t, paused(), name)
	}
	w.visitor.Operates = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, w.post("/dags/etl/pause", url.Values{"paused": {"false"}}).status)
	assert.True(t, paused())
	w.visitor.Operates = nil
	assert.Equal(t, http.StatusSeeOther, w.post("/dags/etl/pause", url.Values{"paused": {"false"}}).status)
	assert.False(t, paused())
	missing := w.post("/dags/elt/pause", url.Values{"paused": {"false"}})
	assert.Equal(t, http.StatusNotFound, missing.status)
	has(t, missing.body, "did you mean &#34;etl&#34;?")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.files.Fails = errGone
	got := w.get("/")
	assert.Equal(t, http.StatusInternalServerError, got.status)
	hasNot(t, got.body, "the disk is gone") // what is nobody\'s mistake is for the log
	assert.Contains(t, w.log.String(), "the disk is gone: ***")
	assert.Equal(t, http.StatusUnauthorized, w.get("/nowhere", "X-Stranger", "yes").status, "strangers don't learn what there is")
	assert.Equal(t, http.StatusNotFound, w.get("/static/app.css", "X-Stranger", "yes").status)
	css := regexp.MustCompile(`/static/app\.\w+\.css`).FindString(w.get("/nowhere").body)
	assert.Equal(t, http.StatusOK, w.get(css, "X-Stranger", "yes").status)
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	set := func(form url.Values) (cookies []string, to string) {
		got := w.post("/preferences", form)
		require.Equal(t, http.StatusSeeOther, got.status)
		for _, c := range got.header.Values("Set-Cookie") {
			assert.Contains(t, c, "HttpOnly; SameSite=Lax")
			first, _, _ := strings.Cut(c, ";")
			cookies = append(cookies, first)
		}
		return cookies, got.header.Get("Location")
	}
	cookies, to := set(url.Values{"lang": {"zh"}, "theme": {"dark"}, "tz": {"Asia/Shanghai"}, "back": {"/dags?q=x"}})
	assert.Equal(t, "/dags?q=x", to)
	assert.Equal(t, []string{"dingdag_lang=zh", "dingdag_theme=dark", "dingdag_tz=Asia%2FShanghai"}, cookies)
	got := w.get("/dags", "Cookie", strings.Join(cookies, "; "), "Accept-Language", "en").body
	for _, text := range []string{`<html lang="zh-Hans">`, `media="all"`, `content="dark"`, "2026-03-01 14:00:00</time>", "14:00:00.000 CST (UTC+08:00)", "Asia/Shanghai"} {
		has(t, got, text)
	}
	has(t, w.get("/dags").body, "2026-03-01 06:00:00</time>")
	for _, bad := range []string{"https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, "javascript:alert(1)", "dags", "/a\r\nX: y", ""} {
		_, to := set(url.Values{"back": {bad}})
		assert.Equal(t, "/", to, bad)
	}
	cookies, _ = set(url.Values{"lang": {"de"}, "theme": {"pink"}, "tz": {"Local"}})
	assert.Empty(t, cookies, "what there is not is not kept")
	for _, cookie := range []string{"dingdag_lang=de", "dingdag_theme=\"><b>", "dingdag_tz=../../etc/passwd", "dingdag_tz=%zz", "dingdag_tz=" + strings.Repeat("A", 4000)} {
		got := w.get("/dags", "Cookie", cookie)
		assert.Equal(t, http.StatusOK, got.status, cookie)
		has(t, got.body, "Times in UTC")
	}
	assert.Equal(t, http.StatusForbidden, w.post("/preferences", url.Values{"theme": {"dark"}}, "Sec-Fetch-Site", "cross-site").status)
}

// A stream ends by itself: the page asks again, and is let in again only if it still may.
// Who signs in sees as whom, on each page, and signs out from there.
func TestWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.visitor = pages.Visitor{Name: "<b>Ann</b>", SignOut: "/auth/logout"}
	got := w.get("/").body
	_, after, found := strings.Cut(got, `<details class="menu who">`)
	require.True(t, found)
	menu, _, _ := strings.Cut(after, "</details>")
	for _, text := range []string{`<span>&lt;b&gt;Ann&lt;/b&gt;</span></summary>`, `action="/auth/logout"><input type="hidden" name="csrf_token" value="a-token"><button>Sign out</button>`} {
		has(t, menu, text)
	}
	w.visitor = pages.Visitor{Name: "ann"}
	hasNot(t, w.get("/").body, "Sign out")
	w.visitor = pages.Visitor{}
	hasNot(t, w.get("/").body, `class="menu who"`)
}

func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *pages.Options) { o.StreamTime = 10 * time.Millisecond })
	w.example()
	is := task("load", 0, dag.Running)
	w.run(w.seen("hourly"), 2, dag.RunRunning, is)
	assert.Equal(t, "retry: 2000\n\n", w.get("/events").body)
	got := w.get("/dags/hourly/runs/manual__2026-03-01T10:00:00Z/tasks/load/log/events?from=0")
	assert.True(t, strings.HasPrefix(got.body, "retry: 2000\n\n"), got.body)
	assert.NotContains(t, got.body, "event: over")
}

// A page that is open is told of changes.
func TestEvents(t *testing.T) {
	t.Parallel()
	var o pages.Options
	w := newWorld(t, func(w *pages.Options) { o = *w })
	w.seen("etl")
	srv := httptest.NewServer(w)
	defer srv.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/events?dag_id=etl", nil)
	require.NoError(t, err)
	resp, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	read := func(n int) string {
		b := make([]byte, n)
		_, err := resp.Body.Read(b)
		require.NoError(t, err)
		return strings.TrimRight(string(b), "\x00")
	}
	assert.Equal(t, "retry: 2000\n\n", read(100))
	o.Changes.Changed(live.Topic{DAGID: "etl", RunID: "r"})
	assert.Equal(t, "event: changed\ndata: \n\n", read(100))
	assert.Equal(t, http.StatusNotFound, w.get("/events?dag_id=elt").status)
	w.visitor.Sees = func(string, []string, []string) bool { return false }
	assert.Equal(t, http.StatusForbidden, w.get("/events?dag_id=etl").status)
	w.visitor.Sees = nil
	o.Changes.Stop()
	full := w.get("/events?dag_id=etl")
	assert.Equal(t, http.StatusServiceUnavailable, full.status)
	assert.Equal(t, "30", full.header.Get("Retry-After"))
}

// Everybody has favourites of his own, also who may change nothing else.
func TestFavorites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.visitor.Operates = func(string, []string, []string) bool { return false }
	star := func(id, value string) answer {
		return w.post("/dags/"+id+"/favorite", url.Values{"favorite": {value}, "back": {"/dags?q=e"}})
	}
	listed := func(query string) (ids []string) {
		for _, m := range regexp.MustCompile(`class="name" href="/dags/(\w+)"`).FindAllStringSubmatch(w.get("/dags?"+query).body, -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	assert.Empty(t, listed("favorite=true"))
	has(t, w.get("/dags?favorite=true").body, "No DAG matches.")
	for range 2 { // another tab may have asked for it
		got := star("etl", "true")
		assert.Equal(t, http.StatusSeeOther, got.status, got.body)
		assert.Equal(t, "/dags?q=e", got.header.Get("Location"))
	}
	assert.Equal(t, []string{"etl"}, listed("favorite=true"))
	assert.Empty(t, listed("favorite=true&q=hourly"))
	assert.Greater(t, len(listed("")), 1)
	body := w.get("/dags").body
	has(t, body, `aria-label="Remove etl from your favourites">★`)
	has(t, body, `aria-label="Add hourly to your favourites">☆`)
	w.who.User = "bob"
	assert.Empty(t, listed("favorite=true"), "they are those of ann")
	w.who.User = "ann"
	for name, got := range map[string]answer{
		"without a choice": star("etl", ""), "another word": star("etl", "maybe"), "no such DAG": star("nothing", "true"),
		"without a token": w.post("/dags/etl/favorite", url.Values{"favorite": {"false"}, pages.TokenField: {"wrong"}}),
		"by a stranger":   w.post("/dags/etl/favorite", url.Values{"favorite": {"false"}}, "X-Stranger", "yes"),
	} {
		assert.Contains(t, []int{401, 403, 404, 422}, got.status, name)
	}
	w.visitor.Sees = func(id string, _, _ []string) bool { return id != "etl" }
	assert.Equal(t, http.StatusForbidden, star("etl", "false").status)
	assert.Empty(t, listed("favorite=true"), "those that he may not see any more are not told")
	w.visitor.Sees = nil
	assert.Equal(t, []string{"etl"}, listed("favorite=true"))
	for range 2 {
		assert.Equal(t, http.StatusSeeOther, star("etl", "false").status)
	}
	assert.Empty(t, listed("favorite=true"))
	assert.Equal(t, http.StatusUnprocessableEntity, w.get("/dags?favorite=maybe").status)
}

// Why something did not run is said in the language and the zone of whoever reads it; what an older version has kept is as it was.
func TestReasonsAreInTheLanguageOfTheReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.example()
	down := phrase.Of("tick.down", now.Add(-2*time.Hour), now.Add(-time.Hour))
	said, err := json.Marshal(down)
	require.NoError(t, err)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertTickRange(ctx, &store.TickRange{DAGID: "by_hand", First: now.Add(-time.Hour), Last: now.Add(-time.Hour), Count: 1, Outcome: store.TickMissed, Reason: down.String(), Said: said, RecordedAt: now.Add(-time.Minute)})
	})
	home := w.get("/", "Accept-Language", "zh").body
	has(t, home, shown(now.Add(-2*time.Hour))+" 至 "+shown(now.Add(-time.Hour))+" 没有调度器在运行")
	has(t, home, "no scheduler &lt;b&gt;orders&lt;/b&gt; was running")
	has(t, w.get("/").body, "no scheduler was running from "+shown(now.Add(-2*time.Hour))+" to "+shown(now.Add(-time.Hour)))
	has(t, w.get(failedRun+"/tasks/report", "Accept-Language", "zh").body, "触发规则 all_success：load 失败")
}

// shown is a moment as a page in UTC writes it.
func shown(t time.Time) string { return t.UTC().Format(time.DateTime) }
