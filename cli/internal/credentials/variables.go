package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
)

// NewVariables makes the command variables.
func NewVariables(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "variables", Short: "Manage the variables that templates read as var.value and var.json", Example: "  dingdag variables set region cn-hangzhou\n  dingdag variables get region"}
	cmd.AddCommand(newCmdVariablesList(a), newCmdVariablesGet(a), newCmdVariablesSet(a), newCmdVariablesDelete(a), newCmdVariablesExport(a), newCmdVariablesImport(a))
	return cmd
}

// completeVariables offers the stored keys.
func completeVariables(a *app.App) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		ask, err := a.API(cmd.Context())
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		vs, err := ask.Variables(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		keys := make([]string, len(vs))
		for i, v := range vs {
			keys[i] = v.Key
		}
		return keys, cobra.ShellCompDirectiveNoFileComp
	}
}

func newCmdVariablesList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys of the store's variables", Long: "Lists keys only, as Airflow does; those of files and the environment are not listed.",
		Example: "  dingdag variables list -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			vs, err := ask.Variables(cmd.Context())
			if err != nil {
				return err
			}
			l := show.List{Columns: []string{"Key", "Description"}, Wrap: []string{"Description"}}
			for _, v := range vs {
				l.Add(v, v.Key, v.Description)
			}
			return l.Print(a.Out, output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func newCmdVariablesGet(a *app.App) *cobra.Command {
	var (
		def      string
		asJSON   bool
		fallback bool
	)
	cmd := &cobra.Command{
		Use: "get KEY", Short: "Print a variable, looked up as tasks do: file, environment, store",
		Example: "  dingdag variables get region\n  dingdag variables get limits --json --default '{}'",
		Args:    command.ExactArgs("KEY"), ValidArgsFunction: completeVariables(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			fallback = cmd.Flags().Changed("default")
			s, err := a.OpenStore(cmd.Context())
			if err != nil {
				return err
			}
			_, vars, err := a.Sources(s.Connections())
			if err != nil {
				return err
			}
			text, err := vars.Variable(cmd.Context(), args[0])
			if errors.Is(err, connections.ErrNotFound) && fallback {
				text, err = def, nil
			}
			if err != nil {
				return err
			}
			if asJSON && !json.Valid([]byte(text)) {
				return fmt.Errorf("variable %q is not valid JSON", args[0])
			}
			if err := a.MayShow(args[0], text); err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.ClearOutput(), text)
			return err
		},
	}
	cmd.Flags().StringVarP(&def, "default", "d", "", "what to print when there is none")
	cmd.Flags().BoolVarP(&asJSON, "json", "j", false, "fail unless the value is JSON")
	return cmd
}

func newCmdVariablesSet(a *app.App) *cobra.Command {
	var (
		description string
		asJSON      bool
	)
	cmd := &cobra.Command{
		Use: "set KEY VALUE", Short: "Add or replace a variable", Example: "  dingdag variables set region cn-hangzhou\n  dingdag variables set limits '{\"rows\": 100}' --json",
		Args: command.ExactArgs("KEY", "VALUE"), ValidArgsFunction: completeVariables(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return command.Usagef("the key is empty")
			}
			if asJSON && !json.Valid([]byte(args[1])) {
				return command.Usagef("the value of %q is not valid JSON", args[0])
			}
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			_, err = ask.SetVariables(cmd.Context(), map[string]connections.Variable{args[0]: {Value: args[1], Description: description}}, api.Overwrite)
			if err == nil {
				_, err = fmt.Fprintf(a.Out, "variable %s is set\n", args[0])
			}
			return err
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what the variable is for")
	cmd.Flags().BoolVarP(&asJSON, "json", "j", false, "refuse a value that is not valid JSON")
	return cmd
}

func newCmdVariablesDelete(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "delete KEY", Short: "Delete a variable", Example: "  dingdag variables delete region",
		Args: command.ExactArgs("KEY"), ValidArgsFunction: completeVariables(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := a.API(cmd.Context())
			if err != nil {
				return err
			}
			err = ask.DeleteVariable(cmd.Context(), args[0])
			if err == nil {
				_, err = fmt.Fprintf(a.Out, "variable %s is deleted\n", args[0])
			}
			return err
		},
	}
}

func newCmdVariablesExport(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "export FILE", Short: "Write the store's variables to a JSON file, in plain text", Example: "  dingdag variables export variables.json",
		Args: command.ExactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.OpenStore(cmd.Context())
			if err != nil {
				return err
			}
			vs, err := s.Vault().Variables(cmd.Context())
			if err != nil {
				return err
			}
			out := map[string]any{}
			for _, v := range vs {
				if err := a.MayShow(v.Key, v.Value); err != nil {
					return fmt.Errorf("export variables: %w", err)
				}
				out[v.Key] = jsonOrText(v.Value)
			}
			b, err := json.MarshalIndent(out, "", "  ")
			if err != nil {
				return err
			}
			if err := a.Disk().Write(cmd.Context(), args[0], append(b, '\n')); err != nil {
				return fmt.Errorf("export variables: %w", command.WithoutOp(err))
			}
			_, err = fmt.Fprintf(a.Out, "exported %d variables to %s\n", len(vs), args[0])
			return err
		},
	}
}

// jsonOrText shows a JSON object or list as such, and anything else as text.
func jsonOrText(s string) any {
	if t := []byte(s); len(t) > 0 && (t[0] == '{' || t[0] == '[') && json.Valid(t) {
		return json.RawMessage(t)
	}
	return s
}

func newCmdVariablesImport(a *app.App) *cobra.Command {
	var existing string
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Read variables from a .json, .yaml or .env file; all of them or none",
		Example: "  dingdag variables import variables.json --action-on-existing-key skip",
		Args:    command.ExactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"overwrite", "fail", "skip"}, existing) {
				return command.Usagef("--action-on-existing-key %q: use overwrite, fail or skip", existing)
			}
			in, err := readNamed(cmd.Context(), a, args[0], file.ParseVariables)
			if err != nil {
				return err
			}
			return importVariables(cmd.Context(), a, in, existing)
		},
	}
	cmd.Flags().StringVarP(&existing, "action-on-existing-key", "a", "overwrite", "overwrite|fail|skip")
	command.CompleteWords(cmd, "action-on-existing-key", "overwrite", "fail", "skip")
	return cmd
}

func importVariables(ctx context.Context, a *app.App, in map[string]string, existing string) error {
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	vs := make(map[string]connections.Variable, len(in))
	for key, value := range in {
		vs[key] = connections.Variable{Value: value}
	}
	n, err := ask.SetVariables(ctx, vs, api.WhenThere(existing))
	if err != nil {
		return fmt.Errorf("import variables: %w", err)
	}
	_, err = fmt.Fprintf(a.Out, "imported %d of %d variables\n", n, len(in))
	return err
}
