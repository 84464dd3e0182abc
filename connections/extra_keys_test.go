package connections_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func TestMisspelt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, extra string
		want       []string
	}{
		{"dingding", `{"fallbak": "a", "quotas": 1, "keywrd": "x", "Secret": "s"}`, []string{"Secret>secret", "fallbak>fallback", "keywrd>keyword", "quotas>quota"}},
		{"dingtalk", `{"agentid": 1, "team": "data", "comment": "x"}`, []string{"agentid>agent_id"}},
		{"dingtalk", `{"streams": true, "conversaton_id": "cid1", "userid": "u", "command": []}`, []string{"command>commands", "conversaton_id>conversation_id", "streams>stream", "userid>user_id"}},
		{"smtp", `{"from_mail": "x", "tenant_id": "x"}`, []string{"from_mail>from_email"}},
		{"http", `{"timout": 1, "X-Verify": "a", "Content-Type": "x", "Proxy": "x"}`, []string{"timout>timeout"}},
		{"postgresql", `{"ssl_mode": "require", "keepalives": 1}`, []string{"ssl_mode>sslmode"}},
		{"mysql", `{"char_set": "x"}`, []string{"char_set>charset"}},
		{"sqlite", `{"timeouts": 1}`, []string{"timeouts>timeout"}},
		{"generic", `{"fallbak": "a"}`, nil},
		{"dingding", `[`, nil},
	} {
		var got []string
		for _, note := range (&connections.Connection{ID: "it", Type: c.typ, Extra: new(connections.Secret(c.extra))}).Misspelt() {
			m := regexp.MustCompile(`^connection it: the key "(.*)" of the extra means nothing; did you mean "(.*)"\?$`).FindStringSubmatch(note)
			require.NotNil(t, m, note)
			got = append(got, m[1]+">"+m[2])
		}
		assert.Equal(t, c.want, got, "%s %s", c.typ, c.extra)
	}
}

// What the docs name for robots, apps and mail servers is not taken for a mistake.
func TestDocumentedExtrasAreKnown(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/connections.md")
	require.NoError(t, err)
	typ := "dingding"
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## Mail") {
			typ = "smtp"
		}
		if strings.HasPrefix(line, "## HTTP") {
			break
		}
		keys, ok := strings.CutPrefix(line, "| extra ")
		if !ok && !strings.HasPrefix(line, "| `") {
			continue
		}
		keys, _, _ = strings.Cut(strings.TrimPrefix(keys, "| "), " |")
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(keys, -1) {
			c := connections.Connection{ID: "it", Type: typ, Extra: new(connections.Secret(`{"` + m[1] + `": 1}`))}
			assert.Empty(t, c.Misspelt(), m[1])
			n++
		}
	}
	assert.Greater(t, n, 25, "the tables were found")
}
