package callbacks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

// An ask says all that people need to answer it.
func TestAskText(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	ev := &callbacks.Event{
		Kind: callbacks.Asked, DAGID: "d", RunID: "r", TaskID: "ok", MapIndex: -1, State: "deferred", Timezone: "UTC", Program: "dingdag",
		Ask: &callbacks.Ask{
			ID: 7, Subject: "Release 3?", Body: "**ready**", Options: []string{"Go on", "Stop"}, Multiple: true, Defaults: []string{"Stop"},
			Params: []string{"rows", "why"}, Needed: []string{"why"}, Assigned: []string{"Ann (u1)"}, Deadline: &until,
		},
	}
	assert.Equal(t, "请回答 Please answer Release 3?: d.ok", ev.Title())
	for _, line := range []string{
		"说明 Details: **ready**", "选项 Options: Go on, Stop (可多选 several may be chosen)", "参数 Params: rows, why", "可回答者 Who may answer: Ann (u1)",
		"截止 Until: 2026-01-31 06:00:00 +00:00 UTC, 默认 then Stop", "回答 Answer: dingdag asks answer 7 'Go on' why=VALUE",
	} {
		assert.Contains(t, ev.Text(), "\n"+line)
	}
	assert.Equal(t, []callbacks.Fact{{Label: "对机器人说 Tell the bot", Value: "answer 7 OPTION why=…", Verbatim: true}}, ev.ChatFacts())
	ev.Ask.Multiple = false
	assert.Equal(t, []callbacks.AskCommand{{Option: "Go on", Text: `answer 7 "Go on" why=…`}, {Option: "Stop", Text: "answer 7 Stop why=…"}}, ev.Ask.Typed())
	ev.Ask.Options, ev.Ask.Needed = []string{"Approve", "Reject"}, nil
	assert.Equal(t, "approve 7 | 批准 7 | reject 7 | 拒绝 7", ev.ChatFacts()[0].Value)
	ev.Ask = nil
	assert.Empty(t, ev.ChatFacts())
	assert.NotContains(t, ev.Text(), "Options")
}
