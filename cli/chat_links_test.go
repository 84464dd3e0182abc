package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	address := p.address()
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
	for range 2 { // a preview of it does nothing
		status, page := visit(t, http.MethodGet, address+retry, nil)
		assert.Equal(t, http.StatusOK, status)
		for _, want := range []string{"<td>mendable</td>", "<td>one</td>", "<td>load</td>", "失败 Failed", "<button", "重试 Retry"} {
			assert.Contains(t, page, want)
		}
	}
	status, page := visit(t, http.MethodPost, address+retry[:len(retry)-2], nil)
	assert.Equal(t, http.StatusForbidden, status, page)

	require.NoError(t, os.WriteFile(mended, nil, 0o600))
	status, page = visit(t, http.MethodPost, address+retry, nil)
	assert.Equal(t, http.StatusOK, status, page)
	assert.Contains(t, page, "Cleared 1 task instance.")
	s := c.open()
	defer s.Close()
	p.within(time.Minute, "succeed", func() bool {
		r, err := s.RunByID(t.Context(), "mendable", "one")
		require.NoError(t, err)
		return r.State == "success"
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		status, page = visit(t, method, address+retry, nil)
		assert.Equal(t, http.StatusConflict, status)
		assert.Contains(t, page, "This link was used already")
		assert.NotContains(t, page, "<button")
	}
	es, err := s.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventClear}})
	require.NoError(t, err)
	require.Len(t, es, 1)
	assert.Equal(t, "group (link)", es[0].Actor.String())
	assert.Equal(t, "127.0.0.1", es[0].Actor.Address)
	p.stop()
	for _, link := range links {
		assert.NotContains(t, p.log.String(), link[strings.LastIndex(link, "/")+1:], "a link bears a right")
	}
}

const asking = `
asking:
  tasks:
    - task_id: release
      operator: hitl
      subject: Which version goes out?
      body: Look at the **report** first.
      options: [v1, v2]
      params: {share: {__type__: airflow.sdk.Param, type: integer, minimum: 1, default: 10, description: percent of the shops}}
      dingtalk_conn_id: linked
    - {task_id: tell, operator: bash, bash_command: "echo {{ ti.xcom_pull('release') }}", dependencies: [release]}
`

// Without a card template people are asked by a message with a link. Its page has a button for each option and the
// fields, says what is wrong with them, and takes one answer.
func TestLinksOfAsks(t *testing.T) {
	t.Parallel()
	c := newChaos(t, 1, asking)
	c.box.ClearFaults()
	app, groups := c.talkers(1)
	c.env = append(c.env, "DINGDAG_LISTEN=127.0.0.1:0", "DINGDAG_BASE_URL=https://dag.example.com", fmt.Sprintf(
		`DINGDAG_CONN_LINKED={"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"robot_code":%q,"conversation_id":%q}}`,
		c.box.URL, app.AppKey, app.AppSecret, app.AppKey, groups[0]))
	p := c.start()
	address := p.address()
	code, _, errs := run(t, "--home", c.home, "dags", "trigger", "asking", "--run-id", "one")
	require.Zero(t, code, errs)
	link := ""
	p.within(time.Minute, "ask", func() bool {
		for _, m := range c.box.Messages(sandbox.Filter{Conversation: groups[0]}) {
			for _, b := range m.Content.Buttons {
				link, _ = strings.CutPrefix(b.URL, "https://dag.example.com")
			}
		}
		return link != ""
	})
	status, page := visit(t, http.MethodGet, address+link, nil)
	assert.Equal(t, http.StatusOK, status)
	for _, want := range []string{"<h1>Which version goes out?</h1>", "Look at the **report** first.", "<td>asking</td>", `name="param.share" value="10"`, "percent of the shops", `name="option" value="v1"`, `name="option" value="v2"`} {
		assert.Contains(t, page, want)
	}
	status, page = visit(t, http.MethodPost, address+link, url.Values{"option": {"v2"}, "param.share": {"0"}})
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	assert.Contains(t, page, "Nothing was done: ")
	assert.Contains(t, page, `name="param.share" value="0"`, "nothing of what was filled in is lost")

	status, page = visit(t, http.MethodPost, address+link, url.Values{"option": {"v2"}, "param.share": {"25"}})
	assert.Equal(t, http.StatusOK, status, page)
	assert.Contains(t, page, "Answered: v2.")
	s := c.open()
	defer s.Close()
	p.within(time.Minute, "go on", func() bool {
		r, err := s.RunByID(t.Context(), "asking", "one")
		require.NoError(t, err)
		return r.State == "success"
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		status, page = visit(t, method, address+link, nil)
		assert.Equal(t, http.StatusConflict, status)
		assert.Contains(t, page, "Answered already by group")
		assert.NotContains(t, page, "<button")
	}
	all, err := s.AskLog(t.Context(), store.AskFilter{})
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, []string{"v2"}, all[0].Chosen)
	assert.JSONEq(t, `{"share": 25}`, string(all[0].Input))
	assert.Equal(t, store.ViaLink, all[0].Via)
	p.stop()
}

// visit asks for a page, or sends its form.
func visit(t *testing.T, method, address string, form url.Values) (status int, page string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	require.NoError(t, err)
	return a.StatusCode, string(body)
}

// address is where the process serves over HTTP.
func (p *process) address() (address string) {
	p.t.Helper()
	p.within(time.Minute, "serve", func() bool {
		address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(p.log.String())
		return address != ""
	})
	return address
}
