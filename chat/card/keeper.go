// Package card keeps the interactive cards of alerts as things are, and carries out what people press on them.
//
// The keeper looks at the state of what each open card tells of and compares it with what the card shows, so it does
// not matter who changed something, or whether a process was away meanwhile.
package card

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/card"
	"github.com/dingdag/dingdag/store"
)

// Store is what the keeper and the presses need of the durable store.
type Store interface {
	store.Cards
	store.Transactor
	// OpenSilences returns the snoozes, among others.
	OpenSilences(ctx context.Context) ([]*store.Silence, error)
	// Ask returns what a task asks people, or ErrNotFound.
	Ask(ctx context.Context, id int64) (*store.Ask, error)
	// Instances returns the task instances of a run.
	Instances(ctx context.Context, runKey int64) ([]*store.Instance, error)
}

const (
	// oldAfter is how long a card is redrawn after it was made.
	oldAfter = 7 * 24 * time.Hour
	// awayFor is when a card is looked at again that has not been delivered.
	awayFor = time.Minute
	// longestPause is the longest one after a failure.
	longestPause = 5 * time.Minute
	// page is how many cards are read at once.
	page = 100
	// between is the shortest pause between two looks at the cards: an engine that works wakes the keeper all the time.
	between = 250 * time.Millisecond
	// freshFor is how long what was read of a card is taken for true.
	freshFor = time.Second
)

// Options configures [NewKeeper]. All but those with a default are required.
type Options struct {
	Store Store
	Hook  *hook.DingdingHook
	// Connections are those of the applications, which name the template of cards that follow runs.
	Connections connections.Source
	// Masker hides secrets in what is stored and logged.
	Masker *connections.Masker
	// Name is the name of a person in the organisation of a connection. Nil means that cards show userids.
	Name func(ctx context.Context, connID, userID string) (string, error)
	// Sweep is how often all open cards are looked at, whatever was missed. Default 5 s.
	Sweep time.Duration
	Clock func() time.Time
	Log   *slog.Logger
}

// Keeper redraws cards. It is safe for concurrent use.
type Keeper struct {
	o     Options
	ready chan struct{}

	// reading is held while somebody begins to look.
	reading sync.Mutex
	mu      sync.Mutex
	// busy are the connections whose cards are being looked at. Those with true are to be looked at once more.
	busy map[string]bool
	// names are those that were looked up, by application's connection and userid.
	names map[[2]string]named
}

// NewKeeper returns the keeper of the cards in a store.
func NewKeeper(o Options) *Keeper {
	if o.Sweep == 0 {
		o.Sweep = 5 * time.Second
	}
	return &Keeper{o: o, ready: make(chan struct{}, 1), busy: map[string]bool{}, names: map[[2]string]named{}}
}

// Wake makes the keeper look at the cards soon.
func (k *Keeper) Wake() {
	select {
	case k.ready <- struct{}{}:
	default: // it will look anyway
	}
}

