package callbacks

import (
	"fmt"
	"strings"
	"time"
)

// Doubt is a message that may have arrived: its answer was lost.
type Doubt struct {
	// ID is its number, At when it was written.
	ID int64
	At time.Time
	// Event is what it tells. Without one, which is nil, Summary says so.
	Event   *Event
	Summary string
}

const (
	// maxDoubts is how many messages that may have arrived are named one by one, and maxDoubtBytes
	// how much of what one of them tells.
	maxDoubts, maxDoubtBytes = 3, 150
)

// DoubtNote tells people of messages that may not have arrived, in one line: how many there are,
// and the first three. It is empty without any.
func DoubtNote(doubts []Doubt) string {
	if len(doubts) == 0 {
		return ""
	}
	names := make([]string, min(len(doubts), maxDoubts))
	for i := range names {
		names[i] = doubts[i].name()
	}
	return fmt.Sprintf("注意 Note: %s may not have arrived: %s", counted(len(doubts), "earlier message"), listed(names, len(doubts)))
}

// name is "on_failure of etl.load at 10:02 (alert 17)", on the clock of the DAG's zone.
func (d Doubt) name() string {
	what, at := d.Summary, d.At.UTC()
	if ev := d.Event; ev != nil {
		what, at = string(ev.Kind), d.At.In(ev.zone())
		if subject := ev.Subject(); subject != "" {
			what += " of " + subject
		}
	}
	what = shorten(strings.Join(strings.Fields(Clean(what)), " "), maxDoubtBytes)
	return fmt.Sprintf("%s at %s (alert %d)", what, at.Format("15:04"), d.ID)
}
