package sqlmigrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// Lease is that of a process that is at work.
type Lease struct {
	Node    string
	Expires time.Time
}

// Leases are those that hold at a moment, by the names of the processes.
func Leases(ctx context.Context, c sqlrow.Conn, at time.Time) ([]Lease, error) {
	there, err := versions(ctx, c, "node_lease", "SELECT count(*) FROM node_lease")
	if err != nil || there == nil {
		return nil, err
	}
	ls, err := sqlrow.Collect(ctx, c, func(rows sqlrow.Rows, l *Lease) error { return rows.Scan(&l.Node, sqlrow.Moment(&l.Expires)) },
		"SELECT node, expires FROM node_lease WHERE expires > ? ORDER BY node", at.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("look for processes at work: %w", err)
	}
	out := make([]Lease, len(ls))
	for i, l := range ls {
		out[i] = *l
	}
	return out, nil
}

// AtWorkError says that the tables cannot be brought up to date, because programs that are older are at work with them.
type AtWorkError struct {
	Leases  []Lease
	Pending []Migration
}

// Error names the processes and what they are in the way of.
func (e *AtWorkError) Error() string {
	var nodes, names []string
	for _, l := range e.Leases {
		nodes = append(nodes, fmt.Sprintf("%s (its lease holds until %s)", l.Node, l.Expires.UTC().Format(time.RFC3339)))
	}
	for _, m := range e.Pending {
		if !m.Additive {
			names = append(names, m.Name)
		}
	}
	what := "those of the job queue"
	if len(names) > 0 {
		what = strings.Join(names, ", ")
	}
	return fmt.Sprintf("its tables are of an older program that is at work with them: %s. It could not go on beside the migrations that this program brings (%s): "+
		"stop it first, then start this program again", strings.Join(nodes, ", "), what)
}

// looks is how often it is looked whether a lease has ended.
const looks = 100 * time.Millisecond

// Alone returns when no process is at work, so that what is pending may be made. The lease of one that died is waited for; one that
// is renewed, or new, is an [AtWorkError]. Where all that is pending is additive nothing is looked for.
func Alone(ctx context.Context, c sqlrow.Conn, s *State, now func(context.Context) (time.Time, error)) error {
	if s.Additive() {
		return nil
	}
	var first []Lease
	var limit <-chan time.Time
	for {
		at, err := now(ctx)
		if err != nil {
			return err
		}
		ls, err := Leases(ctx, c, at)
		if err != nil || len(ls) == 0 {
			return err
		}
		if limit == nil {
			first = ls
			longest := slices.MaxFunc(ls, func(a, b Lease) int { return a.Expires.Compare(b.Expires) })
			timer := time.NewTimer(longest.Expires.Sub(at) + time.Second)
			defer timer.Stop()
			limit = timer.C
		}
		if slices.ContainsFunc(ls, func(l Lease) bool { return !slices.Contains(first, l) }) {
			return &AtWorkError{ls, s.Pending}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit:
			return &AtWorkError{ls, s.Pending}
		case <-time.After(looks):
		}
	}
}
