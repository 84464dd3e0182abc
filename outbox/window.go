package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

// Window is a time of the configuration in which alerts are silent. It comes again and again, or once.
type Window struct {
	// DAGs are patterns of ids with *, ? and [abc], Robots the connections through which messages
	// leave. None are all.
	DAGs, Robots []string
	// Urgent silences urgent messages too.
	Urgent bool
	// Reason is a word for people.
	Reason string
	// Begins is when windows begin, For how long each of them is. Of windows that overlap the first
	// counts until it ends.
	Begins timetable.Timetable
	For    time.Duration
	// From and Until are the beginning and the end of a window without Begins.
	From, Until time.Time
}

// key tells windows of a configuration apart.
func (w *Window) key() string {
	begins := fmt.Sprint(w.From.UnixMilli(), " ", w.Until.UnixMilli())
	if w.Begins != nil {
		begins = fmt.Sprint(w.Begins.Summary(), " ", w.For)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %t %q %s", w.DAGs, w.Robots, w.Urgent, w.Reason, begins))
	return hex.EncodeToString(sum[:8])
}

// at is the window that a moment lies in, or else the next one, or false when there is none.
func (w *Window) at(now time.Time) (since, until time.Time, ok bool) {
	if w.Begins == nil {
		return w.From, w.Until, now.Before(w.Until)
	}
	run, ok := w.Begins.Next(nil, timetable.Restriction{Earliest: now.Add(time.Millisecond - w.For), Catchup: true}, now)
	return run.LogicalDate, run.LogicalDate.Add(w.For), ok
}

// silence is one of the windows as a silence.
func (w *Window) silence(since, until time.Time) *store.Silence {
	return &store.Silence{
		Kind: store.SilenceMaintenance, Key: w.key(), DAGs: slices.Clone(w.DAGs), Robots: slices.Clone(w.Robots), Urgent: w.Urgent,
		Since: since, Until: until, Reason: w.Reason,
	}
}
