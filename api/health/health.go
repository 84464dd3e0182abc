// Package health tells whether the scheduler schedules and whether alerts arrive: one value for
// probes, for a page and for a command.
//
// It holds numbers, moments, and names of connections and files. No message, no parameter and no secret is in it; without the
// names, as [Health.ForStrangers] is, it may be shown to whoever asks.
package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

const (
	// Patience is how long the store may take to answer.
	Patience = 5 * time.Second
	// Late is for how long a lease may have run out before the scheduler counts as gone: one that
	// the disk holds up for a moment comes back.
	Late = 10 * time.Second
	// Stuck is how long a scheduler that holds its lease may get nothing done. A pass comes every 30 s.
	Stuck = 2 * time.Minute
	// Window is how far back alerts are looked at.
	Window = 24 * time.Hour
	// Deaf is how long an application may receive nothing from DingTalk: connections end and come again.
	Deaf = time.Minute
)

// Status is how something is.
type Status string

// The statuses.
const (
	Healthy   Status = "healthy"
	Unhealthy Status = "unhealthy"
	// Unknown is what can't be told because the store can't be read.
	Unknown Status = "unknown"
)

// Severity is how bad a problem is.
type Severity string

// The severities.
const (
	// Error makes the whole unhealthy.
	Error Severity = "error"
	// Warning is worth a look, and does not.
	Warning Severity = "warning"
)

// Problem is something that a person should look at.
type Problem struct {
	// Part is what has it: store, scheduler, outbox, robots, applications, import_errors, queues, nodes or heartbeat_url.
	Part     string   `json:"part"`
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
	// Said is the text for people who read another language. It says nothing where a server told it.
	Said phrase.Text `json:"-"`
	// Command shows more, or is empty.
	Command string `json:"command"`
}

// Health is the whole. Moments are in UTC, and null where there is none.
type Health struct {
	// Status is unhealthy when there is a problem of [Error].
	Status   Status    `json:"status"`
	At       time.Time `json:"at"`
	Problems []Problem `json:"problems"`

	Store     Store     `json:"store"`
	Scheduler Scheduler `json:"scheduler"`
	Outbox    Outbox    `json:"outbox"`
	Robots    []Robot   `json:"robots"`
	// Applications are those that receive in stream mode, or are to.
	Applications []Application `json:"applications"`
	ImportErrors ImportErrors  `json:"import_errors"`
	// UnservedQueues are those in which tasks have waited for a while and that no live node serves. ClocksOff are the live nodes
	// whose clock differs by more than a few seconds from that of the database.
	UnservedQueues []UnservedQueue `json:"unserved_queues"`
	ClocksOff      []ClockOff      `json:"clocks_off"`
	// LogsWaiting are the live nodes of which task logs have waited for the log store for longer than [store.LogsPatience].
	LogsWaiting []LogsWaiting `json:"logs_waiting"`
	// HeartbeatURL is null where none is requested, and where another process requests it.
	HeartbeatURL *Heartbeat `json:"heartbeat_url"`
}

// Store is whether the store can be read, and is where it was opened.
type Store struct {
	Status Status `json:"status"`
	// Error is why not.
	Error string `json:"error"`
}

// Scheduler is the process that schedules, whichever it is.
type Scheduler struct {
	Status Status `json:"status"`
	// LeasedUntil is when its lease in the store runs out, or ran out; null when there never was one.
	LeasedUntil *time.Time `json:"leased_until"`
	// LatestHeartbeat is when it renewed that last. Another process is known to the minute only.
	LatestHeartbeat *time.Time `json:"latest_heartbeat"`
	// LatestPass is when it last looked at all DAGs, LatestRound when it last looked for messages to
	// send. Both are null where another process schedules.
	LatestPass  *time.Time `json:"latest_pass"`
	LatestRound *time.Time `json:"latest_outbox_round"`
}

