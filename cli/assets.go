package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

func newCmdAssets(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "assets", Short: "List assets, and run the DAG that makes one",
		Example: "  dingdag assets list\n  dingdag assets materialize s3://warehouse/orders",
	}
	cmd.AddCommand(newCmdAssetsList(a), newCmdAssetsMaterialize(a))
	return cmd
}

// assetUse is an asset with the tasks and DAGs that have to do with it.
type assetUse struct {
	uri, name, group string
	// producers are DAG and task ids, consumers DAG ids, readers DAG and task ids of inlets.
	producers, readers []taskRef
	consumers          []string
}

type taskRef struct {
	DAGID  string `json:"dag_id"`
	TaskID string `json:"task_id"`
}

func (r taskRef) String() string { return r.DAGID + "." + r.TaskID }

// assetUses collects the assets of DAGs, by URI. A name that is not just the URI wins.
func assetUses(ds []*dag.DAG) []*assetUse {
	byURI := map[string]*assetUse{}
	use := func(x *dag.Asset) *assetUse {
		u := byURI[x.URI]
		if u == nil {
			u = &assetUse{uri: x.URI, name: x.Name, group: x.Group}
			byURI[x.URI] = u
		}
		if u.name == u.uri && x.Name != x.URI {
			u.name, u.group = x.Name, x.Group
		}
		return u
	}
	for _, d := range ds {
		for _, x := range d.Assets.Assets() {
			u := use(x)
			u.consumers = append(u.consumers, d.ID)
		}
		for _, t := range d.Tasks {
			for _, x := range t.Outlets {
				u := use(x)
				u.producers = append(u.producers, taskRef{d.ID, t.ID})
			}
			for _, x := range t.Inlets {
				u := use(x)
				u.readers = append(u.readers, taskRef{d.ID, t.ID})
			}
		}
	}
	out := make([]*assetUse, 0, len(byURI))
	for _, u := range byURI {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b *assetUse) int { return cmp.Compare(a.uri, b.uri) })
	return out
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

type assetRow struct {
	URI       string    `json:"uri"`
	Name      string    `json:"name"`
	Group     string    `json:"group"`
	Producers []taskRef `json:"producing_tasks"`
	Consumers []string  `json:"scheduled_dags"`
	Readers   []taskRef `json:"consuming_tasks"`
	// LastEvent is the last update, null before the first.
	LastEvent *eventRow `json:"last_event"`
}

type eventRow struct {
	Timestamp time.Time `json:"timestamp"`
	DAGID     string    `json:"source_dag_id"`
	RunID     string    `json:"source_run_id"`
	TaskID    string    `json:"source_task_id"`
	MapIndex  int       `json:"source_map_index"`
}

func runAssetsList(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	res, err := a.DAGs.Read()
	if err != nil {
		return err
	}
	last, err := lastAssetEvents(ctx, a)
	if err != nil {
		return err
	}
	l := show.List{Columns: []string{"URI", "Name", "Producing tasks", "Scheduled DAGs", "Last event"}, Wrap: []string{"Producing tasks", "Scheduled DAGs", "Last event"}, Drop: []string{"Name"}}
	for _, u := range assetUses(res.DAGs) {
		row := assetRow{URI: u.uri, Name: u.name, Group: u.group, Producers: listOrEmpty(u.producers), Consumers: listOrEmpty(u.consumers), Readers: listOrEmpty(u.readers)}
		event := ""
		if e := last[u.uri]; e != nil {
			row.LastEvent = &eventRow{e.At, e.DAGID, e.RunID, e.TaskID, e.MapIndex}
			event = a.Date(e.At) + " by " + e.DAGID + "." + e.TaskID
		}
		l.Add(row, u.uri, u.name, joinRefs(u.producers), strings.Join(u.consumers, ", "), event)
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if res.Diagnostics.HasErrors() {
		fmt.Fprintln(a.Err, "some DAG files have errors: see dingdag dags list-import-errors")
	}
	return nil
}

// listOrEmpty makes an empty list show as [] in JSON.
func listOrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func joinRefs(refs []taskRef) string {
	texts := make([]string, len(refs))
	for i, r := range refs {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// lastAssetEvents are the newest events by URI. Without a store there are none.
func lastAssetEvents(ctx context.Context, a *app.App) (map[string]*store.AssetEvent, error) {
	last := map[string]*store.AssetEvent{}
	ok, err := a.HasStore()
	if err != nil || !ok {
		return last, err
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	events, err := s.AssetEvents(ctx)
	for _, e := range events {
		last[e.URI] = e
	}
	return last, err
}

func newCmdAssetsMaterialize(a *app.App) *cobra.Command {
	var uri, name, conf string
	cmd := &cobra.Command{
		Use:   "materialize [URI|NAME]",
		Short: "Create a manual run of the DAG that makes an asset",
		Long: `Creates a queued run of the DAG that has a task with the asset among its outlets: the whole
DAG, as Airflow does. A dingdag that works on the same home folder starts it within a second.`,
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
			if uri != "" {
				normal, _, err := dag.AssetURI(uri)
				if err != nil {
					return command.UsageError{Err: err}
				}
				uri = normal
			}
			return runAssetsMaterialize(cmd.Context(), a, uri, name, engine.Trigger{Conf: json.RawMessage(conf)})
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
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		res, err := a.DAGs.Read()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, u := range assetUses(res.DAGs) {
			if len(u.producers) > 0 && strings.HasPrefix(u.uri, prefix) {
				out = append(out, u.uri+"\t"+joinRefs(u.producers))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func runAssetsMaterialize(ctx context.Context, a *app.App, uri, name string, t engine.Trigger) error {
	res, err := a.DAGs.Read()
	if err != nil {
		return err
	}
	id, err := producerOf(assetUses(res.DAGs), uri, name)
	if err != nil {
		if res.Diagnostics.HasErrors() {
			err = fmt.Errorf("%w (some DAG files have errors: see dingdag dags list-import-errors)", err)
		}
		return err
	}
	return runDAGsTrigger(ctx, a, id, t, false)
}

// producerOf is the only DAG with a task that makes the asset with a URI or, if there is
// none, with a name. Either may be empty.
func producerOf(uses []*assetUse, uri, name string) (string, error) {
	var (
		found []*assetUse
		known []string
	)
	for _, u := range uses {
		if u.uri == uri {
			found = []*assetUse{u}
			break
		}
		if u.name == name {
			found = append(found, u)
		}
		known = append(known, u.uri, u.name)
	}
	asked := cmp.Or(name, uri)
	if len(found) == 0 {
		return "", fmt.Errorf("no asset %q in the DAGs folder%s", asked, yamlvalue.DidYouMean(asked, slices.Values(known)))
	}
	if len(found) > 1 {
		uris := make([]string, len(found))
		for i, u := range found {
			uris[i] = u.uri
		}
		return "", fmt.Errorf("%q names more than one asset: %s; say which one by its URI", asked, strings.Join(uris, ", "))
	}
	var ids []string
	for _, p := range found[0].producers {
		if !slices.Contains(ids, p.DAGID) {
			ids = append(ids, p.DAGID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("no task has the asset %q among its outlets", found[0].uri)
	case 1:
		return ids[0], nil
	default:
		return "", fmt.Errorf("more than one DAG makes the asset %q: %s; run the one that is meant by dingdag dags trigger", found[0].uri, strings.Join(ids, ", "))
	}
}

func assetNames(list []*dag.Asset) string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = x.Name
	}
	return strings.Join(names, ", ")
}
