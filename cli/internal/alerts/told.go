package alerts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/told"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func newCmdTold(a *app.App) *cobra.Command {
	var (
		q          told.Query
		at, output string
	)
	cmd := &cobra.Command{
		Use: "told DAG [RUN_ID]", Short: "Answer whether somebody was told of a failure: of a run, of a moment, or of the newest one",
		Long: `Says in words whether a failure was told to somebody: when the run failed, and a line for each task that
failed in it: by which alert that was told, when it was delivered and to whom, in which digest, in place of
which other one, and who has acknowledged it. What was told to nobody is first.

Without a run it is the newest one that failed. With --at it is the run that was due or ended in that
minute, or else those that were at work then, or else the next one that started within a quarter of an
hour. The exit code is 1 when a run failed and nobody was told.`,
		Example: "  dingdag alerts told my_dag --at 03:00\n  dingdag alerts told my_dag scheduled__2026-01-31T00:00:00+00:00 --task load",
		Args:    command.RangeArgs(1, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.DAGID, q.RunID = args[0], command.Argument(args, 1)
			return runTold(cmd.Context(), a, q, at, output)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "of this moment: 03:00 for the last one, or a date")
	cmd.Flags().StringVar(&q.TaskID, "task", "", "only what tells of this task")
	cmd.Flags().BoolVar(&q.All, "all", false, "alerts of other events too: retries, successes, recoveries")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTold(ctx context.Context, a *app.App, q told.Query, at, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	if at != "" && q.RunID != "" {
		return command.Usagef("--at %s: a run was named already", at)
	}
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	inZone(ctx, a, ask, q.DAGID)
	if at != "" {
		if q.At, err = a.LastAt("--at", at); err != nil {
			return err
		}
	}
	all, err := told.Was(ctx, ask, q)
	if err != nil {
		return err
	}
	untold, others := false, 0
	l := show.List{Columns: []string{"Answer"}}
	var lines []string
	for _, t := range all {
		untold, others = untold || t.Failed() && !t.Told, others+t.Others
		text := answer(a, &t)
		lines = append(lines, text...)
		if output == "plain" {
			for _, line := range text {
				l.Add(nil, strings.TrimSpace(line))
			}
			continue
		}
		l.Add(t, text[0])
	}
	if output != "table" {
		err = l.Print(a.Out, output)
	} else {
		if len(all) == 0 {
			lines = []string{nothing(a, q)}
		}
		for _, line := range lines {
			fmt.Fprintln(a.Out, show.Shown(a.Out, line))
		}
		if others > 0 {
			a.Notef("left out: %s of other events, such as retries and successes; --all shows them", count(others))
		}
	}
	if err == nil && untold {
		return command.ErrQuiet
	}
	return err
}

// nothing says that there is no run that is meant.
func nothing(a *app.App, q told.Query) string {
	if q.At.IsZero() {
		return fmt.Sprintf("no run of %s has failed: there was nothing to tell", q.DAGID)
	}
	return fmt.Sprintf("no run of %s was due or at work at %s, and none started soon after it: see %s", q.DAGID, a.Date(q.At), a.Command("dags", "why", q.DAGID))
}

// answer says what people were told: of the run in a line, then of each task in a line of its own.
func answer(a *app.App, t *told.Told) []string {
	var b strings.Builder
	if t.Run != nil {
		fmt.Fprintf(&b, "run %s %s", t.Run.RunID, became(a, t.Run))
	} else {
		b.WriteString("no run was started")
	}
	b.WriteString(": " + verdict(t))
	return append([]string{show.OneLine(b.String())}, fates(a, t.Alerts)...)
}

// verdict says whether somebody was told.
func verdict(t *told.Told) string {
	missing := 0
	for _, x := range shown(t.Alerts) {
		if x.Wrong() && !x.Delivered() {
			missing++
		}
	}
	silenced := slices.ContainsFunc(t.Alerts, func(x told.Alert) bool { return x.Wrong() && x.State == store.DeliverySilenced })
	switch {
	case !t.Failed() && !slices.ContainsFunc(t.Alerts, func(x told.Alert) bool { return x.Wrong() }):
		return "there is no alert of a failure in it"
	case t.Told && missing > 0:
		return "somebody was told, but not of all: " + count(missing) + " did not arrive"
	case t.Told:
		return "somebody was told"
	case len(t.Alerts) == 0 && t.Configured:
		return "nobody was told: there is no alert of it"
	case len(t.Alerts) == 0:
		return "nobody was told: the DAG has no on_failure_callback, and no task in it"
	case silenced && t.Open():
		return "nobody was told yet, since alerts are silenced"
	case t.Open():
		return "nobody was told yet"
	default:
		return "nobody was told"
	}
}

// shown are the alerts without those that stand in for another one of them, which the line of that one tells.
func shown(all []told.Alert) (out []told.Alert) {
	ids := map[int64]bool{}
	for _, x := range all {
		ids[x.ID] = true
	}
	for _, x := range all {
		if !ids[x.StandsInFor] {
			out = append(out, x)
		}
	}
	return out
}

// linesOfTask is how many lines an event of a task has at most.
const linesOfTask = 10

// fates are what became of alerts, a line for each event of a task: what went wrong and was told to nobody first,
// then what was told, then the rest. Mapped instances of which the same is true have one line, and a task with
// many has the first ones.
func fates(a *app.App, all []told.Alert) (out []string) {
	type key struct {
		event, task, text string
		rank              int
	}
	order, groups := []key{}, map[key][]told.Alert{}
	for _, x := range shown(all) {
		k := key{event: x.Event, task: x.TaskID, text: fate(a, &x)}
		if by := acked(a, x.Alert); by != "" {
			k.text += ", acknowledged " + by
		}
		switch {
		case !x.Wrong():
			k.rank = 2
		case x.Delivered():
			k.rank = 1
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], x)
	}
	slices.SortStableFunc(order, func(x, y key) int { return cmp.Compare(x.rank, y.rank) })
	lines, rest := map[key]int{}, map[key]int{}
	for _, k := range order {
		of := key{event: k.event, task: k.task, rank: k.rank}
		if lines[of]++; lines[of] > linesOfTask {
			rest[of] += len(groups[k])
		}
	}
	clear(lines)
	for _, k := range order {
		g, of := groups[k], key{event: k.event, task: k.task, rank: k.rank}
		if lines[of]++; lines[of] > linesOfTask {
			if lines[of] == linesOfTask+1 {
				out = append(out, fmt.Sprintf("  and %d more: %s", rest[of], a.Command("alerts", "list", g[0].DAGID, g[0].RunID, "--task", k.task)))
			}
			continue
		}
		line := fmt.Sprintf("alert %d, %s, %s", g[0].ID, g[0].Summary, k.text)
		switch n := len(g) - 1; {
		case n > 10:
			line += fmt.Sprintf("; the same goes for %d more, from %d to %d", n, g[1].ID, g[n].ID)
		case n > 0:
			var ids []string
			for _, x := range g[1:] {
				ids = append(ids, strconv.FormatInt(x.ID, 10))
			}
			line += "; the same goes for " + strings.Join(ids, ", ")
		}
		out = append(out, "  "+show.OneLine(line))
	}
	return out
}

