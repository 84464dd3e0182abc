package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// Without a card template a failed task is told by a message with links. Their pages show what they would do, and the
// task runs again for the one that somebody follows; a second time, and what is forged, is refused.
func TestLinksOfMessages(t *testing.T) {
	t.Parallel()
	c := newChaos(t, 1, strings.Replace(mendable, "dingtalk_conn_id: talk", "dingtalk_conn_id: linked", 1))
	c.box.ClearFaults()
	app, groups := c.talkers(1)
	mended := filepath.Join(c.home, "mended")
	c.env = append(c.env, "MENDED="+mended, "DINGDAG_LISTEN=127.0.0.1:0", "DINGDAG_BASE_URL=https://dag.example.com/dag", fmt.Sprintf(
		`DINGDAG_CONN_LINKED={"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"robot_code":%q,"conversation_id":%q}}`,
		c.box.URL, app.AppKey, app.AppSecret, app.AppKey, groups[0]))
	p := c.start()
	var address string
	p.within(time.Minute, "serve", func() bool {
		if found := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(p.log.String()); found != "" {
			address = found
		}
		return address != ""
	})
	code, _, errs := run(t, "--home", c.home, "dags", "trigger", "mendable", "--run-id", "one")
	require.Zero(t, code, errs)
	links := map[string]string{}
	p.within(time.Minute, "send the message", func() bool {
		for _, m := range c.box.Messages(sandbox.Filter{Conversation: groups[0]}) {
			for _, b := range m.Content.Buttons {
				links[b.Title] = b.URL
			}
		}
		return len(links) == 5
	})
	retry, ok := strings.CutPrefix(links["重试 Retry"], "https://dag.example.com/dag")
	require.True(t, ok, links)
	ask := func(method, path string) (status int, page string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address+path, http.NoBody)
		require.NoError(t, err)
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer a.Body.Close()
		body, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		return a.StatusCode, string(body)
	}
	for range 2 { // a preview of it does nothing
		status, page := ask(http.MethodGet, retry)
		assert.Equal(t, http.StatusOK, status)
		for _, want := range []string{"<td>mendable</td>", "<td>one</td>", "<td>load</td>", "失败 Failed", "<button", "重试 Retry"} {
			assert.Contains(t, page, want)
		}
	}
	status, page := ask(http.MethodPost, retry[:len(retry)-2])
	assert.Equal(t, http.StatusForbidden, status, page)

	require.NoError(t, os.WriteFile(mended, nil, 0o600))
	status, page = ask(http.MethodPost, retry)
	assert.Equal(t, http.StatusOK, status, page)
	assert.Contains(t, page, "Cleared 1 task instances")
	s := c.open()
	defer s.Close()
	p.within(time.Minute, "succeed", func() bool {
		r, err := s.RunByID(t.Context(), "mendable", "one")
		require.NoError(t, err)
		return r.State == "success"
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		status, page = ask(method, retry)
		assert.Equal(t, http.StatusConflict, status)
		assert.Contains(t, page, "This link was used already")
		assert.NotContains(t, page, "<button")
	}
	es, err := s.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventClear}})
	require.NoError(t, err)
	require.Len(t, es, 1)
	assert.Equal(t, "group (link)", es[0].Actor.String())
	p.stop()
	for _, link := range links {
		assert.NotContains(t, p.log.String(), link[strings.LastIndex(link, "/")+1:], "a link bears a right")
	}
}
