package card_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// follow follows a new run, in which load is running.
func (d *desk) follow() {
	d.Helper()
	d.run = &store.Run{DAGID: "etl", RunID: "r2", Type: dag.ManualRun, State: dag.RunRunning, LogicalDate: d.now().Add(time.Hour), RunAfter: d.now(), StartDate: d.now(), Version: d.dag.Version}
	d.load = &store.Instance{TaskID: "load", MapIndex: -1, State: dag.Running, Try: 1, MaxTries: 1, Operator: "empty", StartDate: d.now()}
	require.NoError(d, d.store.Tx(d.Context(), func(tx store.Tx) error {
		if _, err := tx.InsertRun(d.Context(), d.run); err != nil {
			return err
		}
		d.load.RunKey = d.run.Key
		return tx.PutInstances(d.Context(), []*store.Instance{d.load})
	}))
	f := card.Followed{ConnID: "dingtalk_default", OpenConversationID: "cidAb/3dE+f0==", UserID: "user001", DAGID: "etl", RunID: "r2", Ref: "dingtalk_default/m1"}
	if d.person != "" {
		f.OpenConversationID, f.UserID = "", d.person
	}
	for range 2 { // a command that a crash cut off comes again
		require.NoError(d, d.keeper.Follow(d.Context(), f))
	}
	cards, err := d.store.OpenCards(d.Context(), d.now(), time.Time{}, "", 9)
	require.NoError(d, err)
	require.Len(d, cards, 2, "that of the alert and one of the run")
	for _, c := range cards {
		if c.Kind == store.RunCard {
			d.id = c.OutTrackID
		}
	}
}

func (d *desk) ends(task dag.State, run dag.RunState) {
	d.Helper()
	d.run.State, d.run.EndDate = run, d.now()
	d.is(task, 1)
	require.NoError(d, d.store.Tx(d.Context(), func(tx store.Tx) error { return tx.UpdateRun(d.Context(), d.run) }))
}

// A run that somebody triggered is followed by a card, which is delivered once and redrawn until the run succeeds.
func TestFollowARun(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.follow()
	d.box.Fault(sandbox.Fault{Call: "card.create", Kind: sandbox.FaultAnswerLost})
	d.round()
	d.pass(time.Minute)
	d.round()
	require.Len(t, d.box.Messages(sandbox.Filter{}), 2, "the alert and one card")
	assert.Equal(t, "etl: r2", d.shows("title"))
	assert.Equal(t, "**运行中 Running**\n\n- 运行中 running: 1 `load`", d.shows("markdown"))
	assert.Equal(t, "false", d.shows("can_retry"))
	d.ends(dag.Success, dag.RunSuccess)
	d.round()
	assert.Equal(t, "**成功 Succeeded**\n\n- 成功 succeeded: 1", d.shows("markdown"))
	assert.Equal(t, "green", d.shows("color"))
	assert.False(t, d.kept().ClosedAt.IsZero())
}

// The buttons of a run's card come over HTTP where the connection says so.
func TestFollowARunOverHTTP(t *testing.T) {
	t.Parallel()
	for extra, want := range map[string]string{extra: "STREAM", strings.Replace(extra, "{", `{"card_route_key": "rk", `, 1): "HTTP"} {
		d := newDesk(t, extra)
		d.follow()
		d.round()
		c, err := d.box.Card(d.id)
		require.NoError(t, err)
		assert.Equal(t, want, c.CallbackType)
	}
}

// A card whose delivery nobody knows of shows the end of the run even when the run ended before the next try: DingTalk
// keeps the card as it came first.
func TestFollowARunThatEndsBeforeItsCardIsKnown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]sandbox.Fault{
		"delivered":     {Call: "card.create", Kind: sandbox.FaultAnswerLost},
		"not delivered": {Call: "card.create", Kind: sandbox.FaultBusy, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, extra)
			d.follow()
			d.box.Fault(fault)
			d.round()
			d.ends(dag.Success, dag.RunSuccess)
			d.box.ClearFaults()
			d.box.Fault(sandbox.Fault{Call: "card.update", Kind: sandbox.FaultBusy, Times: 9})
			d.pass(time.Minute)
			d.round()
			d.box.ClearFaults()
			for range 2 {
				d.pass(time.Hour)
				d.round()
			}
			assert.Len(t, d.box.Messages(sandbox.Filter{}), 2, "the alert and one card")
			assert.Equal(t, "**成功 Succeeded**\n\n- 成功 succeeded: 1", d.shows("markdown"))
			assert.Equal(t, "green", d.shows("color"))
			assert.False(t, d.kept().ClosedAt.IsZero())
			assert.Empty(t, d.kept().Error)
		})
	}
}