// became is what became of a run.
func became(a *app.App, r *api.Run) string {
	switch r.State {
	case dag.RunFailed:
		text := "failed at " + a.When(r.EndDate)
		if r.Reason != "" {
			text += " (" + r.Reason + ")"
		}
		return text
	case dag.RunSuccess:
		return "succeeded at " + a.When(r.EndDate)
	default:
		return "is " + string(r.State)
	}
}

// fate is what became of an alert, and of what was told in place of it.
func fate(a *app.App, x *told.Alert) string {
	text := ownFate(a, x)
	if x.Instead != nil {
		text += fmt.Sprintf("; in its place alert %d, %s, %s", x.Instead.ID, x.Instead.Summary, fate(a, x.Instead))
	}
	return text
}

func ownFate(a *app.App, x *told.Alert) string {
	switch x.State {
	case store.DeliveryDelivered:
		return "was delivered at " + a.Date(x.UpdatedAt)
	case store.DeliveryFolded:
		if x.Digest == nil {
			return fmt.Sprintf("was told by alert %d, which is not kept any more", x.DigestID)
		}
		return fmt.Sprintf("was told by alert %d, which %s", x.DigestID, ownFate(a, &told.Alert{Alert: *x.Digest}))
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
func silencedFate(a *app.App, x *told.Alert) string {
	text := "was silenced at " + a.Date(x.UpdatedAt)
	if x.Silence == nil {
		return text + ": " + x.Error
	}
	s, by := x.Silence, x.SummedUpBy
	if s.ToldBy != 0 {
		if text += fmt.Sprintf(", since it says the same as alert %d", s.ToldBy); by != nil {
			text += ", which " + ownFate(a, &told.Alert{Alert: *by})
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
		return text + fmt.Sprintf(", and summed up by alert %d, which %s", by.ID, ownFate(a, &told.Alert{Alert: *by}))
	case s.SummedUp != nil:
		return text + ", and summed up at " + a.Date(*s.SummedUp)
	case s.Until.After(a.Clock()):
		return text + ", which goes on until " + a.Date(s.Until) + " and is summed up then"
	}
	return text + ", which has ended at " + a.Date(s.Until) + " and is summed up once a scheduler is at work"
}
