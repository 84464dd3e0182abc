package signin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/access/elsewhere"
	"github.com/dingdag/dingdag/store/users"
	"github.com/dingdag/dingdag/web/signin"
)

// A cookie is bound to TLS where the browser came over TLS, and only there: elsewhere a browser would throw it away.
func TestCookiesOfOrigins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base, host string
		want       string
		secure     bool
	}{
		"this machine":         {base, "127.0.0.1:8080", "dingdag", false},
		"the base":             {base, "DAG.example.com", "__Host-dingdag", true},
		"another name":         {base, "dag.example.com.evil.example", "dingdag", false},
		"a base without TLS":   {"http://dag.example.com", "dag.example.com", "dingdag", false},
		"no base":              {"", "dag.example.com", "dingdag", false},
		"a base below a path":  {base + "/dags", "dag.example.com", "__Secure-dingdag", true},
		"below a path, nearby": {base + "/dags", "127.0.0.1:8080", "dingdag", false},
	} {
		h := openWith(t, func(o *signin.Options) { o.Base = c.base })
		h.add(t, access.Viewer)
		res := h.do(http.MethodPost, "/auth/login", login("ann", right, ""), "Host", c.host)
		require.Len(t, res.Cookies(), 1, name)
		assert.Equal(t, c.want, res.Cookies()[0].Name, name)
		assert.Equal(t, c.secure, res.Cookies()[0].Secure, name)
	}
}

// No cache gives one person's page to another.
func TestAnswersToOneBrowser(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Viewer)
	mine := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, "")))
	assert.Equal(t, "Cookie", h.do(http.MethodGet, "/free", "", "Cookie", mine).Header.Get("Vary"))
}

// A form of a page that is older than the session does nothing: a person is led back to where the page is, and nowhere else, and
// a program reads why.
func TestFormsOfOldPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Operator)
	mine := cookie(t, h.do(http.MethodPost, "/auth/login", login("ann", right, "")))
	form := h.do(http.MethodGet, "/closed", "", "Cookie", mine).body
	for referer, want := range map[string]string{
		"http://127.0.0.1:8080/dags?a=b": `href="/dags?a=b"`, "http://evil.example/dags?a=b": `href="/"`, "": `href="/"`, "http://127.0.0.1:8080//evil.example": `href="/"`,
		`http://127.0.0.1:8080/"><script>`: `href="/%22%3E%3Cscript%3E"`,
	} {
		res := h.do(http.MethodPost, "/free", "csrf_token=old", "Cookie", mine, "Accept", "text/html", "Referer", referer)
		assert.Equal(t, 403, res.StatusCode, referer)
		assert.Contains(t, res.Header.Get("Content-Type"), "text/html", referer)
		assert.Contains(t, res.body, "nothing was done", referer)
		assert.Contains(t, res.body, want, referer)
		assert.NotContains(t, res.body, "<script>")
	}
	for _, header := range [][]string{{"Accept", "application/json"}, {}} {
		res := h.do(http.MethodPost, "/free", "csrf_token=old", append([]string{"Cookie", mine}, header...)...)
		assert.Equal(t, 403, res.StatusCode)
		assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	}
	long := "a=" + strings.Repeat("x", 1<<20) + "&csrf_token=" + form
	assert.Equal(t, 403, h.do(http.MethodPost, "/free", long, "Cookie", mine).StatusCode, "a form is read up to a limit")
	assert.Equal(t, 200, h.do(http.MethodPost, "/free", long[2+1<<19:], "Cookie", mine).StatusCode)
}

// second is another place beside the first.
type second struct{ *place }

func (second) Name() string { return "elsewhere" }

