package card_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/worker"
)

// presses carries presses out with what wrap puts over the api.
func (d *desk) presses(wrap func(card.Runs) card.Runs) *card.Presses {
	return card.NewPresses(card.PressOptions{
		Store: d.store, Hook: d.hook, Connections: d.conns, Masker: connections.NewMasker(), Clock: d.now, Log: slog.New(slog.DiscardHandler), Drawn: func() { d.drawn++ },
		Runs: func(who store.Actor) card.Runs {
			if wrap != nil {
				return wrap(d.api.By(who))
			}
			return d.api.By(who)
		},
		Asks:  func(who store.Actor) card.Asks { return d.asks.By(who) },
		Roles: d,
	})
}

// Of is the role of a person.
func (d *desk) Of(_ context.Context, connID, userID string) (roles.Role, error) {
	assert.Equal(d, d.through, connID)
	return d.roles[userID], d.who
}

// payload is what DingTalk says of a press.
func (d *desk) payload(id, user, action string) *incoming.Press {
	d.Helper()
	content, err := json.Marshal(map[string]any{"cardPrivateData": map[string]any{"actionIds": []string{action}}})
	require.NoError(d, err)
	raw, err := json.Marshal(map[string]any{"type": "actionCallback", "outTrackId": d.id, "userId": user, "userIdType": 1, "content": string(content)})
	require.NoError(d, err)
	p, err := incoming.ParsePress(id, d.now(), raw)
	require.NoError(d, err)
	return p
}

// press presses a button.
func (d *desk) press(id, user, action string) card.Outcome {
	d.Helper()
	out, err := d.presses(nil).Press(d.Context(), d.payload(id, user, action), d.through)
	require.NoError(d, err)
	return out
}

// note is what one person sees alone.
func (d *desk) note(user string) string {
	d.Helper()
	c, err := d.box.Card(d.id)
	require.NoError(d, err)
	return c.Private[user]["note"]
}

// states are those of the run and its tasks.
func (d *desk) states() string {
	d.Helper()
	r, err := d.store.Run(d.Context(), d.run.Key)
	require.NoError(d, err)
	is, err := d.store.Instances(d.Context(), r.Key)
	require.NoError(d, err)
	all := []string{string(r.State)}
	for _, in := range is {
		all = append(all, fmt.Sprintf("%s=%s", in.TaskID, in.State))
	}
	return strings.Join(all, " ")
}

// failures are for which failure the buttons of the card were drawn.
func (d *desk) failures() map[string]string {
	d.Helper()
	var buttons []struct {
		Action string            `json:"action"`
		Params map[string]string `json:"params"`
	}
	require.NoError(d, json.Unmarshal([]byte(d.shows("buttons")), &buttons))
	out := map[string]string{}
	for _, b := range buttons {
		out[b.Action] = b.Params[face.FailureParam]
	}
	return out
}

// did are the changes, oldest first.
func (d *desk) did() (out []string) {
	d.Helper()
	es, err := d.store.Events(d.Context(), store.EventFilter{})
	require.NoError(d, err)
	for _, e := range es {
		out = append([]string{e.Actor.String() + " " + string(e.Kind)}, out...)
	}
	return out
}

// A retry clears what failed, once, and the card says who did it.
func TestRetry(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	out := d.press("p1", "user001", "retry")
	assert.Equal(t, card.Outcome{Said: "已清除 2 个任务实例。 Cleared 2 task instances.", Shown: true, Pressed: &store.ChatPressed{Button: "重试 Retry", DAGID: "etl", RunID: d.run.RunID, TaskID: "load", MapIndex: -1}}, out)
	assert.Equal(t, "queued load=none report=none", d.states())
	assert.Equal(t, 1, d.drawn)
	d.round()
	assert.Contains(t, d.shows("footer"), "重试 Retry: user001 2026-03-01 08:00:00")
	assert.Equal(t, "排队中 Queued", d.shows("status"))

	again := d.press("p1", "user001", "retry")
	assert.False(t, again.Refused, "DingTalk delivered it again: %s", again.Said)
	for i, user := range []string{"user001", "user002"} {
		second := d.press(fmt.Sprint("q", i), user, "clear_downstream")
		assert.True(t, second.Refused)
		assert.Contains(t, second.Said, "Done already by user001 at 2026-03-01T08:00:00Z")
		assert.True(t, second.Shown)
		assert.Equal(t, second.Said, d.note(user))
	}
	mine := d.press("q2", "user001", "retry")
	assert.False(t, mine.Refused, "he did it himself: %s", mine.Said)
	assert.Equal(t, []string{"user001 (chat) clear"}, d.did())
	assert.Len(t, d.kept().Presses, 1)
}

