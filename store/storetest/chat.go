//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// said is a message in a conversation.
func said(conversation, key string) *store.ChatMessage {
	return &store.ChatMessage{
		ConnID: "app", App: "key1", Kind: store.ChatText, Key: key, ConversationID: conversation, ReceivedAt: midnight, State: store.ChatWaiting,
	}
}

// came adds messages, all of which are new.
func came(t *testing.T, s store.Store, ms ...*store.ChatMessage) {
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, m := range ms {
			first, err := tx.InsertChatMessage(ctx, m)
			require.NoError(t, err)
			assert.True(t, first, m.Key)
		}
		return nil
	})
}

// claimed begins with a message.
func claimed(t *testing.T, s store.Store, m *store.ChatMessage) (ok bool) {
	m.StartedAt, m.Node = hour(1), "n"
	write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		ok, err = tx.ClaimChatMessage(ctx, m)
		return err
	})
	return ok
}

func updated(t *testing.T, s store.Store, m *store.ChatMessage) error {
	return s.Tx(t.Context(), func(tx store.Tx) error { return tx.UpdateChatMessage(t.Context(), m) })
}

func heads(t *testing.T, s store.Store, app string) (keys []string) {
	ms, err := s.ChatHeads(t.Context(), app)
	require.NoError(t, err)
	for _, m := range ms {
		keys = append(keys, m.Key)
	}
	return keys
}

func chatIsKeptOnce(t *testing.T, open Open) {
	s := open(t, Node{})
	m := said("c", "k")
	m.ConversationTitle, m.UserID, m.Nick, m.Text, m.Payload = "Ops", "u1", "王", "why d", json.RawMessage(`{"a": "ü"}`)
	m.Reply, m.ReplyUntil = "sealed", hour(2)
	came(t, s, m)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		again := said("other", "k")
		first, err := tx.InsertChatMessage(ctx, again)
		assert.False(t, first)
		assert.Zero(t, again.ID)
		return err
	})
	press, other := said("c", "k"), said("c", "k")
	press.Kind, other.App = store.ChatPress, "key2"
	came(t, s, press, other)
	got, err := s.ChatMessage(t.Context(), m.ID)
	require.NoError(t, err)
	assert.Equal(t, m, got)

	require.True(t, claimed(t, s, m))
	m.State, m.NextTry, m.Outcome, m.Answer = store.ChatRefused, hour(3), store.ChatRefused, store.ChatAnswer{Title: "t", Text: "你", File: "a.log"}
	m.AnswerState, m.DoneAt, m.Error, m.Reply, m.ReplyUntil = store.ChatAnswerSent, hour(4), "e", "", time.Time{}
	m.Nick = "王五"
	require.NoError(t, updated(t, s, m))
	got, err = s.ChatMessage(t.Context(), m.ID)
	require.NoError(t, err)
	assert.Equal(t, m, got)
	assert.Equal(t, 1, got.Attempts)
	_, err = s.ChatMessage(t.Context(), 99)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func chatGoesInOrder(t *testing.T, open Open) {
	s := open(t, Node{})
	a1, a2, b1, none, foreign := said("a", "a1"), said("a", "a2"), said("b", "b1"), said("", "none"), said("a", "foreign")
	foreign.App = "key2"
	came(t, s, b1, a1, foreign, a2, none)
	assert.Equal(t, []string{"b1", "a1", "none"}, heads(t, s, "key1"))
	stale := *a1
	require.True(t, claimed(t, s, a1))
	assert.False(t, claimed(t, s, &stale), "somebody has it")
	assert.Zero(t, stale.Attempts)
	assert.Equal(t, []string{"b1", "a1", "none"}, heads(t, s, "key1"), "what is worked on holds up what is behind it")
	a1.State, a1.DoneAt = store.ChatAnswered, hour(2)
	require.NoError(t, updated(t, s, a1))
	assert.Equal(t, []string{"b1", "a2", "none"}, heads(t, s, "key1"))
	require.ErrorIs(t, updated(t, s, a1), store.ErrLostLease, "an end stays")
	assert.Equal(t, []string{"foreign"}, heads(t, s, "key2"))
	assert.Empty(t, heads(t, s, "key3"))
}

