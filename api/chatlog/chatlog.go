// Package chatlog tells what came from the chat: who wrote or pressed what, when, and what came of it.
package chatlog

import (
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
	// Conversation is the title of a group, and otherwise its id.
	ConversationID string `json:"conversation_id"`
	Conversation   string `json:"conversation"`
	// UserID is empty for somebody from outside the organisation and for events.
	UserID string                `json:"user_id"`
	Nick   string                `json:"nick"`
	Text   string                `json:"text"`
	State  store.ChatState       `json:"state"`
	Answer string                `json:"answer"`
	File   string                `json:"file,omitempty"`
	Sent   store.ChatAnswerState `json:"answer_state"`
	DoneAt *time.Time            `json:"done_at"`
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
	for i, m := range rows {
		out[i] = entry(m)
	}
	return out, nil
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
		ID: m.ID, When: m.ReceivedAt, Conn: m.ConnID, Kind: m.Kind, ConversationID: m.ConversationID, Conversation: m.ConversationTitle, UserID: m.UserID,
		Nick: m.Nick, Text: m.Text, State: m.State, Answer: m.Answer.Text, File: m.Answer.File, Sent: m.AnswerState, Attempts: m.Attempts, Error: m.Error,
	}
	if e.Conversation == "" {
		e.Conversation = m.ConversationID
	}
	if !m.DoneAt.IsZero() {
		e.DoneAt, e.Seconds = new(m.DoneAt), new(m.DoneAt.Sub(m.ReceivedAt).Seconds())
	}
	return e
}