// A process that is killed between the delivery and its note leaves a card that the next one redraws.
func TestFollowARunOfWhichACrashCutOffTheCard(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.follow()
	ctx, kill := context.WithCancel(t.Context())
	k := d.keeperOn(dyingStore{d.store, func(c *store.Card) {
		if strings.HasPrefix(c.OutTrackID, "dingdag-run-") && len(d.box.Messages(sandbox.Filter{})) > 1 {
			kill() // it has been delivered
		}
	}})
	require.ErrorIs(t, k.Round(ctx), context.Canceled)
	require.Len(t, d.box.Messages(sandbox.Filter{}), 2)
	d.ends(dag.Failed, dag.RunFailed)
	d.round()
	assert.Equal(t, "**失败 Failed**\n\n- 失败 failed: 1 `load`", d.shows("markdown"))
	assert.Len(t, d.box.Messages(sandbox.Filter{}), 2)
}

// dyingStore is told of what is about to be written.
type dyingStore struct {
	card.Store

	before func(*store.Card)
}

func (s dyingStore) Tx(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Tx(ctx, func(tx store.Tx) error { return fn(dyingTx{tx, s.before}) })
}

type dyingTx struct {
	store.Tx

	before func(*store.Card)
}

func (t dyingTx) UpdateCard(ctx context.Context, c *store.Card) error {
	if t.before(c); ctx.Err() != nil {
		return ctx.Err()
	}
	return t.Tx.UpdateCard(ctx, c)
}

// A person whom DingTalk gives no more messages for now is told later.
func TestFollowARunForSomebodyWhoGetsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, `{"qps": 0, "conversation_id": "cidAb/3dE+f0=="}`)
	d.person = "busy"
	d.box.AddUser(sandbox.User{UserID: "busy", Name: "Busy", Mobile: "13900000000", FlowControlled: true})
	d.follow()
	d.round()
	d.ends(dag.Failed, dag.RunFailed)
	d.round()
	assert.Contains(t, d.kept().Error, "busy did not get it: the person got too many messages")
	assert.True(t, d.kept().ClosedAt.IsZero(), "nobody has got it")
}

// When the run fails, its card has a button that clears what failed.
func TestFollowedRunIsRetried(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	d.follow()
	d.round()
	d.ends(dag.Failed, dag.RunFailed)
	d.round()
	assert.Equal(t, "**失败 Failed**\n\n- 失败 failed: 1 `load`", d.shows("markdown"))
	assert.Equal(t, "true", d.shows("can_retry"))
	assert.False(t, d.press("p1", "user001", "retry").Refused)
	assert.Equal(t, "queued load=none", d.states())
	d.round()
	assert.Equal(t, "排队中 Queued", d.shows("status"))
	assert.True(t, d.kept().ClosedAt.IsZero(), "it goes on")

	d.ends(dag.Failed, dag.RunFailed)
	d.round()
	assert.Equal(t, "true", d.shows("can_retry"), "no other card tells of it")
	assert.False(t, d.press("p1", "user001", "retry").Refused, "it came again")
	assert.Equal(t, "failed load=failed", d.states())
	assert.False(t, d.press("p2", "user002", "retry").Refused)
	assert.Equal(t, "queued load=none", d.states())
	assert.Equal(t, []string{"user001 (chat) clear", "user002 (chat) clear"}, d.did())
}

// Without a template one message tells the end.
func TestFollowARunWithoutATemplate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, `{"qps": 0, "conversation_id": "cidAb/3dE+f0=="}`)
	d.follow()
	d.round()
	d.round()
	require.Len(t, d.box.Messages(sandbox.Filter{}), 1, "the alert")
	d.ends(dag.Failed, dag.RunFailed)
	d.box.Fault(sandbox.Fault{Call: "bot.group_send", Kind: sandbox.FaultBusy, Times: -1})
	d.round()
	require.Len(t, d.box.Messages(sandbox.Filter{}), 1)
	assert.True(t, d.kept().ClosedAt.IsZero(), "it did not leave: %s", d.kept().Error)
	d.box.ClearFaults()
	d.pass(10 * time.Minute)
	for range 2 {
		d.round()
	}
	all := d.box.Messages(sandbox.Filter{})
	require.Len(t, all, 2)
	assert.Contains(t, all[1].Content.Text, "**失败 Failed**\n\n- 失败 failed: 1 `load`")
	assert.Contains(t, all[1].Content.Text, "下一步 Next: `why etl`")
	assert.False(t, d.kept().ClosedAt.IsZero())
	assert.Empty(t, d.kept().Error)
}
