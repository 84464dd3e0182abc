package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// mendable fails until somebody mends it.
const mendable = `
mendable:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - task_id: load
      operator: bash
      bash_command: test -e "$MENDED"
      on_failure_callback: {callback: dingtalk_card, dingtalk_conn_id: talk}
`

// A run that somebody triggers in the chat is followed by a card. Its task fails, which a card with buttons tells; somebody
// presses retry, and both cards turn green.
func TestCardsOfTheChat(t *testing.T) {
	t.Parallel()
	c := newChaos(t, 1, mendable)
	c.box.ClearFaults()
	app, groups := c.talkers(1)
	mended := filepath.Join(c.home, "mended")
	c.env = append(c.env, "MENDED="+mended, "DINGDAG_CONN_TALK="+strings.NewReplacer("\n", "").Replace(fmt.Sprintf(
		`{"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"stream":true,"user_id":"ann","robot_code":%q,"conversation_id":%q,"card_template_id":"tpl.schema"}}`,
		c.box.URL, app.AppKey, app.AppSecret, app.AppKey, groups[0])))
	p := c.start()
	c.box.WaitStreams(app, 1)
	c.box.WaitAnswers(c.box.Say("ann", groups[0], "trigger mendable"), 1)
	var alert, followed string
	p.within(time.Minute, "send both cards", func() bool {
		for _, m := range c.box.Messages(sandbox.Filter{Conversation: groups[0]}) {
			switch {
			case strings.HasPrefix(m.Key, "dingdag-run-"):
				followed = m.Key
			case strings.HasPrefix(m.Key, "dingdag-"):
				alert = m.Key
			}
		}
		return alert != "" && followed != ""
	})
	color := func(want string) func(sandbox.Card) bool {
		return func(c sandbox.Card) bool { return c.Params["color"] == want }
	}
	c.box.WaitCard(followed, color("red"))
	require.NoError(t, os.WriteFile(mended, nil, 0o600))
	c.box.Press("ann", alert, "retry")
	got := c.box.WaitCard(alert, color("green"))
	assert.Contains(t, got.Params["footer"], "重试 Retry: Ann")
	c.box.WaitCard(followed, color("green"))
	p.stop()
}
