package cli_test

import (
	"database/sql"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

var (
	chatSeed = flag.Uint64("chat-seed", 0, "seed of the schedule of TestChatChaos; 0 takes a new one")
	chatFor  = flag.Duration("chat-for", 4*time.Second, "how long the pauses of the schedule of TestChatChaos are together")
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

// chatGroups is how many groups commands are written into.
const chatGroups = 5

// chatStep is something that happens, and the pause after it. All but the pause may be empty.
type chatStep struct {
	// say are texts for groups, by their numbers.
	say []chatSaid
	// press is a card to press by its number, -1 for none; twice says that whoever presses does so twice.
	press int
	twice bool
	event bool
	// refuse says that the store keeps nothing that comes until the pause is over.
	refuse bool
	fault  *sandbox.StreamFault
	// kill is a process to kill by its number after the pause, -1 for none; it is away for so many steps.
	kill, away int
	pause      time.Duration
}

type chatSaid struct {
	group int
	text  string
}

// meeting are faults that new connections meet, passing those of what goes over one.
var (
	meeting = []sandbox.StreamFaultKind{sandbox.FaultTicketExpired, sandbox.FaultTicketUsed, sandbox.FaultNoPong}
	passing = []sandbox.StreamFaultKind{
		sandbox.FaultDrop, sandbox.FaultDuplicate, sandbox.FaultHangUp, sandbox.FaultDisconnect, sandbox.FaultRedeliver, sandbox.FaultStreamSlow,
	}
)

// chatSchedule is what happens under a seed: by what was said before, not by a clock. The pauses last as long as asked
// together; there are so many cards to press.
func chatSchedule(seed uint64, long time.Duration) (steps []chatStep, cards int) {
	r := rand.New(rand.NewPCG(seed, 0))
	back := [2]int{} // the step at which a process is there again
	for total := time.Duration(0); total < long; {
		s := chatStep{press: -1, kill: -1, event: r.IntN(12) == 0, pause: time.Duration(r.IntN(200)) * time.Millisecond}
		for range 1 + r.IntN(4) {
			text := "whoami"
			if r.IntN(3) == 0 {
				text = "trigger quick"
			}
			s.say = append(s.say, chatSaid{r.IntN(chatGroups), text})
		}
		if r.IntN(5) == 0 {
			s.press, s.twice = cards, r.IntN(2) == 0
			cards++
		}
		if r.IntN(10) == 0 {
			s.refuse, s.event = true, true
		}
		kinds := passing
		kill, away := r.IntN(2), r.IntN(8)
		if r.IntN(12) == 0 && back[kill] <= len(steps) {
			s.kill, s.away = kill, away
			back[kill] = len(steps) + 1 + away
			kinds = slices.Concat(meeting, passing)
		}
		if r.IntN(10) == 0 { // about one a second, which is how long it takes to connect again
			s.fault = &sandbox.StreamFault{Kind: kinds[r.IntN(len(kinds))], Delay: time.Duration(200+r.IntN(800)) * time.Millisecond}
		}
		steps = append(steps, s)
		total += s.pause
	}
	return steps, cards
}

// chatDAGs are quickDAG and one whose tasks fail once, each with a card.
func chatDAGs(cards int) string {
	var b strings.Builder
	b.WriteString(quickDAG + `
brittle:
  schedule: null
  start_date: 2026-01-01
  default_args: {on_failure_callback: {callback: dingtalk_card, dingtalk_conn_id: talk}}
  tasks:
`)
	for i := range max(cards, 1) {
		fmt.Fprintf(&b, "    - {task_id: t%d, operator: bash, bash_command: 'exit {{ 1 if ti.try_number == 1 else 0 }}'}\n", i)
	}
	return b.String()
}

func TestChatScheduleRepeats(t *testing.T) {
	t.Parallel()
	a, cards := chatSchedule(1, time.Minute)
	again, _ := chatSchedule(1, time.Minute)
	assert.Equal(t, a, again)
	other, _ := chatSchedule(2, time.Minute)
	assert.NotEqual(t, a, other)
	longer, _ := chatSchedule(1, 2*time.Minute)
	assert.Equal(t, a, longer[:len(a)], "a longer one begins as a shorter one does")
	kills := [2]int{}
	for _, s := range a {
		if s.kill >= 0 {
			kills[s.kill]++
		}
	}
	assert.Greater(t, min(kills[0], kills[1]), 10)
	assert.Greater(t, cards, 60)
}

// TestChatChaos writes commands into groups and presses buttons of cards while streams are cut, frames are lost and
// doubled, answers to DingTalk are lost, the store refuses what comes, and two real processes on one store are killed with SIGKILL. Each command is
// then carried out once, in the order of its conversation, and answered once, or known to be uncertain; each card did
// once what was pressed.
func TestChatChaos(t *testing.T) {
	t.Parallel()
	seed := *chatSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("once more with the same schedule: -chat-seed %d", seed)
	steps, cards := chatSchedule(seed, *chatFor)
	c := &chatChaos{chaos: newChaos(t, seed, chatDAGs(cards)), answers: map[string]int{}, cards: map[string]int{}}
	c.app, c.groups = c.talkers(chatGroups)
	c.env = append(c.env, fmt.Sprintf(`DINGDAG_CONN_TALK={"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"stream":true,"user_id":"ann","robot_code":%q,"conversation_id":%q,"card_template_id":"tpl.schema"}}`,
		c.box.URL, c.app.AppKey, c.app.AppSecret, c.app.AppKey, c.groups[0]))
	require.NoError(t, c.box.SetStream(sandbox.StreamSettings{Grace: 100 * time.Millisecond, Redeliver: 2 * time.Second, Seed: max(seed, 1)}))
	c.startOne(0)
	c.startOne(1)
	s := c.open()
	defer s.Close()
	c.breakAll(s, cards)
	for i := range steps {
		c.step(i, &steps[i])
	}
	for n := range c.processes {
		if c.processes[n] == nil {
			c.startOne(n)
		}
	}
	c.settle(s)
	c.processes[0].stop()
	c.processes[1].stop()
	c.count()
	c.check(s, cards)
}

// chatChaos is a chaos of a chat.
type chatChaos struct {
	*chaos

	app    sandbox.App
	groups []string
	// processes are the one that works and receives, and one that receives beside it; nil while it is away, until a step.
	processes [2]*process
	back      [2]int
	// alerts are the cards to press, by their numbers.
	alerts []string

	said                    []string
	triggers, events, kills int
	// refusing has the store refuse what comes.
	refusing *sql.DB
	// answers are those that arrived, by the messages that they answer, and cards those by their ids; others are neither.
	answers, cards map[string]int
	others, newest int
}

func (c *chatChaos) startOne(n int) {
	c.t.Helper()
	if n == 0 {
		c.processes[0] = c.start()
	} else {
		c.processes[n] = c.startAs("receive")
	}
}

// acked reports whether the button of a card is ack. Otherwise it is retry.
func acked(card int) bool { return card%3 == 2 }

// breakAll lets all tasks fail that have a card, and waits for the cards.
func (c *chatChaos) breakAll(s *sqlite.Store, cards int) {
	c.t.Helper()
	code, _, errs := run(c.t, "--home", c.home, "dags", "trigger", "brittle", "--run-id", "r")
	require.Zero(c.t, code, errs)
	c.processes[0].within(2*time.Minute, "send the cards", func() bool {
		c.count()
		return len(c.cards) == max(cards, 1)
	})
	c.alerts = make([]string, max(cards, 1))
	for id := range c.cards {
		card, err := s.Card(c.t.Context(), id)
		require.NoError(c.t, err)
		var n int
		_, err = fmt.Sscanf(card.TaskID, "t%d", &n)
		require.NoError(c.t, err)
		c.alerts[n] = id
	}
}

// refuse has the store refuse all that comes until keep. Processes go on with all the rest.
func (c *chatChaos) refuse() {
	c.t.Helper()
	if c.refusing == nil {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(c.home, "dingdag.db")+"?_pragma=busy_timeout(30000)")
		require.NoError(c.t, err)
		c.t.Cleanup(func() { _ = db.Close() })
		c.refusing = db
	}
	_, err := c.refusing.ExecContext(c.t.Context(), "CREATE TRIGGER refuse BEFORE INSERT ON chat_message BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
	require.NoError(c.t, err)
}

func (c *chatChaos) keep() {
	c.t.Helper()
	_, err := c.refusing.ExecContext(c.t.Context(), "DROP TRIGGER refuse")
	require.NoError(c.t, err)
}

// later counts the deliveries for which DingTalk was asked to come again, or was told nothing, and that came again.
func (c *chatChaos) later() (n int) {
	for _, d := range c.box.Deliveries() {
		if len(d.Sent) > 1 {
			n++
		}
	}
	return n
}

// step lets a step happen.
func (c *chatChaos) step(i int, s *chatStep) {
	c.t.Helper()
	for n, p := range c.processes {
		if p == nil && c.back[n] == i {
			c.startOne(n)
		}
	}
	if s.fault != nil {
		c.box.StreamFault(*s.fault) // beside those that have met nothing yet
	}
	if s.refuse {
		c.refuse()
		defer c.keep()
	}
	for _, m := range s.say {
		c.said = append(c.said, c.box.Say("ann", c.groups[m.group], m.text).ID)
		if m.text != "whoami" {
			c.triggers++
		}
	}
	if s.press >= 0 {
		in := sandbox.Press{From: "ann", Card: c.alerts[s.press], Action: "retry", Stale: true} // whatever the card shows by now
		if acked(s.press) {
			in.Action = "ack"
		}
		for range map[bool]int{false: 1, true: 2}[s.twice] {
			_, err := c.box.Server.Press(c.t.Context(), in)
			require.NoError(c.t, err)
		}
	}
	if s.event {
		_, err := c.box.Happen(c.t.Context(), sandbox.Happen{App: c.app.AppKey, Type: "user_add_org"})
		require.NoError(c.t, err)
		c.events++
	}
	c.count()
	if s.kill >= 0 {
		c.processes[s.kill].kill(s.pause)
		c.processes[s.kill], c.back[s.kill] = nil, i+1+s.away
		c.kills++
		return
	}
	if n := slices.IndexFunc(c.processes[:], func(p *process) bool { return p != nil }); n >= 0 {
		c.processes[n].pass(s.pause)
		return
	}
	away := time.NewTimer(s.pause)
	defer away.Stop()
	<-away.C
}

// count counts what has arrived, of which the sandbox keeps the newest.
func (c *chatChaos) count() {
	for _, m := range c.box.Messages(sandbox.Filter{After: c.newest}) {
		c.newest = max(c.newest, m.ID)
		switch {
		case m.ReplyTo != "":
			c.answers[m.ReplyTo]++
		case strings.HasPrefix(m.Key, "dingdag-"):
			c.cards[m.Key]++
		default:
			c.others++
			c.t.Errorf("it is neither an answer nor a card: %s %q", m.Type, m.Content.Text)
		}
	}
}

// rows are what the store has of what came, newest first.
func (c *chatChaos) rows(s *sqlite.Store, kind store.ChatKind) []*store.ChatMessage {
	c.t.Helper()
	rows, err := s.ChatLog(c.t.Context(), store.ChatFilter{Kinds: []store.ChatKind{kind}})
	require.NoError(c.t, err)
	return rows
}

// settle waits until everything was received, done and told, however long that takes, as long as there is progress.
func (c *chatChaos) settle(s *sqlite.Store) {
	c.t.Helper()
	least, state := math.MaxInt, ""
	defer func() {
		if c.t.Failed() {
			c.t.Log(state)
		}
	}()
	for least > 0 {
		c.processes[0].within(time.Minute, "go on", func() bool {
			var n int
			n, state = c.left(s)
			progress := n < least
			least = min(least, n)
			return progress
		})
		c.processes[0].pass(min(time.Duration(least)*time.Millisecond, time.Second)) // looking costs what is looked at
	}
}

// left is how much is still to be done: what is not taken counts for more than what is, and that for more than the run that
// comes of it, so that each step makes it less.
func (c *chatChaos) left(s *sqlite.Store) (n int, state string) {
	c.t.Helper()
	c.count()
	open, err := s.ChatLog(c.t.Context(), store.ChatFilter{States: []store.ChatState{store.ChatWaiting, store.ChatWorking}})
	require.NoError(c.t, err)
	unanswered := 0
	for _, d := range c.box.Deliveries() {
		if d.Answer == nil {
			unanswered++
		}
	}
	runs, err := s.CountRuns(c.t.Context(), "", dag.RunQueued, dag.RunRunning)
	require.NoError(c.t, err)
	shown := len(c.cards) - len(c.alerts)
	return 3*unanswered + 2*len(open) + runs + c.triggers - shown,
		fmt.Sprintf("%d are open, %d not taken, %d runs go on, %d of %d runs are followed", len(open), unanswered, runs, shown, c.triggers)
}

// check looks whether anything was lost or done twice.
func (c *chatChaos) check(s *sqlite.Store, cards int) {
	t := c.t
	t.Helper()
	uncertain := 0
	var keys []string
	last := map[string]*store.ChatMessage{}
	for _, m := range c.rows(s, store.ChatText) {
		keys = append(keys, m.Key)
		assert.Equal(t, store.ChatAnswered, m.State, "%s: %s %s", m.Text, m.Answer.Text, m.Error)
		if m.AnswerState == store.ChatAnswerUncertain {
			uncertain++
			assert.LessOrEqual(t, c.answers[m.Key], 1, "%s is answered twice", m.Text)
		} else {
			assert.Equal(t, store.ChatAnswerSent, m.AnswerState, m.Error)
			assert.Equal(t, 1, c.answers[m.Key], "%s is answered once", m.Text)
		}
		if after := last[m.ConversationID]; after != nil {
			assert.False(t, after.DoneAt.Before(m.DoneAt), "in order")
		}
		last[m.ConversationID] = m
	}
	assert.ElementsMatch(t, c.said, keys, "what is said comes once")
	assert.LessOrEqual(t, uncertain, c.kills*len(c.groups), "one in each conversation")
	assert.Len(t, c.rows(s, store.ChatEvent), c.events)
	runs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "quick"})
	require.NoError(t, err)
	assert.Len(t, runs, c.triggers, "each command is carried out once")
	for id, n := range c.cards {
		assert.Equal(t, 1, n, "card %s", id)
	}

	brittle, err := s.Runs(t.Context(), store.RunFilter{DAGID: "brittle"})
	require.NoError(t, err)
	require.Len(t, brittle, 1)
	is, err := s.Instances(t.Context(), brittle[0].Key)
	require.NoError(t, err)
	want, got := map[string]string{}, map[string]string{}
	retried := 0
	for i, id := range c.alerts[:cards] {
		task := fmt.Sprintf("t%d", i)
		card, err := s.Card(t.Context(), id)
		require.NoError(t, err)
		assert.Len(t, card.Presses, 1, "the card of %s did one thing", task)
		if want[task] = "success 2"; acked(i) {
			want[task] = "failed 1"
			assert.Equal(t, "ann", card.AckedBy)
		} else {
			retried++
		}
	}
	for _, in := range is[:cards] {
		got[in.TaskID] = fmt.Sprint(in.State, " ", in.Try)
	}
	assert.Equal(t, want, got)
	for kind, want := range map[store.EventKind]int{store.EventClear: retried, store.EventAlertAck: cards - retried} {
		n, err := s.CountEvents(t.Context(), store.EventFilter{Kinds: []store.EventKind{kind}})
		require.NoError(t, err)
		assert.Equal(t, want, n, kind)
	}
	t.Logf("%d messages, %d of them commands that change something, %d are uncertain; %d cards pressed, %d presses received; %d events; %d kills; of the newest %d deliveries %d were made more than once",
		len(c.said), c.triggers, uncertain, cards, len(c.rows(s, store.ChatPress)), c.events, c.kills, len(c.box.Deliveries()), c.later())
}