// Outbox is the messages of callbacks.
type Outbox struct {
	Status Status `json:"status"`
	// Waiting counts those that wait or are being sent, OldestWaiting is when the oldest was written.
	Waiting              int        `json:"waiting"`
	OldestWaiting        *time.Time `json:"oldest_waiting"`
	OldestWaitingSeconds float64    `json:"oldest_waiting_seconds"`
	// Overdue counts those that have waited for longer than [api.AlertWaits].
	Overdue int `json:"overdue"`
	// Refused and Uncertain count those of the last [Window] that nobody was told of, or perhaps
	// nobody, and that nobody has acknowledged.
	Refused   int `json:"refused"`
	Uncertain int `json:"uncertain"`
	// KeptBack counts the successes and retries of the last [Window] that were refused because a quota is kept
	// for what is more urgent.
	KeptBack int `json:"kept_back"`
}

// Robot is a robot that messages were sent to.
type Robot struct {
	// Name is its connection.
	Name string `json:"name"`
	// ClosedUntil is until when it takes no messages, null while it does.
	ClosedUntil *time.Time `json:"closed_until"`
	// GoneSince is when it answered that it does not exist or takes nothing any more, null unless that was its
	// last answer.
	GoneSince *time.Time `json:"gone_since"`
	// SentThisMonth counts its messages of this month of China, Quota is how many it may get, 0 for any number.
	SentThisMonth int `json:"sent_this_month"`
	Quota         int `json:"quota"`
}

// Receiving is how it stands with an application.
type Receiving string

// What may be known of an application.
const (
	// Connected receives.
	Connected Receiving = "connected"
	// Disconnected is one that a process holds, whose connection to DingTalk is not there now.
	Disconnected Receiving = "disconnected"
	// Unheld is one that no process holds.
	Unheld Receiving = "unheld"
)

// Application is one that receives what people write in DingTalk, in stream mode.
type Application struct {
	// ConnID is its connection.
	ConnID string    `json:"conn_id"`
	Status Receiving `json:"status"`
	// Since is from when on it is so, null where that is not known.
	Since *time.Time `json:"since"`
	// Error is why it is not connected, as the latest attempt has found.
	Error string `json:"error"`
}

// App is an application that is to receive in stream mode.
type App struct {
	// ConnID is its connection, Lease the name of the lease of the process that holds it.
	ConnID, Lease string
}

// ImportErrors are DAG files, and DAGs of them, that can't be loaded.
type ImportErrors struct {
	Count int `json:"count"`
	// Since is when the oldest of them was seen first.
	Since *time.Time `json:"since"`
}

// UnservedQueue is what waits in a queue that no live node serves.
type UnservedQueue struct {
	Queue string `json:"queue"`
	Tasks int    `json:"tasks"`
	// Since is when the one that waits longest began to, by the clock of the store.
	Since time.Time `json:"since"`
}

// ClockOff is a node whose clock is not that of the database.
type ClockOff struct {
	Node string `json:"node"`
	// AheadSeconds is by how much it is ahead, below 0 behind.
	AheadSeconds float64 `json:"ahead_seconds"`
}

// LogsWaiting is a node that cannot bring its task logs into the log store.
type LogsWaiting struct {
	Node string `json:"node"`
	// Logs is how many wait, OldestSeconds how long the first of them has.
	Logs          int     `json:"logs"`
	OldestSeconds float64 `json:"oldest_seconds"`
}

// Heartbeat is what came of the requests to heartbeat_url.
type Heartbeat struct {
	// LatestSuccess is when one was taken last, Failing whether the last one was not.
	LatestSuccess *time.Time `json:"latest_success"`
	Failing       bool       `json:"failing"`
}

// Process is what the process that schedules knows of itself.
type Process struct {
	// Working says that it has begun to work and has not been told to stop.
	Working bool
	// Follows says that another process leads, on a store that processes share: this one schedules nothing.
	Follows bool
	// Started is when it began; Beat, Pass and Round are as in [Scheduler], zero for never.
	Started, Beat, Pass, Round time.Time
	// Heartbeat is nil where none is requested.
	Heartbeat *Heartbeat
}

// Source is what is read of the store.
type Source interface {
	store.Reader
	// LeaseClock is that of [store.Membership].
	LeaseClock(ctx context.Context) (time.Time, error)
}