// Below what failed a retry takes only what did not run for that.
func TestRetryWithDownstream(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"retry": "queued load=none report=success", "clear_downstream": "queued load=none report=none"} {
		d := newDesk(t, extra)
		is, err := d.store.Instances(t.Context(), d.load.RunKey)
		require.NoError(t, err)
		for _, in := range is {
			if in.TaskID == "report" {
				in.State = dag.Success
			}
		}
		require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error { return tx.PutInstances(t.Context(), is) }))
		d.press("p1", "user002", action)
		assert.Equal(t, want, d.states(), action)
	}
}

// A process that dies after the change and before its note finds at the next delivery that it was done, whatever the
// task has come to meanwhile.
func TestPressThatACrashCutOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	crashed := errors.New("killed")
	_, err := d.presses(func(r card.Runs) card.Runs { return dying{r, crashed} }).Press(t.Context(), d.payload("p1", "user001", "retry"), "dingtalk_default")
	require.ErrorIs(t, err, crashed)
	assert.Equal(t, "queued load=none report=none", d.states(), "the change was committed")
	assert.Empty(t, d.kept().Presses)
	d.is(dag.Running, 2)
	d.pass(time.Minute)
	assert.False(t, d.press("p1", "user001", "retry").Refused)
	assert.Equal(t, []string{"user001 (chat) clear"}, d.did())
	require.Len(t, d.kept().Presses, 1)
	assert.Equal(t, d.now().Add(-time.Minute), d.kept().Presses[0].At, "it was done then")
	assert.Equal(t, "running", strings.Fields(strings.ReplaceAll(d.states(), "load=", ""))[1])
}

// dying changes and does not live to tell.
type dying struct {
	card.Runs

	err error
}

func (r dying) Clear(ctx context.Context, q api.ClearRequest) (*api.Altered, error) {
	if _, err := r.Runs.Clear(ctx, q); err != nil {
		return nil, err
	}
	return nil, r.err
}

// Who may not, from wherever, changes nothing and is told alone.
func TestWhoMayNotPress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	for user, want := range map[string]string{"user003": "User user003 has the role viewer and may not do this", "stranger": "User stranger has the role nobody and may not do this"} {
		for _, action := range []string{"retry", "clear_downstream", "ack", "snooze"} {
			out := d.press("p-"+user+action, user, action)
			assert.True(t, out.Refused)
			assert.Contains(t, out.Said, want)
			assert.Equal(t, out.Said, d.note(user))
		}
	}
	assert.True(t, d.press("p", "stranger", "log").Refused)
	assert.True(t, d.press("p", "user001", "drop table").Refused)
	d.who = errors.New("the directory is away")
	assert.Contains(t, d.press("p", "user003", "retry").Said, "the directory is away")
	d.who = nil

	outside := d.payload("p", "x", "retry")
	outside.UserID, outside.UnionID = "", "x"
	out, err := d.presses(nil).Press(t.Context(), outside, "dingtalk_default")
	require.NoError(t, err)
	assert.True(t, out.Refused)
	assert.False(t, out.Shown)
	two := d.payload("p", "user001", "retry")
	two.ActionIDs = []string{"retry", "ack"}
	out, err = d.presses(nil).Press(t.Context(), two, "dingtalk_default")
	require.NoError(t, err)
	assert.True(t, out.Refused)

	assert.Empty(t, d.did())
	assert.Equal(t, "failed load=failed report=upstream_failed", d.states())
	assert.Equal(t, "", d.note("user002"))
	assert.Empty(t, d.kept().Presses)
}

// A card that is unknown, of another application or of a run that is gone does nothing.
func TestPressOfWhatIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	p := d.payload("p", "user001", "retry")
	out, err := d.presses(nil).Press(t.Context(), p, "another")
	require.NoError(t, err)
	assert.True(t, out.Refused)
	p.OutTrackID = "unknown"
	out, err = d.presses(nil).Press(t.Context(), p, "dingtalk_default")
	require.NoError(t, err)
	assert.True(t, out.Refused)
	assert.Contains(t, out.Said, "There is no such card")

	require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error {
		_, err := tx.RemoveRun(t.Context(), d.run.Key)
		return err
	}))
	for _, action := range []string{"retry", "ack", "snooze"} {
		out := d.press("p"+action, "user001", action)
		assert.True(t, out.Refused)
		assert.Contains(t, out.Said, "the state is gone now")
	}
	d.round()
	assert.Equal(t, "运行已不存在 The run is gone", d.shows("status"))
	assert.Empty(t, d.did())
}

