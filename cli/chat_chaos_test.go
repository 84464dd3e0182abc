package cli_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

var (
	chatSeed = flag.Uint64("chat-seed", 0, "seed of the schedule of TestChatChaos; 0 takes a new one")
	chatFor  = flag.Duration("chat-for", 8*time.Second, "how long TestChatChaos writes messages")
)

// quickDAG does nothing, as often as somebody asks.
const quickDAG = `
quick:
  schedule: null
  start_date: 2026-01-01
  max_active_runs: 100
  tasks:
    - {task_id: a, operator: empty}
`

// talkers adds an application that receives, with groups and a person who may do everything, and returns the groups.
func (c *chaos) talkers(groups int) (app sandbox.App, conversations []string) {
	c.t.Helper()
	app = c.box.AddApp(sandbox.DemoApp("talk"))
	c.box.AddUser(sandbox.User{UserID: "ann", Name: "Ann", Mobile: "13800000000"})
	for i := range groups {
		g := c.box.AddChat(sandbox.Chat{Name: fmt.Sprintf("group %d", i), Owner: "ann", Members: []string{"ann"}, Bots: []string{app.AppKey}})
		conversations = append(conversations, g.OpenConversationID)
	}
	c.env = append(c.env, fmt.Sprintf(`DINGDAG_CONN_TALK={"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"stream":true,"user_id":"ann","robot_code":%q}}`,
		c.box.URL, app.AppKey, app.AppSecret, app.AppKey))
	return app, conversations
}

// TestChatChaos writes commands into groups while streams are cut, frames are lost and doubled, answers to
// DingTalk are lost, and the real program is killed with SIGKILL. Each command is then carried out
// once, in the order of its conversation, and answered once, or known to be uncertain.
func TestChatChaos(t *testing.T) {
	t.Parallel()
	seed := *chatSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("once more with the same schedule: -chat-seed %d", seed)
	c := newChaos(t, seed, quickDAG)
	_, groups := c.talkers(5)
	require.NoError(t, c.box.SetStream(sandbox.StreamSettings{Grace: 100 * time.Millisecond, Redeliver: 2 * time.Second}))
	kinds := []sandbox.StreamFaultKind{
		sandbox.FaultDrop, sandbox.FaultDuplicate, sandbox.FaultHangUp, sandbox.FaultDisconnect, sandbox.FaultRedeliver, sandbox.FaultNoPong,
	}
	p := c.start()
	said := map[string][]sandbox.Said{}
	arrived, newest := map[string]int{}, 0
	count := func() { // the sandbox keeps the newest ones only
		for _, m := range c.box.Messages(sandbox.Filter{After: newest}) {
			newest = max(newest, m.ID)
			arrived[m.Conversation]++
		}
	}
	triggers, kills := 0, 0
	for end := time.Now().Add(*chatFor); time.Now().Before(end); {
		for range 1 + c.random.IntN(4) {
			g := groups[c.random.IntN(len(groups))]
			text := "whoami"
			if c.random.IntN(2) == 0 {
				text = "trigger quick"
				triggers++
			}
			said[g] = append(said[g], c.box.Say("ann", g, text))
		}
		if c.random.IntN(2) == 0 && len(c.box.StreamFaults()) == 0 { // each new connection meets what is left
			c.box.StreamFault(sandbox.StreamFault{Kind: kinds[c.random.IntN(len(kinds))], Delay: time.Duration(200+c.random.IntN(800)) * time.Millisecond})
		}
		count()
		wait := time.Duration(c.random.IntN(200)) * time.Millisecond
		if c.random.IntN(12) == 0 {
			p.kill(wait)
			kills++
			p = c.start()
			continue
		}
		p.pass(wait)
	}
	s := c.open()
	defer s.Close()
	all := 0
	for _, ms := range said {
		all += len(ms)
	}
	var rows []*store.ChatMessage
	p.within(90*time.Second, "answer everything", func() (done bool) {
		var err error
		rows, err = s.ChatLog(t.Context(), store.ChatFilter{})
		require.NoError(t, err)
		done = len(rows) == all
		for _, m := range rows {
			done = done && m.State != store.ChatWaiting && m.State != store.ChatWorking
		}
		return done
	})
	p.stop()

	uncertain, sent := 0, map[string]int{}
	last := map[string]*store.ChatMessage{}
	for _, m := range rows { // newest first
		assert.Equal(t, store.ChatAnswered, m.State, "%s: %s %s", m.Text, m.Answer.Text, m.Error)
		if m.AnswerState == store.ChatAnswerUncertain {
			uncertain++
		} else {
			assert.Equal(t, store.ChatAnswerSent, m.AnswerState, m.Error)
			sent[m.ConversationID]++
		}
		if after := last[m.ConversationID]; after != nil {
			assert.False(t, after.DoneAt.Before(m.DoneAt), "in order")
		}
		last[m.ConversationID] = m
	}
	count()
	answers := 0
	for _, g := range groups {
		answers += arrived[g]
		assert.GreaterOrEqual(t, arrived[g], sent[g])
	}
	assert.LessOrEqual(t, answers, all, "none is answered twice")
	runs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "quick"})
	require.NoError(t, err)
	assert.Len(t, runs, triggers, "each command is carried out once")
	assert.LessOrEqual(t, uncertain, kills*5, "one in each conversation")
	t.Logf("%d messages, %d of them commands that change something; %d kills; %d answers arrived, %d are uncertain", all, triggers, kills, answers, uncertain)
}