// Who has set out for one place does not come back from another: its answer would be taken for that of the first.
func TestTripToAnotherPlace(t *testing.T) {
	t.Parallel()
	p := &place{who: elsewhere.Person{Issuer: "https://there.example", Subject: "1", Names: []string{"Ann"}, Role: access.Operator}}
	h := openWith(t, func(o *signin.Options) { o.Places = []elsewhere.Place{p, second{p}} })
	state := h.newState(t, p)
	res := h.do(http.MethodGet, "/auth/elsewhere/callback?code=x&state="+state, "", "Cookie", h.trip)
	assert.Equal(t, 400, res.StatusCode)
	assert.Nil(t, p.seen)
	res = h.do(http.MethodGet, "/auth/there/callback?code=x&state="+state, "", "Cookie", h.trip)
	assert.Equal(t, 303, res.StatusCode, "it was the place alone")
}

// A token for a command line is good for an hour, any other for a day.
func TestLivesOfAccessTokens(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(t, access.Viewer)
	header := func(path string) string {
		res := h.do(http.MethodPost, path, `{"username":"ann","password":"`+right+`"}`, "Content-Type", "application/json")
		var given struct {
			Token string `json:"access_token"`
		}
		require.NoError(t, json.Unmarshal([]byte(res.body), &given))
		return "Bearer " + given.Token
	}
	day, hour := header("/auth/token"), header("/auth/token/cli")
	for _, c := range []struct {
		later     time.Duration
		day, hour int
	}{{time.Hour - 1, 200, 200}, {1, 200, 401}, {23*time.Hour - 1, 200, 401}, {1, 401, 401}} {
		h.now = h.now.Add(c.later)
		assert.Equal(t, c.day, h.do(http.MethodGet, "/free", "", "Authorization", day).StatusCode)
		assert.Equal(t, c.hour, h.do(http.MethodGet, "/free", "", "Authorization", hour).StatusCode)
	}
	res := h.do(http.MethodPost, "/auth/token", "grant_type=password&username=ann&password="+strings.ReplaceAll(right, " ", "+"))
	assert.Equal(t, 201, res.StatusCode, "a form of OAuth has a grant_type")
}

// brokenStore cannot be read.
type brokenStore struct{ accounts.Store }

var errAway = errors.New("the disk is away")

func (brokenStore) HasUsers(context.Context) (bool, error)                  { return false, errAway }
func (brokenStore) UserByName(context.Context, string) (*users.User, error) { return nil, errAway }
func (brokenStore) TokenByHash(context.Context, string) (*users.Token, *users.User, error) {
	return nil, nil, errAway
}

// While the store cannot be read nobody gets in, nobody is told that a proof is wrong, and the page says so without why.
func TestAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	h := openWith(t, func(o *signin.Options) {
		o.Accounts = accounts.New(accounts.Options{Store: brokenStore{}, Clock: o.Clock, Log: slog.New(slog.DiscardHandler)})
		o.Failed = func(err error) { t.Errorf("%v counts as a wrong proof", err) }
	})
	token := "dd_" + strings.Repeat("A", 43)
	for name, header := range map[string][]string{
		"a token":    {"Authorization", "Bearer " + token},
		"a password": {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+right))},
		"a session":  {"Cookie", "dingdag=" + token},
	} {
		res := h.do(http.MethodGet, "/free", "", header...)
		assert.Equal(t, 503, res.StatusCode, name)
		assert.NotContains(t, res.body, "disk", name)
		assert.Empty(t, res.Header.Get("WWW-Authenticate"), name)
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set(header[0], header[1])
		_, ok := h.gate.Glance(r)
		assert.False(t, ok, name)
		assert.True(t, h.gate.Still(r, access.Identity{User: "ann"}), "%s: what cannot be looked up ends nothing", name)
	}
	for _, res := range []*answer{
		h.do(http.MethodGet, "/auth/login", ""),
		h.do(http.MethodPost, "/auth/login", login("ann", right, "")),
		h.do(http.MethodPost, "/auth/token", `{"username":"ann","password":"`+right+`"}`, "Content-Type", "application/json"),
	} {
		assert.Equal(t, 503, res.StatusCode)
		assert.Contains(t, res.body, "try again later")
		assert.NotContains(t, res.body, "disk")
		assert.Empty(t, res.Cookies())
	}
	assert.Contains(t, h.log.String(), "the disk is away")
}