// A task that was mended in another way is not run again by a card that is out of date.
func TestPressOfWhatHasChanged(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	for _, state := range []dag.State{dag.Running, dag.Success, dag.UpForRetry} {
		d.is(state, 2)
		assert.True(t, d.press("p"+string(state), "user001", "retry").Refused)
		assert.True(t, d.press("q"+string(state), "user001", "clear_downstream").Refused)
	}
	d.is(dag.Failed, 2)
	assert.True(t, d.press("again", "user001", "retry").Refused, "its second failure has a card of its own")
	assert.Empty(t, d.did())
}

func TestAckAndSnooze(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	assert.False(t, d.press("p1", "user001", "ack").Refused)
	assert.False(t, d.press("p1", "user001", "ack").Refused)
	assert.Contains(t, d.press("p2", "user002", "ack").Said, "Seen already by user001")
	assert.False(t, d.press("p3", "user002", "snooze").Refused)
	assert.Contains(t, d.press("p4", "user001", "snooze").Said, "Snoozed already until 2026-03-01T09:00:00Z")
	assert.Equal(t, []string{"user001 (chat) alert_ack", "user002 (chat) alert_snooze"}, d.did())
	d.round()
	footer := d.shows("footer")
	assert.False(t, d.press("p5", "user001", "ack").Refused, "he did it himself")
	assert.False(t, d.press("p6", "user002", "snooze").Refused, "he did it himself")
	assert.Equal(t, 1, strings.Count(footer, "user001"), footer)
	assert.Contains(t, footer, "静默 1 小时 Snooze 1h: user002")
	assert.Contains(t, footer, "Snoozed until 2026-03-01 09:00:00")
}

// The end of the log is for whoever asks.
func TestLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	assert.True(t, d.press("p0", "user003", "log").Refused, "it is gone")
	path := filepath.Join(d.dir, worker.LogPath(d.run, d.load, 1))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("early\n", 1000)+"the end ``` of it\n"), 0o600))
	out := d.press("p1", "user003", "log")
	assert.False(t, out.Refused)
	assert.True(t, out.Shown)
	assert.Equal(t, out.Said, d.note("user003"))
	assert.True(t, strings.HasPrefix(out.Said, "```\nearly\n"), "it begins with a line")
	assert.True(t, strings.HasSuffix(out.Said, "the end ''' of it\n```"))
	assert.Less(t, len(out.Said), 1600)
	assert.Empty(t, d.note("user001"))
	assert.Empty(t, d.did())
}

// The connection of an application that receives is not always the one through which a card was sent.
func TestPressThroughAnotherConnectionOfTheApplication(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	first := *d.conns["dingtalk_default"]
	first.ID = "app"
	other := first
	other.Login = new("another")
	keyless := first
	keyless.Login = nil
	d.conns["app"], d.conns["other"], d.conns["keyless"] = &first, &other, &keyless
	d.through = "other"
	assert.Contains(t, d.press("p1", "user001", "retry").Said, "There is no such card")
	d.through = "keyless"
	assert.Contains(t, d.press("p1", "user001", "retry").Said, "There is no such card")
	d.through = "app"
	out := d.press("p1", "user001", "retry")
	assert.False(t, out.Refused, out.Said)
	assert.Equal(t, []string{"user001 (chat) clear"}, d.did())
	out = d.press("p2", "user003", "ack")
	assert.True(t, out.Shown, "the refusal shows on the card")
	assert.Equal(t, out.Said, d.note("user003"))
}

// What the userid alone gives is enough while the directory is away.
func TestPressWhileTheDirectoryIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.who = errors.New("the directory is away")
	assert.False(t, d.press("p1", "user001", "ack").Refused)
	assert.True(t, d.press("p2", "user003", "retry").Refused)
}

// Nobody redraws a closed card, so that whoever pressed is told.
func TestPressOnAClosedCard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.pass(7 * 24 * time.Hour)
	d.round()
	require.False(t, d.kept().ClosedAt.IsZero())
	out := d.press("p1", "user001", "retry")
	assert.False(t, out.Refused)
	assert.True(t, out.Shown)
	assert.Equal(t, "已清除 2 个任务实例。 Cleared 2 task instances.", d.note("user001"))
	d.box.Fault(sandbox.Fault{Call: "card.update", Kind: sandbox.FaultErrcode, ErrorCode: "param.outTrackId.notExist"})
	out = d.press("p2", "user001", "ack")
	assert.False(t, out.Refused)
	assert.False(t, out.Shown, "somebody has to tell him in another way")
}

