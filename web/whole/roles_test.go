package whole_test

import (
	"cmp"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/pages"
	"github.com/dingdag/dingdag/web/signin"
)

var (
	//go:embed testdata/hidden.yaml
	hiddenDAG string
	//go:embed testdata/open.yaml
	openDAG string
)

// Who asks.
const (
	nobody   = "nobody"
	expired  = "an expired token"
	disabled = "a disabled user"
	viewer   = "a viewer"
	operator = "an operator"
	admin    = "an admin"
	// These are limited to DAGs of which hidden_dag is none.
	someViewer   = "a viewer of some DAGs"
	someOperator = "an operator of some DAGs"
)

// public are the routes that need no sign-in. Whatever else answers without one is a mistake.
var public = []string{ //nolint:gochecknoglobals // a constant
	"GET /livez", "GET /readyz", "GET /health", "GET /api/dingdag/health", "GET /api/v2/monitor/health", "GET /api/v2/version", "GET /api/v1/health", "GET /api/v1/version",
	"GET /metrics", // for this machine
	"GET /auth/login", "POST /auth/login", "GET /auth/logout", "POST /auth/logout", "GET /auth/setup/{token}", "POST /auth/setup/{token}",
	"POST /auth/token", "POST /auth/token/cli", "GET /auth/token", "GET /api/v2/auth/login", "GET /api/v2/auth/logout",
	"GET /static/{name}", "GET /favicon.ico", "POST /preferences",
}

// asks are calls that change nothing, or nothing for others, although their method is one that may.
var asks = regexp.MustCompile(`^POST /api/v2/dags/[^ ]*/(list|favorite|unfavorite)$`) //nolint:gochecknoglobals // a constant

// adminsOnly are what operators must not do, or not even look at.
var adminsOnly = regexp.MustCompile(`^[A-Z]+ (/api/v2/(connections|variables)|/(connections|variables|users))|^(POST|PUT|PATCH|DELETE) (/api/v2/pools|/pools|/bindings|/api/dingdag/bindings|/nodes|/api/dingdag/nodes)`) //nolint:gochecknoglobals // a constant