// What the store cannot keep is not acknowledged: DingTalk is asked to deliver the event later, is told nothing of the
// message, and delivers both again after a minute.
func TestWhatCannotBeKeptComesAgain(t *testing.T) {
	t.Parallel()
	c := &chatChaos{chaos: newChaos(t, 1, quickDAG)}
	c.app, c.groups = c.talkers(1)
	require.NoError(t, c.box.SetStream(sandbox.StreamSettings{Grace: 100 * time.Millisecond, Redeliver: time.Minute, Seed: 1}))
	p := c.start()
	s := c.open()
	defer s.Close()
	c.box.Say("ann", c.groups[0], "whoami")
	answered := func() int {
		n := 0
		for _, m := range c.rows(s, store.ChatText) {
			if m.State == store.ChatAnswered {
				n++
			}
		}
		return n
	}
	p.until("answer", func() bool { return answered() == 1 })

	c.refuse()
	c.box.Say("ann", c.groups[0], "trigger quick")
	_, err := c.box.Happen(t.Context(), sandbox.Happen{App: c.app.AppKey, Type: "user_add_org"})
	require.NoError(t, err)
	p.until("refuse both", func() bool {
		return strings.Count(p.log.String(), "cannot be kept, DingTalk delivers again later") == 2
	})
	p.until("say so", func() bool { return c.box.Deliveries()[2].Answers == 1 })
	message, event := c.box.Deliveries()[1], c.box.Deliveries()[2]
	assert.Zero(t, message.Answers, "it has no word for later")
	assert.Nil(t, message.Answer)
	assert.Nil(t, event.Answer, "it was asked for again")
	assert.Len(t, c.rows(s, store.ChatText), 1)
	assert.Empty(t, c.rows(s, store.ChatEvent))

	c.keep()
	assert.Equal(t, 2, c.box.Redeliver(), "a minute later")
	p.until("answer", func() bool { return answered() == 2 })
	p.until("have the event", func() bool { return len(c.rows(s, store.ChatEvent)) == 1 })
	p.until("acknowledge", func() bool { return c.box.Redeliver() == 0 })
	assert.Len(t, c.rows(s, store.ChatText), 2)
	assert.Len(t, c.rows(s, store.ChatEvent), 1)
	runs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "quick"})
	require.NoError(t, err)
	assert.Len(t, runs, 1)
	p.stop()
}