func chatGoesOn(t *testing.T, open Open) {
	s := open(t, Node{})
	cut, sending, ready, foreign := said("a", "cut"), said("b", "sending"), said("c", "ready"), said("d", "foreign")
	foreign.App = "key2"
	came(t, s, cut, sending, ready, foreign)
	for _, m := range []*store.ChatMessage{cut, sending, ready, foreign} {
		require.True(t, claimed(t, s, m))
	}
	sending.Outcome, sending.AnswerState, sending.Reply = store.ChatRefused, store.ChatAnswerSending, "sealed"
	ready.Outcome, ready.AnswerState, ready.Reply = store.ChatAnswered, store.ChatAnswerReady, "sealed"
	require.NoError(t, updated(t, s, sending))
	require.NoError(t, updated(t, s, ready))
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		waiting, uncertain, err := tx.ReturnChatMessages(ctx, "key1", hour(5))
		assert.Equal(t, []int{2, 1}, []int{waiting, uncertain})
		return err
	})
	state := func(m *store.ChatMessage) *store.ChatMessage {
		got, err := s.ChatMessage(t.Context(), m.ID)
		require.NoError(t, err)
		return got
	}
	lost := state(sending)
	assert.Equal(t, store.ChatRefused, lost.State)
	assert.Equal(t, store.ChatAnswerUncertain, lost.AnswerState)
	assert.Equal(t, hour(5), lost.DoneAt)
	assert.Empty(t, lost.Reply)
	assert.NotEmpty(t, lost.Error)
	assert.Equal(t, store.ChatWaiting, state(cut).State)
	assert.Equal(t, store.ChatAnswerReady, state(ready).AnswerState, "it is only sent")
	assert.Equal(t, store.ChatWorking, state(foreign).State, "somebody else does that")

	again := state(cut)
	require.True(t, claimed(t, s, again))
	assert.Equal(t, 2, again.Attempts)
	cut.State = store.ChatAnswered
	require.ErrorIs(t, updated(t, s, cut), store.ErrLostLease, "the first attempt is over")
	again.State = store.ChatAnswered
	require.NoError(t, updated(t, s, again))
}

func chatIsListed(t *testing.T, open Open) {
	s := open(t, Node{})
	for i, m := range []*store.ChatMessage{said("a", "1"), said("b", "2"), said("a", "3"), said("a", "4")} {
		m.ReceivedAt = hour(i)
		m.UserID = []string{"ann", "bob"}[i%2]
		if i == 3 {
			m.Kind, m.ConnID, m.State = store.ChatPress, "other", store.ChatRefused
		}
		came(t, s, m)
	}
	for name, c := range map[string]struct {
		f    store.ChatFilter
		want []string
	}{
		"all":               {store.ChatFilter{}, []string{"4", "3", "2", "1"}},
		"of a connection":   {store.ChatFilter{ConnID: "app"}, []string{"3", "2", "1"}},
		"of a conversation": {store.ChatFilter{ConversationID: "a"}, []string{"4", "3", "1"}},
		"of a person":       {store.ChatFilter{UserID: "ann"}, []string{"3", "1"}},
		"of kinds":          {store.ChatFilter{Kinds: []store.ChatKind{store.ChatPress}}, []string{"4"}},
		"in states":         {store.ChatFilter{States: []store.ChatState{store.ChatWaiting, store.ChatFailed}}, []string{"3", "2", "1"}},
		"of a time":         {store.ChatFilter{Since: hour(1), Until: hour(3)}, []string{"3", "2"}},
		"a page":            {store.ChatFilter{Limit: 2, Behind: 4}, []string{"3", "2"}},
		"of nobody":         {store.ChatFilter{UserID: "carl"}, nil},
	} {
		ms, err := s.ChatLog(t.Context(), c.f)
		require.NoError(t, err, name)
		var got []string
		for _, m := range ms {
			got = append(got, m.Key)
		}
		assert.Equal(t, c.want, got, name)
	}
}

