package alerts

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func newCmdTold(a *app.App) *cobra.Command {
	var (
		q          api.ToldQuery
		at, output string
	)
	cmd := &cobra.Command{
		Use: "told DAG [RUN_ID]", Short: "Answer whether somebody was told of a failure: of a run, of a moment, or of the newest one",
		Long: `Says in words whether a failure was told to somebody: when the run failed, which alerts there are of
it, when each was delivered and to whom, in which digest, and who has acknowledged it.

Without a run it is the newest one that failed. With --at it is each run of the DAG that was due or at
work then, or ended within a quarter of an hour. The exit code is 1 when a run failed and nobody was
told.`,
		Example: "  dingdag alerts told my_dag --at 03:00\n  dingdag alerts told my_dag scheduled__2026-01-31T00:00:00+00:00 --task load",
		Args:    command.RangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.DAGID, q.RunID = args[0], command.Argument(args, 1)
			return runTold(cmd.Context(), a, q, at, output)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "of this moment: 03:00 for the last one, or a date")
	cmd.Flags().StringVar(&q.TaskID, "task", "", "only what tells of this task")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTold(ctx context.Context, a *app.App, q api.ToldQuery, at, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	if at != "" && q.RunID != "" {
		return command.Usagef("--at %s: a run was named already", at)
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	inZone(ctx, a, ask, q.DAGID)
	if at != "" {
		if q.At, err = a.LastAt("--at", at); err != nil {
			return err
		}
	}
	all, err := ask.WasTold(ctx, q)
	if err != nil {
		return err
	}
	untold := false
	l := show.List{Columns: []string{"Answer"}, Wrap: []string{"Answer"}}
	for _, t := range all {
		untold = untold || t.Failed() && !t.Told
		l.Add(t, answer(a, &t))
	}
	switch {
	case output != "table":
		err = l.Print(a.Out, output)
	case len(all) == 0:
		_, err = fmt.Fprintln(a.Out, show.Shown(a.Out, nothing(a, q)))
	default:
		for _, t := range all {
			if _, err = fmt.Fprintln(a.Out, show.Shown(a.Out, answer(a, &t))); err != nil {
				break
			}
		}
	}
	if err == nil && untold {
		return command.ErrQuiet
	}
	return err
}

// nothing says that there is no run that is meant.
func nothing(a *app.App, q api.ToldQuery) string {
	if q.At.IsZero() {
		return fmt.Sprintf("no run of %s has failed: there was nothing to tell", q.DAGID)
	}
	return fmt.Sprintf("no run of %s was due or at work at %s, and none ended soon after it: see %s", q.DAGID, a.Date(q.At), a.Command("dags", "why", q.DAGID))
}

// answer says in a sentence or two what people were told.
func answer(a *app.App, t *api.Told) string {
	var b strings.Builder
	if t.Run != nil {
		fmt.Fprintf(&b, "run %s %s", t.Run.RunID, became(a, t.Run))
	} else {
		b.WriteString("no run was started")
	}
	if len(t.Alerts) == 0 {
		switch {
		case !t.Failed():
			b.WriteString(": there are no alerts of it")
		case t.Configured:
			b.WriteString(": nobody was told: there is no alert of it")
		default:
			b.WriteString(": nobody was told: the DAG has no on_failure_callback, and no task in it")
		}
		return b.String()
	}
	if t.Failed() && !t.Told {
		b.WriteString(": nobody was told yet")
		if slices.ContainsFunc(t.Alerts, func(x api.ToldAlert) bool { return x.State == store.DeliverySilenced }) {
			b.WriteString(", since alerts are silenced")
		}
	}
	for _, text := range fates(a, t.Alerts) {
		b.WriteString("; " + text)
	}
	return show.OneLine(b.String())
}

// fates are what became of alerts, each once with the numbers of those of which the same is true.
func fates(a *app.App, all []api.ToldAlert) (out []string) {
	type group struct {
		first  *api.ToldAlert
		others []string
	}
	var order []string
	groups := map[string]*group{}
	for i := range all {
		x := &all[i]
		text := fate(a, x)
		if by := acked(a, x.Alert); by != "" {
			text += ", acknowledged " + by
		}
		if g := groups[text]; g != nil {
			g.others = append(g.others, strconv.FormatInt(x.ID, 10))
			continue
		}
		groups[text] = &group{first: x}
		order = append(order, text)
	}
	for _, text := range order {
		g := groups[text]
		line := fmt.Sprintf("alert %d, %s, %s", g.first.ID, g.first.Summary, text)
		switch n := len(g.others); {
		case n > 10:
			line += fmt.Sprintf("; the same goes for %d more, from %s to %s", n, g.others[0], g.others[n-1])
		case n > 0:
			line += "; the same goes for " + strings.Join(g.others, ", ")
		}
		out = append(out, line)
	}
	return out
}

// became is what became of a run.
func became(a *app.App, r *api.Run) string {
	switch r.State {
	case dag.RunFailed:
		text := "failed at " + date(a, r.EndDate)
		if r.Reason != "" {
			text += " (" + r.Reason + ")"
		}
		return text
	case dag.RunSuccess:
		return "succeeded at " + date(a, r.EndDate)
	default:
		return "is " + string(r.State)
	}
}

// fate is what became of an alert, and of what was told in place of it.
func fate(a *app.App, x *api.ToldAlert) string {
	text := ownFate(a, x)
	if x.Instead != nil {
		text += fmt.Sprintf("; in its place alert %d, %s, was delivered at %s", x.Instead.ID, x.Instead.Summary, a.Date(x.Instead.UpdatedAt))
	}
	return text
}

func ownFate(a *app.App, x *api.ToldAlert) string {
	switch x.State {
	case store.DeliveryDelivered:
		return "was delivered at " + a.Date(x.UpdatedAt)
	case store.DeliveryFolded:
		if x.Digest == nil {
			return fmt.Sprintf("was told by alert %d, which is not kept any more", x.DigestID)
		}
		return fmt.Sprintf("was told by alert %d, which %s", x.DigestID, fate(a, &api.ToldAlert{Alert: *x.Digest}))
	case store.DeliveryWaiting:
		return "waits since " + a.Date(x.CreatedAt)
	case store.DeliverySending:
		return "is being sent"
	case store.DeliverySilenced:
		return silencedFate(a, x)
	case store.DeliveryUncertain:
		return "may have arrived: " + x.Error
	default:
		text := "was " + string(x.State) + " at " + a.Date(x.UpdatedAt)
		if x.Error != "" {
			text += ": " + x.Error
		}
		return text
	}
}

// silencedFate is what became of an alert that a silence kept back.
func silencedFate(a *app.App, x *api.ToldAlert) string {
	text := "was silenced at " + a.Date(x.UpdatedAt)
	if x.Silence == nil {
		return text + ": " + x.Error
	}
	s, by := x.Silence, x.SummedUpBy
	if s.ToldBy != 0 {
		if text += fmt.Sprintf(", since it says the same as alert %d", s.ToldBy); by != nil {
			text += ", which " + ownFate(a, &api.ToldAlert{Alert: *by})
		}
		return text
	}
	if text += fmt.Sprintf(" by %s %d of %s", s.Kind, s.ID, s.What); s.By != "" {
		text += " from " + s.By
	}
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	switch {
	case by != nil:
		return text + fmt.Sprintf(", and summed up by alert %d, which %s", by.ID, ownFate(a, &api.ToldAlert{Alert: *by}))
	case s.SummedUp != nil:
		return text + ", and summed up at " + a.Date(*s.SummedUp)
	case s.Until.After(a.Clock()):
		return text + ", which goes on until " + a.Date(s.Until) + " and is summed up then"
	}
	return text + ", which has ended at " + a.Date(s.Until) + " and is summed up once a scheduler is at work"
}