// Options are what a [Checker] stands on.
type Options struct {
	// API answers about alerts. It stands on Store.
	API *api.API
	// Store is nil when it can't be read for the reason in StoreError.
	Store      Source
	StoreError error
	// InPlace returns an error when the file of the store is gone, or another one is in its place. It may be nil.
	InPlace func() error
	// Process tells of the process that checks, if it is the one that schedules. It may be nil.
	Process func() Process
	// Apps are the applications that are to receive. With an error there may be more. It may be nil; those that a
	// process holds are known without it.
	Apps func(ctx context.Context) ([]App, error)
	// Program is how people call the program, such as dingdag.
	Program string
	Masker  *connections.Masker
	Clock   func() time.Time
}

// Checker looks how things are. It may be used by several at once.
type Checker struct{ o Options }

// New returns a checker.
func New(o Options) *Checker { return &Checker{o} }

// Check looks how things are now. That the store can't be read is part of the answer; so is that it
// takes longer than [Patience].
func (c *Checker) Check(ctx context.Context) *Health {
	h := &Health{At: c.o.Clock().UTC()}
	var p *Process
	if c.o.Process != nil {
		known := c.o.Process()
		p, h.HeartbeatURL = &known, known.Heartbeat
	}
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, fmt.Errorf("no answer within %s", Patience))
	defer cancel()
	found, err := c.read(ctx, h.At)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		text := c.o.Masker.Mask(err.Error())
		found = &facts{err: text, text: phrase.Of("health.store_unread", text)}
		if _, ok := errors.AsType[misplacedError](err); ok {
			found.text = phrase.Plain(text) // it can, and nobody else will
		}
	}
	c.judge(h, found, p)
	return h
}

// facts are what the store holds.
type facts struct {
	// err is why it can't be told, text the problem that this is.
	err  string
	text phrase.Text
	// now is the time of the store, by which leases go.
	now         time.Time
	living      []*store.Node
	unserved    []store.QueueBacklog
	leasedUntil time.Time
	life        *store.SchedulerLife
	waiting     int
	oldest      *store.Delivery
	undelivered []api.AlertProblem
	keptBack    int
	gates       []*store.Gate
	broken      []*store.ImportError
	leases      []*store.NamedLease
	apps        []App
	appsErr     error
}

// read reads them.
func (c *Checker) read(ctx context.Context, now time.Time) (f *facts, err error) {
	s := c.o.Store
	if s == nil {
		return nil, c.o.StoreError
	}
	if c.o.InPlace != nil {
		if err := c.o.InPlace(); err != nil {
			return nil, misplacedError{err}
		}
	}
	f = &facts{}
	if f.living, f.now, err = store.Living(ctx, s); err != nil {
		return nil, err
	}
	if f.unserved, err = store.Unserved(ctx, s, f.living, f.now); err != nil {
		return nil, err
	}
	if f.leasedUntil, err = s.LeasedUntil(ctx); err != nil {
		return nil, err
	}
	if f.life, err = s.LastSchedulerLife(ctx, now); err != nil {
		return nil, err
	}
	open := []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}
	if f.waiting, err = s.CountDeliveries(ctx, store.DeliveryFilter{States: open}); err != nil {
		return nil, err
	}
	first, err := s.Deliveries(ctx, open, 1)
	if err != nil {
		return nil, err
	}
	if len(first) > 0 {
		f.oldest = first[0]
	}
	since := now.Add(-Window).Truncate(time.Millisecond)
	if f.undelivered, err = c.o.API.CheckAlerts(ctx, since); err != nil {
		return nil, err
	}
	if f.keptBack, err = c.o.API.KeptBack(ctx, since); err != nil {
		return nil, err
	}
	if f.gates, err = s.KnownGates(ctx); err != nil {
		return nil, err
	}
	if f.broken, err = s.OpenImportErrors(ctx); err != nil {
		return nil, err
	}
	if f.leases, err = s.NamedLeases(ctx, store.ChatLeases); err != nil {
		return nil, err
	}
	if c.o.Apps != nil {
		f.apps, f.appsErr = c.o.Apps(ctx)
	}
	return f, ctx.Err()
}

// misplacedError is that of [Options.InPlace].
type misplacedError struct{ error }

// moment is one for JSON: in UTC, or nil.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
