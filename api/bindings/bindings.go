// Package bindings is which conversations are told of which DAGs, as people see and change it.
package bindings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Binding says that a conversation is told of some DAGs. The moment is in UTC.
type Binding struct {
	ID             int64  `json:"id"`
	ConnID         string `json:"conn_id"`
	ConversationID string `json:"open_conversation_id"`
	Title          string `json:"title"`
	Group          bool   `json:"is_group"`
	// UserID is the person of a conversation that is no group.
	UserID string `json:"user_id,omitempty"`
	// What is a DAG id, owner:NAME, tag:NAME or *.
	What   string    `json:"what"`
	MadeBy string    `json:"made_by"`
	MadeAt time.Time `json:"made_at"`
}

// Store is what bindings are kept in.
type Store interface {
	store.Bindings
	store.Transactor
}

// Bindings changes and lists them for somebody. It may be used by several at once.
type Bindings struct {
	store Store
	by    store.Actor
	clock func() time.Time
}

// New returns the bindings of a store for whoever asks.
func New(s Store, by store.Actor, clock func() time.Time) *Bindings { return &Bindings{s, by, clock} }

// By is the same for somebody else who asks.
func (bs *Bindings) By(who store.Actor) *Bindings { return New(bs.store, who, bs.clock) }

// Conversation is one of a bot.
type Conversation struct {
	ConnID, ID, Title string
	Group             bool
	// UserID is the person who is alone with the bot; empty in a group.
	UserID string
}

// Parse reads what a conversation is to be bound to: a DAG id, owner:NAME, tag:NAME or *.
func Parse(what string) (kind store.BindingKind, value string, err error) {
	prefix, value, typed := strings.Cut(what, ":")
	switch {
	case what == "":
		return "", "", errors.New("name a DAG, owner:NAME, tag:NAME, or * for all")
	case what == "*":
		return store.BoundAll, "", nil
	case !typed:
		return store.BoundDAG, what, nil
	case prefix != string(store.BoundOwner) && prefix != string(store.BoundTag):
		return "", "", fmt.Errorf("%q is none of a DAG, owner:NAME, tag:NAME and *", what)
	case strings.TrimSpace(value) == "":
		return "", "", fmt.Errorf("%q names nobody and nothing: write %s:NAME", what, prefix)
	}
	return store.BindingKind(prefix), strings.TrimSpace(value), nil
}

// Bind lets a conversation be told of what [Parse] reads. created is false when it is bound to that already. Whether
// there is such a DAG is for the caller to know.
func (bs *Bindings) Bind(ctx context.Context, c Conversation, what string) (b Binding, created bool, err error) {
	kind, value, err := Parse(what)
	if err != nil {
		return Binding{}, false, err
	}
	row := &store.Binding{
		ConnID: c.ConnID, ConversationID: c.ID, Title: c.Title, Group: c.Group, UserID: c.UserID, Kind: kind, Value: value,
		MadeBy: bs.by, MadeAt: bs.clock().UTC().Truncate(time.Millisecond),
	}
	err = bs.store.Tx(ctx, func(tx store.Tx) (err error) {
		if created, err = tx.InsertBinding(ctx, row); err != nil || !created {
			return err
		}
		return bs.note(ctx, tx, store.EventChatBind, row)
	})
	return bindingOf(row), created && err == nil, err
}

// Unbind ends the bindings that are meant, and returns them.
func (bs *Bindings) Unbind(ctx context.Context, meant func(Binding) bool) (ended []Binding, err error) {
	err = bs.store.Tx(ctx, func(tx store.Tx) error {
		ended = nil
		all, err := tx.Bindings(ctx)
		if err != nil {
			return err
		}
		for _, row := range all {
			if !meant(bindingOf(row)) {
				continue
			}
			if _, err := tx.DeleteBinding(ctx, row.ID); err != nil {
				return err
			}
			if err := bs.note(ctx, tx, store.EventChatUnbind, row); err != nil {
				return err
			}
			ended = append(ended, bindingOf(row))
		}
		return nil
	})
	return ended, err
}

// List lists the bindings, those of one conversation together, oldest first.
func (bs *Bindings) List(ctx context.Context) ([]Binding, error) {
	out := []Binding{}
	rows, err := bs.store.Bindings(ctx)
	for _, row := range rows {
		out = append(out, bindingOf(row))
	}
	slices.SortStableFunc(out, func(a, b Binding) int {
		return strings.Compare(a.ConnID+"\x00"+a.ConversationID, b.ConnID+"\x00"+b.ConversationID)
	})
	return out, err
}

// note keeps who changed a binding.
func (bs *Bindings) note(ctx context.Context, tx store.Tx, kind store.EventKind, b *store.Binding) error {
	extra, err := json.Marshal(map[string]any{"binding_id": b.ID, "conn_id": b.ConnID, "open_conversation_id": b.ConversationID, "title": b.Title, "what": b.What()})
	if err != nil {
		return err
	}
	e := &store.Event{At: bs.clock(), Actor: bs.by, Kind: kind, MapIndex: -1, Extra: extra}
	if b.Kind == store.BoundDAG {
		e.DAGID = b.Value
	}
	return tx.InsertEvents(ctx, e)
}

func bindingOf(b *store.Binding) Binding {
	return Binding{
		ID: b.ID, ConnID: b.ConnID, ConversationID: b.ConversationID, Title: b.Title, Group: b.Group, UserID: b.UserID, What: b.What(),
		MadeBy: b.MadeBy.String(), MadeAt: b.MadeAt.UTC(),
	}
}
