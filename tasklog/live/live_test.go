package live_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/tasklog"
	"github.com/dingdag/dingdag/tasklog/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const logName = "dag_id=日报/run_id=scheduled__2026-01-01T00:00:00+00:00/task_id=t/attempt=1.log"

func now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// pair is two machines: one shows its logs, the other one asks for them.
type pair struct {
	dir    string
	server *httptest.Server
	client *live.Client
	seen   []*http.Request
}

func key(t *testing.T, secret string) live.Key {
	t.Helper()
	k, err := live.NewKey([]byte(secret))
	require.NoError(t, err)
	return k
}

// newPair starts them. change changes what the one that asks has.
func newPair(t *testing.T, change func(*live.ClientOptions)) *pair {
	t.Helper()
	p := &pair{dir: t.TempDir()}
	h := live.NewHandler(live.HandlerOptions{Dir: p.dir, Node: "a", Local: tasklog.Dir(p.dir), Key: key(t, "the secret"), Clock: now})
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.seen = append(p.seen, r)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	o := live.ClientOptions{Key: key(t, "the secret"), Clock: now, Endpoints: func(_ context.Context, node string) ([]string, error) {
		if node != "a" {
			return nil, nil
		}
		return []string{p.server.URL}, nil
	}}
	if change != nil {
		change(&o)
	}
	p.client = live.NewClient(o)
	t.Cleanup(func() { assert.NoError(t, p.client.Close()) })
	return p
}

func (p *pair) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(p.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString(text)
	require.NoError(t, err)
}

func TestLive(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	held, err := p.client.Held(t.Context(), "a", logName)
	require.NoError(t, err)
	assert.Equal(t, tasklog.Held{Size: -1}, held, "it has not begun")
	_, err = p.client.ReadAt(t.Context(), "a", "", logName, make([]byte, 1), 0)
	require.ErrorIs(t, err, tasklog.ErrNone)

	p.write(t, logName, "one\n")
	held, err = p.client.Held(t.Context(), "a", logName)
	require.NoError(t, err)
	assert.Equal(t, int64(4), held.Size)
	p.write(t, logName, "two\n")
	b := make([]byte, 5)
	n, err := p.client.ReadAt(t.Context(), "a", "", logName, b, 2)
	require.NoError(t, err)
	assert.Equal(t, "e\ntwo", string(b[:n]))
	n, err = p.client.ReadAt(t.Context(), "a", "", logName, b, 5)
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "wo\n", string(b[:n]))
	_, err = p.client.ReadAt(t.Context(), "a", "", logName, b, 8)
	require.ErrorIs(t, err, io.EOF)

	for _, r := range p.seen {
		assert.NotContains(t, r.URL.String(), "Dingdag-Log", "no token in what servers write down")
		assert.NotContains(t, r.Header.Get("Authorization"), "the secret")
	}
}

// What a machine answers to who may not know is the same, whether there is something or not.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*live.ClientOptions)
		want   string
	}{
		"another key": {func(o *live.ClientOptions) { o.Key, _ = live.NewKey([]byte("another one")) }, "another secret key"},
		"the end has come": {
			func(o *live.ClientOptions) { o.Clock = func() time.Time { return now().Add(-5 * time.Minute) } },
			"the clocks of the two machines differ by more than 5m0s",
		},
		"the end is far away": {
			func(o *live.ClientOptions) {
				o.Clock = func() time.Time { return now().Add(5*time.Minute + time.Second) }
			},
			"the clocks of the two machines differ by more than 5m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, test.change)
			p.write(t, logName, "one\n")
			for _, log := range []string{logName, "dag_id=d/run_id=r/task_id=none/attempt=1.log"} {
				_, err := p.client.Held(t.Context(), "a", log)
				require.ErrorContains(t, err, "it answers 401 Unauthorized: the token does not count")
				require.ErrorContains(t, err, test.want)
				_, err = p.client.ReadAt(t.Context(), "a", "", log, make([]byte, 1), 0)
				require.ErrorContains(t, err, test.want)
			}
		})
	}
}

// A clock that is some minutes wrong does no harm.
func TestClocks(t *testing.T) {
	t.Parallel()
	for _, wrong := range []time.Duration{-5*time.Minute + time.Second, 5 * time.Minute} {
		p := newPair(t, func(o *live.ClientOptions) { o.Clock = func() time.Time { return now().Add(wrong) } })
		_, err := p.client.Held(t.Context(), "a", logName)
		require.NoError(t, err)
	}
}

