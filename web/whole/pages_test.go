package whole_test

import (
	"context"
	_ "embed"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web/pages"
)

// markup is a DAG that has markup wherever people may write.
//
//go:embed testdata/markup.yaml
var markup string

// hostile begins each text that would change a page if it were taken for markup.
const hostile = "<img src=x onerror=alert("

// values are what the parts of the paths of pages stand for. A page whose path has another part needs a value here.
type values map[string]string

// asked is what a page has to be asked with.
var asked = map[string]string{ //nolint:gochecknoglobals // a constant
	"/dags/{dag_id}/runs/{run_id}/mark": "?state=success",
}

// path is the address of a page by its route.
func (v values) path(t *testing.T, route string) string {
	t.Helper()
	route += asked[route]
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(route, func(part string) string {
		name := strings.Trim(part, "{}")
		if name == "task_id" && strings.Contains(route, "{map_index}") {
			name = "mapped_task_id"
		}
		value, ok := v[name]
		require.True(t, ok, "say in the values of this test what {%s} of %s stands for", name, route)
		return value
	})
}

// routes are those of the pages that are written in HTML.
func routes(t *testing.T) []string {
	t.Helper()
	ps, err := pages.New(pages.Options{})
	require.NoError(t, err)
	var out []string
	for _, r := range ps.Routes() {
		if p, ok := strings.CutPrefix(r, "GET "); ok && path.Base(p) != "events" && path.Base(p) != "export" && p != "/static/{name}" && p != "/favicon.ico" {
			out = append(out, strings.Replace(p, "{$}", "", 1))
		}
	}
	return out
}

// look is what a page is like.
type look struct {
	Title, Lang string
	Wide        int      // how wide the content is
	Headings    int      // of the first level
	Twice       []string // ids that two elements have
	Alien       []string // elements that a text has become
}

// looks waits until the scripts have run.
const looks = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	done({
		Title: document.title, Lang: document.documentElement.lang, Wide: document.documentElement.scrollWidth,
		Headings: document.querySelectorAll("h1").length,
		Twice: ids.filter((id, i) => ids.indexOf(id) !== i),
		Alien: [...document.querySelectorAll('img[src="x"], script:not([src]), [onerror], iframe, object')].map((e) => e.outerHTML),
	});
})))`

// axe is the source of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	file := os.Getenv("DINGDAG_TEST_AXE")
	if file == "" {
		t.Skip("set DINGDAG_TEST_AXE to axe.min.js of axe-core")
	}
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(source)
}

// violations are what keeps some people from using the page, by WCAG 2.2, levels A and AA.
const violations = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"]}).then((r) =>
	r.violations.map((v) => v.id + ": " + v.help + v.nodes.slice(0, 3).map((n) => "\n  " + n.target + "\n  " + n.html.slice(0, 200) + "\n  " + n.failureSummary.split("\n").slice(1).join(" ")).join("")))`

// sight is a page as somebody sees it.
type sight struct {
	address string
	status  int
}

