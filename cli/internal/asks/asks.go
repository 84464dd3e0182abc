// Package asks has the commands about what tasks ask people.
package asks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

// New makes the command asks.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "asks", Short: "List what tasks ask people, and answer it",
		Example: "  dingdag asks list\n  dingdag asks answer 12 Approve",
	}
	cmd.AddCommand(newCmdList(a), newCmdShow(a), newCmdAnswer(a))
	return cmd
}

func newCmdList(a *app.App) *cobra.Command {
	var (
		states []string
		limit  int
		output string
	)
	cmd := &cobra.Command{
		Use: "list [DAG] [RUN_ID]", Short: "List what waits for an answer, newest first",
		Example: "  dingdag asks list\n  dingdag asks list my_dag --state answered,defaulted",
		Args:    command.RangeArgs(0, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			q := asks.Query{DAGID: command.Argument(args, 0), RunID: command.Argument(args, 1), Page: api.Page{Limit: limit}}
			for _, s := range states {
				if !slices.Contains(stateNames(), s) {
					return command.Usagef("unknown state %q: use %s", s, strings.Join(stateNames(), ", "))
				}
				if s != all {
					q.States = append(q.States, store.AskState(s))
				}
			}
			return runList(cmd.Context(), a, q, output)
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", []string{string(store.AskOpen)}, "only those in these states: "+strings.Join(stateNames(), ", "))
	command.CompleteWords(cmd, "state", stateNames()...)
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &output)
	return cmd
}

// all stands for every state.
const all = "all"

func stateNames() []string {
	names := []string{all}
	for _, s := range store.AskStates() {
		names = append(names, string(s))
	}
	return names
}

func runList(ctx context.Context, a *app.App, q asks.Query, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.Asks(ctx)
	if err != nil {
		return err
	}
	got, err := ask.List(ctx, q)
	if err != nil {
		return command.UsageError{Err: err}
	}
	l := &show.List{
		Columns: []string{"ID", "State", "DAG", "Run", "Task", "Subject", "Options", "Asked", "Until", "Answer"},
		Wrap:    []string{"Subject", "Options", "Answer"}, Drop: []string{"Run", "Asked", "Options"}, Zone: a.ShowZone(),
	}
	for _, x := range got.Items {
		l.Add(x, strconv.FormatInt(x.ID, 10), string(x.State), x.DAGID, x.RunID, label(x), x.Subject, strings.Join(x.Options, ", "),
			a.Date(x.CreatedAt), a.When(x.Deadline), answered(x))
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if got.Next != "" {
		a.Notef("these are the newest; --limit shows more than %d, and 0 all", q.Limit)
	}
	return nil
}

// label is the task with its map index.
func label(x asks.Ask) string {
	return (&store.Instance{TaskID: x.TaskID, MapIndex: x.MapIndex}).Label()
}

// answered is what became of an ask, and who did it.
func answered(x asks.Ask) string {
	text := strings.Join(x.Chosen, ", ")
	switch {
	case x.RespondedBy != nil:
		text += " by " + x.RespondedBy.String()
	case x.State == store.AskDefaulted:
		text += " by default"
	case x.Note != "":
		text = x.Note
	}
	return text
}

func newCmdShow(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show all that is known of an ask: what it asks, whom, its fields, and the answer",
		Example: "  dingdag asks show 12", Args: command.ExactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return runShow(cmd.Context(), a, args[0], output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runShow(ctx context.Context, a *app.App, text, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	id, err := command.Number(text, "an ask", a.Command("asks", "list"))
	if err != nil {
		return err
	}
	ask, err := a.Asks(ctx)
	if err != nil {
		return err
	}
	x, err := ask.Get(ctx, id)
	if err != nil {
		return err
	}
	if is, err := show.Whole(a.Out, output, x); is {
		return err
	}
	l := show.Facts(a.ShowZone())
	l.Fact("Ask", strconv.FormatInt(x.ID, 10)+": "+x.Subject)
	l.Fact("Body", x.Body)
	l.Fact("State", string(x.State))
	l.Fact("DAG", x.DAGID)
	l.Fact("Run", x.RunID)
	l.Fact("Task", label(x))
	l.Fact("Options", strings.Join(x.Options, ", "))
	if x.Multiple {
		l.Fact("Multiple", "several options may be chosen")
	}
	l.Fact("Defaults", strings.Join(x.Defaults, ", "))
	for _, p := range x.Params {
		l.Fact("Param "+p.Name, strings.Join(nonEmpty(string(p.Value), p.Description, string(p.Schema)), "; "))
	}
	names := make([]string, len(x.Assigned))
	for i, p := range x.Assigned {
		names[i] = p.String()
	}
	l.Fact("Asked people", strings.Join(names, ", "))
	l.Fact("Asked at", a.Date(x.CreatedAt))
	l.Fact("Until", a.When(x.Deadline))
	l.Fact("Answer", answered(x))
	l.Fact("Settled at", a.When(x.SettledAt))
	if x.State == store.AskAnswered && string(x.Input) != "{}" {
		l.Fact("Params given", string(x.Input))
	}
	return l.Print(a.Out, output)
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

func newCmdAnswer(a *app.App) *cobra.Command {
	var (
		by     string
		output string
	)
	cmd := &cobra.Command{
		Use: "answer ID OPTION… [PARAM=VALUE…]", Short: "Answer what a task asks; the first answer counts",
		Long: `Answers with an option, or with several where the ask takes several, and with values for its
params; those that are not given have their defaults. The task goes on at once.

Where an ask is for certain people, --for names the one in whose name you answer. Who is logged in
here is recorded with that, see dingdag events.`,
		Example: "  dingdag asks answer 12 Approve\n  dingdag asks answer 13 OK rows=5 'reason=bad dates' --for u001",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Usagef("missing argument ID")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runAnswer(cmd.Context(), a, args[0], args[1:], by, output)
		},
	}
	cmd.Flags().StringVar(&by, "for", "", "the userid of the person in whose name you answer (default you)")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runAnswer(ctx context.Context, a *app.App, text string, words []string, by, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	id, err := command.Number(text, "an ask", a.Command("asks", "list"))
	if err != nil {
		return err
	}
	ask, err := a.Asks(ctx)
	if err != nil {
		return err
	}
	x, err := ask.Get(ctx, id)
	if err != nil {
		return err
	}
	r := asks.Answer{ID: id, By: store.Person{ID: by}}
	for _, p := range x.Assigned {
		if p.ID == by {
			r.By = p
		}
	}
	if r.Chosen, r.Input, err = x.Read(asks.Words(words)...); err != nil {
		return err
	}
	done, err := ask.Respond(ctx, r)
	if err != nil {
		return err
	}
	if is, err := show.Whole(a.Out, output, done); is {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "ask %d of %s.%s is answered: %s\n", done.ID, done.DAGID, label(done), strings.Join(done.Chosen, ", "))
	return err
}
