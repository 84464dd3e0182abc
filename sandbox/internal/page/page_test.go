package page_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run go test -update and read the diff")
}

// gallery sends one message of each kind that draws in its own way.
func gallery(t *testing.T, b *boxtest.Bench) {
	t.Helper()
	ops := b.AddRobot(sandbox.Robot{
		Name: "On call", Group: "Data platform", Token: strings.Repeat("1", 64),
		Members: []sandbox.Member{{Mobile: "13800000000", UserID: "user001"}},
	})
	reports := b.AddRobot(sandbox.Robot{Name: "日报", Token: strings.Repeat("2", 64), Keywords: []string{"日报"}})
	for _, body := range []string{
		`{"msgtype":"text","text":{"content":"deploy done\nall green"},"at":{"atMobiles":["13800000000"]}}`,
		`{"msgtype":"markdown","markdown":{"title":"etl failed","text":"#### etl failed\n> task **load**, <font color=#ff0000>try 3</font> of 3\n\n- error ` +
			"`exit 2`" + `\n- after *4m*\n\n1. [log](https://example.com/log)\n2. ![chart](https://example.com/c.png)\n\n---\n` +
			"```" + `\na < b\n` + "```" + `\n@13800000000  \n@user009"},"at":{"atMobiles":["13800000000"],"atUserIds":["user009"]}}`,
		`{"msgtype":"link","link":{"title":"Weekly report","text":"Orders up","messageUrl":"https://example.com/r?a=1&b=2","picUrl":"https://example.com/p.png"}}`,
		`{"msgtype":"actionCard","actionCard":{"title":"Approve?","text":"### Release","btnOrientation":1,"btns":[` +
			`{"title":"Yes","actionURL":"https://example.com/y"},{"title":"No","actionURL":"dingtalk://n"}]},"at":{"isAtAll":true}}`,
		`{"msgtype":"feedCard","feedCard":{"links":[{"title":"One","messageURL":"https://example.com/1","picURL":"https://example.com/1.png"},` +
			`{"title":"Two","messageURL":"https://example.com/2","picURL":"https://example.com/2.png"}]}}`,
	} {
		require.Equal(t, boxtest.OK, b.Post(t, ops, "", body))
	}
	b.Post(t, reports, "", boxtest.Hello)
	b.Fault(sandbox.Fault{Kind: sandbox.FaultHTML})
	b.Do(t, http.MethodPost, ops.WebhookPath(), boxtest.Hello)
	b.Fault(sandbox.Fault{Kind: sandbox.FaultBrokenJSON})
	b.Do(t, http.MethodPost, ops.WebhookPath(), boxtest.Hello)
	b.Do(t, http.MethodPost, "/robot/send?access_token=x", boxtest.Hello)
	b.Fault(sandbox.Fault{Kind: sandbox.FaultBusy})
}

func TestPage(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	gallery(t, b)
	status, got := b.Do(t, http.MethodGet, "/", "")
	require.Equal(t, http.StatusOK, status)
	golden(t, "page.html", regexp.MustCompile(`\.[0-9a-f]{8}\.`).ReplaceAllString(got, ".HASH."))
}

func TestPageWithoutAnything(t *testing.T) {
	t.Parallel()
	_, got := boxtest.Start(t).Do(t, http.MethodGet, "/", "")
	assert.Contains(t, got, "No robots yet.")
	assert.Contains(t, got, "Nothing here yet.")
}

func TestPageFilters(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	gallery(t, b)
	tests := map[string]struct {
		query    string
		messages int
		refused  int
	}{
		"all":    {"", 6, 3},
		"robot":  {"?robot=On+call", 6, 1},
		"other":  {"?robot=%E6%97%A5%E6%8A%A5", 0, 1},
		"type":   {"?type=link", 1, 0},
		"search": {"?text=ORDERS", 1, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := b.Do(t, http.MethodGet, "/"+tt.query, "")
			assert.Equal(t, tt.messages, strings.Count(got, `<article id="m`))
			assert.Equal(t, tt.refused, strings.Count(got, `class="refused"`))
		})
	}
}

