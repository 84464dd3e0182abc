// Package health has the command that says whether the scheduler schedules and alerts arrive.
package health

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// New makes the command health.
func New(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "health", Short: "Say whether the scheduler schedules and alerts arrive, for probes and people",
		Long: `Looks into the store of the home folder, so that no web server is needed: is the scheduler there,
was every alert of the last 24 hours told to somebody, do robots take messages, do applications
receive from the chat, can all DAG files be loaded. The exit code is 1 when the whole is unhealthy. Warnings leave it healthy.`,
		Example: "  dingdag health\n  dingdag health -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func run(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	c, err := a.LookHealth(ctx)
	if err != nil {
		return err
	}
	h := c.Check(ctx)
	switch output {
	case "json":
		err = show.JSON(a.Out, h)
	case "yaml":
		err = show.YAML(a.Out, h)
	case "plain":
		l := show.List{}
		l.Add(nil, "status", string(h.Status))
		for _, p := range h.Problems {
			l.Add(nil, string(p.Severity), p.Text)
		}
		for _, r := range h.Rows() {
			l.Add(nil, r.Part, r.Text)
		}
		err = l.Print(a.Out, output)
	default:
		_, err = io.WriteString(a.Out, show.Shown(a.Out, h.Text()))
	}
	if err == nil && h.Status != health.Healthy {
		return command.ErrQuiet
	}
	return err
}
