package whole_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attacker sends requests of its own making, and follows nothing.
type attacker struct {
	p      *program
	client *http.Client
}

func (p *program) attacker() *attacker {
	return &attacker{p, &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// do sends a request: the header is pairs of names and values.
func (a *attacker) do(method, path string, body io.Reader, header ...string) answered {
	a.p.t.Helper()
	req, err := http.NewRequestWithContext(a.p.t.Context(), method, a.p.url+path, body)
	require.NoError(a.p.t, err, path)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := a.client.Do(req)
	require.NoError(a.p.t, err, path)
	defer resp.Body.Close()
	got := answered{status: resp.StatusCode, to: resp.Header.Get("Location"), header: resp.Header}
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		text, err := io.ReadAll(resp.Body)
		require.NoError(a.p.t, err, path)
		got.body = string(text)
	}
	return got
}

// cookie is that of a session, as a browser sends it.
func cookie(cookies []*http.Cookie) string {
	var all []string
	for _, c := range cookies {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// formToken is that of the forms of a session.
func (a *attacker) formToken(session string) string {
	a.p.t.Helper()
	page := a.do(http.MethodGet, "/dags", nil, "Cookie", session).body
	m := regexp.MustCompile(`name="csrf_token" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(a.p.t, m, page)
	return m[1]
}

const sentForm = "application/x-www-form-urlencoded"

// No page of another site, and nobody with a session of his own, does anything with the session of somebody else.
func TestForgery(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	a := p.attacker()
	ann, vera := cookie(p.session("ann")), cookie(p.session("vera"))
	own := a.formToken(ann)
	others := a.formToken(vera)
	require.NotEqual(t, own, others)
	filled := hiddenValues()
	for _, r := range p.allRoutes(tokens[admin]) {
		method, path, _ := strings.Cut(r, " ")
		if method == http.MethodGet || strings.HasPrefix(path, "/auth/") || strings.HasPrefix(path, "/dingtalk/") || path == "/preferences" {
			continue // nothing of these is done with a session, and /auth/logout is below
		}
		path = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(path, func(part string) string {
			if v := filled[strings.Trim(part, "{}")]; v != "" {
				return v
			}
			return "1"
		})
		for what, try := range map[string][]string{
			"without a token":                      {"", "Cookie", ann},
			"with the token of another session":    {others, "Cookie", ann},
			"from another site":                    {own, "Cookie", ann, "Origin", "https://evil.example"},
			"from another site, as browsers say":   {own, "Cookie", ann, "Sec-Fetch-Site", "cross-site"},
			"from another port of the same host":   {own, "Cookie", ann, "Origin", "http://127.0.0.1:1"},
			"from another site, without an origin": {own, "Cookie", ann, "Origin", "null"},
		} {
			got := a.do(method, path, strings.NewReader(url.Values{"csrf_token": {try[0]}}.Encode()), append([]string{"Content-Type", sentForm}, try[1:]...)...)
			assert.Equal(t, http.StatusForbidden, got.status, "%s %s %s: %.200s", method, path, what, got.body)
			// A form of another site can have this type without asking first.
			got = a.do(method, path, strings.NewReader(`{"csrf_token": "`+try[0]+`"}`), append([]string{"Content-Type", "text/plain"}, try[1:]...)...)
			assert.Equal(t, http.StatusForbidden, got.status, "%s %s %s as text: %.200s", method, path, what, got.body)
		}
	}
	got := a.do(http.MethodPost, "/auth/logout", strings.NewReader("csrf_token="+others), "Content-Type", sentForm, "Cookie", ann)
	assert.Equal(t, http.StatusForbidden, got.status, "sign somebody out")
	assert.Equal(t, http.StatusOK, a.do(http.MethodGet, "/dags", nil, "Cookie", ann).status)
	got = a.do(http.MethodPost, "/dags/open_dag/pause", strings.NewReader("paused=true&csrf_token="+own), "Content-Type", sentForm, "Cookie", ann, "Origin", p.url)
	assert.Equal(t, http.StatusSeeOther, got.status, "the page itself may: %s", got.body)
}

// A session is new with each sign-in, ends when it is left, and its cookie is for this server alone.
func TestSessions(t *testing.T) {
	t.Parallel()
	p := newProgram(t, map[string]string{"open.yaml": openDAG})
	p.user("ann", "admin")
	p.serves()
	a := p.attacker()
	signIn := func(header ...string) string {
		got := a.do(http.MethodPost, "/auth/login", strings.NewReader(url.Values{"username": {"ann"}, "password": {password}}.Encode()), append([]string{"Content-Type", sentForm}, header...)...)
		require.Equal(t, http.StatusSeeOther, got.status, got.body)
		c, err := http.ParseSetCookie(got.header.Get("Set-Cookie"))
		require.NoError(t, err)
		assert.True(t, c.HttpOnly)
		assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
		assert.Equal(t, "/", c.Path)
		assert.Empty(t, c.Domain)
		assert.Positive(t, c.MaxAge)
		assert.False(t, c.Secure, "it is plain HTTP")
		return c.Name + "=" + c.Value
	}
	first := signIn()
	second := signIn("Cookie", first)
	assert.NotEqual(t, first, second, "a session that somebody has planted is taken over")
	for c, want := range map[string]int{first: http.StatusSeeOther, second: http.StatusOK, "dingdag=planted": http.StatusSeeOther} {
		assert.Equal(t, want, a.do(http.MethodGet, "/dags", nil, "Cookie", c, "Accept", "text/html").status, "the session of a browser that has signed in again ends")
	}
	planted := signIn("Cookie", "dingdag=planted")
	assert.NotEqual(t, "dingdag=planted", planted)
	out := a.do(http.MethodPost, "/auth/logout", strings.NewReader("csrf_token="+a.formToken(second)), "Content-Type", sentForm, "Cookie", second)
	assert.Equal(t, http.StatusSeeOther, out.status)
	assert.Equal(t, http.StatusSeeOther, a.do(http.MethodGet, "/dags", nil, "Cookie", second, "Accept", "text/html").status, "it is over")
	p.run(password+" new\n", "users", "password", "ann")
	assert.Equal(t, http.StatusSeeOther, a.do(http.MethodGet, "/dags", nil, "Cookie", planted, "Accept", "text/html").status, "another password ends all sessions")

	for _, secret := range []string{first, second, planted} {
		_, value, _ := strings.Cut(secret, "=")
		a.do(http.MethodGet, "/auth/setup/"+value, nil)
		a.do(http.MethodGet, "/dags?token="+value+"&access_token="+value, nil)
		a.do(http.MethodGet, "/api/v2/dags?token="+value, nil, "Authorization", "Bearer "+value)
		assert.NotContains(t, p.said(), value)
	}
	assert.NotContains(t, p.said(), password)
}

// Answers tell browsers what they may do with them, whoever asks and whatever for.
func TestHeadersOfEachRoute(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	a := p.attacker()
	for _, r := range p.allRoutes(tokens[admin]) {
		for _, who := range []string{nobody, admin} {
			got := p.send(a.client, r, hiddenValues(), map[string]string{admin: tokens[admin]}[who])
			policy := got.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
				assert.Contains(t, policy, part, r)
			}
			assert.NotContains(t, policy, "unsafe", r)
			assert.NotContains(t, policy, "http:", r)
			assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), r)
			assert.Contains(t, []string{"no-referrer", "same-origin"}, got.header.Get("Referrer-Policy"), r)
			assert.Equal(t, "DENY", got.header.Get("X-Frame-Options"), r)
			assert.Empty(t, got.header.Get("Access-Control-Allow-Origin"), r)
			if got.status != http.StatusNoContent && got.body != "" {
				assert.NotEmpty(t, got.header.Get("Content-Type"), r)
			}
			assert.NotRegexp(t, `(?i)<script(?:>|[^>]* (?:on\w+=))|<[a-z]+ [^>]*\bstyle="`, got.body, "%s has a script or a style within", r)
		}
	}
}

// Whatever a path or a query says, nothing outside of what is served is read, and nobody is led elsewhere.
func TestPathsThatLeadElsewhere(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	a := p.attacker()
	key, err := os.ReadFile(filepath.Join(p.home, "secret.key"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(p.home, "logs", "outside.log"), []byte("outside"), 0o600))
	ann := []string{"Authorization", "Bearer " + tokens[admin]}
	for _, up := range []string{
		"..%2f..%2f..%2f..%2fsecret.key", "..%2f..%2foutside.log", "%2e%2e%2f%2e%2e%2fsecret.key", "..%5c..%5csecret.key", "..%252f..%252fsecret.key", "....%2f%2fsecret.key",
		url.PathEscape(filepath.Join(p.home, "secret.key")), "secret.key%00.log", "..", ".",
	} {
		for _, path := range []string{
			"/static/" + up, "/static/../../" + up, "/dags/" + up, "/dags/" + up + "/runs/one", "/dags/hidden_dag/runs/" + up + "/tasks/load/log", "/dags/hidden_dag/runs/one/tasks/" + up + "/log",
			"/dags/hidden_dag/runs/one/tasks/" + up, "/dags/hidden_dag/runs/one/tasks/load/log?try_number=" + up, "/dags/hidden_dag/runs/one/tasks/load/mapped/" + up + "/log",
			"/api/v2/dags/" + up, "/api/v2/dagSources/" + up, "/api/v2/dags/hidden_dag/dagRuns/" + up + "/taskInstances/load/logs/1", "/api/v2/dags/hidden_dag/dagRuns/one/taskInstances/" + up + "/logs/1",
			"/api/v2/dags/hidden_dag/dagRuns/one/taskInstances/load/logs/" + up, "/" + up, "/files/" + up,
		} {
			got := a.do(http.MethodGet, path, nil, ann...)
			assert.NotEqual(t, http.StatusInternalServerError, got.status, path)
			assert.NotContains(t, got.body, string(bytes.TrimSpace(key)), path)
			assert.NotContains(t, got.body, "outside\n", path)
			assert.False(t, strings.HasPrefix(got.to, "//") || strings.Contains(got.to, "://"), "%s leads to %s", path, got.to)
		}
	}

	session := cookie(p.session("ann"))
	own := a.formToken(session)
	for _, evil := range []string{
		"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "javascript:alert(1)", "/%09/evil.example", "/\t/evil.example", "/\n/evil.example",
		"//evil.example/..", "/dags\r\nSet-Cookie: dingdag=planted", "/dags%0d%0aSet-Cookie: dingdag=planted", " https://evil.example", "///evil.example", "http://127.0.0.1@evil.example", "/.//evil.example",
	} {
		for _, got := range []answered{
			a.do(http.MethodPost, "/auth/login", strings.NewReader(url.Values{"username": {"ann"}, "password": {password}, "next": {evil}}.Encode()), "Content-Type", sentForm),
			a.do(http.MethodPost, "/preferences", strings.NewReader(url.Values{"lang": {"en"}, "theme": {evil}, "tz": {evil}, "back": {evil}, "csrf_token": {own}}.Encode()), "Content-Type", sentForm, "Cookie", session),
			a.do(http.MethodPost, "/dags/open_dag/pause", strings.NewReader(url.Values{"paused": {"false"}, "back": {evil}, "csrf_token": {own}}.Encode()), "Content-Type", sentForm, "Cookie", session),
			a.do(http.MethodGet, "/api/v2/auth/login?next="+url.QueryEscape(evil), nil),
		} {
			to, err := url.Parse(got.to)
			if assert.NoError(t, err, "%q leads to %q", evil, got.to) {
				// A browser takes backslashes for slashes, and drops tabs and ends of lines.
				seen := strings.NewReplacer("\\", "/", "\t", "", "\n", "", "\r", "").Replace(got.to)
				assert.True(t, to.Host == "" && to.Scheme == "" && strings.HasPrefix(seen, "/") && !strings.HasPrefix(seen, "//"), "%q leads to %q", evil, got.to)
			}
			for _, c := range got.header.Values("Set-Cookie") {
				assert.NotContains(t, c, "planted")
			}
		}
	}
}

// A client that says nothing, or never stops, holds up nobody.
func TestSlowAndLargeRequests(t *testing.T) {
	t.Parallel()
	p, tokens := guarded(t)
	a := p.attacker()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, conn.SetReadDeadline(began.Add(patience)))
	_, err = io.ReadAll(conn)
	require.NoError(t, err, "a connection that never says what it wants is closed")
	assert.Less(t, time.Since(began), patience/2)

	session := cookie(p.session("ann"))
	own := a.formToken(session)
	before := p.memory()
	const large = 10 << 20
	for _, path := range []string{"/auth/login", "/auth/token", "/preferences", "/dags/open_dag/trigger", "/api/v2/dags/open_dag/dagRuns", "/api/v2/variables", "/alerts/ack"} {
		kind := sentForm
		body := "csrf_token=" + own + "&note=" + strings.Repeat("a", large)
		header := []string{"Cookie", session}
		if strings.HasPrefix(path, "/api/") || path == "/auth/token" {
			kind, body, header = "application/json", `{"note": "`+strings.Repeat("a", large)+`"}`, []string{"Authorization", "Bearer " + tokens[admin]}
		}
		got := a.do(http.MethodPost, path, strings.NewReader(body), append(header, "Content-Type", kind)...)
		assert.GreaterOrEqual(t, got.status, 400, path)
		assert.Less(t, got.status, 500, path)
	}
	assert.Less(t, p.memory()-before, int64(64<<20), "bytes more after large requests")
	got := a.do(http.MethodGet, "/dags?q="+strings.Repeat("a", 64<<10), nil, "Cookie", session)
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, got.status)
}