// While a snooze holds the card of the next failure back, the card of the last one stays of use.
func TestRetryWhileTheNextCardIsHeldBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.press("p1", "user001", "snooze")
	d.round()
	assert.Equal(t, map[string]string{"retry": "1", "clear_downstream": "1", "ack": "", "snooze": "", "log": ""}, d.failures())
	first := d.payload("p2", "user001", "retry")
	first.Params = map[string]string{face.FailureParam: "1"}
	press := func(in *incoming.Press) card.Outcome {
		out, err := d.presses(nil).Press(t.Context(), in, d.through)
		require.NoError(t, err)
		return out
	}
	assert.False(t, press(first).Refused)
	d.is(dag.Failed, 2)
	d.round()
	assert.Equal(t, "2", d.failures()["retry"], "what is pressed now is another press")
	late := d.payload("p2 again", "user001", "retry")
	late.Params = first.Params
	out := press(late)
	assert.False(t, out.Refused, "he did it himself")
	assert.Contains(t, out.Said, "Done already by user001", "the button of the first failure does not clear the second one")
	other := d.payload("p0", "user002", "retry")
	other.Params = first.Params
	assert.True(t, press(other).Refused)
	assert.Equal(t, "已清除 2 个任务实例。 Cleared 2 task instances.", press(first).Said, "what is noted is told again")
	assert.Equal(t, "true", d.shows("can_retry"))
	assert.True(t, d.kept().ClosedAt.IsZero())
	second := d.payload("p3", "user001", "retry")
	second.Params = map[string]string{face.FailureParam: "2"}
	assert.False(t, press(second).Refused)
	assert.Equal(t, []string{"user001 (chat) alert_snooze", "user001 (chat) clear", "user001 (chat) clear"}, d.did())
	d.is(dag.Failed, 3)
	d.pass(time.Hour)
	assert.True(t, d.press("p4", "user002", "retry").Refused, "the snooze is over")
	d.round()
	assert.Equal(t, "false", d.shows("can_retry"))
	assert.False(t, d.kept().ClosedAt.IsZero())
}

// Cards call people by their names, and by their userids while these cannot be looked up.
func TestCardsNamePeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	asked := 0
	var fails error
	k := card.NewKeeper(card.Options{
		Store: d.store, Hook: d.hook, Connections: d.conns, Masker: connections.NewMasker(), Clock: d.now, Log: slog.New(slog.DiscardHandler),
		Name: func(_ context.Context, connID, userID string) (string, error) {
			asked++
			assert.Equal(t, "dingtalk_default", connID)
			return map[string]string{"user001": "Li Ming"}[userID], fails
		},
	})
	d.press("p1", "user001", "ack")
	d.press("p2", "user002", "snooze")
	fails = errors.New("the application may not ask")
	for range 2 {
		require.NoError(t, k.Round(t.Context()))
	}
	assert.Equal(t, 2, asked, "once for each")
	assert.Contains(t, d.shows("footer"), "Ack: user001 ")
	fails = nil
	d.pass(10 * time.Minute)
	for range 2 {
		require.NoError(t, k.Round(t.Context()))
	}
	assert.Equal(t, 4, asked)
	assert.Contains(t, d.shows("footer"), "Ack: Li Ming ")
	assert.Contains(t, d.shows("footer"), "Snooze 1h: user002 ", "who has no name")
	fails = errors.New("away")
	d.pass(2 * time.Hour)
	require.NoError(t, k.Round(t.Context()))
	assert.Equal(t, 6, asked)
	assert.Contains(t, d.shows("footer"), "Ack: Li Ming ", "it is known from before")
}

// Who has seen an alert by a command, or has answered, is called by name too.
func TestCardsNameWhoAcksAndAnswersElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	k := card.NewKeeper(card.Options{
		Store: d.store, Hook: d.hook, Connections: d.conns, Masker: connections.NewMasker(), Clock: d.now, Log: slog.New(slog.DiscardHandler),
		Name: func(_ context.Context, _, userID string) (string, error) {
			return map[string]string{"user001": "Li Ming"}[userID], nil
		},
	})
	require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error {
		_, err := tx.AckDeliveries(t.Context(), store.DeliveryFilter{DAGID: "etl"}, store.Ack{At: d.now(), By: "user001"})
		return err
	}))
	require.NoError(t, k.Round(t.Context()))
	assert.Contains(t, d.shows("footer"), "Ack: Li Ming 2026-03-01 08:00:00")

	d.ask(store.Ask{Options: []string{"Approve", "Reject"}})
	require.NoError(t, k.Round(t.Context()))
	d.press("p1", "user001", "answer_1")
	require.NoError(t, k.Round(t.Context()))
	assert.Contains(t, d.shows("footer"), "Li Ming")
	assert.NotContains(t, d.shows("footer"), "user001")
}
