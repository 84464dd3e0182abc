// Package nodes has the commands that list the processes that work on the store and have them take no more tasks.
package nodes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// New makes the command nodes.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "nodes", Short: "List the processes that work on the store, and drain them",
		Example: "  dingdag nodes list\n  dingdag nodes drain worker-3 --wait",
	}
	cmd.AddCommand(newCmdList(a), newCmdDrain(a))
	return cmd
}

func newCmdList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the processes that work on the store, and those of the last day",
		Long: `Lists the processes that work on the store, and those that ended in the last 24 hours.

State is working, draining (it takes no more tasks), stopping (it ends when its tasks have),
stopped (it ended in order), or lost (it died, stands still, or is cut off from the database;
its tasks are run again). Seen is when it is last known to have worked. Key says that its secret
key is another one than that of the first to start: what one of them encrypts the other cannot read.`,
		Example: "  dingdag nodes list\n  dingdag nodes list -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runList(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

// recent is how long those are listed that have ended.
const recent = 24 * time.Hour

// row is a node as JSON.
type row struct {
	Node    string   `json:"node"`
	State   string   `json:"state"`
	Leads   bool     `json:"leads"`
	Roles   []string `json:"roles"`
	Host    string   `json:"host"`
	PID     int      `json:"pid"`
	Version string   `json:"version"`
	// Queues is null for all.
	Queues []string `json:"queues"`
	// Running is not known of a process that works alone on a store in a file.
	Running int `json:"running"`
	Workers int `json:"workers"`

	// ClockAhead is by how many seconds its clock is ahead of that of the database, 0 while they are about the same.
	ClockAhead float64 `json:"clock_ahead_seconds"`
	// OtherKey says that its secret key is not that of the others.
	OtherKey bool `json:"other_key"`
	// LogsWaiting is how many of its task logs wait for the log store, LogsWaitingFor for how many seconds the first of them has.
	LogsWaiting    int     `json:"logs_waiting"`
	LogsWaitingFor float64 `json:"logs_waiting_seconds"`

	StartedAt   time.Time  `json:"started_at"`
	SeenAt      time.Time  `json:"seen_at"`
	LeasedUntil *time.Time `json:"leased_until"`
}

