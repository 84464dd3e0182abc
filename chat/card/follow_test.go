package card_test

import (
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
	for range 2 { // a command that a crash cut off comes again
		require.NoError(d, d.keeper.Follow(d.Context(), card.Followed{
			ConnID: "dingtalk_default", OpenConversationID: "cidAb/3dE+f0==", UserID: "user001", DAGID: "etl", RunID: "r2", Ref: "dingtalk_default/m1",
		}))
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
	assert.False(t, d.kept().ClosedAt.IsZero())
	assert.Empty(t, d.kept().Error)
}
