package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
)

// chat is an outbox with a robot in a local DingTalk.
type chat struct {
	*bench

	box *sandboxtest.Sandbox
	// line is before the robot.
	line *line
	addr string
	key  connections.Secret
}

// line passes requests on. What a test sets looks at each of them first, and at its answer.
type line struct {
	next http.Handler

	mu             sync.Mutex
	now, most, all int
	before, after  func(n int)
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.all++
	l.now++
	l.most = max(l.most, l.now)
	n, before, after := l.all, l.before, l.after
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.now--
	}()
	if before != nil {
		before(n)
	}
	answer := httptest.NewRecorder()
	l.next.ServeHTTP(answer, r)
	if after != nil {
		after(n)
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// Connection is the one of the robot, whatever its id.
func (c *chat) Connection(_ context.Context, id string) (*connections.Connection, error) {
	return &connections.Connection{ID: id, Type: "dingding", Host: &c.addr, Password: &c.key}, nil
}

func newChat(t *testing.T) *chat {
	t.Helper()
	c := &chat{box: sandboxtest.Start(t)}
	robot := c.box.AddRobot(sandbox.Robot{Name: "ops"})
	c.line = &line{next: c.box.Server}
	server := httptest.NewServer(c.line)
	t.Cleanup(server.Close)
	c.addr, c.key = server.URL, connections.Secret(robot.Token)
	c.bench = newBench(t, newPost(nil))
	c.stopStore()
	h := hook.New(c)
	t.Cleanup(h.CloseIdleConnections)
	var err error
	c.cbs, err = callbacks.NewRegistry(append(dingding.Specs(), callbacks.Define[tell]("tell")),
		map[string]callbacks.Sender{dingding.SenderName: dingding.NewSender(h), "last": c.last})
	require.NoError(t, err)
	c.open()
	return c
}

// say tells of a task in a message of the robot.
func (c *chat) say(task, message string) {
	c.t.Helper()
	c.tell(callbacks.Success, task, callback(c.t, "{callback: dingding, "+message+"}"))
}

// arrived are the texts in the chat.
func (c *chat) arrived() []string {
	var texts []string
	for _, m := range c.box.Messages(sandbox.Filter{}) {
		texts = append(texts, m.Content.Text)
	}
	return texts
}

// states are those of the messages, with what was said of each.
func (c *chat) states() []string {
	c.t.Helper()
	var states []string
	for _, d := range c.deliveries() {
		states = append(states, fmt.Sprintf("%s %s: %s", d.Owner.TaskID, d.State, d.Receipt+d.Error))
	}
	return states
}

// The robot gets one message after another, in the order in which they were written, also those
// that were written while one was on its way.
func TestMessagesOfARobotLeaveOneAfterAnother(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	leaving, release := make(chan struct{}), make(chan struct{})
	c.line.before = func(n int) {
		if n == 1 {
			close(leaving)
			<-release
		}
	}
	c.start()
	want := make([]string, 12)
	for n := range want {
		want[n] = fmt.Sprint("message ", n)
		c.say(fmt.Sprint("t", n), "message: "+want[n])
		if n == 0 {
			<-leaving
		}
	}
	close(release)
	c.until("all of them", c.settled)
	assert.Equal(t, want, c.arrived())
	assert.Equal(t, 1, c.line.most, "no two at a time")
}

// What waits is sent by the next process, and what has arrived is not sent again; of the one that
// was on its way when the process died the record says that nobody knows.
func TestMessagesOfARobotLeaveOneAfterAnotherOverARestart(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	c.line.after = func(n int) { // the answer to the second comes too late
		if n == 2 {
			close(arrived)
			<-release
		}
	}
	c.start()
	t.Cleanup(func() { close(release) })
	for _, text := range []string{"one", "two", "three"} {
		c.say(text, "message: "+text)
	}
	<-arrived
	next := *c
	next.bench = c.crash()
	next.start()
	next.say("four", "message: four")
	next.until("all is settled", next.settled)
	arrivals := c.arrived()
	require.Len(t, arrivals, 4)
	assert.Regexp(t, `^three\n注意 Note: 1 earlier message may not have arrived: on_success of d\.two at \d\d:\d\d \(alert 2\)$`, arrivals[2])
	arrivals[2] = "three"
	assert.Equal(t, []string{"one", "two", "three", "four"}, arrivals)
	assert.Equal(t, []string{
		"one delivered: ok", "two uncertain: the process died while the message was leaving; it may have arrived",
		"three delivered: ok", "four delivered: ok",
	}, next.states())
}

// A report that is too long for one message arrives in parts, each a table of its own. A process
// that starts while the robot is busy goes on behind the part that arrived last.
func TestMessagesOver20000BytesLeaveInParts(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	const head = "| 任务 | 错误 |\n|---|---|\n"
	var text strings.Builder
	text.WriteString(head)
	for n := range 700 {
		fmt.Fprintf(&text, "| load_%03d | 没有这样的表 no such table \"orders_%03d\" |\n", n, n)
	}
	message, err := json.Marshal(map[string]string{"title": "report", "text": text.String()})
	require.NoError(t, err)
	away := make(chan struct{})
	c.line.after = func(n int) {
		switch n {
		case 1:
			c.box.Fault(sandbox.Fault{Kind: sandbox.FaultBusy, Times: 3}) // as often as the hook tries
		case 4:
			close(away)
		}
	}
	c.start()
	c.say("report", "message_type: markdown, message: "+string(message))
	c.say("other", "message: other")
	<-away
	c.until("it waits", func() bool { return c.delivery(0).State == store.DeliveryWaiting })
	c.stop()
	assert.Len(t, c.arrived(), 1)
	c.open()
	assert.Equal(t, "DingTalk took parts 1 to 1 of 3", c.delivery(0).Receipt)
	c.start()
	c.until("all is settled", c.settled)
	got := c.box.Messages(sandbox.Filter{})
	require.Len(t, got, 4)
	var joined strings.Builder
	joined.WriteString(head)
	for n, m := range got[:3] {
		assert.LessOrEqual(t, len(m.Raw), 20000)
		rows, ok := strings.CutPrefix(m.Content.Text, fmt.Sprintf("(%d/3)\n\n%s", n+1, head))
		assert.True(t, ok, "%.60q", m.Content.Text)
		joined.WriteString(rows)
	}
	assert.Equal(t, strings.TrimSuffix(text.String(), "\n"), joined.String()) // a template ends without it
	assert.Equal(t, "other", got[3].Content.Text)
	assert.Equal(t, []string{"report delivered: ok, in 3 parts", "other delivered: ok"}, c.states())
}
