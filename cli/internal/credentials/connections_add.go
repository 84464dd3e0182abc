package credentials

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/connections"
)

// connectionFlags are the flags of connections add, each with the attribute it gives.
var connectionFlags = []struct{ name, attribute, doc string }{ //nolint:gochecknoglobals // a constant table
	{"conn-uri", "uri", "the whole connection as a URI; - reads it from standard input"},
	{"conn-json", "json", "the whole connection as a JSON object; - reads it from standard input"},
	{"conn-type", "conn_type", "type, for instance dingding or http"},
	{"conn-host", "host", "host name or base URL"},
	{"conn-login", "login", "user name"},
	{"conn-password", "password", "password; of a DingTalk robot the access token or the whole webhook address; - reads it from standard input"},
	{"conn-port", "port", "port"},
	{"conn-schema", "schema", "database, or scheme of an http connection"},
	{"conn-extra", "extra", "JSON object, also beside a URI; - reads it from standard input"},
	{"conn-description", "description", "text for people, beside a URI or the single attributes"},
}

func newCmdConnectionsAdd(a *app.App) *cobra.Command {
	values := make([]string, len(connectionFlags))
	cmd := &cobra.Command{
		Use:   "add ID",
		Short: "Add a connection to the store",
		Long: `Adds a connection to the store, where its password and extra are encrypted. Give it as
--conn-uri, as --conn-json, or as --conn-type with the other attributes.

A secret on the command line shows in the shell's history and in the list of processes:
with "-" as its value it is read from standard input.`,
		Example: `  dingdag connections add dingding_default --conn-type dingding --conn-password TOKEN --conn-extra '{"secret":"SEC…"}'
  dingdag connections add dingding_default --conn-type dingding --conn-password - < token.txt
  dingdag connections add api --conn-uri 'http://example.com:8080/v1?timeout=5'
  dingdag connections add warehouse --conn-uri postgres://etl@db/shop --conn-extra '{"sslmode":"require"}'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				// The argument may be half of a secret, so it is not shown.
				return command.Usagef("%d arguments where one ID is wanted: put values that hold spaces or quotes in single quotes", len(args))
			}
			return command.ExactArgs("ID")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			given := map[string]string{}
			for i, f := range connectionFlags {
				if cmd.Flags().Changed(f.name) {
					given[f.attribute] = values[i]
				}
			}
			return runConnectionsAdd(cmd.Context(), a, args[0], given)
		},
	}
	for i, f := range connectionFlags {
		cmd.Flags().StringVar(&values[i], f.name, "", f.doc)
	}
	command.CompleteWords(cmd, "conn-type", "dingding", "http")
	return cmd
}

func runConnectionsAdd(ctx context.Context, a *app.App, id string, given map[string]string) error {
	if err := readSecret(ctx, a, given); err != nil {
		return err
	}
	c, err := buildConnection(id, given)
	if err != nil {
		return command.UsageError{Err: err}
	}
	a.Masker().AddConnection(c)
	if err := checkExtras(ctx, a, c); err != nil {
		return err
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	err = ask.SetConnection(ctx, c, false)
	if errors.Is(err, api.ErrExists) {
		return fmt.Errorf("%w; delete it first: %s", err, a.Command("connections", "delete", id))
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.Out, "added connection %s of type %s\n", id, c.Type); err != nil {
		return err
	}
	return noteOtherSource(ctx, a, id)
}

// readSecret replaces the one attribute that is "-" by what standard input has.
func readSecret(ctx context.Context, a *app.App, given map[string]string) error {
	var from []string
	for _, name := range []string{"uri", "json", "password", "extra"} {
		if given[name] == "-" {
			from = append(from, name)
		}
	}
	switch len(from) {
	case 0:
		return nil
	case 1:
	default:
		return command.Usagef("%s cannot all come from standard input: give one of them as -", strings.Join(from, " and "))
	}
	text, err := a.ReadSecret(ctx, from[0])
	if err != nil {
		return err
	}
	if text == "" {
		return command.Usagef("standard input has no %s", from[0])
	}
	given[from[0]] = text
	return nil
}

// buildConnection makes a connection of a URI, of JSON or of single attributes. An
// empty URI or JSON counts as not given, as in Airflow. Errors show no value.
func buildConnection(id string, given map[string]string) (*connections.Connection, error) {
	if err := connections.ValidateID(id); err != nil {
		return nil, err
	}
	uri, text := given["uri"], given["json"]
	attrs := map[string]any{}
	for name, v := range given {
		if name != "uri" && name != "json" {
			attrs[name] = v
		}
	}
	var c *connections.Connection
	var err error
	switch {
	case uri != "" && text != "":
		return nil, errors.New("--conn-uri and --conn-json together: give one of them")
	case text != "" && len(attrs) > 0:
		return nil, fmt.Errorf("--conn-json cannot be combined with %s: put these into the JSON", flagsOf(attrs))
	case text != "":
		c, err = connections.ParseJSON(id, []byte(text))
	case uri != "":
		c, err = ofURI(id, uri, attrs)
	case given["conn_type"] == "":
		return nil, errors.New("no connection given: use --conn-uri, --conn-json or --conn-type with the other attributes")
	default:
		c, err = connections.FromAttributes(id, attrs)
	}
	if err != nil {
		return nil, err
	}
	if c.Type == "" {
		return nil, fmt.Errorf("connection %q has no type: put conn_type into the JSON, or begin the URI with it", id)
	}
	return c, c.Validate()
}

// ofURI makes a connection of a URI, and of the description and extra that may stand beside
// it (Airflow, connections add).
func ofURI(id, uri string, beside map[string]any) (*connections.Connection, error) {
	attrs := map[string]any{"uri": uri}
	if description, given := beside["description"]; given {
		attrs["description"] = description
		delete(beside, "description")
	}
	extra, hasExtra := beside["extra"].(string)
	delete(beside, "extra")
	if len(beside) > 0 {
		return nil, fmt.Errorf("--conn-uri cannot be combined with %s: put these into the URI", flagsOf(beside))
	}
	c, err := connections.FromAttributes(id, attrs)
	if err != nil || !hasExtra {
		return c, err
	}
	if c.Extra != nil {
		return nil, errors.New("--conn-extra cannot be combined with a URI that has a query (?…), which it would replace: put everything into one of them")
	}
	c.Extra = new(connections.Secret(extra))
	return c, nil
}

// flagsOf names the flags that gave the attributes.
func flagsOf(attrs map[string]any) string {
	var names []string
	for _, attribute := range slices.Sorted(maps.Keys(attrs)) {
		for _, f := range connectionFlags {
			if f.attribute == attribute {
				names = append(names, "--"+f.name)
			}
		}
	}
	return strings.Join(names, ", ")
}
