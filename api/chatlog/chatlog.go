// Package chatlog tells what came from the chat: who wrote or pressed what, when, and what came of it.
package chatlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Entry is something that came, with the names that JSON has.
type Entry struct {
	ID   int64          `json:"id"`
	When time.Time      `json:"when"`
	Conn string         `json:"conn_id"`
	Kind store.ChatKind `json:"kind"`
	// Conversation is the title of a group or the name of the person, and the id where neither is known.
	ConversationID string `json:"conversation_id"`
	Conversation   string `json:"conversation"`
	// UserID is empty for somebody from outside the organisation and for events.
	UserID string `json:"user_id"`
	Nick   string `json:"nick"`
	Text   string `json:"text"`
	// Pressed is the button of a card that Dingdag sent, and what the card is about; null for everything else.
	Pressed *store.ChatPressed    `json:"pressed"`
	State   store.ChatState       `json:"state"`
	Answer  string                `json:"answer"`
	File    string                `json:"file,omitempty"`
	Sent    store.ChatAnswerState `json:"answer_state"`
	DoneAt  *time.Time            `json:"done_at"`
	// Seconds is from its coming to its end.
	Seconds  *float64 `json:"seconds"`
	Attempts int      `json:"attempts"`
	Error    string   `json:"error"`
}

// Query selects entries. Zero fields select everything.
type Query struct {
	ConnID, ConversationID, UserID string
	Kinds, States                  []string
	Since, Until                   time.Time
	// Limit bounds how many there are, the newest ones; 0 is all.
	Limit int
}

// Kinds and States are the words of a [Query].
func Kinds() []string {
	return []string{string(store.ChatText), string(store.ChatPress), string(store.ChatEvent)}
}

// States are those of a [Query].
func States() []string {
	return []string{string(store.ChatWaiting), string(store.ChatWorking), string(store.ChatAnswered), string(store.ChatRefused), string(store.ChatFailed)}
}

// List lists what came, newest first. A word that is none is an error.
func List(ctx context.Context, s store.Chat, q Query) ([]Entry, error) {
	kinds, kerr := words[store.ChatKind]("kind", q.Kinds, Kinds())
	states, serr := words[store.ChatState]("state", q.States, States())
	if err := errors.Join(kerr, serr); err != nil {
		return nil, err
	}
	rows, err := s.ChatLog(ctx, store.ChatFilter{
		ConnID: q.ConnID, ConversationID: q.ConversationID, UserID: q.UserID, Kinds: kinds, States: states, Since: q.Since, Until: q.Until, Limit: q.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := make([]Entry, len(rows))
	names := map[string]string{}
	for i, m := range rows {
		out[i] = entry(m)
		if out[i].Conversation, err = name(ctx, s, m, names); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// name is what a conversation is called. A press does not say that, but the newest message from there does. known are the
// names of conversations by their ids.
func name(ctx context.Context, s store.Chat, m *store.ChatMessage, known map[string]string) (string, error) {
	switch {
	case m.Kind == store.ChatText:
		return called(m), nil
	case m.Kind != store.ChatPress:
		return m.ConversationID, nil
	}
	if _, ok := known[m.ConversationID]; !ok {
		said, err := s.ChatLog(ctx, store.ChatFilter{ConversationID: m.ConversationID, Kinds: []store.ChatKind{store.ChatText}, Limit: 1})
		if err != nil {
			return "", err
		}
		known[m.ConversationID] = m.ConversationID
		if len(said) > 0 {
			known[m.ConversationID] = called(said[0])
		}
	}
	return known[m.ConversationID], nil
}

// called is what a message says about where it was written: only groups have a title.
func called(m *store.ChatMessage) string {
	return cmp.Or(m.ConversationTitle, m.Nick, m.ConversationID)
}

func words[T ~string](what string, given, known []string) (out []T, err error) {
	for _, w := range given {
		if !slices.Contains(known, w) {
			return nil, fmt.Errorf("unknown %s %q: use %s", what, w, strings.Join(known, ", "))
		}
		out = append(out, T(w))
	}
	return out, nil
}

func entry(m *store.ChatMessage) Entry {
	e := Entry{
		ID: m.ID, When: m.ReceivedAt, Conn: m.ConnID, Kind: m.Kind, ConversationID: m.ConversationID, UserID: m.UserID,
		Nick: m.Nick, Text: m.Text, Pressed: m.Answer.Pressed, State: m.State, Answer: m.Answer.Text, File: m.Answer.File, Sent: m.AnswerState, Attempts: m.Attempts, Error: m.Error,
	}
	if !m.DoneAt.IsZero() {
		e.DoneAt, e.Seconds = new(m.DoneAt), new(m.DoneAt.Sub(m.ReceivedAt).Seconds())
	}
	return e
}