// sights are all pages, of an example and of the DAG with markup.
func sights(t *testing.T, p *program, token string) (example, hostile []sight) {
	t.Helper()
	bad := p.lastRun(token, "markup")
	one := values{
		"dag_id": "example_failure_alert", "run_id": p.lastRun(token, "example_failure_alert").RunID, "task_id": "transform", "mapped_task_id": "count_shop",
		"map_index": "1", "backfill_id": "1", "alert_id": "1", "ask_id": "1", "asset_id": p.asset(token, "s3://warehouse/orders"), "username": "vera",
	}
	other := values{"dag_id": "markup", "run_id": bad.RunID, "task_id": "fails", "mapped_task_id": "mapped", "map_index": "0", "backfill_id": "1", "alert_id": "1", "ask_id": "1", "asset_id": p.asset(token, "x://markup/asset"), "username": "vera"}
	for _, r := range routes(t) {
		status := http.StatusOK
		if r == "/sandbox" { // none runs
			status = http.StatusNotFound
		}
		example = append(example, sight{p.url + one.path(t, r), status})
		if strings.Contains(r, "{") {
			hostile = append(hostile, sight{p.url + other.path(t, r), http.StatusOK})
		}
	}
	example = append(example,
		sight{p.url + "/auth/logout", http.StatusOK},
		sight{p.url + "/health", http.StatusOK},
		sight{p.url + "/dags?q=nothing-is-called-so", http.StatusOK},
		sight{p.url + "/dags/example_failure_alerts", http.StatusNotFound},
		sight{p.url + "/nowhere", http.StatusNotFound},
		sight{p.url + one.path(t, "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}?try_number=1"), http.StatusOK},
		sight{p.url + one.path(t, "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}?try_number=1&find=column"), http.StatusOK},
	)
	hostile = append(hostile, sight{p.url + "/", http.StatusOK}, sight{p.url + "/dags", http.StatusOK}, sight{p.url + "/dags?q=%3Cscript%3Ealert(1)%3C/script%3E", http.StatusOK},
		sight{p.url + "/dags/%3Cscript%3Ealert(1)%3C%2Fscript%3E", http.StatusNotFound}, sight{p.url + "/auth/login?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", http.StatusOK})
	for _, task := range []string{"pushes", "says"} {
		hostile = append(hostile, sight{p.url + "/dags/markup/runs/" + bad.RunID + "/tasks/" + task, http.StatusOK})
	}
	return example, hostile
}

// furnished is a program with the runs of all examples, a DAG full of markup and a file with mistakes.
func furnished(t *testing.T) *program {
	t.Helper()
	p := newProgram(t, nil)
	p.run("", "demo", "--home", p.home)
	p.write("markup.yaml", markup)
	p.write("broken.yaml", "broken:\n  schedule: \"<script>alert('schedule')</script>\"\n  tasks: [{task_id: a, operator: bash}]\n")
	p.user("ann", "admin", "--full-name", "<b>Ann</b>")
	p.user("vera", "viewer", "--full-name", hostile+"'name')>")
	p.run("", "tokens", "create", "vera", hostile+"'token')>", "--dag", "tag:"+hostile+"'scope')>")
	p.run("", "variables", "set", "markup", hostile+"'variable')>")
	p.serves()
	token := p.token()
	p.ask(http.MethodPatch, "/api/v2/dags/markup", token, `{"is_paused": false}`, nil)
	r := p.trigger(token, "markup", `{"logical_date": null, "note": "`+hostile+`'note')>", "conf": {"`+hostile+`'conf')>": "<script>alert('conf')</script>"}}`)
	require.Equal(t, "failed", r.State)
	require.Eventually(t, func() bool {
		var asks struct {
			Total int `json:"total_entries"`
		}
		p.ask(http.MethodGet, "/api/v2/dags/~/dagRuns/~/hitlDetails", token, "", &asks)
		return asks.Total == 1
	}, patience, 50*time.Millisecond, "a task asks")
	return p
}

