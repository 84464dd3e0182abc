package alerts

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
)

// page is how many alerts are in memory at once.
const page = 500

// exported is an alert with each time that it was sent.
type exported struct {
	api.Alert
	Tries []api.AlertTry `json:"tries"`
}

func newCmdExport(a *app.App) *cobra.Command {
	var (
		f      filter
		output string
	)
	forms := []string{"json", "csv"}
	cmd := &cobra.Command{
		Use: "export [DAG] [RUN_ID]", Short: "Write all alerts, newest first, as a JSON array with their tries or as CSV",
		Example: "  dingdag alerts export --since 30d > alerts.json\n  dingdag alerts export my_dag -o csv > alerts.csv",
		Args:    command.RangeArgs(0, "DAG", "RUN_ID"), ValidArgsFunction: a.CompleteRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(forms, output) {
				return command.Usagef("unknown output %q: use json or csv", output)
			}
			return runExport(cmd.Context(), a, args, f, output)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "json", "json|csv")
	command.CompleteWords(cmd, "output", forms...)
	return cmd
}

func runExport(ctx context.Context, a *app.App, args []string, f filter, output string) error {
	q, err := f.query(a)
	if err != nil {
		return err
	}
	ask, err := a.AskStore(ctx)
	if err != nil {
		return err
	}
	if err := about(ctx, ask, args, &q); err != nil {
		return err
	}
	out := bufio.NewWriter(a.Out)
	var to writer = &array{to: out}
	if output == "csv" {
		to = &lines{to: csv.NewWriter(out)}
	}
	if err := to.begin(); err != nil {
		return err
	}
	q.Limit = page
	for {
		as, err := ask.Alerts(ctx, q)
		if err != nil {
			return err
		}
		if err := write(ctx, ask, to, as.Items); err != nil {
			return err
		}
		if q.Cursor = as.Next; q.Cursor == "" {
			break
		}
	}
	if err := to.end(); err != nil {
		return err
	}
	return out.Flush()
}

// write writes a page of alerts.
func write(ctx context.Context, ask *api.API, to writer, as []api.Alert) error {
	ids := make([]int64, len(as))
	for i, x := range as {
		ids[i] = x.ID
	}
	tries, err := ask.AlertTries(ctx, ids...)
	if err != nil {
		return err
	}
	for _, x := range as {
		if err := to.add(exported{Alert: x, Tries: slices.Concat([]api.AlertTry{}, tries[x.ID])}); err != nil {
			return err
		}
	}
	return nil
}

// writer writes alerts in one form, one after another.
type writer interface {
	begin() error
	add(x exported) error
	end() error
}

// array is a JSON array with an alert on each line.
type array struct {
	to io.StringWriter
	n  int
}

func (w *array) begin() error { return w.text("[") }

func (w *array) add(x exported) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	between := ",\n"
	if w.n == 0 {
		between = "\n"
	}
	w.n++
	return w.text(between + string(b))
}

func (w *array) end() error { return w.text("\n]\n") }

func (w *array) text(s string) error {
	_, err := w.to.WriteString(s)
	return err
}

// lines are CSV with a heading.
type lines struct{ to *csv.Writer }

func (w *lines) begin() error {
	return w.to.Write([]string{
		"id", "state", "event", "dag_id", "run_id", "task_id", "map_index", "try_number", "callback", "channel", "summary", "created_at", "updated_at",
		"attempts", "code", "receipt", "error", "stands_in_for", "digest_id", "silence_id", "acked_at", "acked_by", "acked_note",
	})
}

func (w *lines) add(x exported) error {
	code := ""
	if n := len(x.Tries); n > 0 {
		code = x.Tries[n-1].Code
	}
	when := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	return w.to.Write([]string{
		number64(x.ID), string(x.State), x.Event, x.DAGID, x.RunID, x.TaskID, strconv.Itoa(x.MapIndex), strconv.Itoa(x.TryNumber), x.Callback, x.Channel,
		x.Summary, when(&x.CreatedAt), when(&x.UpdatedAt), strconv.Itoa(x.Attempts), code, x.Receipt, x.Error, number64(x.StandsInFor),
		number64(x.DigestID), number64(x.SilenceID), when(x.AckedAt), x.AckedBy, x.AckedNote,
	})
}

func (w *lines) end() error {
	w.to.Flush()
	return w.to.Error()
}