// memory is how much the program has, in bytes.
func (p *program) memory() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if os.IsNotExist(err) {
		return 0 // not on this system
	}
	require.NoError(p.t, err)
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(p.t, m)
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	require.NoError(p.t, err)
	return n << 10
}

// A log of a gigabyte, of a quarter of one with the race detector, and a run with 100,000 instances are shown in part.
func TestLargeThings(t *testing.T) { //nolint:paralleltest // with the race detector a page takes fifty times as long, and beside browsers more than an answer may
	size, most := int64(1<<30), int64(256<<20)
	if underRace {
		size, most = 256<<20, 128<<20
	}
	p, tokens := guarded(t)
	a := p.attacker()
	ann := []string{"Authorization", "Bearer " + tokens[admin], "Accept", "text/html"}
	var log string
	require.NoError(t, filepath.WalkDir(filepath.Join(p.home, "logs"), func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, "dag_id=hidden_dag/run_id=one/") && strings.Contains(path, "task_id=load") && strings.HasSuffix(path, ".log") {
			log = path
		}
		return err
	}))
	require.NotEmpty(t, log)
	f, err := os.OpenFile(log, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("\n[2026-01-01T00:00:00.000Z] INFO - the last line\n"), size)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	before := p.memory()
	const page = "/dags/hidden_dag/runs/one/tasks/load"
	got := a.do(http.MethodGet, page, nil, ann...)
	assert.Equal(t, http.StatusOK, got.status)
	assert.Contains(t, got.body, "the last line")
	assert.Less(t, len(got.body), 2<<20)
	found := a.do(http.MethodGet, page+"?find=last+line", nil, ann...)
	assert.Equal(t, http.StatusOK, found.status)
	assert.Less(t, len(found.body), 2<<20)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v2/dags/hidden_dag/dagRuns/one/taskInstances/load/logs/1", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+tokens[admin])
	resp, err := a.client.Do(req)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	_, err = io.CopyN(io.Discard, resp.Body, 64<<20) // it would be all of it
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Less(t, p.memory()-before, most, "bytes more after a log of %d bytes was shown", size)

	db, err := sql.Open("sqlite", filepath.Join(p.home, "dingdag.db")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM pragma_table_info('task_instance')")
	require.NoError(t, err)
	defer rows.Close()
	var names, from []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
		if name == "map_index" {
			name = "n"
		}
		from = append(from, name)
	}
	require.NoError(t, rows.Err())
	const instances = 100_000
	_, err = db.ExecContext(t.Context(), fmt.Sprintf(`WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < %d)
		INSERT INTO task_instance (%s) SELECT %s FROM task_instance, c WHERE task_id = 'load' AND map_index = -1
		AND run_key = (SELECT id FROM dag_run WHERE dag_id = 'open_dag')`, instances-1, strings.Join(names, ", "), strings.Join(from, ", ")))
	require.NoError(t, err)
	require.NoError(t, db.Close())
	for _, path := range []string{"/dags/open_dag", "/dags/open_dag/runs/one", "/dags/open_dag/runs/one/graph", "/dags/open_dag/runs/one/gantt", "/dags/open_dag/runs/one/clear"} {
		got := a.do(http.MethodGet, path, nil, ann...)
		assert.Equal(t, http.StatusOK, got.status, path)
		assert.Less(t, len(got.body), 4<<20, path)
	}
	assert.Less(t, p.memory()-before, int64(1<<30), "bytes more after a run with %d instances was shown", instances)
}
