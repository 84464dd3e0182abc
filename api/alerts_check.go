package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// AlertWaits is for how long an alert may wait until [API.CheckAlerts] finds it.
const AlertWaits = 10 * time.Minute

// AlertProblem is an alert of which it is not sure that it was told to anyone.
type AlertProblem struct {
	Alert

	// Problem says what is wrong with it.
	Problem string `json:"problem"`
	// Said is the same for people who read another language. It says nothing where a server told it.
	Said phrase.Text `json:"-"`
}

// CheckAlerts returns the alerts written since a moment that nobody has acknowledged and that were
// refused while nothing that stands in for them arrived or may yet, or that may not have arrived; and all
// those that have waited for longer than [AlertWaits]. The oldest is first. Those that [API.KeptBack] counts are
// not among them.
func (a *API) CheckAlerts(ctx context.Context, since time.Time) ([]AlertProblem, error) {
	out := []AlertProblem{}
	if a.o.Store == nil {
		return out, nil
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return nil, err
	}
	failed, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{
		States: []store.DeliveryState{store.DeliveryRefused, store.DeliveryUncertain}, Since: since, Unacked: true, Untold: true, Unkept: true, DAGIDs: mine.Within(nil),
	})
	if err != nil {
		return nil, err
	}
	add := func(d *store.Delivery, problem phrase.Text) {
		out = append(out, AlertProblem{a.alertOf(d), problem.String(), problem})
	}
	var open []*store.Delivery // what stands in for them was refused itself, and something may stand in for that
	for _, d := range failed {
		switch {
		case d.State == store.DeliveryUncertain:
			add(d, phrase.Of("problem.uncertain"))
		case d.StandsInFor != 0: // what it stands in for is looked at
		case strings.HasPrefix(d.Error, store.DroppedPrefix): // a person has decided
		default:
			open = append(open, d)
		}
	}
	told, err := a.toldOf(ctx, open)
	if err != nil {
		return nil, err
	}
	for _, d := range open {
		if !told[d.ID] {
			add(d, phrase.Of("problem.refused"))
		}
	}
	waiting, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{
		States: []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}, Until: a.o.Clock().Add(-AlertWaits), DAGIDs: mine.Within(nil),
	})
	if err != nil {
		return nil, err
	}
	for _, d := range waiting {
		add(d, phrase.Of("problem.waited", a.o.Clock().Sub(d.CreatedAt)))
	}
	slices.SortFunc(out, func(x, y AlertProblem) int { return int(x.ID - y.ID) })
	return out, nil
}

// KeptBack counts the alerts of successes and retries written since a moment that were refused because the quota of
// their robot is kept for what is more urgent, while nothing else told them and nobody has acknowledged them.
func (a *API) KeptBack(ctx context.Context, since time.Time) (int, error) {
	if a.o.Store == nil {
		return 0, nil
	}
	mine, err := a.Only(ctx)
	if err != nil {
		return 0, err
	}
	return a.o.Store.CountDeliveries(ctx, store.DeliveryFilter{
		States: []store.DeliveryState{store.DeliveryRefused}, Since: since, Unacked: true, Untold: true, Hold: store.HoldQuota, DAGIDs: mine.Within(nil),
	})
}

// standInsAtOnce is of how many messages the stand-ins are read at once.
const standInsAtOnce = 500

// toldOf are those of some messages that a message which was not refused stands in for, or one that does. However many there are, it
// reads the store once for each stand-in of a stand-in, and once more for each 500 of them.
func (a *API) toldOf(ctx context.Context, ds []*store.Delivery) (told map[int64]bool, err error) {
	told = map[int64]bool{}
	first := map[int64]int64{} // the one that is asked about, by itself and what stands in for it
	var next []int64
	for _, d := range ds {
		first[d.ID] = d.ID
		next = append(next, d.ID)
	}
	for len(next) > 0 {
		var refused []int64
		for some := range slices.Chunk(next, standInsAtOnce) {
			standIns, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{StandsInFor: some})
			if err != nil {
				return nil, err
			}
			for _, d := range standIns {
				of := first[d.StandsInFor]
				if first[d.ID] = of; d.State != store.DeliveryRefused {
					told[of] = true
					continue
				}
				refused = append(refused, d.ID)
			}
		}
		next = slices.DeleteFunc(refused, func(id int64) bool { return told[first[id]] })
	}
	return told, nil
}

