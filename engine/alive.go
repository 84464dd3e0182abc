package engine

import (
	"time"

	"github.com/dingdag/dingdag/engine/live"
)

// Progress counts what an engine has got done since it was made. What hangs or fails does not
// count, so whoever watches the numbers grow knows that it works and is not merely there.
type Progress struct {
	// Beats counts those that renewed the lease in the store and took in all that other
	// processes wrote.
	Beats int64
	// Passes counts the looks at all DAGs after which each has the runs that are due. It stays
	// as it is while the process schedules nothing.
	Passes int64
	// Rounds counts those in which the outbox looked for messages and gave them to their senders.
	Rounds int64
}

// Progress is how far the engine has come.
func (e *Engine) Progress() Progress {
	return Progress{Beats: e.beatsDone.Load(), Passes: e.scheduler.Passes(), Rounds: e.outbox.Rounds()}
}

// Since reports whether p is further than before in every respect.
func (p Progress) Since(before Progress) bool {
	return p.Beats > before.Beats && p.Passes > before.Passes && p.Rounds > before.Rounds
}

// Follows reports whether another process leads, on a store that processes share.
func (e *Engine) Follows() bool { return e.desk.follows() }

// Load is what is under way in this process, as it holds it in memory.
func (e *Engine) Load() live.Load { return e.runs.Load() }

// Latest is when each part of an engine got something done last; zero for never.
type Latest struct {
	// Beat, Pass and Round are the ends of what [Progress] counts.
	Beat, Pass, Round time.Time
}

// Latest is when the engine got something done last.
func (e *Engine) Latest() Latest {
	l := Latest{Pass: e.scheduler.LastPass(), Round: e.outbox.LastRound()}
	if at := e.lastBeat.Load(); at != nil {
		l.Beat = *at
	}
	return l
}
