package whole_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nightly waits for the file go of a folder that is a param, and fails while there is no file mended.
const nightly = `
nightly:
  description: Waits, and fails
  schedule: null
  start_date: 2026-01-01
  params:
    folder: {__type__: airflow.sdk.Param, type: string, minLength: 1, default: nowhere, description: where it waits}
  tasks:
    - task_id: load
      operator: bash
      bash_command: |
        echo "waits in {{ params.folder }}"
        while [ ! -e "{{ params.folder }}/go" ]; do sleep 0.05; done
        if [ ! -e "{{ params.folder }}/mended" ]; then echo "the table is missing"; exit 3; fi
        echo "loaded 7 rows"
other:
  schedule: null
  tasks: [{task_id: load, operator: empty}]
`

// key presses keys, as of somebody who has no mouse.
func (tb *tab) key(keys string) {
	tb.t.Helper()
	require.NoError(tb.t, chromedp.Do(tb.ctx, chromedp.KeyEvent(keys)))
}

// stroke presses a key that writes something unless the page takes it for itself, as a keyboard does: [tab.key] writes in any case.
func (tb *tab) stroke(key string) {
	tb.t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		e := input.DispatchKeyEventParams{Type: kind, Key: key}
		if kind == input.DispatchKeyEventTypeKeyDown {
			e.Text = key
		}
		_, err := chromedp.Call(tb.ctx, input.DispatchKeyEvent, e)
		require.NoError(tb.t, err)
	}
}

// tabTo presses Tab until something has the focus, which must be seen.
func (tb *tab) tabTo(selector string) {
	tb.t.Helper()
	var passed []string
	for range 200 {
		tb.key(kb.Tab)
		is := evaluate[[]string](tb, fmt.Sprintf(`(() => { const e = document.activeElement, s = getComputedStyle(e);
			return [String(e.matches(%q)), e.outerHTML.slice(0, 80), s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 ? "seen" : "unseen"]; })()`, selector))
		passed = append(passed, is[1])
		if is[0] == "true" {
			assert.Equal(tb.t, "seen", is[2], "the focus on %s", is[1])
			return
		}
	}
	tb.t.Fatalf("Tab never reaches %s; it was at\n%s", selector, strings.Join(passed, "\n"))
}

