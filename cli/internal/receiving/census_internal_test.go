package receiving

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/connections"
)

// Who counts for several applications is told once, and again when it has changed.
func TestCensus(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := census{
		lists: []settings.Names{
			{From: "dingdag.yaml:1:15: chat_viewers", All: []string{"one:dept:1"}},
			{},
			{From: "dingdag.yaml:2:14: chat_admins", All: []string{"ann", "two:bob", "role:oncall", "gone:eve"}},
		},
		conns: connections.Static{"one": {}, "two": {}},
		log:   slog.New(slog.NewTextHandler(&log, nil)),
	}
	one, again, two := chat.App{ConnID: "one", Key: "k1"}, chat.App{ConnID: "again", Key: "k1"}, chat.App{ConnID: "two", Key: "k2"}
	const gone = `dingdag.yaml:2:14: chat_admins: \\"gone:eve\\" counts for nobody: there is no connection gone`
	for range 2 {
		c.look(t.Context(), []chat.App{one, again})
		assert.Equal(t, 1, strings.Count(log.String(), "\n"), "two connections of one application are of one organisation")
		assert.Contains(t, log.String(), strings.ReplaceAll(gone, `\\`, `\`))
	}
	log.Reset()
	for range 2 {
		c.look(t.Context(), []chat.App{one, two})
		assert.Equal(t, 1, strings.Count(log.String(), "\n"))
		assert.Contains(t, log.String(), "dingdag.yaml:2:14: chat_admins: ann, role:oncall counts for each of the applications of one, two; ")
		assert.Contains(t, log.String(), "write one:ann to mean one")
	}
}
