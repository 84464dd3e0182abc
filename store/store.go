// Package store is the contract of the durable store: the rows, a small interface for each room
// of it, and the transaction that joins them. It knows no database; store/sqlstore has the SQL
// that all of them share, store/sqlite the store in one file, store/storetest the tests that each
// must pass.
package store

import (
	"context"
	"sync"

	"github.com/dingdag/dingdag/store/users"
)

// Reader reads all of the store. Who needs a room of it takes the interface of that room.
type Reader interface {
	Outbox
	Alerts
	BrokenThings
	Gates
	Silences
	Runs
	RunDates
	Deadlines
	Instances
	Notes
	XComs
	DAGs
	Favorites
	ImportErrors
	Ticks
	Daily
	Backfills
	Pools
	Assets
	Requests
	Queues
	Leases
	Nodes
	Events
	History
	OwnerAnswers
	Chat
	Cards
	Asks
	Bindings
	TaskLogs
	users.Reader
}

// Tx is one transaction. It reads what it wrote.
type Tx interface {
	Reader
	OutboxTx
	AlertsTx
	BrokenThingsTx
	GatesTx
	SilencesTx
	RunsTx
	DeadlinesTx
	InstancesTx
	NotesTx
	XComsTx
	DAGsTx
	FavoritesTx
	ImportErrorsTx
	TicksTx
	DailyTx
	BackfillsTx
	PoolsTx
	AssetsTx
	RequestsTx
	EventsTx
	QueueTx
	NodesTx
	HistoryTx
	OwnerAnswersTx
	ChatTx
	CardsTx
	AsksTx
	BindingsTx
	TaskLogsTx
	users.Tx

	// OnFailure has undo called if the transaction fails, even if only its commit does: before
	// any other function of this process runs, and before Tx returns. What was noted last is
	// called first. undo must not use the store.
	OnFailure(undo func())
}

// Transactor runs transactions.
type Transactor interface {
	// Tx runs fn in a transaction and commits it unless fn fails. Functions of one
	// process run one after another; several may share one commit. fn must not
	// call Tx. When the commit fails, every function that shared it gets the error.
	Tx(ctx context.Context, fn func(Tx) error) error
}

// Store is the durable store that the engine needs.
type Store interface {
	Reader
	Transactor
	Queue
	Membership
	// Watch calls noticed at once and soon after another process has committed something, until ctx ends.
	// It may miss one, which a look from time to time must find. It returns an error where
	// the store can't be watched.
	Watch(ctx context.Context, noticed func()) error
}

// Lock is a lock for those who ask the store while they hold it, which may take as long as a database is away. It does what a
// [sync.Mutex] does, and in a bubble of testing/synctest whoever waits for it lets the time go on. The zero value is unlocked.
type Lock struct {
	mu    sync.Mutex
	held  bool
	freed sync.Cond
}

// Lock takes it, and waits until nobody else holds it.
func (l *Lock) Lock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.freed.L = &l.mu
	for l.held {
		l.freed.Wait()
	}
	l.held = true
}

// Unlock frees it.
func (l *Lock) Unlock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	l.freed.Signal()
}
