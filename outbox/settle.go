package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/store"
)

const (
	// maxRefusals is how often a message is refused for an unknown reason before that
	// counts as final; with the pauses between, for about nine minutes.
	maxRefusals = 10
	// longestPause is the longest one of a message that fails for itself, and
	// longestOutage that of a channel whose receiver is away: a try a minute costs nothing
	// and finds out soon that it is back.
	longestPause  = 10 * time.Minute
	longestOutage = time.Minute
	// connLook is how often the connection of a channel that waits is looked at.
	connLook = 2 * time.Second
)

// settle decides what becomes of a message after a try, and what stands in for one that
// is refused.
func (o *Outbox) settle(ctx context.Context, c *channel, d *store.Delivery, conn, receipt string, err error) []*store.Delivery {
	d.Hold, d.NextTry = store.HoldNone, time.Time{}
	if receipt != "" || err == nil { // else what was said of the parts that arrived stays
		d.Receipt = o.o.Masker.Mask(receipt)
	}
	if err == nil {
		d.State, d.Error, d.EventData = store.DeliveryDelivered, "", nil
		c.wordless, c.replaced = 0, 0
		delete(c.suspects, d.ID)
		return nil
	}
	d.Error = o.o.Masker.Mask(err.Error())
	if closed := gated(err); closed != nil {
		d.State, d.NextTry = store.DeliveryWaiting, o.now().Add(closed.RetryDelay())
		return nil
	}
	var de callbacks.DeliveryError
	switch {
	case errors.As(err, &de) && de.Retryable():
		d.State = store.DeliveryWaiting
		c.failed, c.conn = d, conn
		o.postpone(c, d, de)
		if d.State == store.DeliveryWaiting {
			return nil
		}
	case errors.As(err, &de) && de.Uncertain():
		d.State = store.DeliveryUncertain
		return nil
	default:
		d.State = store.DeliveryRefused
		if keeps(d, err) {
			d.Hold = store.HoldQuota
		}
	}
	delete(c.suspects, d.ID)
	standIns := o.standIns(ctx, d, err)
	var refusal callbacks.RefusalError
	switch {
	case !errors.As(err, &refusal) || !refusal.NoKeyword():
	case len(standIns) > 0 && standIns[0].Channel == d.Channel:
		c.replaced++
	default:
		c.wordless++
	}
	return standIns
}

// keeps reports whether a message was refused because the quota of its robot is kept for what is more urgent: it
// is of successes or retries. What sums up other things does not count among these, whatever its rank.
func keeps(d *store.Delivery, err error) bool {
	var spent callbacks.SpentError
	if d.Priority <= int(gate.Failure) || !errors.As(err, &spent) || !spent.Spent() {
		return false
	}
	switch callbacks.Kind(d.Owner.Event) {
	case callbacks.Execute, callbacks.Success, callbacks.Retry, callbacks.Skipped, callbacks.Folded:
		return true
	default:
		return false
	}
}

// postpone decides when a message is tried again, and whether those behind it wait too.
func (o *Outbox) postpone(c *channel, d *store.Delivery, err callbacks.DeliveryError) {
	var (
		unknown  callbacks.UnknownError
		throttle callbacks.ThrottleError
		pause    time.Duration
	)
	switch {
	case errors.As(err, &unknown) && unknown.Unknown():
		if d.Refusals++; d.Refusals >= maxRefusals {
			d.State = store.DeliveryRefused
			d.Error = fmt.Sprintf("%s (refused %d times for an unknown reason, so this is final)", d.Error, d.Refusals)
			return
		}
		pause = doubled(d.Refusals, longestPause)
	case errors.As(err, &throttle) && throttle.Throttled():
		d.Hold, pause = store.HoldThrottled, doubled(d.Attempts, longestPause)
	default:
		if c.fails == 0 {
			c.suspects[d.ID]++
		}
		c.fails++
		// Twice after others got through: the message itself is what fails.
		if n := c.suspects[d.ID]; n > 1 && c.fails == 1 {
			c.fails, pause = 0, doubled(n, longestPause)
			break
		}
		d.Hold, pause = store.HoldOutage, doubled(c.fails, longestOutage)
	}
	o.schedule(d, max(err.RetryDelay(), o.jittered(pause)))
}

// schedule sets the next try of a message, which is final if it fails at the deadline. A receiver
// that is well and takes no more for now has no deadline.
func (o *Outbox) schedule(d *store.Delivery, pause time.Duration) {
	now := o.now()
	d.NextTry = now.Add(pause).Truncate(time.Millisecond)
	end := o.clock.after(d.CreatedAt, o.o.Deadline)
	switch {
	case d.Hold == store.HoldThrottled:
	case !now.Before(end):
		d.State, d.Hold, d.NextTry = store.DeliveryRefused, store.HoldNone, time.Time{}
		d.Error = fmt.Sprintf("%s (not delivered within %s, so this is final)", d.Error, o.o.Deadline)
	case d.NextTry.After(end):
		d.NextTry = end
	}
}

// jittered is a pause that is up to a quarter shorter or longer, so that those who lost a receiver
// at the same moment do not come back all at once.
func (o *Outbox) jittered(pause time.Duration) time.Duration {
	return time.Duration(float64(pause) * (0.75 + o.o.Random()/2))
}

// doubled is the pause after the n-th failure in a row: 1 s, 2 s, 4 s and so on.
func doubled(n int, most time.Duration) time.Duration {
	if n > 10 {
		return most
	}
	return min(time.Second<<max(n-1, 0), most)
}

// released ends an outage: what waited for the receiver leaves at once, in order. What
// failed twice right after others got through keeps its own pause.
func (o *Outbox) released(ctx context.Context, name string, c *channel) error {
	c.fails = 0
	own := maps.Clone(c.suspects)
	maps.DeleteFunc(own, func(_ int64, n int) bool { return n < 2 })
	return o.release(ctx, name, slices.Sorted(maps.Keys(own)), store.HoldOutage)
}
