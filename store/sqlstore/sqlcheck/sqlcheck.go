// Package sqlcheck says what a look at a database has found, and what bringing its tables up to date would do.
package sqlcheck

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Status says how well it is.
type Status string

// The statuses. With a warning the program works.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Finding is what was found of one thing.
type Finding struct {
	// Check is what was looked at, such as "encoding".
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Detail is what was found, and what to do about it. It holds no secret.
	Detail string `json:"detail"`
}

// Findings are those of a database, in the order in which they were looked for.
type Findings []Finding

// Add adds one.
func (f *Findings) Add(check string, s Status, format string, args ...any) {
	*f = append(*f, Finding{check, s, fmt.Sprintf(format, args...)})
}

// Failed reports whether the program cannot work with the database.
func (f *Findings) Failed() bool {
	return slices.ContainsFunc(*f, func(one Finding) bool { return one.Status == Failed })
}

// Tables adds how the tables stand to the program, or why that cannot be read.
func (f *Findings) Tables(s *sqlmigrate.State, err error) {
	if err == nil {
		err = s.Newer()
	}
	switch {
	case err != nil:
		f.Add("tables", Failed, "%v", err)
	case s.Version == 0:
		f.Add("tables", Warning, "there are none yet: dingdag db migrate makes them, and so does whatever uses the store first")
	case s.Behind():
		f.Add("tables", Warning, "version %d, and this program knows %d: %d migrations are pending, which dingdag db migrate makes, or whatever uses the store next; dingdag db upgrade-plan shows them",
			s.Version, s.Known, len(s.Pending)+len(s.JobsPending))
	case len(s.Beside) > 0:
		f.Add("tables", OK, "version %d of a newer program, which this one (%d) may use beside it", s.Version, s.Known)
	default:
		f.Add("tables", OK, "version %d; programs that know %d may use them", s.Version, s.Compatible)
	}
}

// AtWork adds which processes are at work.
func (f *Findings) AtWork(ls []sqlmigrate.Lease) {
	if len(ls) == 0 {
		f.Add("processes", OK, "none is at work")
		return
	}
	f.Add("processes", OK, "%d at work: %s", len(ls), strings.Join(Nodes(ls), ", "))
}

// Nodes are the names of processes.
func Nodes(ls []sqlmigrate.Lease) []string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = l.Node
	}
	return out
}

// slow is a time of a commit from which on it is worth a word.
const slow = 50 * time.Millisecond

// Commits adds how long a commit takes, the median of a few.
func (f *Findings) Commits(ctx context.Context, clock func() time.Time, commit func(context.Context) error) {
	const tries = 9
	took := make([]time.Duration, tries)
	for i := range took {
		began := clock()
		if err := commit(ctx); err != nil {
			f.Add("commit", Failed, "nothing can be written: %v", err)
			return
		}
		took[i] = clock().Sub(began)
	}
	slices.Sort(took)
	median := took[tries/2].Round(10 * time.Microsecond)
	if median > slow {
		f.Add("commit", Warning, "takes %s, which bounds how many tasks go on in a second: the disk of the database or the way to it is slow", median)
		return
	}
	f.Add("commit", OK, "takes %s", median)
}

// Size is a number of bytes for people.
func Size(n int64) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch {
	case n >= gib:
		return fmt.Sprintf("%.1f GiB", float64(n)/gib)
	case n >= mib:
		return fmt.Sprintf("%.1f MiB", float64(n)/mib)
	default:
		return fmt.Sprintf("%.1f KiB", float64(n)/kib)
	}
}

// Plan is what bringing tables up to date would do.
type Plan struct {
	*sqlmigrate.State
	// Rows are about how many rows the tables have that the migrations touch.
	Rows map[string]int64
	// AtWork are the processes at work.
	AtWork []sqlmigrate.Lease
}

// NewPlan reads the plan of tables. count is the query of about how many rows a table has.
func NewPlan(ctx context.Context, c sqlrow.Conn, s *sqlmigrate.State, now time.Time, count func(table string) string) (*Plan, error) {
	p := &Plan{State: s, Rows: map[string]int64{}}
	var err error
	if p.AtWork, err = sqlmigrate.Leases(ctx, c, now); err != nil {
		return nil, err
	}
	made := map[string]bool{} // by one of the migrations, and so not there
	for _, m := range s.Pending {
		for _, e := range m.Effects {
			if e.Work == sqlmigrate.Creates {
				made[e.Table] = true
			}
			if _, known := p.Rows[e.Table]; known || e.Table == "" || made[e.Table] || s.Version == 0 {
				continue
			}
			n, err := sqlrow.Column[int64](ctx, c, count(e.Table))
			if err != nil || len(n) != 1 {
				continue // it is not there under this name yet: an earlier migration renames one
			}
			p.Rows[e.Table] = n[0]
		}
	}
	return p, nil
}