// Each page is all right in both languages and colours, on a screen and on a phone.
func TestPages(t *testing.T) { //nolint:tparallel // what is after the subtests needs their end
	t.Parallel()
	ctx := chromium(t)
	source := axe(t)
	p := furnished(t)
	token, session := p.token(), p.session("ann")
	example, bad := sights(t, p, token)
	t.Run("looks", func(t *testing.T) {
		for _, theme := range []string{"light", "dark"} {
			for _, lang := range []string{"en", "zh"} {
				t.Run(theme+" "+lang, func(t *testing.T) {
					t.Parallel()
					tb := newTab(t, ctx, p.url, session...)
					tb.cookie(p.url, "dingdag_theme", theme)
					tb.cookie(p.url, "dingdag_lang", lang)
					for _, width := range []int64{1280, 390} {
						tb.size(width)
						for _, s := range example {
							checks := lang == "en" && (width == 1280 || theme == "light")
							tb.check(s, width, lang, map[bool]string{true: source}[checks])
						}
					}
				})
			}
		}
		t.Run("markup", func(t *testing.T) {
			t.Parallel()
			tb := newTab(t, ctx, p.url, session...)
			tb.size(390)
			var texts strings.Builder
			for _, s := range bad {
				tb.check(s, 390, "en", "")
				texts.WriteString(evaluate[string](tb, `document.body.innerText + [...document.querySelectorAll("input, textarea")].map((e) => e.value).join(" ")`))
			}
			for _, what := range []string{"description", "tag", "owner", "conf", "xcom", "log", "error", "param", "asset", "name", "token", "scope"} {
				assert.Contains(t, texts.String(), "alert('"+what+"')", "is it on no page?")
			}
		})
		t.Run("a viewer", func(t *testing.T) {
			t.Parallel()
			tb := newTab(t, ctx, p.url, p.session("vera")...) //nolint:contextcheck // it is that of the test
			tb.size(1280)
			for _, s := range example {
				if changes.MatchString(s.address) {
					s.status = http.StatusForbidden
				}
				tb.check(s, 1280, "en", "")
				assert.Zero(t, evaluate[int](tb, `document.querySelectorAll('main form[method="post"]:not([action$="/auth/logout"], [action^="/account/"], [action$="/favorite"]) button').length`), "%s has a button that a viewer may not press", s.address)
			}
		})
		t.Run("nobody", func(t *testing.T) {
			t.Parallel()
			tb := newTab(t, ctx, p.url)
			tb.size(390)
			tb.check(sight{p.url + "/auth/login", http.StatusOK}, 390, "", source)
		})
	})
	for line := range strings.Lines(p.said()) {
		if strings.Contains(line, "level=ERROR") {
			assert.Regexp(t, `msg="(dag file|task failed|run failed)"`, line)
		}
	}
}

// files are what is no page.
var files = regexp.MustCompile(`/log$`) //nolint:gochecknoglobals // a constant

// changes are the pages that a viewer may not see: those of forms that change something, and what admins alone see.
var changes = regexp.MustCompile(`/(clear|mark|trigger|new|edit)(\?|$)|/(connections|variables|users)$|/users/`) //nolint:gochecknoglobals // a constant

// check opens a page and looks for what is wrong with it. With the source of axe it asks that too.
func (tb *tab) check(s sight, width int64, lang, source string) {
	tb.t.Helper()
	status, kind := tb.open(s.address)
	about := s.address + " in " + lang
	assert.Equal(tb.t, s.status, status, about)
	if files.MatchString(s.address) {
		assert.NotEqual(tb.t, "text/html", kind, about)
		return
	}
	assert.Equal(tb.t, "text/html", kind, about)
	is := evaluate[look](tb, looks)
	assert.NotEmpty(tb.t, is.Title, about)
	assert.NotEmpty(tb.t, is.Lang, about)
	if own := !strings.Contains(s.address, "/auth/") && !strings.HasSuffix(s.address, "/health"); own && lang != "" {
		assert.True(tb.t, strings.HasPrefix(is.Lang, lang), "%s: is in %s", about, is.Lang)
	}
	assert.Equal(tb.t, 1, is.Headings, "%s: headings of the first level", about)
	assert.Empty(tb.t, is.Twice, "%s: ids", about)
	assert.Empty(tb.t, is.Alien, about)
	assert.LessOrEqual(tb.t, is.Wide, int(width), "%s: the page is wider than the window", about)
	if source != "" {
		require.NoError(tb.t, chromedp.Do(tb.ctx, loaded(source)))
		for _, v := range evaluate[[]string](tb, violations) {
			assert.Fail(tb.t, v, "%s, %d px", about, width)
		}
	}
	assert.Empty(tb.t, slices.Compact(tb.wrong()), about)
}

// loaded has the page know axe-core. That is done as by the tools of a developer, whom the policy of the page does not bind.
func loaded(source string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		_, err = chromedp.Evaluate[bool](source+"; true")(ctx, t)
		return none, err
	}
}