// toldInstead reports whether a message that stands in for one, or for one that does, was not refused. Another
// one does not count.
func (a *API) toldInstead(ctx context.Context, id, but int64) (bool, error) {
	ds, err := a.o.Store.DeliveryLog(ctx, store.DeliveryFilter{StandsInFor: []int64{id}})
	if err != nil {
		return false, err
	}
	for _, d := range ds {
		if d.State != store.DeliveryRefused && d.ID != but {
			return true, nil
		}
		if told, err := a.toldInstead(ctx, d.ID, but); told || err != nil {
			return told, err
		}
	}
	return false, nil
}

// Undecided are messages that a query selects, by what is to become of them. Each list is as they were written.
type Undecided struct {
	// Open are those about which the decision is due.
	Open []Alert
	// Told are refused or uncertain ones that were told, or may yet be, by another message: one that stands in
	// for them or tells them, or the one that they stand in for themselves.
	Told []Alert
	// StandIns are refused or uncertain ones that told nobody and stand in for one of Open.
	StandIns []Alert
	// Closed are those whose state does not permit the decision.
	Closed []Alert
}

// Undecided sorts the messages that match by whether a decision about them all is due. The page of the query
// has no meaning.
func (a *API) Undecided(ctx context.Context, q AlertQuery, what AlertDecision) (out Undecided, err error) {
	q.Page = Page{}
	found, err := a.Alerts(ctx, q)
	if err != nil {
		return out, err
	}
	selected, due := map[int64]bool{}, map[int64]bool{}
	for _, x := range found.Items {
		selected[x.ID] = true
	}
	for _, x := range slices.Backward(found.Items) {
		if !slices.Contains(x.Decisions, what) {
			out.Closed = append(out.Closed, x)
			continue
		}
		if due[x.StandsInFor] {
			due[x.ID] = true // for those that stand in for it
			out.StandIns = append(out.StandIns, x)
			continue
		}
		told := false
		if what == RetryAlert && x.State != store.DeliverySilenced {
			if told, err = a.toldElsewhere(ctx, &x, selected); err != nil {
				return out, err
			}
		}
		if told {
			out.Told = append(out.Told, x)
			continue
		}
		due[x.ID] = what == RetryAlert
		out.Open = append(out.Open, x)
	}
	return out, nil
}

// toldElsewhere reports whether another message has told what a message says, or is going to: the selected ones
// are to be sent again.
func (a *API) toldElsewhere(ctx context.Context, x *Alert, selected map[int64]bool) (bool, error) {
	if x.DigestID != 0 {
		return true, nil
	}
	for first := x; first.StandsInFor != 0; {
		if selected[first.StandsInFor] {
			return true, nil
		}
		next, err := a.Unlimited().Alert(ctx, first.StandsInFor)
		if errors.Is(err, ErrNotFound) {
			break // it is not kept any more
		}
		if err != nil {
			return false, err
		}
		if next.State == store.DeliveryDelivered {
			return true, nil
		}
		if told, err := a.toldInstead(ctx, next.ID, x.ID); told || err != nil {
			return told, err
		}
		first = &next
	}
	return a.toldInstead(ctx, x.ID, x.ID)
}

// Line tells a problem in a line.
func (p *AlertProblem) Line() string {
	text := fmt.Sprintf("alert %d (%s) %s", p.ID, p.Summary, p.Problem)
	if why, _, _ := strings.Cut(strings.TrimSpace(p.Error), "\n"); why != "" {
		text += ": " + why
	}
	return text
}
