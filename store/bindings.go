package store

import (
	"context"
	"time"
)

// BindingKind says what a conversation is bound to.
type BindingKind string

// The kinds of bindings.
const (
	// BoundDAG is a DAG by its id, BoundOwner the DAGs with a task of an owner, BoundTag those with a tag.
	BoundDAG   BindingKind = "dag"
	BoundOwner BindingKind = "owner"
	BoundTag   BindingKind = "tag"
	// BoundAll is every DAG, and what belongs to none.
	BoundAll BindingKind = "all"
)

// Binding says that a conversation is told of some DAGs.
type Binding struct {
	ID int64
	// ConnID is the connection of the app whose bot tells, ConversationID the conversation, with its title.
	ConnID, ConversationID, Title string
	// Group says that it is a group. Otherwise it is a person alone, whose userid is UserID.
	Group  bool
	UserID string
	Kind   BindingKind
	// Value is the id, the owner or the tag; empty for [BoundAll].
	Value string
	// MadeBy asked for it. Its Ref is not read.
	MadeBy Actor
	MadeAt time.Time
}

// What names what the conversation is bound to, as people write it.
func (b *Binding) What() string {
	switch b.Kind {
	case BoundAll:
		return "*"
	case BoundDAG:
		return b.Value
	default:
		return string(b.Kind) + ":" + b.Value
	}
}

// Bindings reads which conversations are told of which DAGs.
type Bindings interface {
	// Bindings returns all of them, by their ids.
	Bindings(ctx context.Context) ([]*Binding, error)
	// BindingsTo returns those to some of these, each once, by their ids.
	BindingsTo(ctx context.Context, some ...BoundTo) ([]*Binding, error)
}

// BoundTo is what conversations may be bound to: a Value of a kind, which is empty for [BoundAll].
type BoundTo struct {
	Kind  BindingKind
	Value string
}

// BindingsTx changes them in a transaction.
type BindingsTx interface {
	// InsertBinding adds a binding and sets its ID. It reports false, and changes nothing, when the conversation is
	// bound to that already.
	InsertBinding(ctx context.Context, b *Binding) (bool, error)
	// DeleteBinding reports false when there is no binding with that id.
	DeleteBinding(ctx context.Context, id int64) (bool, error)
}
