package store

import (
	"context"
	"encoding/json"
	"time"
)

// Chat reads what came from DingTalk: messages to a robot, presses of buttons and events. It is the
// queue of what is to be done about them, and the record of what was.
type Chat interface {
	// ChatHeads returns the first open one of each conversation of an application, in the order in which
	// they came.
	ChatHeads(ctx context.Context, app string) ([]*ChatMessage, error)
	// ChatMessage returns ErrNotFound for an unknown one.
	ChatMessage(ctx context.Context, id int64) (*ChatMessage, error)
	// ChatLog returns those that match, newest first.
	ChatLog(ctx context.Context, f ChatFilter) ([]*ChatMessage, error)
	// NamedLease returns the lease with a name, or ErrNotFound when nobody has had it since it was given up.
	NamedLease(ctx context.Context, name string) (*NamedLease, error)
	// NamedLeases returns those whose names begin with a prefix, by their names.
	NamedLeases(ctx context.Context, prefix string) ([]*NamedLease, error)
}

// ChatTx changes that in a transaction.
type ChatTx interface {
	// InsertChatMessage adds one and sets its ID. It reports false, and changes nothing, when the
	// application got the one with its Kind and Key before.
	InsertChatMessage(ctx context.Context, m *ChatMessage) (first bool, err error)
	// ClaimChatMessage begins the work on a waiting one: it writes State, StartedAt and Node, and counts
	// the attempt, in m too. It reports false, and changes nothing, when it has moved on since it was read.
	ClaimChatMessage(ctx context.Context, m *ChatMessage) (bool, error)
	// UpdateChatMessage writes Nick, State, NextTry, Outcome, Answer, AnswerState, DoneAt, Error, Reply and
	// ReplyUntil of one that is being worked on. It returns ErrLostLease when another attempt has begun
	// since it was claimed.
	UpdateChatMessage(ctx context.Context, m *ChatMessage) error
	// ReturnChatMessages lets what was being worked on in an application wait again, but for that of
	// which the answer was being sent: this ends as uncertain at the given moment. Only who holds the
	// application may call it. It returns how many there were of each.
	ReturnChatMessages(ctx context.Context, app string, at time.Time) (waiting, uncertain int, err error)
	// TakeLease takes a lease for a holder, or renews his, until a moment, with what he notes in it. It reports false, and changes nothing,
	// while somebody else has it: until it ends, but not when that is more than twice as far away as the
	// moment, as by a clock that was set back. Of several machines on one store the clocks may differ by
	// less than what is left of a lease once its holder gives it up for lost, no more.
	TakeLease(ctx context.Context, l NamedLease, now time.Time) (bool, error)
	// DropLease gives a lease up, if the holder has it.
	DropLease(ctx context.Context, name, holder string) error
}

// NamedLease says who alone may do something.
type NamedLease struct {
	Name, Holder string
	Until        time.Time
	// Note is what the holder tells the others, as JSON; nil for nothing. In a lease of an application it is a [ChatLink].
	Note json.RawMessage
}

// ChatLeases begins the names of the leases of the applications that receive from DingTalk; the key of the
// application follows.
const ChatLeases = "chat/"

// ChatLink is what the holder of an application tells of its connection to DingTalk.
type ChatLink struct {
	// ConnID is the connection of the application.
	ConnID string `json:"conn_id"`
	// Stream says that it receives in stream mode; otherwise it receives over HTTP alone.
	Stream    bool `json:"stream"`
	Connected bool `json:"connected"`
	// Since is when it was connected, or when it ceased to be.
	Since time.Time `json:"since"`
	// Error is why it is not, as the latest attempt has found, with secrets masked; empty while none has failed.
	Error string `json:"error,omitempty"`
}

// ChatKind says what came.
type ChatKind string

// The kinds.
const (
	ChatText  ChatKind = "message"
	ChatPress ChatKind = "press"
	ChatEvent ChatKind = "event"
)

// ChatState is how far something that came is.
type ChatState string