// allRoutes are those of the real program, by the code that has them; those of the REST API by its own document.
func (p *program) allRoutes(token string) []string {
	p.t.Helper()
	ps, err := pages.New(pages.Options{})
	require.NoError(p.t, err)
	gate, err := signin.New(signin.Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(p.t, err)
	all := web.New(web.Options{SignIn: gate, Pages: ps, Metrics: http.NotFoundHandler(), DingTalk: http.NotFoundHandler(), Commands: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)}).Routes()
	for _, at := range []string{"/openapi.json", "/api/dingdag/openapi.json"} {
		all = append(all, "GET "+at)
		var doc struct {
			Paths map[string]map[string]json.RawMessage `json:"paths"`
		}
		p.ask(http.MethodGet, at, token, "", &doc)
		require.NotEmpty(p.t, doc.Paths, at)
		for path, methods := range doc.Paths {
			for _, m := range slices.Sorted(maps.Keys(methods)) {
				if method := strings.ToUpper(m); slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) {
					all = append(all, method+" "+path)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// answered is what a request was answered with, and its beginning.
type answered struct {
	status int
	to     string
	header http.Header
	body   string
}

// send sends a request for a route whose parts have values.
func (p *program) send(client *http.Client, route string, v values, token string) answered {
	p.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	path = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(path, func(part string) string {
		return cmp.Or(v[strings.Trim(part, "{}.$")], "1")
	})
	if strings.HasSuffix(route, "{$}") {
		path = strings.TrimSuffix(path, "1")
	}
	body := ""
	if method != http.MethodGet {
		body = "{}"
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	require.NoError(p.t, err, route)
	if strings.HasPrefix(path, "/api/") {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "text/html")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	require.NoError(p.t, err, route)
	defer resp.Body.Close()
	a := answered{status: resp.StatusCode, to: resp.Header.Get("Location"), header: resp.Header}
	if resp.Header.Get("Content-Type") == "text/event-stream" { // which has no end
		return a
	}
	text, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err, route)
	a.body = string(text)
	return a
}

// refused reports whether nothing was shown or done, for want of a right or of a sign-in.
func (a answered) refused() bool {
	return a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusSeeOther && strings.HasPrefix(a.to, "/auth/login")
}

// guarded is a program with a DAG that some may not see, of which there is something of each kind, and the tokens of who asks.
func guarded(t *testing.T) (p *program, tokens map[string]string) {
	t.Helper()
	p = newProgram(t, map[string]string{
		"hidden.yaml": hiddenDAG, "open.yaml": openDAG,
		"bad.yaml": "hidden_dag_bad:\n  schedule: what\n  tags: [closed]\n  tasks: [{task_id: a, operator: empty}]\n",
	})
	some := []string{"--dag", "tag:open"}
	p.user("ann", "admin")
	p.user("olaf", "operator")
	p.user("vera", "viewer")
	p.user("otto", "operator", some...)
	p.user("lily", "viewer", some...)
	p.user("dora", "admin")
	tokens = map[string]string{nobody: ""}
	for who, name := range map[string]string{admin: "ann", operator: "olaf", viewer: "vera", someOperator: "otto", someViewer: "lily", disabled: "dora", expired: "ann"} {
		tokens[who] = strings.TrimSpace(p.run("", "tokens", "create", name, "for-"+strings.ReplaceAll(who, " ", "-"), "--days", "1"))
	}
	p.run("", "users", "set", "dora", "--disable")
	db, err := sql.Open("sqlite", filepath.Join(p.home, "dingdag.db"))
	require.NoError(t, err)
	changed, err := db.ExecContext(t.Context(), "UPDATE account_token SET expires_at = 1000 WHERE name = 'for-an-expired-token'")
	require.NoError(t, err)
	n, err := changed.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, db.Close())
	p.serves()

	ask := func(method, path, body string) { p.ask(method, "/api/v2/"+path, tokens[admin], body, nil) }
	ask(http.MethodPatch, "dags/hidden_dag", `{"is_paused": false}`)
	ask(http.MethodPost, "dags/hidden_dag/dagRuns", `{"dag_run_id": "one", "logical_date": null, "note": "hidden_dag note", "conf": {"a": "hidden_dag conf"}}`)
	ask(http.MethodPatch, "dags/open_dag", `{"is_paused": false}`)
	ask(http.MethodPost, "dags/open_dag/dagRuns", `{"dag_run_id": "one", "logical_date": null}`)
	ask(http.MethodPost, "variables", `{"key": "v", "value": "hidden_dag variable"}`)
	ask(http.MethodPost, "connections", `{"connection_id": "c", "conn_type": "http", "password": "hidden_dag password", "description": "hidden_dag connection"}`)
	for _, what := range []string{"taskInstances/breaks|failed", "taskInstances/load|success", "taskInstances/asks|deferred"} {
		path, state, _ := strings.Cut(what, "|")
		require.Eventually(t, func() bool {
			var ti struct {
				State string `json:"state"`
			}
			p.ask(http.MethodGet, "/api/v2/dags/hidden_dag/dagRuns/one/"+path, tokens[admin], "", &ti)
			return ti.State == state
		}, patience, 50*time.Millisecond, what)
	}
	return p, tokens
}

// hiddenValues are those of what some may not see. Numbers are 1: the first of each kind is of it.
func hiddenValues() values {
	return values{
		"dag_id": "hidden_dag", "dag_run_id": "one", "run_id": "one", "task_id": "load", "map_index": "-1", "xcom_key": "return_value", "key": "return_value",
		"variable_key": "v", "connection_id": "c", "conn_id": "c", "pool_name": "default_pool", "name": "default_pool", "kind": "x", "username": "ann",
	}
}

// Each route refuses whom it must. The routes are asked for: a new one that needs a sign-in needs no line here.
func TestRoutesForEachRole(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	all := p.allRoutes(tokens[admin])
	require.Greater(t, len(all), 100)
	ask := func(r, who string, v values) (answered, string) {
		a := p.send(client, r, v, tokens[who])
		about := fmt.Sprintf("%s for %s: %d %.300s", r, who, a.status, a.body)
		assert.NotEqual(t, http.StatusInternalServerError, a.status, about)
		return a, about
	}
	hidden := hiddenValues()
	open := maps.Clone(hidden)
	open["dag_id"] = "open_dag"
	for _, r := range all {
		method, path, _ := strings.Cut(r, " ")
		for _, who := range []string{nobody, expired, disabled} {
			a, about := ask(r, who, hidden)
			switch {
			case path == "/metrics": // which tells this machine of all DAGs
			case isPublic(r):
				assert.NotContains(t, a.body, "hidden_dag", about)
			default:
				assert.True(t, a.refused(), about)
				if who != nobody || strings.HasPrefix(path, "/api/") || method != http.MethodGet {
					assert.Equal(t, http.StatusUnauthorized, a.status, about)
				}
			}
		}
		if isPublic(r) {
			continue
		}
		// Who is limited sees and changes nothing of the hidden DAG, and finds no trace of it.
		for _, who := range []string{someViewer, someOperator} {
			a, about := ask(r, who, hidden)
			if strings.Contains(path, "{dag_id}") {
				if !bulk.MatchString(r) || a.status != http.StatusUnprocessableEntity { // it has no actions
					assert.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, a.status, about)
				}
				assert.NotContains(t, a.body, "hidden_dag ", about) // its name is what was asked with
				if a, about := ask(r, who, open); !changing(r) && !form.MatchString(path) {
					assert.False(t, a.refused(), about)
				}
			} else {
				assert.NotContains(t, a.body, "hidden_dag", about)
				if changing(r) {
					assert.GreaterOrEqual(t, a.status, 400, about)
				}
			}
			a, about = ask(strings.ReplaceAll(strings.ReplaceAll(r, "{dag_id}", "~"), "{dag_run_id}", "~"), who, hidden)
			assert.NotContains(t, a.body, "hidden_dag", about)
		}
		// A viewer changes nothing, and sees what there is.
		a, about := ask(r, viewer, hidden)
		switch {
		case changing(r) && !strings.HasPrefix(path, "/api/"): // a page may say first that the form is empty
			assert.Contains(t, []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}, a.status, about)
		case changing(r), adminsOnly.MatchString(r), form.MatchString(path):
			assert.Equal(t, http.StatusForbidden, a.status, about)
		case closed.MatchString(path):
		default:
			assert.False(t, a.refused(), about)
		}
	}
	// Nor does an action among many.
	for _, who := range []string{viewer, someViewer, someOperator} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, p.url+"/api/v2/dags/hidden_dag/dagRuns/one/taskInstances",
			strings.NewReader(`{"actions": [{"action": "update", "entities": [{"dag_id": "hidden_dag", "dag_run_id": "one", "task_id": "load", "new_state": "failed"}]}]}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+tokens[who])
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.NotContains(t, string(body), `"load"`, who)
	}
	var state struct {
		State string `json:"state"`
	}
	p.ask(http.MethodGet, "/api/v2/dags/hidden_dag/dagRuns/one/taskInstances/load", tokens[admin], "", &state)
	assert.Equal(t, "success", state.State, "somebody has marked it who may not")
	var log []struct {
		Event string `json:"event"`
		Owner string `json:"owner"`
	}
	require.NoError(t, json.Unmarshal([]byte(p.run("", "events", "list", "-o", "json")), &log))
	require.NotEmpty(t, log)
	for _, e := range log {
		assert.NotContains(t, []string{"vera", "lily"}, e.Owner, e.Event)
	}
	for who, token := range tokens {
		if token != "" {
			assert.NotContains(t, p.said(), token, "the log has the token of %s", who)
		}
	}
	// Who may change things may change what there is not, which is not there.
	unknown := values{"dag_id": "nothing", "dag_run_id": "nothing", "run_id": "nothing", "task_id": "nothing", "variable_key": "nothing", "connection_id": "nothing", "pool_name": "nothing", "map_index": "0", "username": "nothing"}
	for _, r := range all {
		if isPublic(r) {
			continue
		}
		_, path, _ := strings.Cut(r, " ")
		for _, who := range []string{operator, admin} {
			a, about := ask(r, who, unknown)
			switch {
			case who == operator && adminsOnly.MatchString(r), ofPeople.MatchString(r): // which an API token, as here, may not
				assert.Equal(t, http.StatusForbidden, a.status, about)
			case !closed.MatchString(path):
				assert.False(t, a.refused(), about)
			}
		}
	}
}

// closed is what is refused to everybody.
var closed = regexp.MustCompile(`^/api/v2/config\b`) //nolint:gochecknoglobals // a constant

// ofPeople are what only those do who have signed in: a token could get more than it has.
var ofPeople = regexp.MustCompile(`^POST /account/`) //nolint:gochecknoglobals // a constant

// bulk are calls with many actions, each of which has its own answer.
var bulk = regexp.MustCompile(`^PATCH .*/(taskInstances|dagRuns)$`) //nolint:gochecknoglobals // a constant

// form is the page of a form that changes something.
var form = regexp.MustCompile(`/(clear|mark|trigger|new|edit)$`) //nolint:gochecknoglobals // a constant

// isPublic reports whether a route needs no sign-in.
func isPublic(r string) bool {
	return slices.Contains(public, r) || strings.HasPrefix(r, "POST /dingtalk/") // whose requests are signed
}

// changing reports whether a route is of a call that may change something.
func changing(r string) bool { return !strings.HasPrefix(r, "GET ") && !asks.MatchString(r) }
