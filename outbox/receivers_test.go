package outbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/bot"
	"github.com/dingdag/dingdag/callbacks/dingding"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// toGroup is a callback of the bot.
func toGroup(t *testing.T, group, more string) dag.Callback {
	t.Helper()
	return callback(t, "{callback: dingding_bot, open_conversation_id: "+group+more+"}")
}

// withBot is a bench whose senders are those of apps.
func (b *bench) withBot(toBot, toApp callbacks.Sender) {
	b.t.Helper()
	b.stopStore()
	var err error
	b.cbs, err = callbacks.NewRegistry(append(bot.Specs(), callbacks.Define[tell]("tell")),
		map[string]callbacks.Sender{bot.SenderName: toBot, dingding.AppSenderName: toApp, "last": b.last})
	require.NoError(b.t, err)
	b.open()
}

// A group that is gone takes its own alerts with it, and not those of the other groups of the app. They
// may be told to one of these.
func TestGoneGroupOfABot(t *testing.T) {
	t.Parallel()
	box := sandboxtest.Start(t)
	app := box.Demo()
	add := func(c sandbox.Chat) string {
		c.Owner, c.Bots = "user001", []string{app.AppKey}
		return box.AddChat(c).OpenConversationID
	}
	gone, well := add(sandbox.Chat{Name: "gone", Disbanded: true}), add(sandbox.Chat{Name: "well"})
	b := newBench(t, newPost(nil))
	b.conns = connections.Static{"dingtalk_default": {
		Type: "dingtalk", Host: &box.URL, Login: &app.AppKey, Password: new(connections.Secret(app.AppSecret)),
		Extra: new(connections.Secret(`{"qps": 0}`)),
	}}
	h := hook.New(b.conns)
	t.Cleanup(h.CloseIdleConnections)
	b.withBot(bot.NewSender(h), dingding.NewAppSender(h))
	b.stopStore()
	b.undelivered = []dag.Callback{toGroup(t, well, "")}
	b.open()
	for i := range 3 {
		b.tell(callbacks.Failure, fmt.Sprint("t", i), toGroup(t, gone, ", message: gone"))
		b.tell(callbacks.Failure, fmt.Sprint("t", i), toGroup(t, well, fmt.Sprint(", message: well ", i)))
	}
	b.start()
	b.until("all is settled", b.settled)
	got := map[string]int{}
	for _, d := range b.deliveries() {
		_, conn, receiver := callbacks.SplitChannel(d.Channel)
		assert.Equal(t, "dingtalk_default", conn)
		got[fmt.Sprint(receiver == well, " ", d.State, " ", d.StandsInFor > 0)]++
	}
	assert.Equal(t, map[string]int{"false refused false": 3, "true delivered false": 3, "true delivered true": 3}, got)
	var texts []string
	for _, m := range box.Messages(sandbox.Filter{}) {
		texts = append(texts, m.Content.Text)
	}
	assert.Len(t, texts, 6)
	assert.Subset(t, texts, []string{"well 0", "well 1", "well 2"})
	asked := 0
	for _, a := range box.Attempts() {
		if a.ErrorCode == "group.disbanded" {
			asked++
		}
	}
	assert.Equal(t, 1, asked, "the rest of what is for it is not tried")
}

// mute are the messages of a bot that reach nobody, by receiver; those of gone groups are refused.
type mute struct {
	*bot.Sender

	*post
}

// appText are the fields of messages of apps.
type appText struct {
	Group string   `json:"open_conversation_id"`
	Users []string `json:"user_ids"`
	Text  string   `json:"text"`
}

func (m mute) Send(_ context.Context, x callbacks.Message) (string, error) {
	return m.take(x)
}

func (m mute) ConnID(x callbacks.Message) string { return m.Sender.ConnID(x) }
func (m mute) RepeatSafe(callbacks.Message) bool { return false }

// take answers as the test says.
func (p *post) take(m callbacks.Message) (string, error) {
	var s appText
	if err := json.Unmarshal(m.Payload, &s); err != nil {
		return "", err
	}
	to := fmt.Sprint(s.Group, s.Users)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.answer(to, 0); err != nil {
		return "", err
	}
	p.taken = append(p.taken, to+" "+s.Text)
	return "ok", nil
}

// muteApp is mute for stand-ins.
type muteApp struct {
	*dingding.AppSender

	post *post
}

func (m muteApp) Send(_ context.Context, x callbacks.Message) (string, error) { return m.post.take(x) }

// inMute is inBubble with senders of an app.
func inMute(t *testing.T, answer func(to string) error, test func(t *testing.T, b *bench, p *post)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		p := newPost(func(to string, _ int) error { return answer(to) })
		b := newBench(t, newPost(nil))
		b.withBot(mute{bot.NewSender(nil), p}, muteApp{dingding.NewAppSender(nil), p})
		test(t, b, p)
	})
}

