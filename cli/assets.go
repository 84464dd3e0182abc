package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

func newCmdAssets(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "assets", Short: "List assets, and run the DAG that produces one",
		Example: "  dingdag assets list\n  dingdag assets materialize s3://warehouse/orders",
	}
	cmd.AddCommand(newCmdAssetsList(a), newCmdAssetsMaterialize(a))
	return cmd
}

func newCmdAssetsList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the assets of the DAGs folder", Example: "  dingdag assets list\n  dingdag assets list -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runAssetsList(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runAssetsList(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.Look(ctx)
	if err != nil {
		return err
	}
	all, broken, err := ask.Assets(ctx)
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"URI", "Name", "Producing tasks", "Scheduled DAGs", "Last event"}, Wrap: []string{"Producing tasks", "Scheduled DAGs", "Last event"}, Drop: []string{"Name"}}
	for _, x := range all {
		event := ""
		if e := x.LastEvent; e != nil {
			event = a.Date(e.Timestamp) + " by " + e.DAGID + "." + e.TaskID
		}
		l.Add(x, x.URI, x.Name, joinRefs(x.Producers), strings.Join(x.Consumers, ", "), event)
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if broken {
		fmt.Fprintf(a.Err, "some DAG files have errors: see %s\n", a.Command("dags", "list-import-errors"))
	}
	return nil
}

func joinRefs(refs []api.TaskRef) string {
	texts := make([]string, len(refs))
	for i, r := range refs {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

func newCmdAssetsMaterialize(a *app.App) *cobra.Command {
	var uri, name, conf string
	cmd := &cobra.Command{
		Use:   "materialize [URI|NAME]",
		Short: "Create a manual run of the DAG that produces an asset",
		Long: `Creates a queued run of the DAG that has a task with the asset among its outlets: the whole
DAG, as in Airflow. The scheduler on the same home folder starts it within a second.`,
		Example: "  dingdag assets materialize s3://warehouse/orders\n  dingdag assets materialize --name orders --conf '{\"day\": \"2026-01-31\"}'",
		Args:    command.RangeArgs(0, "URI|NAME"), ValidArgsFunction: completeAssets(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := 0
			for _, set := range []bool{len(args) > 0, cmd.Flags().Changed("uri"), cmd.Flags().Changed("name")} {
				if set {
					given++
				}
			}
			if given != 1 {
				return command.Usagef("name one asset: its URI or name as the argument, or --uri, or --name")
			}
			if len(args) > 0 {
				uri, name = args[0], args[0]
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			done, err := ask.Materialize(cmd.Context(), api.Materialization{URI: uri, Name: name, Conf: json.RawMessage(conf)})
			return triggered(cmd.Context(), a, ask, done, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&uri, "uri", "", "URI of the asset")
	f.StringVar(&name, "name", "", "name of the asset")
	f.StringVarP(&conf, "conf", "c", "", "JSON object for the run's conf and params")
	return cmd
}

// completeAssets offers the assets that a task makes.
func completeAssets(a *app.App) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if _, err := a.ReadSettings(); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		all, _, err := a.APIOn(nil).Assets(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, x := range all {
			if len(x.Producers) > 0 && strings.HasPrefix(x.URI, prefix) {
				out = append(out, x.URI+"\t"+joinRefs(x.Producers))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func assetNames(list []*dag.Asset) string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = x.Name
	}
	return strings.Join(names, ", ")
}