// path is that of the page, or nothing while it is being loaded.
func (tb *tab) path() string {
	at, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? location.pathname : ""`))
	if err != nil {
		return ""
	}
	return at
}

// at waits until a page is open.
func (tb *tab) at(path string) {
	tb.t.Helper()
	require.Eventually(tb.t, func() bool { return strings.Contains(tb.path(), path) }, patience, 50*time.Millisecond, "the page of %s is never open; it is %s with\n%s", path, lazy(func() string { return evaluate[string](tb, "location.href") }), lazy(tb.text))
}

// leaves waits until another page is open.
func (tb *tab) leaves(path string) {
	tb.t.Helper()
	require.Eventually(tb.t, func() bool {
		at := tb.path()
		return at != "" && !strings.Contains(at, path)
	}, patience, 50*time.Millisecond, "the page of %s stays open", path)
}

// waiting is a program with nightly, whose folder it returns.
func waiting(t *testing.T) (p *program, folder string) {
	t.Helper()
	p = newProgram(t, map[string]string{"nightly.yaml": nightly})
	p.user("ann", "operator")
	p.serves()
	token := p.token()
	p.ask(http.MethodPatch, "/api/v2/dags/nightly", token, `{"is_paused": false}`, nil)
	return p, t.TempDir()
}

// touch makes a file.
func touch(t *testing.T, path ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(path...), nil, 0o600))
}

// The main job takes no mouse: sign in, find the DAG, start a run with params, watch it fail, read the log, clear it, watch it
// succeed.
func TestWithTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	ctx := chromium(t)
	p, folder := waiting(t)
	tb := newTab(t, ctx, p.url)
	tb.size(1280)
	tb.open(p.url + "/dags")
	tb.at("/auth/login")
	tb.tabTo(`input[name="username"]`)
	tb.key("ann")
	tb.key(kb.Tab)
	tb.key(password + kb.Enter)
	tb.at("/dags")

	tb.stroke("/")
	tb.key("night" + kb.Enter)
	require.Eventually(t, func() bool {
		rows, err := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? [...document.querySelectorAll("main tbody .name")].map((e) => e.innerText).join() : ""`))
		return err == nil && rows == "nightly"
	}, patience, 50*time.Millisecond, "the search at %s", lazy(func() string { return evaluate[string](tb, "location.href") }))
	tb.stroke("j")
	tb.key(kb.Enter)
	tb.at("/dags/nightly")
	tb.tabTo(`a[href$="/trigger"]`)
	tb.key(kb.Enter)
	tb.at("/trigger")
	tb.tabTo(`[name="param.folder"]`)
	require.NoError(t, chromedp.Do(tb.ctx, chromedp.KeyEvent("a", chromedp.KeyModifiers(2)))) // Ctrl: what is there is replaced
	tb.key(folder + kb.Enter)
	tb.at("/runs/manual")
	tb.reads("running")

	// The page says by itself what happens.
	evaluate[bool](tb, "window.same = true")
	touch(t, folder, "go")
	tb.reads("failed")
	tb.reads("What failed")
	assert.True(t, evaluate[bool](tb, "window.same === true"), "the page was loaded anew")
	tb.tabTo(`main a[href$="/tasks/load"]`)
	tb.key(kb.Enter)
	tb.at("/tasks/load")
	tb.reads("the table is missing")

	touch(t, folder, "mended")
	tb.tabTo(`main a[href*="/clear"]`)
	tb.key(kb.Enter)
	tb.at("/clear")
	tb.tabTo(`main button.primary`)
	tb.key(kb.Enter)
	tb.at("/tasks/load") // where it came from
	tb.reads("loaded 7 rows")
	tb.reads("success")
	assert.Empty(t, tb.wrong())
}

// Without script, pages are read and forms work.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	ctx := chromium(t)
	p, folder := waiting(t)
	tb := newTab(t, ctx, p.url)
	tb.size(390)
	_, err := chromedp.Call(tb.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	tb.open(p.url + "/dags/nightly")
	do := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, step := range steps {
			err := chromedp.Do(tb.ctx, step)
			for n := 0; n < 20 && err != nil && strings.Contains(err.Error(), "No node with given id"); n++ { // the page has changed since it was found
				err = chromedp.Do(tb.ctx, step)
			}
			require.NoError(t, err)
		}
	}
	tb.at("/auth/login")
	do(chromedp.SendKeys(chromedp.CSS(`input[name="username"]`), "ann"), chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), password+"\r"))
	tb.at("/dags/nightly")
	do(chromedp.Click(chromedp.CSS(`form[action$="/pause"] button`)))
	tb.reads("paused")
	do(chromedp.Click(chromedp.CSS(`form[action$="/pause"] button`)))
	tb.reads("Pause")
	do(chromedp.Click(chromedp.CSS(`a[href$="/trigger"]`)), chromedp.SetValue(chromedp.CSS(`[name="param.folder"]`), folder), chromedp.Click(chromedp.CSS(`main button.primary`)))
	tb.at("/runs/manual")
	at := evaluate[string](tb, "location.href")
	touch(t, folder, "go")
	require.Equal(t, "failed", p.lastRun(p.token(), "nightly").State)
	for path, text := range map[string]string{"": "failed", "/graph": "load", "/gantt": "load", "/tasks/load": "the table is missing", "/clear": "load", "/tasks/load?find=table": "table"} {
		status, _ := tb.open(at + path)
		assert.Equal(t, http.StatusOK, status, path)
		assert.Contains(t, tb.text(), text, path)
		assert.LessOrEqual(t, evaluate[int](tb, "document.documentElement.scrollWidth"), 390, path)
	}
	touch(t, folder, "mended")
	tb.open(at + "/clear")
	do(chromedp.Click(chromedp.CSS(`main button.primary`)))
	tb.leaves("/clear")
	token := p.token()
	require.Eventually(t, func() bool { return p.lastRun(token, "nightly").State == "success" }, patience, 50*time.Millisecond, "the run that was cleared")
	tb.open(p.url + "/dags?q=other")
	assert.NotContains(t, tb.text(), "nightly")
	do(chromedp.Click(chromedp.CSS(`details.menu summary`)), chromedp.SetValue(chromedp.CSS(`select[name="lang"]`), "zh"), chromedp.Click(chromedp.CSS(`form[action$="/preferences"] button`)))
	tb.reads("首页")
	assert.Empty(t, tb.wrong())
}

