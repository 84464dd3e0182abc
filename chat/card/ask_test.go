package card_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/callbacks"
	cbcard "github.com/dingdag/dingdag/callbacks/card"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// asks lets the task of the desk ask people by a card, which is the one of the desk from then on.
func (d *desk) ask(a store.Ask) *store.Ask {
	d.Helper()
	d.run.State, d.load.State, d.load.Try, d.load.EndDate = dag.RunRunning, dag.Deferred, 2, time.Time{}
	a.RunKey, a.DAGID, a.RunID, a.TaskID, a.MapIndex, a.Try = d.run.Key, "etl", "r1", "load", -1, 2
	a.Subject, a.CreatedAt, a.State = "Release?", d.now(), store.AskOpen
	require.NoError(d, d.store.Tx(d.Context(), func(tx store.Tx) error {
		if err := tx.PutInstances(d.Context(), []*store.Instance{d.load}); err != nil {
			return err
		}
		_, err := tx.InsertAsk(d.Context(), &a)
		return err
	}))
	var args yaml.Node
	require.NoError(d, yaml.Unmarshal([]byte("{}"), &args))
	n, problems := cbcard.Specs()[0].Decode(args.Content[0])
	require.Empty(d, problems)
	m, err := n.Prepare(&callbacks.Event{
		Kind: callbacks.Asked, DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, TryNumber: 2, State: "deferred",
		Ask: &callbacks.Ask{ID: a.ID, Subject: a.Subject, Options: a.Options},
	})
	require.NoError(d, err)
	_, err = cbcard.NewSender(d.hook, d.conns, nil).Send(d.Context(), m)
	require.NoError(d, err)
	d.id = m.Card.OutTrackID
	require.NoError(d, d.store.Tx(d.Context(), func(tx store.Tx) error {
		_, err := tx.InsertCard(d.Context(), &store.Card{
			OutTrackID: d.id, ConnID: "dingtalk_default", Kind: store.AskCard, DAGID: "etl", RunID: "r1", TaskID: "load", MapIndex: -1, Try: 2,
			Face: m.Card.Face, MadeAt: d.now(), UpdatedAt: d.now(),
		})
		return err
	}))
	return &a
}

// became is what became of an ask.
func (d *desk) became(a *store.Ask) *store.Ask {
	d.Helper()
	got, err := d.store.Ask(d.Context(), a.ID)
	require.NoError(d, err)
	return got
}

func (d *desk) buttons() (out map[string]bool) {
	d.Helper()
	var all []struct {
		Text     string `json:"text"`
		Disabled bool   `json:"disabled"`
	}
	require.NoError(d, json.Unmarshal([]byte(d.shows("buttons")), &all))
	out = map[string]bool{}
	for _, b := range all {
		out[b.Text] = !b.Disabled
	}
	return out
}

// The first press of somebody who may is the answer; the card shows it to all, and the second one hears who was faster.
func TestPressAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	a := d.ask(store.Ask{Options: []string{"Approve", "Reject"}})
	d.round()
	assert.Equal(t, "等待回答 Waiting for an answer", d.shows("status"))
	assert.Equal(t, map[string]bool{"Approve": true, "Reject": true}, d.buttons())
	assert.Contains(t, d.shows("markdown"), "`approve 1` `批准 1`")

	viewer := d.press("p1", "user003", "answer_0")
	assert.True(t, viewer.Refused)
	assert.Contains(t, viewer.Said, "User user003 has the role viewer and may not answer")
	assert.Equal(t, viewer.Said, d.note("user003"))
	assert.True(t, d.press("p2", "user001", "retry").Refused, "it is no button of this card")
	assert.True(t, d.press("p3", "user001", "answer_2").Refused)
	assert.Equal(t, store.AskOpen, d.became(a).State)

	pressed := d.press("p4", "user001", "answer_1")
	assert.Equal(t, "已回答：Reject。 Answered: Reject.", pressed.Said)
	assert.True(t, pressed.Shown)
	assert.Equal(t, "Reject", pressed.Pressed.Button)
	assert.Equal(t, "user001", d.became(a).RespondedBy.ID)
	assert.False(t, d.press("p4", "user001", "answer_1").Refused, "DingTalk delivered it again")
	second := d.press("p5", "user002", "answer_0")
	assert.True(t, second.Refused)
	assert.Contains(t, second.Said, "Answered already by user001 at 2026-03-01T08:00:00Z: Reject")
	assert.Equal(t, []string{"Reject"}, d.became(a).Chosen)

	d.round()
	assert.Equal(t, "已回答 Answered: Reject", d.shows("status"))
	assert.Equal(t, "Reject: user001 2026-03-01 08:00:00 +00:00", d.shows("footer"))
	assert.Equal(t, map[string]bool{"Approve": false, "Reject": false}, d.buttons())
	assert.NotContains(t, d.shows("markdown"), "approve 1")
	assert.False(t, d.kept().ClosedAt.IsZero())
}

