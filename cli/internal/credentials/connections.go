// Package credentials has the commands about what tasks look up: connections and variables.
package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
)

// NewConnections makes the command connections.
func NewConnections(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Add, show, move and test connections",
		Long: `Connections are looked up in the connections file, then in the environment
(DINGDAG_CONN_ID or AIRFLOW_CONN_ID), then in the store of the home folder, where
passwords and extras are encrypted.`,
		Example: "  dingdag connections add dingding_default --conn-type dingding --conn-password TOKEN\n  dingdag connections test dingding_default",
	}
	cmd.AddCommand(
		newCmdConnectionsAdd(a), newCmdConnectionsEdit(a), newCmdConnectionsGet(a), newCmdConnectionsList(a), newCmdConnectionsDelete(a),
		newCmdConnectionsExport(a), newCmdConnectionsImport(a), newCmdConnectionsTest(a),
	)
	return cmd
}

// allConnections lists what is in a store, which may be nil.
func allConnections(ctx context.Context, s connections.Store) ([]*connections.Connection, error) {
	if s == nil {
		return nil, nil
	}
	return s.Connections(ctx)
}

// completeConnections offers the ids of the store on the first argument.
func completeConnections(a *app.App) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		s, err := a.Connections(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		all, err := allConnections(cmd.Context(), s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, c := range all {
			if strings.HasPrefix(c.ID, prefix) {
				out = append(out, c.ID+"\t"+c.Type)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// fields are the cells of a connection, by the names of its columns.
func fields(r api.Connection) ([][2]string, error) {
	port, extra := "", ""
	if r.Port != nil {
		port = strconv.Itoa(*r.Port)
	}
	if len(r.Extra) > 0 {
		b, err := json.Marshal(r.Extra)
		if err != nil {
			return nil, err
		}
		extra = string(b)
	}
	return [][2]string{
		{"Connection", r.ID},
		{"Type", r.Type},
		{"Host", orEmpty(r.Host)},
		{"Port", port},
		{"Login", orEmpty(r.Login)},
		{"Password", orEmpty(r.Password)},
		{"Schema", orEmpty(r.Schema)},
		{"Extra", extra},
		{"Description", orEmpty(r.Description)},
		{"URI", r.URI},
	}, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// connectionListing has one row for each connection.
func connectionListing(all ...api.Connection) (*show.List, error) {
	l := &show.List{
		Columns: []string{"Connection", "Type", "Host", "Port", "Login", "Password", "Schema", "Extra", "Description", "URI"}, Wrap: []string{"Extra", "Description"},
		Drop: []string{"URI", "Password", "Description", "Extra", "Schema"},
	}
	for _, c := range all {
		fields, err := fields(c)
		if err != nil {
			return nil, err
		}
		cells := make([]string, len(fields))
		for i, f := range fields {
			cells[i] = f[1]
		}
		l.Add(c, cells...)
	}
	return l, nil
}

func newCmdConnectionsGet(a *app.App) *cobra.Command {
	var (
		output      string
		showSecrets bool
	)
	cmd := &cobra.Command{
		Use:     "get ID",
		Short:   "Show the connection that tasks get for an id, from a file, the environment or the store",
		Example: "  dingdag connections get dingding_default\n  dingdag connections get dingding_default -o json --show-secrets",
		Args:    command.ExactArgs("ID"), ValidArgsFunction: completeConnections(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConnectionsGet(cmd.Context(), a, args[0], output, showSecrets)
		},
	}
	cmd.Flags().BoolVar(&showSecrets, "show-secrets", false, "show the password and the secrets in the extra")
	show.OutputFlag(cmd, &output)
	return cmd
}

func runConnectionsGet(ctx context.Context, a *app.App, id, output string, showSecrets bool) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	src, err := a.Lookup(ctx)
	if err != nil {
		return err
	}
	c, err := src.Connection(ctx, id)
	if err != nil {
		return err
	}
	if !showSecrets {
		c = a.Masker().Redact(c)
	}
	shown, err := api.ShowConnection(c)
	if err != nil {
		return err
	}
	l, err := connectionListing(shown)
	if err != nil {
		return err
	}
	if output == "table" {
		// One connection reads better from top to bottom.
		l = l.Turned()
	}
	out := a.Out
	if showSecrets {
		out = a.ClearOutput()
	}
	return l.Print(out, output)
}

func newCmdConnectionsList(a *app.App) *cobra.Command {
	var id, output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the connections of the store, without their secrets",
		Long:    "Lists the connections of the store. Those of the environment and of the connections\nfile are not listed: connections get shows one of them.",
		Example: "  dingdag connections list\n  dingdag connections list --conn-id dingding_default -o yaml", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runConnectionsList(cmd.Context(), a, id, output) },
	}
	cmd.Flags().StringVar(&id, "conn-id", "", "only the connection with this id")
	if err := cmd.RegisterFlagCompletionFunc("conn-id", completeConnections(a)); err != nil {
		panic(err) // the flag was added a line before
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runConnectionsList(ctx context.Context, a *app.App, id, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	ask, err := a.Look(ctx)
	if err != nil {
		return err
	}
	all, broken := ask.Connections(ctx) // what can't be opened does not hide the others
	if id != "" {
		all = slices.DeleteFunc(all, func(c api.Connection) bool { return c.ID != id })
	}
	l, err := connectionListing(all...)
	if err != nil {
		return err
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	a.Notef("connections of the environment and of the connections file are not listed")
	return broken
}

func newCmdConnectionsDelete(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: "Delete a connection from the store", Example: "  dingdag connections delete dingding_default",
		Args: command.ExactArgs("ID"), ValidArgsFunction: completeConnections(a),
		RunE: func(cmd *cobra.Command, args []string) error { return runConnectionsDelete(cmd.Context(), a, args[0]) },
	}
}

func runConnectionsDelete(ctx context.Context, a *app.App, id string) error {
	ask, err := a.Look(ctx)
	if err != nil {
		return err
	}
	if err = ask.DeleteConnection(ctx, id); err == nil {
		_, err = fmt.Fprintf(a.Out, "deleted connection %s\n", id)
	} else if !errors.Is(err, api.ErrNotFound) {
		return err
	}
	return errors.Join(err, noteOtherSource(ctx, a, id))
}

// noteOtherSource says when a file or the environment defines the id: it goes before
// the store.
func noteOtherSource(ctx context.Context, a *app.App, id string) error {
	src, _, err := a.Sources(nil)
	if err != nil {
		return err
	}
	_, err = src.Connection(ctx, id)
	switch {
	case err == nil:
		a.Notef("the environment or the connections file defines %s too; that goes before the store", id)
	case !errors.Is(err, connections.ErrNotFound):
		a.Notef("%v", err)
	}
	return nil
}