// Somebody who was given a password chooses another one, and makes a token, which is shown once. An admin ends both.
func TestOwnAccount(t *testing.T) {
	t.Parallel()
	ctx := chromium(t)
	p, _ := waiting(t)
	p.user("root", "admin")
	p.user("lily", "viewer")
	tb := newTab(t, ctx, p.url)
	tb.size(390)
	signIn := func(with string) {
		t.Helper()
		tb.at("/auth/login")
		require.NoError(t, chromedp.Do(tb.ctx, chromedp.SendKeys(chromedp.CSS(`input[name="username"]`), "lily"), chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), with+"\r")))
		tb.at("/account")
	}
	press := func(selector string) {
		t.Helper()
		_, err := chromedp.RunResponse(tb.ctx, chromedp.Click(chromedp.CSS(selector)))
		require.NoError(t, err)
	}
	tb.open(p.url + "/account")
	signIn(password)
	const another = "battery staple"
	require.NoError(t, chromedp.Do(tb.ctx, chromedp.SendKeys(chromedp.CSS("#current"), password), chromedp.SendKeys(chromedp.CSS("#password"), another)))
	press(`form[action="/account/password"] button`)
	signIn(another)
	require.NoError(t, chromedp.Do(tb.ctx, chromedp.SendKeys(chromedp.CSS("#name"), "ci")))
	press(`form[action="/account/tokens"] button`)
	token := evaluate[string](tb, `document.querySelector("section.note pre").innerText`)
	p.ask(http.MethodGet, "/api/v2/dags", token, "", nil)
	tb.open(p.url + "/account")
	assert.NotContains(t, evaluate[string](tb, "document.documentElement.outerHTML"), token)

	admin := newTab(t, ctx, p.url, p.session("root")...)
	admin.size(1280)
	admin.open(p.url + "/users/lily")
	_, err := chromedp.RunResponse(admin.ctx, chromedp.Click(chromedp.CSS(`form[action$="/disable"] button`)))
	require.NoError(t, err)
	admin.reads("disabled")
	tb.open(p.url + "/account")
	tb.at("/auth/login")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v2/dags", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	for _, secret := range []string{token, another} {
		assert.NotContains(t, p.said(), secret)
	}
	assert.Empty(t, tb.wrong())
}