// The states. The last three are ends.
const (
	ChatWaiting ChatState = "waiting"
	ChatWorking ChatState = "working"
	// ChatAnswered was done.
	ChatAnswered ChatState = "answered"
	// ChatRefused was not done, and said so: a mistake, or somebody who may not.
	ChatRefused ChatState = "refused"
	// ChatFailed was not done, for a reason of this program or of the store.
	ChatFailed ChatState = "failed"
)

// ChatAnswerState is how far an answer is.
type ChatAnswerState string

// The states of an answer.
const (
	// ChatNoAnswer has none yet, or needs none.
	ChatNoAnswer ChatAnswerState = ""
	// ChatAnswerReady is to be sent, once more after a failure that has told nobody.
	ChatAnswerReady ChatAnswerState = "ready"
	// ChatAnswerSending has left or is about to.
	ChatAnswerSending ChatAnswerState = "sending"
	ChatAnswerSent    ChatAnswerState = "sent"
	// ChatAnswerUncertain may have arrived: what would have said so was lost.
	ChatAnswerUncertain ChatAnswerState = "uncertain"
	// ChatAnswerFailed was not taken.
	ChatAnswerFailed ChatAnswerState = "failed"
)

// ChatMessage is something that came from DingTalk, and what came of it.
type ChatMessage struct {
	ID int64
	// ConnID is the connection through which it came, App the key of the application.
	ConnID, App string
	Kind        ChatKind
	// Key tells it from all others of its kind and application: DingTalk's own id.
	Key string
	// ConversationID is where it was said or pressed: one conversation is worked on in order.
	ConversationID, ConversationTitle string
	// UserID is who did it, empty for somebody from outside the organisation and for events.
	UserID, Nick string
	// Text is what was said, which button was pressed, or the type of an event.
	Text string
	// Payload is the rest as JSON, without any secret.
	Payload json.RawMessage
	// Reply is the address for an answer, encrypted, and empty without one and once it is of no use;
	// ReplyUntil is when DingTalk stops to take answers there.
	Reply      string
	ReplyUntil time.Time
	ReceivedAt time.Time
	State      ChatState
	// StartedAt is when the work on it began last, Attempts how often it did, Node in which process.
	StartedAt time.Time
	Attempts  int
	Node      string
	// NextTry is when it is worked on again, zero for at once.
	NextTry time.Time
	// Outcome is the state that it gets once its answer is sent.
	Outcome     ChatState
	Answer      ChatAnswer
	AnswerState ChatAnswerState
	// DoneAt is when it came to its end.
	DoneAt time.Time
	Error  string
}

// Ref names it in what is changed for it, see [Actor].
func (m *ChatMessage) Ref() string { return m.ConnID + "/" + m.Key }

// ChatAnswer is what was answered, as DingTalk's Markdown.
type ChatAnswer struct {
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
	// File is the name of a file that was sent with it.
	File string `json:"file,omitempty"`
	// TextSent says that the text has left, whatever becomes of the file.
	TextSent bool `json:"text_sent,omitempty"`
	// Pressed is what was pressed, nil for what is no press of a card that is known.
	Pressed *ChatPressed `json:"pressed,omitempty"`
}

// ChatPressed is a button of a card, and what the card is about.
type ChatPressed struct {
	// Button is what it says.
	Button string `json:"button"`
	DAGID  string `json:"dag_id"`
	RunID  string `json:"dag_run_id"`
	// TaskID is empty for a card of a run.
	TaskID   string `json:"task_id,omitempty"`
	MapIndex int    `json:"map_index"`
}

// ChatFilter selects what came. Zero fields select everything.
type ChatFilter struct {
	ConnID, ConversationID, UserID string
	Kinds                          []ChatKind
	States                         []ChatState
	// Since and Until select what came from the one moment on and before the other one.
	Since, Until time.Time
	// Limit bounds how many there are; 0 is all. Behind passes over those up to the one with this ID.
	Limit  int
	Behind int64
}

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
