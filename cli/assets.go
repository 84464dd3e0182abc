package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/emit"
	"github.com/dingdag/dingdag/api/lineage"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
)

func newCmdAssets(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "assets", Short: "List assets and their events, update one, and run the DAG that produces one",
		Example: "  dingdag assets list\n  dingdag assets materialize s3://warehouse/orders\n  dingdag assets emit s3://warehouse/orders",
	}
	cmd.AddCommand(newCmdAssetsList(a), newCmdAssetsMaterialize(a), newCmdAssetsEmit(a), newCmdAssetsEvents(a))
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
	ask, err := a.Assets(ctx)
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
			event = a.Date(e.Timestamp) + " by " + e.By()
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

func joinRefs(refs []lineage.Task) string {
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
		Args:    command.RangeArgs(0, "URI|NAME"), ValidArgsFunction: completeAssets(a, false),
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
			m, err := a.Emitter(cmd.Context())
			if err != nil {
				return err
			}
			done, err := emit.Materialize(cmd.Context(), ask, m.Folder, emit.Materialization{URI: uri, Name: name, Conf: json.RawMessage(conf)})
			return triggered(cmd.Context(), a, ask, done, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&uri, "uri", "", "URI of the asset")
	f.StringVar(&name, "name", "", "name of the asset")
	f.StringVarP(&conf, "conf", "c", "", "JSON object for the run's conf and params")
	return cmd
}

func newCmdAssetsEmit(a *app.App) *cobra.Command {
	var extra, output string
	cmd := &cobra.Command{
		Use:   "emit URI|NAME",
		Short: "Update an asset that no task updates, which starts the DAGs that wait for it",
		Long: `Makes an event of an asset: something outside has updated it. The DAGs that wait for the asset
are told as if a task had done it, and a scheduler on the same home folder starts their runs
within a second. Templates see --extra as triggering_asset_events['URI'][0].extra.`,
		Example: "  dingdag assets emit s3://warehouse/orders\n  dingdag assets emit orders --extra '{\"day\": \"2026-01-31\"}'",
		Args:    command.ExactArgs("URI|NAME"), ValidArgsFunction: completeAssets(a, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runAssetsEmit(cmd.Context(), a, emit.Event{Asset: args[0], Extra: json.RawMessage(extra)}, output)
		},
	}
	cmd.Flags().StringVarP(&extra, "extra", "e", "", "JSON object about the update")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runAssetsEmit(ctx context.Context, a *app.App, e emit.Event, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	m, err := a.Emitter(ctx)
	if err != nil {
		return err
	}
	done, err := m.Emit(ctx, e)
	if fe, ok := errors.AsType[*api.FieldError](err); ok && fe.Field == "extra" {
		return command.Usagef("--extra: %v", fe.Err)
	}
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"Event", "URI", "DAGs told"}, Wrap: []string{"DAGs told"}}
	for _, x := range done.Events {
		l.Add(x, strconv.FormatInt(x.ID, 10), x.URI, strings.Join(x.DAGs, ", "))
	}
	return l.Print(a.Out, output)
}

func newCmdAssetsEvents(a *app.App) *cobra.Command {
	var limit int
	var output string
	cmd := &cobra.Command{
		Use:   "events [URI|NAME]",
		Short: "List the updates of assets, newest first",
		Long: `Lists the updates of assets, newest first: those that a task made, with the task, and those that
came from outside, with what they brought along.`,
		Example: "  dingdag assets events\n  dingdag assets events s3://warehouse/orders -o json",
		Args:    command.RangeArgs(0, "URI|NAME"), ValidArgsFunction: completeAssets(a, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runAssetsEvents(cmd.Context(), a, command.Argument(args, 0), limit, output)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runAssetsEvents(ctx context.Context, a *app.App, asset string, limit int, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	if limit < 0 {
		return command.Usagef("--limit %d: must be 0 or more", limit)
	}
	ask, err := a.Assets(ctx)
	if err != nil {
		return err
	}
	uri, err := assetURI(ctx, ask, asset)
	if err != nil {
		return err
	}
	es, more, err := ask.Events(ctx, uri, limit)
	if err != nil {
		return err
	}
	l := show.List{
		Columns: []string{"Event", "When", "URI", "By", "Run", "Extra"}, Wrap: []string{"By", "Run", "Extra"}, Drop: []string{"Extra", "Run"},
	}
	for _, e := range es {
		extra := string(e.Extra)
		if extra == "{}" {
			extra = ""
		}
		l.Add(e, strconv.FormatInt(e.ID, 10), a.Date(e.Timestamp), e.URI, e.By(), e.RunID, extra)
	}
	l.Zone = a.ShowZone()
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if more {
		a.Notef("these are the newest; --limit shows more than %d, and 0 all", limit)
	}
	return nil
}

// assetURI is the URI of the asset that a word names. One that no DAG has any more may have events.
func assetURI(ctx context.Context, ask *lineage.Lists, word string) (string, error) {
	if word == "" || strings.Contains(word, "://") {
		return word, nil
	}
	all, _, err := ask.Assets(ctx)
	if err != nil {
		return "", err
	}
	var uris []string
	for _, x := range all {
		if x.Name == word {
			uris = append(uris, x.URI)
		}
	}
	switch len(uris) {
	case 0:
		return word, nil
	case 1:
		return uris[0], nil
	default:
		return "", fmt.Errorf("%q names more than one asset: %s; say which one by its URI", word, strings.Join(uris, ", "))
	}
}

// completeAssets offers the assets that a task makes, or all of them.
func completeAssets(a *app.App, every bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if _, err := a.ReadSettings(); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		all, _, err := a.AssetsOfFiles().Assets(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, x := range all {
			if (every || len(x.Producers) > 0) && strings.HasPrefix(x.URI, prefix) {
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