func oldChat(t *testing.T, open Open) {
	s := open(t, Node{})
	done, waiting, late := said("a", "1"), said("b", "2"), said("c", "3")
	late.ReceivedAt = hour(9)
	came(t, s, done, waiting, late)
	require.True(t, claimed(t, s, done))
	done.State, done.DoneAt = store.ChatAnswered, hour(1)
	require.NoError(t, updated(t, s, done))
	assert.Empty(t, old(t, s, store.OldRows{Kind: store.OldChat, Before: hour(1)}))
	ids := old(t, s, store.OldRows{Kind: store.OldChat, Before: hour(2)})
	assert.Equal(t, []int64{done.ID}, ids, "what waits stays")
	removeRows(t, s, store.OldChat, ids...)
	_, err := s.ChatMessage(t.Context(), done.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func leasesHaveOneHolder(t *testing.T, open Open) {
	s, other := open(t, Node{Name: "a"}), open(t, Node{Name: "b"})
	take := func(s store.Store, holder string, at time.Time) (ok bool) {
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			ok, err = tx.TakeLease(ctx, store.NamedLease{Name: "l", Holder: holder, Until: at.Add(4 * time.Second)}, at)
			return err
		})
		return ok
	}
	at := func(seconds int) time.Time { return midnight.Add(time.Duration(seconds) * time.Second) }
	_, err := s.NamedLease(t.Context(), "l")
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.True(t, take(s, "a", at(0)))
	assert.False(t, take(other, "b", at(3)))
	assert.True(t, take(s, "a", at(3)), "it is renewed")
	assert.False(t, take(other, "b", at(2)), "a clock that is a little behind takes nothing away")
	assert.False(t, take(other, "b", at(6)))
	assert.True(t, take(other, "b", at(7)), "it has ended")
	assert.False(t, take(s, "a", at(8)))
	l, err := s.NamedLease(t.Context(), "l")
	require.NoError(t, err)
	assert.Equal(t, &store.NamedLease{Name: "l", Holder: "b", Until: at(11)}, l)
	noted := []*store.NamedLease{
		{Name: "l/1", Holder: "a", Until: at(4), Note: json.RawMessage(`{"n": 1}`)},
		{Name: "l/é", Holder: "a", Until: at(4), Note: json.RawMessage(`{"n": 2}`)},
	}
	for _, l := range []*store.NamedLease{noted[1], noted[0], {Name: "m", Holder: "a", Until: at(4)}, {Name: "l/1", Holder: "b", Until: at(4), Note: json.RawMessage(`{"n": 3}`)}} {
		write(t, s, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.TakeLease(ctx, *l, at(0))
			return err
		})
	}
	some, err := other.NamedLeases(t.Context(), "l/")
	require.NoError(t, err)
	assert.Equal(t, noted, some)
	noted[0].Until, noted[0].Note = at(5), json.RawMessage(`{"n": 4}`)
	write(t, s, func(ctx context.Context, tx store.Tx) error {
		ok, err := tx.TakeLease(ctx, *noted[0], at(1))
		assert.True(t, ok)
		return err
	})
	some, err = other.NamedLeases(t.Context(), "l/1")
	require.NoError(t, err)
	assert.Equal(t, noted[:1], some, "a renewal notes anew")
	drop := func(holder string) {
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DropLease(ctx, "l", holder) })
	}
	drop("a")
	assert.False(t, take(s, "a", at(8)), "only its holder gives it up")
	drop("b")
	assert.True(t, take(s, "a", at(8)))
	assert.True(t, take(other, "b", at(8-3600)), "the clock was set back an hour")
}