func allWell(string) error { return nil }

// What an earlier version wrote has one channel for all groups of an app. It leaves, and a group that is
// gone does not take the others with it there either.
func TestGoneGroupInAnOlderStore(t *testing.T) {
	t.Parallel()
	inMute(t, func(to string) error {
		if to == "cidA[]" {
			return postError{gone: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		for _, group := range []string{"cidA", "cidB", "cidA", "cidB"} {
			bound, err := outbox.Bind(b.cbs, []dag.Callback{toGroup(t, group, ", message: x")})
			require.NoError(t, err)
			ds := b.out.Prepare(bound, &callbacks.Event{Kind: callbacks.Failure, DAGID: "d", MapIndex: -1}, &template.Context{}, renders)
			ds[0].Channel = "dingding_bot:dingtalk_default"
			b.insert(ds)
		}
		b.start()
		b.later("all is settled", b.settled)
		assert.Equal(t, []string{"cidB[] x", "cidB[] x"}, p.takenSoFar())
		assert.Len(t, b.last.takenSoFar(), 2)
		b.stop()
	})
}

func (b *bench) insert(ds []*store.Delivery) {
	b.t.Helper()
	require.NoError(b.t, b.store.Tx(context.Background(), func(tx store.Tx) error { return tx.InsertDeliveries(context.Background(), ds) }))
}

// One dedupe_key to two groups of an app silences what is told twice to the same of them.
func TestDoublesOfABot(t *testing.T) {
	t.Parallel()
	inMute(t, allWell, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		for i := range 2 {
			for _, group := range []string{"cidA", "cidB"} {
				b.tell(callbacks.Failure, fmt.Sprint("t", i), toGroup(t, group, fmt.Sprint(", message: t", i, ", dedupe_key: disk")))
			}
		}
		synctest.Wait()
		assert.ElementsMatch(t, []string{"cidA[] t0", "cidB[] t0"}, p.takenSoFar())
		var states []store.DeliveryState
		for _, d := range b.deliveries() {
			states = append(states, d.State)
		}
		assert.Equal(t, []store.DeliveryState{store.DeliveryDelivered, store.DeliveryDelivered, store.DeliverySilenced, store.DeliverySilenced}, states)
		b.stop()
	})
}

// A silence of an app is summed up to each group and to the people that were not told, whoever sends.
func TestSnoozeOfAnApp(t *testing.T) {
	t.Parallel()
	inMute(t, allWell, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.start()
		b.snooze(store.Silence{Robots: []string{"dingtalk_default"}})
		for i, to := range []string{"open_conversation_id: cidA", "user_ids: [u2, u1]", "user_ids: [u1, u2]"} {
			b.tell(callbacks.Success, fmt.Sprint("t", i), callback(t, "{callback: dingding_bot, "+to+"}"))
		}
		ev := &callbacks.Event{Kind: callbacks.Success, DAGID: "d", TaskID: "t3", MapIndex: -1}
		m, err := dingding.NewAppSender(nil).StandIn(callbacks.Conn{ID: "dingtalk_default", Extra: map[string]any{"open_conversation_id": "cidC"}}, ev)
		require.NoError(t, err)
		now := time.Now()
		b.insert([]*store.Delivery{{
			State: store.DeliveryWaiting, Channel: m.Channel, Sender: m.Sender, Payload: m.Payload, CreatedAt: now, UpdatedAt: now, Priority: 3,
			Owner: store.Owner{Event: string(ev.Kind), DAGID: "d", TaskID: "t3", MapIndex: -1},
		}})
		b.out.Wake()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		got := slices.Sorted(slices.Values(p.takenSoFar()))
		require.Len(t, got, 3)
		for i, want := range []string{`^\[u1 u2\] .*2 alerts were silenced`, `^cidA\[\] .*1 alert was silenced`, `^cidC\[\] .*1 alert was silenced`} {
			assert.Regexp(t, "(?s)"+want, got[i])
		}
		assert.Empty(t, b.last.takenSoFar(), "nobody else has to be told")
		b.stop()
	})
}

// Who can't be told the end of a silence, while nobody else is to be told either, is in the log.
func TestSilenceThatNobodyIsToldOf(t *testing.T) {
	t.Parallel()
	inBubble(t, takesAll, func(t *testing.T, b *bench, _ *post) {
		t.Helper()
		b.stopStore()
		var log bytes.Buffer
		b.undelivered, b.log = nil, slog.New(slog.NewTextHandler(&log, nil))
		b.open()
		b.start()
		b.snooze(store.Silence{})
		b.letters("a")
		time.Sleep(2 * time.Hour)
		b.stop()
		assert.Regexp(t, `level=ERROR msg="nobody is told what a silence kept back.*channel=post messages=1 error="post cannot be told`, log.String())
	})
}
