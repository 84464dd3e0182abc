package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

func newCmdDAGsList(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the DAGs of the DAGs folder", Example: "  dingdag dags list\n  dingdag dags list -o json", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDAGsList(cmd.Context(), a, output) },
	}
	outputFlag(cmd, &output)
	return cmd
}

type dagRow struct {
	DAGID    string   `json:"dag_id"`
	File     string   `json:"file"`
	Owner    string   `json:"owner"`
	Schedule string   `json:"schedule"`
	Tags     []string `json:"tags"`
	Tasks    int      `json:"tasks"`
	Paused   bool     `json:"is_paused"`
}

func runDAGsList(ctx context.Context, a *app, output string) error {
	if err := checkOutput(output); err != nil {
		return err
	}
	res, err := a.readDAGs()
	if err != nil {
		return err
	}
	paused, err := a.pausedDAGs(ctx)
	if err != nil {
		return err
	}
	l := listing{columns: []string{"DAG", "Schedule", "Tasks", "Owner", "Paused", "File"}}
	for _, d := range res.DAGs {
		p := isPaused(paused, d, a.cfg.PausedAtCreation)
		tags := d.Tags
		if tags == nil {
			tags = []string{}
		}
		l.add(dagRow{d.ID, d.Pos.File, d.Owner, d.ScheduleSummary(), tags, len(d.Tasks), p},
			d.ID, d.ScheduleSummary(), strconv.Itoa(len(d.Tasks)), d.Owner, yesNo(p), d.Pos.File)
	}
	if err := l.print(a.Out, output); err != nil {
		return err
	}
	if res.Diagnostics.HasErrors() {
		fmt.Fprintln(a.Err, "some DAG files have errors: see dingdag dags list-import-errors")
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
