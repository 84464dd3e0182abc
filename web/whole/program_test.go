package whole_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
)

// TestMain makes this program dingdag as well, which the tests start.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dingdag": func() { cli.Main() }})
}

// patience is how long something may take on a slow machine.
const patience = time.Minute

// password is that of all users.
const password = "correct horse"

// program is the real one, with a home folder of its own.
type program struct {
	t    *testing.T
	home string
	// env are settings of its own.
	env []string
	// url is where it serves once it does.
	url string
	pid int

	mu  sync.Mutex
	log bytes.Buffer
}

// newProgram has files in its DAGs folder, and does not work yet.
func newProgram(t *testing.T, files map[string]string) *program {
	t.Helper()
	p := &program{t: t, home: filepath.Join(t.TempDir(), "home")}
	for name, text := range files {
		p.write(name, text)
	}
	return p
}

// write puts a file into the DAGs folder.
func (p *program) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.home, "dags", name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(p.t, os.WriteFile(path, []byte(text), 0o600))
}

// command is one of the program, with nothing of the environment that could change what it does.
func (p *program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "dingdag", args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "HOME=" + p.home, "DINGDAG_HOME=" + p.home, "DINGDAG_LISTEN=127.0.0.1:0",
		"DINGDAG_REFRESH_INTERVAL=50ms", "DINGDAG_LOG_LEVEL=debug", "GORACE=atexit_sleep_ms=10",
	}
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// run runs a command to its end, which is a good one, and returns what it says.
func (p *program) run(in string, args ...string) string {
	p.t.Helper()
	cmd := p.command(p.t.Context(), args...)
	cmd.Stdin = strings.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(p.t, cmd.Run(), "dingdag %s\n%s%s", strings.Join(args, " "), out.String(), errs.String())
	return out.String()
}

// user adds somebody who may sign in.
func (p *program) user(name, role string, flags ...string) {
	p.t.Helper()
	p.run(password+"\n", append([]string{"users", "create", name, "--role", role}, flags...)...)
}

// serves begins the work, which ends with the test.
func (p *program) serves() {
	p.t.Helper()
	cmd := p.command(context.WithoutCancel(p.t.Context()), "standalone")
	pipe, err := cmd.StderrPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, cmd.Start())
	p.pid = cmd.Process.Pid
	var (
		read  sync.WaitGroup
		works = make(chan string, 1)
	)
	read.Go(func() {
		at := ""
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			line := lines.Text()
			p.mu.Lock()
			p.log.WriteString(line + "\n")
			p.mu.Unlock()
			if m := regexp.MustCompile(`msg="dingdag serves pages" url=(\S+)`).FindStringSubmatch(line); m != nil {
				at = m[1]
			}
			if strings.Contains(line, `msg="dingdag works"`) {
				works <- at
			}
		}
		close(works)
	})
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		read.Wait()
		err := cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("the log of the program:\n%s", p.said())
		}
		assert.NoError(p.t, err, "the end of the program")
	})
	select {
	case p.url = <-works:
	case <-time.After(patience):
	}
	require.NotEmpty(p.t, p.url, "the program does not work:\n%s", p.said())
}

// said is its log.
func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// session signs somebody in as a browser does, and returns the cookies.
func (p *program) session(name string) []*http.Cookie {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	c := &http.Client{Jar: jar, Timeout: patience}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/auth/login", strings.NewReader(url.Values{"username": {name}, "password": {password}}.Encode()))
	require.NoError(p.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	require.Equal(p.t, http.StatusOK, resp.StatusCode, "sign in %s", name)
	cookies := jar.Cookies(req.URL)
	require.NotEmpty(p.t, cookies, "sign in %s", name)
	return cookies
}

// token is one of ann for the REST API.
func (p *program) token() string {
	p.t.Helper()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	body, err := json.Marshal(map[string]string{"username": "ann", "password": password})
	require.NoError(p.t, err)
	p.ask(http.MethodPost, "/auth/token", "", string(body), &got)
	return got.AccessToken
}

// ask calls the REST API, which answers well.
func (p *program) ask(method, path, token, body string, into any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	require.NoError(p.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	require.Less(p.t, resp.StatusCode, 300, "%s %s: %s", method, path, raw)
	if into != nil {
		require.NoError(p.t, json.Unmarshal(raw, into), "%s %s: %s", method, path, raw)
	}
}

// run is one of a DAG, as the REST API says it.
type run struct {
	RunID string `json:"dag_run_id"`
	State string `json:"state"`
}

// lastRun is the newest run of a DAG once it has ended.
func (p *program) lastRun(token, dagID string) run {
	p.t.Helper()
	var got struct {
		Runs []run `json:"dag_runs"`
	}
	require.Eventually(p.t, func() bool {
		p.ask(http.MethodGet, "/api/v2/dags/"+dagID+"/dagRuns?order_by=-id&limit=1", token, "", &got)
		return len(got.Runs) == 1 && (got.Runs[0].State == "success" || got.Runs[0].State == "failed")
	}, patience, 50*time.Millisecond, "a run of %s", dagID)
	return got.Runs[0]
}

// trigger starts a run of a DAG, waits for its end and returns it.
func (p *program) trigger(token, dagID, body string) run {
	p.t.Helper()
	p.ask(http.MethodPost, "/api/v2/dags/"+dagID+"/dagRuns", token, cmp.Or(body, `{"logical_date": null}`), nil)
	return p.lastRun(token, dagID)
}

// asset is the number of an asset.
func (p *program) asset(token, uri string) string {
	p.t.Helper()
	var got struct {
		Assets []struct {
			ID int `json:"id"`
		} `json:"assets"`
	}
	p.ask(http.MethodGet, "/api/v2/assets?uri_pattern="+url.QueryEscape(uri), token, "", &got)
	require.Len(p.t, got.Assets, 1, uri)
	return strconv.Itoa(got.Assets[0].ID)
}
