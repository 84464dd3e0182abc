package store

import (
	"context"
	"strings"
	"time"
)

// Silences reads the times in which messages are not sent.
type Silences interface {
	// Silence returns ErrNotFound for an unknown one.
	Silence(ctx context.Context, id int64) (*Silence, error)
	// SilenceLog returns the silences that match, newest first.
	SilenceLog(ctx context.Context, f SilenceFilter) ([]*Silence, error)
	// OpenSilences returns those of people and of the configuration that are not summed up, by ID.
	OpenSilences(ctx context.Context) ([]*Silence, error)
	// EndingSilences returns those of all kinds that are not summed up, by Until, at most limit.
	EndingSilences(ctx context.Context, limit int) ([]*Silence, error)
	// SilenceOfDoubles returns the one that is not summed up of the messages that say what this one
	// told, or ErrNotFound.
	SilenceOfDoubles(ctx context.Context, toldBy int64) (*Silence, error)
	// UnsilencedDeliveries returns the messages behind an ID that wait and that no silence has had
	// yet, by ID and at most limit.
	UnsilencedDeliveries(ctx context.Context, behind int64, limit int) ([]*Unsilenced, error)
	// ToldDeliveries returns the messages before d in its channel, about its kind of event and with its
	// DedupeKey, that were written after since, oldest first and at most limit. Silenced and refused ones
	// are left out.
	ToldDeliveries(ctx context.Context, d *Delivery, since time.Time, limit int) ([]*Delivery, error)
	// SilencedDeliveries returns the messages that a silence keeps back, behind an ID, by ID and at
	// most limit.
	SilencedDeliveries(ctx context.Context, silence, behind int64, limit int) ([]*Delivery, error)
	// CountSilenced returns how many there are of each of the given silences.
	CountSilenced(ctx context.Context, silences ...int64) (map[int64]int, error)
}

// SilencesTx changes them in a transaction.
type SilencesTx interface {
	// InsertSilence adds a silence and sets its ID. It reports false, and changes nothing, when there
	// is one of the same Key and Since of a configuration, or one that is not summed up of the same ToldBy.
	InsertSilence(ctx context.Context, s *Silence) (bool, error)
	// EndSilence lets a silence end at a moment, and keeps who wanted that. It reports false, and changes
	// nothing, when it was to end before, or is summed up.
	EndSilence(ctx context.Context, id int64, until time.Time, by Actor) (bool, error)
	// SumUpSilence notes that people were told what a silence kept back. It reports false, and changes
	// nothing, when that was noted before.
	SumUpSilence(ctx context.Context, id int64, at time.Time) (bool, error)
	// SilenceDelivery writes State, SilenceID, UpdatedAt and Error of a message that is silenced. It
	// reports false, and changes nothing, when the message does not wait as it was read, has been
	// taken in part, or was silenced before; or when the silence is summed up.
	SilenceDelivery(ctx context.Context, d *Delivery) (bool, error)
	// SilenceFolded is SilenceDelivery for a message that a digest was to tell, which is not part of that
	// any more.
	SilenceFolded(ctx context.Context, d *Delivery, digest int64) (bool, error)
	// HandOverDelivery writes SilenceID and Error of a message that the silence from has kept back and that
	// another one keeps back from now on. It reports false, and changes nothing, when from does not keep it
	// back any more, or when the other one is summed up.
	HandOverDelivery(ctx context.Context, d *Delivery, from int64) (bool, error)
}

// SilenceKind says who wants a silence.
type SilenceKind string

// The kinds of silences.
const (
	// SilenceSnooze is what a person asked for.
	SilenceSnooze SilenceKind = "snooze"
	// SilenceMaintenance is a window of the configuration.
	SilenceMaintenance SilenceKind = "maintenance"
	// SilenceDouble is of messages with the DedupeKey of one that was sent.
	SilenceDouble SilenceKind = "double"
)

// Silence is a time in which some messages are not sent.
type Silence struct {
	ID   int64
	Kind SilenceKind
	// Key tells the windows of a configuration apart; of doubles it is their DedupeKey.
	Key string
	// DAGs are patterns of ids with *, ? and [abc]; none are all, those of no DAG too.
	DAGs []string
	// TaskID is the one task; empty for all and for runs.
	TaskID string
	// Robots are the connections through which messages leave; none are all.
	Robots []string
	// Urgent silences urgent messages too.
	Urgent bool
	// ToldBy is the ID of the message that told what doubles say, else 0.
	ToldBy int64
	// Since and Until are its beginning and its end.
	Since, Until time.Time
	// Reason is a word for people, or empty.
	Reason string
	// MadeBy is who asked for it, EndedBy who ended it before its time. Both may be nobody.
	MadeBy, EndedBy Actor
	// SummedUp is when people were told what it kept back, or that there was nothing to tell; zero
	// before.
	SummedUp time.Time
}

// SilenceFilter selects silences. Zero fields select everything.
type SilenceFilter struct {
	// Open selects those that are not summed up.
	Open bool
	// Kinds are the kinds; none are all.
	Kinds []SilenceKind
	// Limit bounds how many there are; 0 is all. Behind passes over those up to the silence with this ID.
	Limit  int
	Behind int64
}

// Unsilenced is what says whether a message is to be silenced.
type Unsilenced struct {
	ID            int64
	Channel       string
	Event         string
	DAGID, TaskID string
	Priority      int
	CreatedAt     time.Time
	DedupeKey     string
	StandsInFor   int64
}

// What says for people what a silence is of: "DAG etl", "task etl.load to robot ops", "all alerts", or
// the key of doubles.
func (s *Silence) What() string {
	if s.Kind == SilenceDouble {
		return s.Key
	}
	text := "all alerts"
	switch {
	case s.TaskID != "":
		text = "task " + strings.Join(s.DAGs, ", ") + "." + s.TaskID
	case len(s.DAGs) == 1:
		text = "DAG " + s.DAGs[0]
	case len(s.DAGs) > 1:
		text = "DAGs " + strings.Join(s.DAGs, ", ")
	case len(s.Robots) > 0:
		text = ""
	}
	if len(s.Robots) > 0 {
		word := "robot "
		if len(s.Robots) > 1 {
			word = "robots "
		}
		if text != "" {
			text += " to "
		}
		text += word + strings.Join(s.Robots, ", ")
	}
	return text
}