// Everything that a sender controls, with markup in it: none of it may become markup.
func TestPageEscapesWhatArrives(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>`
	const js = `javascript:alert(1)`
	robot := b.AddRobot(sandbox.Robot{Name: `"><script>alert(2)</script>`, Group: evil})
	for _, body := range []string{
		`{"msgtype":"text","text":{"content":"` + evil + `"},"at":{"atUserIds":["` + evil + `"]}}`,
		`{"msgtype":"markdown","markdown":{"title":"` + evil + `","text":"# ` + evil + `\n[a](` + js + `) ![` + evil + `](` + js + `)\n` +
			"```" + `\n</code></pre>` + evil + `"}}`,
		`{"msgtype":"link","link":{"title":"` + evil + `","text":"` + evil + `","messageUrl":"` + js + `","picUrl":"` + js + `"}}`,
		`{"msgtype":"actionCard","actionCard":{"title":"` + evil + `","text":"x","btns":[{"title":"` + evil + `","actionURL":" JavaScript:alert(1)"},{"title":"b","actionURL":"data:text/html,x"}]}}`,
		`{"msgtype":"feedCard","feedCard":{"links":[{"title":"` + evil + `","messageURL":"` + js + `","picURL":"//example.com/x\" onload=\"alert(1)"}]}}`,
		evil,
	} {
		_, _ = b.Do(t, http.MethodPost, robot.WebhookPath(), strings.ReplaceAll(body, `\" onload=\"`, `\u0022 onload=\u0022`))
	}
	require.Len(t, b.Messages(sandbox.Filter{}), 5)

	_, got := b.Do(t, http.MethodGet, "/?text=%22%3E%3Cscript%3E", "")
	assert.NotContains(t, got, `"><script>`)
	_, got = b.Do(t, http.MethodGet, "/", "")
	assert.Equal(t, 1, strings.Count(got, "<script"), "only the page's own")
	assert.NotContains(t, got, "<img")
	assert.NotRegexp(t, `(?i)(href|src|action)="\s*(javascript|data):`, got)
	assert.NotRegexp(t, `(?i)<[^>]*[" ]on(load|error)=["a]`, regexp.MustCompile(`"[^"]*"`).ReplaceAllString(got, `""`))
}

func TestPageHeaders(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL, http.NoBody)
	require.NoError(t, err)
	resp, err := b.Client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	csp := resp.Header.Get("Content-Security-Policy")
	assert.Contains(t, csp, "default-src 'none'")
	assert.NotContains(t, csp, "unsafe")
	assert.NotContains(t, csp, "img-src", "pictures in messages are never loaded")
	assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
}

// The page has no inline style or script, and what it names is there.
func TestPageAssets(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	gallery(t, b)
	_, page := b.Do(t, http.MethodGet, "/", "")
	assert.NotContains(t, page, "<style")
	assert.NotContains(t, page, " style=")
	assets := regexp.MustCompile(`"(sandbox/[a-z]+\.[0-9a-f]{8}\.(?:css|js))"`).FindAllStringSubmatch(page, -1)
	require.Len(t, assets, 2)
	for _, a := range assets {
		status, got := b.Do(t, http.MethodGet, "/"+a[1], "")
		assert.Equal(t, http.StatusOK, status)
		assert.NotEmpty(t, got)
	}
}

func TestClearFromPage(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	boxtest.Fill(t, b)
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _ := b.Do(t, http.MethodPost, "/sandbox/clear", "", "Sec-Fetch-Site", "same-origin")
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Empty(t, b.Messages(sandbox.Filter{}))
}

func TestPlainText(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	gallery(t, b)
	var all strings.Builder
	for _, m := range b.Messages(sandbox.Filter{}) {
		all.WriteString(sandbox.PlainText(m))
	}
	golden(t, "plain.txt", all.String())
}

func TestPlainTextOfACard(t *testing.T) {
	t.Parallel()
	m := sandbox.Message{
		Time: boxtest.Moment, Robot: "ops", Group: "team", Type: sandbox.TypeCard,
		Content: sandbox.Content{Text: "etl **failed**", Markdown: true, Buttons: []sandbox.Button{
			{Title: "Retry", Action: "retry"}, {Title: "Ack", Action: "ack", Disabled: true}, {Title: "Log", URL: "https://example.com/log"},
		}},
	}
	assert.Equal(t, "╭─ team · ops · card · 22:13:20\n"+
		"│ etl failed\n"+
		"│ [ Retry ]\n"+
		"│ [ Ack ] (disabled)\n"+
		"│ [ Log ] → https://example.com/log\n"+
		"╰─ notified: nobody\n", sandbox.PlainText(m))
}

func TestPlainTextWrapsAndCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	m := sandbox.Message{
		Time: boxtest.Moment, Robot: "a\x1b[2Jb", Group: "g", Type: sandbox.TypeText,
		Content: sandbox.Content{Text: "\x1b]0;x\x07\u202e" + strings.Repeat("字字 ", 20) + "\r\nend"},
	}
	assert.Equal(t, "╭─ g · a[2Jb · text · 22:13:20\n"+
		"│ ]0;x"+strings.Repeat("字字 ", 13)+"字字\n"+
		"│ "+strings.TrimSpace(strings.Repeat("字字 ", 6))+"\n"+
		"│ end\n"+
		"╰─ notified: nobody\n", sandbox.PlainText(m))
}