// Those who are assigned need no role, and nobody else may.
func TestPressOfThoseAssigned(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	a := d.ask(store.Ask{Options: []string{"Go", "Stop"}, Assigned: []store.Person{{ID: "user004", Name: "Zhao"}}})
	admin := d.press("p1", "user002", "answer_0")
	assert.True(t, admin.Refused)
	assert.Contains(t, admin.Said, "only Zhao (user004)")
	assert.False(t, d.press("p2", "user004", "answer_0").Refused)
	assert.Equal(t, store.Person{ID: "user004", Name: "Zhao"}, d.became(a).RespondedBy)
	assert.Equal(t, store.ViaChat, d.became(a).Via)
}

// A card says what became of what nobody answered, and waits for more than a week.
func TestCardOfAnAskWithoutAnswer(t *testing.T) {
	t.Parallel()
	for state, want := range map[store.AskState]string{
		store.AskDefaulted: "无人回答，已用默认 Nobody answered: the default was taken: Go",
		store.AskTimedOut:  "无人回答 Nobody answered",
		store.AskClosed:    "不再需要回答 Needs no answer any more",
	} {
		d := newDesk(t, extra)
		a := d.ask(store.Ask{Options: []string{"Go", "Stop"}})
		d.pass(10 * 24 * time.Hour)
		d.round()
		require.True(t, d.kept().ClosedAt.IsZero())
		a.State, a.SettledAt = state, d.now()
		switch state {
		case store.AskDefaulted:
			a.Chosen = []string{"Go"}
		case store.AskClosed:
			a.Note = "its task was cleared"
		default:
		}
		require.NoError(t, d.store.Tx(t.Context(), func(tx store.Tx) error { _, err := tx.SettleAsk(t.Context(), a); return err }))
		d.round()
		assert.Equal(t, want, d.shows("status"))
		assert.Contains(t, d.shows("footer"), a.Note)
		assert.False(t, d.kept().ClosedAt.IsZero())
		late := d.press("p1", "user001", "answer_0")
		assert.True(t, late.Refused)
		assert.Contains(t, late.Said, "Nothing was done: ask 1 ")
	}
}

func (d *desk) answers(l card.AskLink, option string) card.Outcome {
	d.Helper()
	out, err := d.presses(nil).FollowAsk(d.Context(), l, []string{option}, nil)
	require.NoError(d, err)
	return out
}

// A link answers for the person whom it was sent to, or for a group as an operator does, once.
func TestAskLink(t *testing.T) {
	t.Parallel()
	link := func(a *store.Ask, people ...string) card.AskLink {
		return card.AskLink{ID: a.ID, ConnID: "dingtalk_default", People: people, Nonce: "n1"}
	}
	d := newDesk(t, extra)
	a := d.ask(store.Ask{Options: []string{"Approve", "Reject"}, Assigned: []store.Person{{ID: "user003", Name: "Cy"}}})
	for _, people := range [][]string{nil, {"user001"}, {"user003", "user001"}} {
		out := d.answers(link(a, people...), "Approve")
		assert.True(t, out.Refused, people)
		assert.Contains(t, out.Said, "Only Cy (user003) may answer")
	}
	assert.False(t, d.answers(link(a, "user003"), "Reject").Refused, "who is assigned needs no role")
	assert.Equal(t, store.Person{ID: "user003", Name: "Cy"}, d.became(a).RespondedBy)
	assert.Contains(t, d.answers(link(a, "user003"), "Approve").Said, "Answered already by Cy (user003) at 2026-03-01T08:00:00Z: Reject")
	s, err := d.presses(nil).SeeAsk(t.Context(), card.AskLink{ID: 99, ConnID: "dingtalk_default"})
	require.NoError(t, err)
	assert.Nil(t, s.Ask)
	assert.Contains(t, s.Refusal, "The run is gone")

	d = newDesk(t, extra)
	a = d.ask(store.Ask{Options: []string{"Approve", "Reject"}})
	assert.Contains(t, d.answers(link(a, "user003"), "Approve").Said, "user003, who has the role viewer and may not do this")
	wrong := d.answers(link(a), "Perhaps")
	assert.True(t, wrong.Refused)
	assert.Contains(t, wrong.Said, "Perhaps")
	assert.Equal(t, store.AskOpen, d.became(a).State)
	assert.False(t, d.answers(link(a), "Approve").Refused)
	assert.Equal(t, "group", d.became(a).RespondedBy.ID)
	assert.Equal(t, store.ViaLink, d.became(a).Via)
}