// A tab that was left open says that what it shows is over, in words, and leads to what there is now.
func TestStaleTabs(t *testing.T) {
	t.Parallel()
	ctx := chromium(t)
	p, folder := waiting(t)
	touch(t, folder, "go")
	token := p.token()
	conf, err := json.Marshal(map[string]any{"logical_date": nil, "conf": map[string]string{"folder": folder}})
	require.NoError(t, err)
	r := p.trigger(token, "nightly", string(conf))
	require.Equal(t, "failed", r.State)
	tb := newTab(t, ctx, p.url, p.session("ann")...)
	press := func(selector string) {
		t.Helper()
		_, err := chromedp.RunResponse(tb.ctx, chromedp.Click(chromedp.CSS(selector)))
		require.NoError(t, err)
	}

	// Somebody else has cleared the run meanwhile, and it goes on.
	touch(t, folder, "mended")
	tb.open(p.url + "/dags/nightly/runs/" + r.RunID + "/clear?only_failed=on")
	p.ask(http.MethodPost, "/api/v2/dags/nightly/clearTaskInstances", token, `{"dry_run": false, "dag_run_id": "`+r.RunID+`"}`, nil)
	require.Eventually(t, func() bool { return p.lastRun(token, "nightly").State == "success" }, patience, 50*time.Millisecond)
	press(`main form[method="post"] button.primary`)
	tb.reads("success")

	// The session has ended, and another one has begun.
	tb.open(p.url + "/dags/nightly/trigger")
	for _, c := range p.session("ann") {
		tb.cookie(p.url, c.Name, c.Value)
	}
	press(`main button.primary`)
	tb.reads("The page is older than the session")
	press(`main a`)
	tb.at("/dags/nightly/trigger")

	p.run(password+"\n", "users", "password", "ann")
	press(`main button.primary`)
	tb.reads("You are signed out: nothing was done")
	press(`main a`)
	tb.at("/auth/login")
	require.NoError(t, chromedp.Do(tb.ctx, chromedp.SendKeys(chromedp.CSS(`input[name="username"]`), "ann"), chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), password+"\r")))
	tb.at("/dags/nightly/trigger")
	assert.Equal(t, r.RunID, p.lastRun(p.token(), "nightly").RunID, "no other run was started")
}

// grouped is a DAG with groups of tasks, and one within another.
func grouped(id string, groups, tasks int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n  schedule: null\n  task_groups:\n    - {group_name: within, parent_group_name: group_0}\n", id)
	for g := range groups {
		fmt.Fprintf(&b, "    - {group_name: group_%d}\n", g)
	}
	fmt.Fprintf(&b, "  tasks:\n    - {task_id: deep, operator: empty, task_group_name: within}\n")
	for g := range groups {
		for n := range tasks {
			fmt.Fprintf(&b, "    - {task_id: task_%d_%d, operator: empty, task_group_name: group_%d}\n", g, n, g)
		}
	}
	return b.String()
}

// The groups of a grid fold one by one and all at once, those of a large one are folded at first, and the choice stays.
func TestGroupsFold(t *testing.T) {
	t.Parallel()
	ctx := chromium(t)
	p := newProgram(t, map[string]string{"small.yaml": grouped("small", 2, 3), "large.yaml": grouped("large", 4, 50)})
	p.user("ann", "operator")
	p.serves()
	tb := newTab(t, ctx, p.url, p.session("ann")...)
	tb.size(1280)
	rows := func() int {
		t.Helper()
		return evaluate[int](tb, `[...document.querySelectorAll("table.grid tbody tr")].filter((r) => r.offsetParent !== null).length`)
	}
	press := func(selector string) {
		t.Helper()
		require.NoError(t, chromedp.Do(tb.ctx, chromedp.Click(selector)))
	}
	tb.open(p.url + "/dags/large")
	assert.Equal(t, 4, rows(), "a group each")
	press(`tr[data-group="group_0"] [data-fold]`)
	assert.Equal(t, 4+50+1, rows(), "the group within stays folded")
	tb.open(p.url + "/dags/large")
	assert.Equal(t, 4+50+1, rows(), "the choice stays")
	press("[data-unfold-all]")
	assert.Equal(t, 4*51+2, rows())
	press("[data-fold-all]")
	assert.Equal(t, 4, rows())
	tb.open(p.url + "/dags/small")
	assert.Equal(t, 2*4+2, rows(), "a small grid is whole at first")
	press("[data-fold-all]")
	assert.Equal(t, 2, rows())
	assert.Empty(t, tb.wrong())
}