func runList(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	there, err := a.HasStore()
	if err != nil {
		return err
	}
	var all []nodes.Node
	if there {
		s, err := a.OpenStore(ctx)
		if err != nil {
			return err
		}
		if all, err = nodes.List(ctx, s, a.Clock().Add(-recent)); err != nil {
			return err
		}
	}
	l := show.List{
		Columns: []string{"Node", "State", "Leads", "Roles", "Host", "PID", "Version", "Queues", "Running", "Clock", "Key", "Unsent", "Started", "Seen"},
		Drop:    []string{"PID", "Host", "Version", "Started"}, Wrap: []string{"Queues"}, Zone: a.ShowZone(),
	}
	for i := range all {
		n := &all[i]
		r := row{
			Node: n.ID, State: string(n.State), Leads: n.Leads, Roles: n.Roles, Host: n.Host, PID: n.PID, Version: n.Version, Queues: n.Queues,
			Running: n.Running, Workers: n.Workers, ClockAhead: n.ClockAhead.Seconds(), OtherKey: n.OtherKey, LogsWaiting: n.LogsWaiting, LogsWaitingFor: n.LogsWaitingFor.Seconds(),
			StartedAt: n.StartedAt.UTC(), SeenAt: n.SeenAt.UTC(),
		}
		if !n.LeasedUntil.IsZero() {
			r.LeasedUntil = new(n.LeasedUntil.UTC())
		}
		pid := ""
		if n.PID != 0 {
			pid = strconv.Itoa(n.PID)
		}
		queues, running := work(n)
		l.Add(r, n.ID, string(n.State), map[bool]string{true: "leads"}[n.Leads], strings.Join(n.Roles, ", "), n.Host, pid, n.Version, queues, running, clock(n), map[bool]string{true: "other"}[n.OtherKey], unsent(n), a.Date(n.StartedAt), a.Date(n.SeenAt))
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if l.Len() == 0 {
		a.Notef("no process works on the store, or did in the last 24 hours")
	}
	return nil
}

// clock is how far the clock of a node is from that of the database, nothing while they are about the same.
func clock(n *nodes.Node) string {
	d := n.ClockAhead.Round(time.Second)
	if d > 0 {
		return "+" + d.String()
	}
	return strings.TrimPrefix(d.String(), "0s")
}

// unsent is how many task logs of a node wait for the log store, and for how long the first of them has.
func unsent(n *nodes.Node) string {
	if n.LogsWaiting == 0 {
		return ""
	}
	return fmt.Sprintf("%d for %s", n.LogsWaiting, n.LogsWaitingFor.Round(time.Second))
}

// work is which queues a node serves, and how many tasks it runs of how many at most.
func work(n *nodes.Node) (queues, running string) {
	works := false
	for _, r := range n.Roles {
		works = works || r == nodes.Worker
	}
	if !works {
		return "", ""
	}
	queues = "all"
	if n.Queues != nil {
		queues = strings.Join(n.Queues, ", ")
	}
	if n.Life != 0 { // how many is not known
		return queues, ""
	}
	return queues, fmt.Sprintf("%d/%d", n.Running, n.Workers)
}

func newCmdDrain(a *app.App) *cobra.Command {
	var undo, wait bool
	cmd := &cobra.Command{
		Use: "drain NODE", Short: "Have a process take no more tasks, before it is stopped",
		Long: `Has a process that shares its store with others take no more tasks and not lead. The tasks that
it runs go on however long they take; another process leads at once if this one did. The process
itself goes on too, until it is stopped or --undo has it take tasks again.

NODE is the name of the process as nodes list has it, or a part that no other one has, such as
its host. With --wait the command ends when the process runs nothing any more.`,
		Example: "  dingdag nodes drain worker-3 --wait\n  dingdag nodes drain worker-3 --undo", Args: command.ExactArgs("NODE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if undo && wait {
				return command.Usagef("--wait: there is nothing to wait for with --undo: use one of them")
			}
			return runDrain(cmd.Context(), a, args[0], !undo, wait)
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "have it take tasks again")
	cmd.Flags().BoolVar(&wait, "wait", false, "end when it runs nothing any more")
	return cmd
}

func runDrain(ctx context.Context, a *app.App, name string, on, wait bool) error {
	if there, err := a.HasStore(); err != nil {
		return err
	} else if !there {
		return fmt.Errorf("there is no store in %s, so that no process works here: set DINGDAG_DATABASE_URL, or DINGDAG_HOME", a.Place())
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	n, err := nodes.Drain(ctx, s, name, on, a.Actor(), a.Clock())
	if _, is := errors.AsType[*api.ConflictError](err); is {
		return command.UsageError{Err: err}
	}
	if err != nil {
		return err
	}
	if !on {
		_, err = fmt.Fprintf(a.Out, "node %s takes tasks again\n", n.ID)
		return err
	}
	if _, err = fmt.Fprintf(a.Out, "node %s takes no more tasks; it runs %d\n", n.ID, n.Running); err != nil || !wait {
		return err
	}
	return await(ctx, a, s, n)
}

// await returns when a node runs nothing any more.
func await(ctx context.Context, a *app.App, s nodes.Store, n nodes.Node) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		var err error
		if n, err = nodes.Find(ctx, s, n.ID); err != nil {
			return err
		}
		switch {
		case n.State == nodes.Lost:
			return fmt.Errorf("node %s is lost: its lease ended at %s, and what it ran is run again elsewhere", n.ID, a.Date(n.SeenAt))
		case n.State == nodes.Working:
			return fmt.Errorf("node %s takes tasks again: somebody has undone this", n.ID)
		case n.Idle || n.State == nodes.Stopped:
			_, err = fmt.Fprintf(a.Out, "node %s runs nothing any more: it can be stopped\n", n.ID)
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}