// A token is for one log on one machine.
func TestTokenOfAnother(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	p.write(t, logName, "one\n")
	_, err := p.client.Held(t.Context(), "a", logName)
	require.NoError(t, err)
	token := p.seen[0].Header.Get("Authorization")
	ask := func(path, name, token string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.server.URL+live.Path+path+"?name="+url.QueryEscape(name), nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", token)
		resp, err := p.server.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusOK, ask("text", logName, token))
	assert.Equal(t, http.StatusUnauthorized, ask("text", strings.Replace(logName, "=t/", "=u/", 1), token))
	assert.Equal(t, http.StatusUnauthorized, ask("text", logName, ""))
	assert.Equal(t, http.StatusUnauthorized, ask("text", logName, strings.Replace(token, "Dingdag-Log 1", "Dingdag-Log 2", 1)))
	assert.Equal(t, http.StatusUnauthorized, ask("anything", logName, ""))
	assert.Equal(t, http.StatusNotFound, ask("anything", logName, token))

	other := newPair(t, func(o *live.ClientOptions) {
		o.Endpoints = func(context.Context, string) ([]string, error) { return []string{p.server.URL}, nil }
	})
	_, err = other.client.Held(t.Context(), "b", logName) // its address is another machine's now
	require.ErrorContains(t, err, "or means another machine than a")
}

// Nothing but logs below the log folder is shown, also to who has the key.
func TestBelow(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	outside := filepath.Join(filepath.Dir(p.dir), "outside.log")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(p.dir, "dag_id=d", "folder.log"), 0o750))
	require.NoError(t, os.Symlink(outside, filepath.Join(p.dir, "dag_id=d", "link.log")))
	require.NoError(t, os.Symlink(filepath.Dir(p.dir), filepath.Join(p.dir, "dag_id=e")))
	p.write(t, "dag_id=d/secret.key", "secret")
	p.write(t, ".unsent/1.log", "secret")
	for _, bad := range []string{"../outside.log", outside, "dag_id=d/../../outside.log", "dag_id=d/link.log", "dag_id=e/outside.log", "dag_id=d/folder.log", "dag_id=d/secret.key", ".unsent/1.log", ""} {
		b := make([]byte, 6)
		n, err := p.client.ReadAt(t.Context(), "a", "", bad, b, 0)
		require.Error(t, err, bad)
		assert.NotErrorIs(t, err, io.EOF, bad)
		assert.Zero(t, n, bad)
	}
}

// Why a machine cannot be asked stands in the error, and is said soon.
func TestGone(t *testing.T) {
	t.Parallel()
	p := newPair(t, nil)
	_, err := p.client.Held(t.Context(), "b", logName)
	require.ErrorIs(t, err, tasklog.ErrGone)
	p.server.Close()
	_, err = p.client.Held(t.Context(), "a", logName)
	require.ErrorContains(t, err, p.server.URL+" does not answer")
	require.ErrorContains(t, err, "connection refused")

	_, err = live.NewKey(nil)
	require.ErrorContains(t, err, "secret_key")
}

// Several processes of a machine are asked until one has the log; one that does not answer may be the one.
func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	first, second := newPair(t, nil), newPair(t, nil)
	require.NoError(t, tasklog.Dir(first.dir).Mark("first"))
	require.NoError(t, tasklog.Dir(second.dir).Mark("second"))
	both := newPair(t, func(o *live.ClientOptions) {
		o.Endpoints = func(context.Context, string) ([]string, error) {
			return []string{first.server.URL, second.server.URL}, nil
		}
	})
	second.write(t, logName, "two\n")
	held, err := both.client.Held(t.Context(), "a", logName)
	require.NoError(t, err)
	assert.Equal(t, tasklog.Held{Folder: "second", Size: 4}, held)
	first.write(t, logName, "one\n")
	for folder, want := range map[string]string{"first": "one\n", "second": "two\n", "": "one\n"} {
		b := make([]byte, 4)
		_, err = both.client.ReadAt(t.Context(), "a", folder, logName, b, 0)
		require.NoError(t, err)
		assert.Equal(t, want, string(b))
	}
	_, err = both.client.ReadAt(t.Context(), "a", "third", logName, make([]byte, 4), 0)
	require.ErrorIs(t, err, tasklog.ErrNone)

	first.server.Close()
	held, err = both.client.Held(t.Context(), "a", logName)
	require.NoError(t, err)
	assert.Equal(t, "second", held.Folder)
	_, err = both.client.Held(t.Context(), "a", strings.Replace(logName, "=t/", "=u/", 1))
	require.ErrorContains(t, err, first.server.URL+" does not answer")
}

// A machine that takes requests and never answers holds nobody for long.
func TestHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := live.NewClient(live.ClientOptions{
			Key: key(t, "the secret"), Clock: now, Endpoints: func(context.Context, string) ([]string, error) { return []string{"http://a"}, nil },
			Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, far) }()
				return near, nil
			}},
		})
		began := time.Now()
		_, err := c.Held(t.Context(), "a", logName)
		require.ErrorContains(t, err, "did not answer within 20s")
		assert.Equal(t, 20*time.Second, time.Since(began))
		require.NoError(t, c.Close())
	})
}

// A token is sent to nobody but the machine that was asked.
func TestNoRedirect(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the request went on to somebody else") }))
	defer away.Close()
	here := httptest.NewServer(http.RedirectHandler(away.URL, http.StatusFound))
	defer here.Close()
	p := newPair(t, func(o *live.ClientOptions) {
		o.Endpoints = func(context.Context, string) ([]string, error) { return []string{here.URL}, nil }
	})
	_, err := p.client.Held(t.Context(), "a", logName)
	require.ErrorContains(t, err, "302")
}
