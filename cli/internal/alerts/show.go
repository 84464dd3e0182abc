package alerts

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

func newCmdShow(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show all that is known of an alert: what it says, each time it was sent, why it waits, who has seen it",
		Example: "  dingdag alerts show 17", Args: command.ExactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return runShow(cmd.Context(), a, args[0], output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runShow(ctx context.Context, a *app.App, text, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	id, err := number(a, text)
	if err != nil {
		return err
	}
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	x, err := ask.AlertDetails(ctx, id)
	if err != nil {
		return err
	}
	inZone(ctx, a, ask, x.DAGID)
	if is, err := show.Whole(a.Out, output, x); is {
		return err
	}
	if err := facts(a, x).Print(a.Out, output); err != nil {
		return err
	}
	if len(x.Tries) > 0 {
		if output == "table" {
			fmt.Fprintln(a.Out)
		}
		if err := tries(a, x).Print(a.Out, output); err != nil {
			return err
		}
	}
	if len(x.Members) > 0 && output == "table" {
		fmt.Fprintf(a.Out, "\nIt tells %s:\n", count(len(x.Members)))
		return table(a, x.Members).Print(a.Out, output)
	}
	return nil
}

// facts are what is known of an alert, one below the other. What there is nothing to say of is left out.
func facts(a *app.App, x *api.AlertDetails) *show.List {
	l := show.Facts(a.ShowZone())
	task := x.TaskID
	if x.MapIndex >= 0 {
		task += "[" + strconv.Itoa(x.MapIndex) + "]"
	}
	try := ""
	if x.TryNumber > 0 {
		try = strconv.Itoa(x.TryNumber)
	}
	l.Fact("Alert", strconv.FormatInt(x.ID, 10)+": "+x.Summary)
	l.Fact("State", string(x.State))
	l.Fact("Why", why(x.Alert))
	l.Fact("Event", x.Event)
	l.Fact("DAG", x.DAGID)
	l.Fact("Run", x.RunID)
	l.Fact("Task", task)
	l.Fact("Try", try)
	l.Fact("Callback", x.Callback)
	l.Fact("Channel", x.Channel)
	l.Fact("Written", a.Date(x.CreatedAt))
	l.Fact("Gathered", gathered(a, x))
	l.Fact("Waits", waits(a, x))
	l.Fact("Answer", x.Receipt)
	l.Fact("Stands in for", reference(x.StandsInFor))
	l.Fact("Replaced by", list(x.ReplacedBy))
	l.Fact("Told by", reference(x.DigestID))
	l.Fact("Named in", reference(x.NamedIn))
	l.Fact("Silence", number64(x.SilenceID))
	l.Fact("Acknowledged", acked(a, x.Alert))
	if x.Content != nil {
		l.Fact("Notifies", strings.Join(x.Content.Mentions, ", "))
		l.Fact("Title", x.Content.Title)
		l.Fact("Text", x.Content.Text)
	}
	return l
}

func number64(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// reference names another alert.
func reference(id int64) string {
	if id == 0 {
		return ""
	}
	return "alert " + number64(id)
}

// list names alerts with their states.
func list(as []api.Alert) string {
	var all []string
	for _, x := range as {
		all = append(all, fmt.Sprintf("alert %d (%s, %s)", x.ID, x.Summary, x.State))
	}
	return strings.Join(all, ", ")
}

// gathered says from when to when what a message tells was written, and when it left.
func gathered(a *app.App, x *api.AlertDetails) string {
	if len(x.Members) == 0 {
		return ""
	}
	text := "from " + a.Date(x.Members[0].CreatedAt) + " to " + a.Date(x.Members[len(x.Members)-1].CreatedAt)
	if len(x.Tries) > 0 {
		text += "; left at " + a.Date(x.Tries[0].StartDate)
	}
	return text
}

// waits says why an alert waits.
func waits(a *app.App, x *api.AlertDetails) string {
	if x.Wait == nil {
		return ""
	}
	text := x.Wait.Why
	if x.Wait.Until != nil {
		text += "; next look at " + a.Date(*x.Wait.Until)
	}
	if x.Wait.Waiting > 1 {
		text += "; with " + count(x.Wait.Waiting-1) + " more in its channel"
	}
	return text
}

// acked says who has seen an alert.
func acked(a *app.App, x api.Alert) string {
	if x.AckedAt == nil {
		return ""
	}
	text := "by " + x.AckedBy + " at " + a.Date(*x.AckedAt)
	if x.AckedNote != "" {
		text += ": " + x.AckedNote
	}
	return text
}

// tries lists each time that an alert was sent.
func tries(a *app.App, x *api.AlertDetails) *show.List {
	l := &show.List{
		Columns: []string{"Attempt", "Sent", "Outcome", "Code", "HTTP", "Parts", "Next try", "Process", "Answer"}, Wrap: []string{"Answer"},
		Drop: []string{"Process", "HTTP", "Next try", "Parts"}, Zone: a.ShowZone(),
	}
	sent, all := 0, 0
	for _, t := range x.Tries {
		all = max(all, t.Parts)
		status, parts := "", ""
		if t.HTTPStatus > 0 {
			status = strconv.Itoa(t.HTTPStatus)
		}
		if sent += t.PartsTaken; t.PartsTaken > 0 || t.Parts > 1 {
			parts = fmt.Sprintf("%d of %d", sent, max(all, sent))
		}
		l.Add(t, strconv.Itoa(t.Number), a.Date(t.StartDate), string(t.Outcome), t.Code, status, parts, a.When(t.NextTry), t.Node, t.Message)
	}
	return l
}
