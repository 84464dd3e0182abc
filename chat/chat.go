// Package chat is where DingTalk talks to the program: what comes to an application through stream
// mode or over HTTP is kept in the store before DingTalk is told that it came, and then worked on,
// one conversation in order and several at once.
//
// Of all processes on a store one receives, by a lease for each application: DingTalk gives each
// message to one connection of an application at random. What the process was working on when it
// died is worked on by the next one. A change is made once, because it carries the name of the
// message ([store.Actor]); an answer is sent once, or is known to be uncertain: answers have no key
// by which DingTalk could tell two from each other.
//
// It knows neither commands nor cards: package chat/command and chat/card stand behind the
// interfaces [Commands] and [Presses].
package chat

import (
	"context"
	"log/slog"
	"time"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/store"
)

// Store is what the chat needs of the store.
type Store interface {
	store.Chat
	store.Transactor
	// EventOfRef is that of [store.Events].
	EventOfRef(ctx context.Context, ref string) (*store.Event, error)
	// LeaseClock is that of [store.Membership].
	LeaseClock(ctx context.Context) (time.Time, error)
}

// Sealer encrypts what bears a right. *connections.Cipher is one.
type Sealer interface {
	Seal(plain []byte, label string) (string, error)
	Open(sealed, label string) ([]byte, error)
}

// App is an application that receives.
type App struct {
	// ConnID is its connection, Key its AppKey. Of several connections with one key the first receives.
	ConnID, Key string
	// Print changes with everything that a connection to DingTalk is made of.
	Print string
	// Commands says that what people write is a command.
	Commands bool
	// HTTPOnly says that nothing comes through stream mode.
	HTTPOnly bool
}

// Received is something that came: a message, a press or an event.
type Received struct {
	Message *incoming.Message
	Press   *incoming.Press
	Event   *incoming.Event
	// Sent is when DingTalk sent it, by DingTalk's clock, zero where that is not known.
	Sent time.Time
}

// Link says how it stands with the connection of an application.
type Link struct {
	Connected bool
	// Since is when it was connected, or when it ceased to be.
	Since time.Time
	// Err is why it is not connected, as the latest attempt has found.
	Err error
}

// Receiver holds the connection of one application.
type Receiver interface {
	// Receive connects, and connects again, until ctx ends. It hands over what comes in the order of arrival, and tells
	// DingTalk that it came only after accept has returned without an error. Its own error says that
	// DingTalk refuses the application.
	Receive(ctx context.Context, app App, accept func(context.Context, Received) (first bool, err error), link func(Link)) error
}

// Item is something that is worked on.
type Item struct {
	Received

	// Row is what the store has of it.
	Row *store.ChatMessage
	// delay is how long before it was sent somebody wrote it.
	delay time.Duration
	// Again says that an earlier attempt was cut off, which may have changed something.
	Again bool
}

// Outcome is what came of an item.
type Outcome struct {
	// Title is for notifications. Text is DingTalk's Markdown, empty for no answer.
	Title, Text string
	// File is sent too, nil for none. An answer with a file may be made anew when it could not be sent.
	File *File
	// Refused says that nothing was done, for a reason that the text tells.
	Refused bool
	// Shown says that people see what was done in another way: the text is kept for the log, and not sent.
	Shown bool
	// Pressed is what was pressed, nil for what is no press of a card that is known.
	Pressed *store.ChatPressed
	// Nick is the name of who did it, where it is known and the item does not bear it.
	Nick string
}

// File is a file of an answer.
type File struct {
	Name    string
	Content []byte
}

// Commands carries out what people write.
type Commands interface {
	// Changes reports whether a message is a command that changes something.
	Changes(text string) bool
	// Do carries a message out. An error that is [store.Temporary] means that it may succeed later.
	Do(ctx context.Context, it *Item) (Outcome, error)
}

// Presses carries out the presses of buttons. Errors are as those of [Commands].
type Presses interface {
	Press(ctx context.Context, it *Item) (Outcome, error)
}

// Watcher sees everything that comes, in order and at least once.
type Watcher interface {
	// Came reports whether the item was meant for it: then it is neither a command nor a press for
	// somebody else, and made says what came of it, for the log. After an error that is [store.Temporary]
	// it sees the item again.
	Came(ctx context.Context, it *Item) (made string, taken bool, err error)
}

// Replier sends an answer to where an item came from: a text or a file, one at a time. Its errors
// are [*hook.Error] where DingTalk or the network has to do with them.
type Replier interface {
	Reply(ctx context.Context, it *Item, o Outcome) error
}

// Options are what a [Service] stands on. What may be nil says so.
type Options struct {
	Store Store
	// Sealer keeps the addresses for answers.
	Sealer Sealer
	// Apps are the applications that receive now. With an error there may be more: then those that are not
	// among them stay as they are.
	Apps     func(ctx context.Context) ([]App, error)
	Receiver Receiver
	Replier  Replier
	Commands Commands
	// Presses may be nil: then a press changes nothing and is recorded as refused.
	Presses Presses
	// Watchers are asked in their order.
	Watchers []Watcher
	// Node names the process among those on the store. No other one may have the name.
	Node   string
	Masker *connections.Masker
	Clock  func() time.Time
	Log    *slog.Logger
}

const (
	// workers is how many conversations of an application are worked on at once.
	workers = 16
	// stale is the age at which a command that changes something is not carried out any more: who wrote it has seen
	// no answer and may have done something else meanwhile.
	stale = 15 * time.Minute
	// repeatedFor is how long the same press by the same person counts as the one before: DingTalk delivers what was not
	// acknowledged again after a minute.
	repeatedFor = 2 * time.Minute
	// firstPause and lastPause are the pauses after something that may succeed later ([store.Temporary]).
	firstPause, lastPause = time.Second, 30 * time.Second
	// tries is how often something is tried: for patience with these pauses.
	tries    = 34
	patience = 15 * time.Minute
	// look is how often the store is asked for what this process was not told of.
	look = 5 * time.Second
	// grace is how long what is being worked on has once the process is to stop.
	grace = 10 * time.Second
	// longestCause bounds the error that people are told, in bytes.
	longestCause = 500
	// skewed is the difference from DingTalk's clock that is told, and remind how often.
	skewed, remind = 2 * time.Minute, time.Hour
)
