package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/store"
)

// errNothing is of what holds neither message, press nor event.
var errNothing = errors.New("nothing was received")

// row is what the store keeps of something that came.
func row(app App, r Received, s Sealer, now time.Time) (*store.ChatMessage, error) {
	m := &store.ChatMessage{ConnID: app.ConnID, App: app.Key, ReceivedAt: now.UTC().Truncate(time.Millisecond), State: store.ChatWaiting}
	switch {
	case r.Message != nil:
		in := r.Message
		m.Kind, m.Key, m.Text = store.ChatText, in.ID, in.Text
		payload, err := json.Marshal(said{r.delay().Milliseconds(), in.Raw})
		if err != nil {
			return nil, fmt.Errorf("keep a message: %w", err)
		}
		m.Payload = payload
		m.ConversationID, m.ConversationTitle, m.UserID, m.Nick = in.ConversationID, in.ConversationTitle, in.Sender.UserID, in.Sender.Nick
		if in.Reply.URL != "" {
			sealed, err := s.Seal([]byte(in.Reply.URL.Reveal()), label(m))
			if err != nil {
				return nil, fmt.Errorf("keep the address for an answer: %w", err)
			}
			m.Reply, m.ReplyUntil = sealed, in.Reply.Expires.UTC().Truncate(time.Millisecond)
		}
	case r.Press != nil:
		in := r.Press
		m.Kind, m.Key, m.Text, m.ConversationID, m.UserID = store.ChatPress, in.ID, strings.Join(in.ActionIDs, " "), in.SpaceID, in.UserID
		if m.ConversationID == "" {
			m.ConversationID = in.OutTrackID
		}
		payload, err := json.Marshal(pressed{in.At, in.Raw})
		if err != nil {
			return nil, fmt.Errorf("keep a press: %w", err)
		}
		m.Payload = payload
	case r.Event != nil:
		in := r.Event
		m.Kind, m.Key, m.Text, m.ConversationID = store.ChatEvent, in.ID, in.Type, in.CorpID
		payload, err := json.Marshal(happened{in.CorpID, in.Born, in.Data})
		if err != nil {
			return nil, fmt.Errorf("keep an event: %w", err)
		}
		m.Payload = payload
	default:
		return nil, errNothing
	}
	return m, nil
}

// delay is how long after somebody had written it DingTalk sent it. Both moments are of DingTalk's
// clock, of which ours may differ.
func (r Received) delay() time.Duration {
	if r.Message == nil || r.Message.At.IsZero() || r.Sent.IsZero() {
		return 0
	}
	return max(r.Sent.Sub(r.Message.At), 0)
}

// said is a message as the store keeps it.
type said struct {
	DelayMS int64           `json:"delay_ms,omitempty"`
	Raw     json.RawMessage `json:"raw"`
}

// pressed is a press as the store keeps it.
type pressed struct {
	At  time.Time       `json:"at"`
	Raw json.RawMessage `json:"raw"`
}

// pressedBefore is the press that another one repeats, nil for none: DingTalk gives each delivery of a press an id of its own.
// What was refused may be pressed again.
func pressedBefore(ctx context.Context, r store.Chat, m *store.ChatMessage, in *incoming.Press) (*store.ChatMessage, error) {
	all, err := r.ChatLog(ctx, store.ChatFilter{
		ConversationID: m.ConversationID, UserID: m.UserID, Kinds: []store.ChatKind{store.ChatPress},
		States: []store.ChatState{store.ChatWaiting, store.ChatWorking, store.ChatAnswered}, Since: m.ReceivedAt.Add(-repeatedFor),
	})
	if err != nil {
		return nil, err
	}
	for _, before := range all {
		if before.App != m.App || before.Text != m.Text {
			continue
		}
		var p pressed
		if err := json.Unmarshal(before.Payload, &p); err != nil {
			return nil, fmt.Errorf("read press %d: %w", before.ID, err)
		}
		was, err := incoming.ParsePress(before.Key, p.At, p.Raw)
		if err != nil {
			return nil, fmt.Errorf("read press %d: %w", before.ID, err)
		}
		if was.OutTrackID == in.OutTrackID && was.UserID == in.UserID && was.UnionID == in.UnionID && maps.Equal(was.Params, in.Params) {
			return before, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// happened is an event as the store keeps it.
type happened struct {
	CorpID string          `json:"corp_id"`
	Born   time.Time       `json:"born"`
	Data   json.RawMessage `json:"data"`
}

// label binds the address for an answer to its message.
func label(m *store.ChatMessage) string { return "chat_message/" + m.App + "/" + m.Key }

// item is what a row was made of. Without the key that it was encrypted with, the address for an answer is left out.
func item(m *store.ChatMessage, s Sealer) (it *Item, err error) {
	it = &Item{Row: m, Again: m.Attempts > 1}
	switch m.Kind {
	case store.ChatText:
		var kept said
		if err = json.Unmarshal(m.Payload, &kept); err != nil {
			break
		}
		it.delay = time.Duration(kept.DelayMS) * time.Millisecond
		if it.Message, err = incoming.ParseMessage(kept.Raw); err != nil {
			break
		}
		if m.Reply == "" {
			break
		}
		if url, oerr := s.Open(m.Reply, label(m)); oerr == nil {
			it.Message.Reply = incoming.Reply{URL: connections.Secret(url), Expires: m.ReplyUntil}
		}
	case store.ChatPress:
		var p pressed
		if err = json.Unmarshal(m.Payload, &p); err == nil {
			it.Press, err = incoming.ParsePress(m.Key, p.At, p.Raw)
		}
	case store.ChatEvent:
		var e happened
		err = json.Unmarshal(m.Payload, &e)
		it.Event = &incoming.Event{ID: m.Key, Type: m.Text, CorpID: e.CorpID, Born: e.Born, Data: e.Data}
	default:
		err = fmt.Errorf("a %q comes from a newer program", m.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s %d: %w", m.Kind, m.ID, err)
	}
	return it, nil
}

// age is how long ago somebody wrote it: as long as DingTalk had it, by DingTalk's clock, and since
// then by ours, so that it does not matter whether they agree.
func (it *Item) age(now time.Time) time.Duration { return now.Sub(it.Row.ReceivedAt) + it.delay }

// chinese reports whether a message is written in Chinese.
func (it *Item) chinese() bool {
	return slices.ContainsFunc([]rune(it.Row.Text), func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

// Say is a text in the language of the item.
func (it *Item) Say(en, zh string, args ...any) string {
	if it.chinese() {
		return fmt.Sprintf(zh, args...)
	}
	return fmt.Sprintf(en, args...)
}
