package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

func newCmdPools(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "pools", Short: "List and change pools, which limit what runs at once", Example: "  dingdag pools set warehouse 4 'connections of the warehouse'\n  dingdag pools list"}
	cmd.AddCommand(newCmdPoolsList(a), newCmdPoolsGet(a), newCmdPoolsSet(a), newCmdPoolsDelete(a), newCmdPoolsExport(a), newCmdPoolsImport(a))
	return cmd
}

func printPools(a *app.App, ps []api.Pool, output string) error {
	l := show.List{Columns: []string{"Pool", "Slots", "Description", "Include deferred"}, Wrap: []string{"Description"}}
	for _, p := range ps {
		l.Add(p, p.Name, strconv.Itoa(p.Slots), p.Description, strconv.FormatBool(p.IncludeDeferred))
	}
	return l.Print(a.Out, output)
}

func newCmdPoolsList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the pools", Example: "  dingdag pools list -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			ps, err := ask.Pools(cmd.Context())
			if err != nil {
				return err
			}
			return printPools(a, ps, output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func newCmdPoolsGet(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "get POOL", Short: "Show one pool", Example: "  dingdag pools get default_pool", Args: command.ExactArgs("POOL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			p, err := ask.Pool(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return printPools(a, []api.Pool{p}, output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func newCmdPoolsSet(a *app.App) *cobra.Command {
	var includeDeferred bool
	cmd := &cobra.Command{
		Use: "set POOL SLOTS [DESCRIPTION]", Short: "Create a pool or change it; -1 slots means unlimited",
		Long: `Creates a pool, or replaces all that is known of it. Tasks take slots while they are queued or
running, with --include-deferred also while they are deferred, as those that wait for people.`,
		Example: "  dingdag pools set warehouse 4 'connections of the warehouse'\n  dingdag pools set reviews 10 --include-deferred\n  dingdag pools set -- warehouse -1",
		Args:    command.RangeArgs(2, "POOL", "SLOTS", "DESCRIPTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < -1 {
				return command.Usagef("slots %q: must be a whole number, 0 or more, or -1 for unlimited", args[1])
			}
			p := api.Pool{Name: args[0], Slots: n, IncludeDeferred: includeDeferred}
			if len(args) > 2 {
				p.Description = args[2]
			}
			if err := putPools(cmd.Context(), a, p); err != nil {
				return err
			}
			size := strconv.Itoa(p.Slots) + " slots"
			switch p.Slots {
			case -1:
				size = "unlimited slots"
			case 1:
				size = "1 slot"
			}
			if p.IncludeDeferred {
				size += ", which deferred tasks take too"
			}
			_, err = fmt.Fprintf(a.Out, "pool %s has %s\n", p.Name, size)
			return err
		},
	}
	cmd.Flags().BoolVar(&includeDeferred, "include-deferred", false, "deferred tasks take slots too")
	return cmd
}

func putPools(ctx context.Context, a *app.App, ps ...api.Pool) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	return ask.SetPools(ctx, ps...)
}

func newCmdPoolsDelete(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "delete POOL", Short: "Delete a pool; tasks that name it wait", Example: "  dingdag pools delete warehouse", Args: command.ExactArgs("POOL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			err = ask.DeletePool(cmd.Context(), args[0])
			if fe, ok := errors.AsType[*api.FieldError](err); ok {
				return command.UsageError{Err: fe.Err}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "pool %s is deleted\n", args[0])
			return err
		},
	}
}

// poolFile is Airflow's form of exported pools.
type poolFile map[string]struct {
	Slots           int    `json:"slots"`
	Description     string `json:"description"`
	IncludeDeferred bool   `json:"include_deferred"`
}

func newCmdPoolsExport(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "export FILE", Short: "Write all pools to a JSON file", Example: "  dingdag pools export pools.json", Args: command.ExactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			ps, err := ask.Pools(cmd.Context())
			if err != nil {
				return err
			}
			out := poolFile{}
			for _, p := range ps {
				e := out[p.Name]
				e.Slots, e.Description, e.IncludeDeferred = p.Slots, p.Description, p.IncludeDeferred
				out[p.Name] = e
			}
			b, err := json.MarshalIndent(out, "", "  ")
			if err != nil {
				return err
			}
			if err := a.Disk().Write(cmd.Context(), args[0], append(b, '\n')); err != nil {
				return fmt.Errorf("export pools: %w", command.WithoutOp(err))
			}
			_, err = fmt.Fprintf(a.Out, "exported %d pools to %s\n", len(ps), args[0])
			return err
		},
	}
}

func newCmdPoolsImport(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Read pools from a JSON file; all of them or none", Example: "  dingdag pools import pools.json", Args: command.ExactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.Disk().Read(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("import pools: %w", command.WithoutOp(err))
			}
			var in poolFile
			if err := json.Unmarshal(b, &in); err != nil {
				return fmt.Errorf("import pools: %s is not a JSON object of pools: %w", args[0], err)
			}
			var ps []api.Pool
			for _, name := range slices.Sorted(maps.Keys(in)) {
				p := in[name]
				ps = append(ps, api.Pool{Name: name, Slots: p.Slots, Description: p.Description, IncludeDeferred: p.IncludeDeferred})
			}
			if err := putPools(cmd.Context(), a, ps...); err != nil {
				return fmt.Errorf("import pools: %s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(a.Out, "imported %d pools\n", len(ps))
			return err
		},
	}
}
