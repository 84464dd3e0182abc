package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// alertsSnoozes are the commands about times of silence.
func alertsSnoozes(a *app.App) []*cobra.Command {
	return []*cobra.Command{newCmdAlertsSnooze(a), newCmdAlertsSnoozes(a), newCmdAlertsUnsnooze(a)}
}

func newCmdAlertsSnooze(a *app.App) *cobra.Command {
	var q api.Snooze
	cmd := &cobra.Command{
		Use: "snooze [DAG] DURATION", Short: "Keep the alerts of a DAG, a task or a robot back for a time",
		Long: `Alerts are silenced from now on, those that wait already too. Each keeps its row in the list, and when
the time is over one message to each robot says how many there were, if there were any. DAG may be a
pattern such as 'etl_*'. DURATION is for instance 30m, 2h or 1d, or a date at which the silence ends.

Urgent alerts are sent all the same, unless their task is snoozed or --urgent is given.`,
		Example: "  dingdag alerts snooze etl 1h --reason 'the disk is changed'\n  dingdag alerts snooze etl 1h --task load\n  dingdag alerts snooze --robot ops 2h",
		Args:    command.RangeArgs(0, "DAG", "DURATION"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 2 {
				q.DAGID = args[0]
			} else if len(args) == 0 || q.Robot == "" && !q.All {
				return command.Usagef("what is to be silent, and for how long? As in: %s; or use --robot or --all", a.Command("alerts", "snooze", "etl", "1h"))
			}
			if q.Until, err = end(a, args[len(args)-1]); err != nil {
				return err
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			s, err := ask.Snooze(cmd.Context(), q)
			if fe, ok := errors.AsType[*api.FieldError](err); ok {
				return command.UsageError{Err: fe.Err}
			}
			if err != nil {
				return err
			}
			for _, w := range s.Warnings {
				fmt.Fprintf(a.Err, "warning: %s\n", show.Shown(a.Err, w))
			}
			_, err = fmt.Fprintf(a.Out, "snooze %d: %s silent until %s; %s ends it\n", s.ID, isOrAre(s), a.Date(s.Until), a.Command("alerts", "unsnooze", strconv.FormatInt(s.ID, 10)))
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&q.TaskID, "task", "", "only the alerts of this task")
	fl.StringVar(&q.Robot, "robot", "", "only the alerts that leave through this connection")
	fl.BoolVar(&q.All, "all", false, "all alerts")
	fl.BoolVar(&q.Urgent, "urgent", false, "urgent alerts too")
	fl.StringVar(&q.Reason, "reason", "", "why, for those who wonder")
	return cmd
}

func isOrAre(s api.Silence) string {
	if len(s.DAGs) == 0 && len(s.Robots) == 0 {
		return s.What + " are"
	}
	return s.What + " is"
}

// end is the moment that a duration from now, or a date, gives.
func end(a *app.App, text string) (time.Time, error) {
	if d, err := yamlvalue.ParseDuration(text); err == nil {
		if d <= 0 {
			return time.Time{}, command.Usagef("%q: must be more than 0", text)
		}
		return a.Clock().Add(d), nil
	}
	at, err := a.ParseDate(text)
	if err != nil {
		return at, command.Usagef("%q is neither a duration such as 30m, 2h or 1d nor a date such as 2026-01-31T06:00", text)
	}
	return at, nil
}

func newCmdAlertsSnoozes(a *app.App) *cobra.Command {
	var (
		output string
		all    bool
		limit  int
	)
	cmd := &cobra.Command{
		Use: "snoozes", Short: "List the times in which alerts are silent",
		Long: `Snoozes, maintenance windows that have begun, and alerts of which one with their dedupe_key was sent:
those that have not ended, or with --all the last ones.`,
		Example: "  dingdag alerts snoozes\n  dingdag alerts snoozes --all -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			if limit < 0 {
				return command.Usagef("--limit %d: must be 0 or more", limit)
			}
			ask, err := a.Look(cmd.Context())
			if err != nil {
				return err
			}
			ss, err := ask.Silences(cmd.Context(), all, limit)
			if err != nil {
				return err
			}
			l := show.List{Columns: []string{"ID", "Kind", "Of", "From", "Until", "Silenced", "By", "Reason"}, Wrap: []string{"Of", "Reason"}, Drop: []string{"From"}}
			for _, s := range ss {
				l.Add(s, strconv.FormatInt(s.ID, 10), string(s.Kind), s.What, a.Date(s.Since), a.Date(s.Until), strconv.Itoa(s.Silenced), s.By, s.Reason)
			}
			l.Zone = a.ShowZone()
			return l.Print(a.Out, output)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that have ended too")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &output)
	return cmd
}

func newCmdAlertsUnsnooze(a *app.App) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "unsnooze [ID|DAG|ROBOT]", Short: "End a time of silence now",
		Long: `ID is the number of a snooze or of a maintenance window that has begun. With a DAG or a robot all snoozes
of it end: those of tasks of the DAG and those of a DAG on the robot too. With --all those end that
"alerts snooze --all" has begun; snoozes of a DAG or a robot stay. What was kept back is summed up at
once, or else when dingdag starts.`,
		Example: "  dingdag alerts unsnooze 3\n  dingdag alerts unsnooze etl\n  dingdag alerts unsnooze --all",
		Args:    command.RangeArgs(0, "ID|DAG|ROBOT"), ValidArgsFunction: a.CompleteDAGs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return command.Usagef("which silence is to end? Name its number, a DAG or a robot, or use --all")
			}
			return runUnsnooze(cmd.Context(), a, command.Argument(args, 0))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "the snoozes of all alerts")
	return cmd
}

// runUnsnooze ends the silences of a name, or those of all alerts for none.
func runUnsnooze(ctx context.Context, a *app.App, what string) error {
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	var ended []api.Silence
	if what == "" {
		ended, err = ask.UnsnoozeAll(ctx)
	} else {
		ended, err = ask.Unsnooze(ctx, what)
	}
	if err != nil {
		return err
	}
	for _, s := range ended {
		if _, err := fmt.Fprintf(a.Out, "%s %d of %s has ended; silenced: %d\n", s.Kind, s.ID, show.Shown(a.Out, s.What), s.Silenced); err != nil {
			return err
		}
	}
	left, err := ask.Silences(ctx, false, 0)
	if err != nil {
		return err
	}
	for _, s := range left {
		if s.Kind != store.SilenceDouble && s.Until.After(a.Clock()) {
			a.Notef("%s %d goes on: %s silent until %s", s.Kind, s.ID, show.Shown(a.Err, isOrAre(s)), a.Date(s.Until))
		}
	}
	return nil
}