// Run redraws cards until ctx ends. What is not redrawn then is at the next start.
func (k *Keeper) Run(ctx context.Context) {
	t := time.NewTicker(k.o.Sweep)
	defer t.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	var work sync.WaitGroup
	defer work.Wait()
	failed := func(err error) {
		if ctx.Err() == nil {
			k.o.Log.Error("look at the cards", "error", k.o.Masker.Mask(err.Error()))
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		if err := k.begin(ctx, &work, failed); err != nil {
			failed(err)
		}
		rest.Reset(between)
		select {
		case <-ctx.Done():
			return
		case <-k.ready:
		case <-t.C:
		}
	}
}

// Round looks at all open cards once, at those of one connection after another, and of all connections at the same time. The
// error is that of the store: what DingTalk refuses is noted with the card.
func (k *Keeper) Round(ctx context.Context) error {
	var (
		work sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	if err := k.begin(ctx, &work, note); err != nil {
		note(err)
	}
	work.Wait()
	return errors.Join(errs...)
}

// begin begins to look at all open cards, but for those of connections at whose cards somebody is still looking: one that
// DingTalk answers slowly holds up no other.
func (k *Keeper) begin(ctx context.Context, work *sync.WaitGroup, failed func(error)) error {
	k.reading.Lock()
	defer k.reading.Unlock()
	k.mu.Lock()
	busy := maps.Clone(k.busy) // also what is done before all is read: that may have been read before it was changed
	k.mu.Unlock()
	read := k.o.Clock()
	byConn, open, err := k.read(ctx, read)
	for connID, cards := range byConn {
		if _, ok := busy[connID]; ok {
			k.again(connID)
			continue
		}
		k.mu.Lock()
		k.busy[connID] = false
		k.mu.Unlock()
		work.Go(func() {
			defer k.idle(connID)
			for _, c := range cards {
				if ctx.Err() != nil {
					return
				}
				if err := k.lookAt(ctx, c, open, read); err != nil {
					failed(err)
				}
			}
		})
	}
	return err
}

// again has the cards of a connection looked at once somebody has done so who began before.
func (k *Keeper) again(connID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.busy[connID]; ok {
		k.busy[connID] = true
	} else {
		k.Wake()
	}
}

// idle ends the looking at the cards of a connection.
func (k *Keeper) idle(connID string) {
	k.mu.Lock()
	again := k.busy[connID]
	delete(k.busy, connID)
	k.mu.Unlock()
	if again {
		k.Wake()
	}
}

// read returns the open cards by their connections, and the silences. With an error it is what could be read.
func (k *Keeper) read(ctx context.Context, now time.Time) (byConn map[string][]*store.CardNow, open []*store.Silence, err error) {
	byConn = map[string][]*store.CardNow{}
	var behind time.Time
	after := ""
	for {
		cards, err := k.o.Store.OpenCards(ctx, now, behind, after, page)
		if err != nil {
			return byConn, open, err
		}
		if len(cards) > 0 && after == "" {
			if open, err = k.o.Store.OpenSilences(ctx); err != nil {
				return nil, nil, err
			}
		}
		for _, c := range cards {
			byConn[c.ConnID] = append(byConn[c.ConnID], c)
			behind, after = c.MadeAt, c.OutTrackID
		}
		if len(cards) < page {
			return byConn, open, nil
		}
	}
}

// lookAt looks at a card that was read at a moment, and reads it anew when that is long ago.
func (k *Keeper) lookAt(ctx context.Context, c *store.CardNow, open []*store.Silence, read time.Time) error {
	if now := k.o.Clock(); now.Sub(read) > freshFor {
		fresh, err := k.o.Store.Card(ctx, c.OutTrackID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case !fresh.ClosedAt.IsZero() || fresh.NextLook.After(now):
			return nil
		}
		c = fresh
	}
	return k.look(ctx, c, open)
}

// look redraws a card if it does not show what is, and notes that.
func (k *Keeper) look(ctx context.Context, c *store.CardNow, open []*store.Silence) error {
	now := k.o.Clock()
	old := !now.Before(c.MadeAt.Add(oldAfter))
	switch shown, refused := delivered(c); {
	case refused != "":
		c.ClosedAt, c.Error = now, refused
		return k.write(ctx, c)
	case !shown && old:
		c.ClosedAt, c.Error = now, "it was not delivered"
		return k.write(ctx, c)
	case !shown && c.Delivery != store.DeliveryWaiting && c.Delivery != store.DeliverySending:
		c.NextLook = now.Add(awayFor) // somebody may still have it sent
		return k.write(ctx, c)
	case !shown:
		return nil
	}
	var f face.Face
	if err := json.Unmarshal(c.Face, &f); err != nil {
		c.ClosedAt, c.Error = now, fmt.Sprintf("it can not be read: %v", err)
		return k.write(ctx, c)
	}
	is := Look(c, open, now)
	if c.Kind == store.AskCard {
		var err error
		if is, err = k.lookAsk(ctx, c, f, now); err != nil {
			return err
		}
		old = false // it can be answered as long as it waits
	}
	is.AckedBy = k.name(ctx, c.ConnID, is.AckedBy, now)
	for i := range is.Done {
		is.Done[i].By = k.name(ctx, c.ConnID, is.Done[i].By, now)
	}
	if old && !is.Status.Final() {
		is.Status = face.Old
	}
	if c.Kind == store.RunCard {
		going, err := k.follow(ctx, c, &f, &is, now)
		if err != nil || !going {
			return err
		}
	}
	param := f.Param(is)
	hash := face.Hash(param)
	if c.Shown == "" {
		c.Shown = face.Hash(f.Param(face.Now{Status: f.Status}))
	}
	if hash == c.Shown && !is.Status.Final() {
		return nil
	}
	if hash != c.Shown {
		err := card.Update(ctx, k.o.Hook.App(c.ConnID), card.Change{OutTrackID: c.OutTrackID, Param: param, Replace: true})
		switch {
		case ctx.Err() != nil:
			return ctx.Err() // the next process goes on with it
		case err != nil:
			return k.failed(ctx, c, err, now)
		}
	}
	c.Shown, c.Failures, c.Error, c.NextLook, c.UpdatedAt = hash, 0, "", time.Time{}, now
	if is.Status.Final() {
		c.ClosedAt = now
	}
	return k.write(ctx, c)
}

// delivered reports whether a card has reached people, or why it never will.
func delivered(c *store.CardNow) (shown bool, refused string) {
	switch {
	case c.DeliveryID == 0:
		return true, ""
	case c.Delivery == "":
		return false, "its message is gone"
	case c.Delivery != store.DeliveryDelivered:
		return false, ""
	case !strings.HasPrefix(c.Receipt, ReceiptOfCard):
		return false, "it was not sent as a card"
	}
	return true, ""
}

// ReceiptOfCard is how the receipt of a message begins that was delivered as a card.
const ReceiptOfCard = "card "

// failed notes that a card could not be redrawn, and when to try again.
func (k *Keeper) failed(ctx context.Context, c *store.CardNow, err error, now time.Time) error {
	c.Error = k.o.Masker.Mask(err.Error())
	c.Failures++
	c.NextLook = now.Add(min(time.Second<<min(c.Failures-1, 20), longestPause))
	if e, ok := errors.AsType[*hook.Error](err); ok {
		if d := e.RetryDelay(); d > 0 {
			c.NextLook = later(c.NextLook, now.Add(d))
		}
		if e.Kind == hook.KindInvalid || e.Kind == hook.KindNotFound && e.Code != "" {
			c.ClosedAt = now
		}
	}
	k.o.Log.Warn("a card could not be redrawn", "card", c.OutTrackID, "conn_id", c.ConnID, "dag", c.DAGID, "run", c.RunID, "task", c.TaskID,
		"final", !c.ClosedAt.IsZero(), "error", c.Error)
	return k.write(ctx, c)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (k *Keeper) write(ctx context.Context, c *store.CardNow) error {
	return k.o.Store.Tx(ctx, func(tx store.Tx) error { return tx.UpdateCard(ctx, &c.Card) })
}

// Look is what has become of what a card tells of. open are the silences that are not summed up.
func Look(c *store.CardNow, open []*store.Silence, now time.Time) face.Now {
	is := face.Now{Status: statusOf(c), AckedBy: c.AckedBy, AckedAt: c.AckedAt}
	if c.LastTry != c.Try {
		is.Try = c.LastTry
	}
	if is.Status == face.WillRetry {
		is.NextRetry = c.RetryAt
	}
	for _, s := range open {
		if s.Kind == store.SilenceSnooze && snoozes(s, c) && now.Before(s.Until) && s.Until.After(is.SnoozedUntil) {
			is.SnoozedUntil = s.Until
		}
	}
	if is.Status == face.Again && !is.SnoozedUntil.IsZero() {
		is.Status = face.Failed // the card of the later failure is held back, so that this one stands for it
	}
	for _, p := range c.Presses {
		is.Done = append(is.Done, face.Done{Press: p.Press, Action: face.Action(p.Action), By: p.By, At: p.At})
	}
	return is
}

// snoozes reports whether a snooze is of alerts like that of a card.
func snoozes(s *store.Silence, c *store.CardNow) bool {
	if s.TaskID != "" && s.TaskID != c.TaskID || len(s.Robots) > 0 && !slices.Contains(s.Robots, c.ConnID) {
		return false
	}
	return len(s.DAGs) == 0 || slices.ContainsFunc(s.DAGs, func(pattern string) bool {
		ok, err := path.Match(pattern, c.DAGID)
		return ok && err == nil
	})
}

// statusOf is the state of the task instance or of the run, as a card shows it.
func statusOf(c *store.CardNow) face.Status {
	switch {
	case c.RunKey == 0:
		return face.Gone
	case c.TaskID == "":
		return runStatus(c)
	}
	switch c.State {
	case dag.Success:
		return face.Succeeded
	case dag.Skipped:
		return face.Skipped
	case dag.Removed:
		return face.Gone
	case dag.UpForRetry:
		return face.WillRetry
	case dag.Running, dag.Restarting, dag.UpForReschedule, dag.Deferred:
		return face.Running
	case dag.Failed, dag.UpstreamFailed:
		if c.LastTry > c.Try {
			return face.Again
		}
		return face.Failed
	default:
		return face.Queued
	}
}

// runStatus is that of a run. One that missed its deadline is late until it has ended.
func runStatus(c *store.CardNow) face.Status {
	switch c.RunState {
	case dag.RunSuccess:
		return face.Succeeded
	case dag.RunFailed:
		if c.Kind != store.RunCard && len(clearsOf(c)) > 0 {
			return face.Again
		}
		return face.Failed
	case dag.RunQueued, dag.RunRunning:
	}
	var f face.Face
	if err := json.Unmarshal(c.Face, &f); err == nil && f.Status == face.Late {
		return face.Late
	}
	if c.RunState == dag.RunQueued {
		return face.Queued
	}
	return face.Running
}
