package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
)

// exportOptions say how connections export writes.
type exportOptions struct {
	path          string // "-" is standard output
	format        string // empty: by the extension of path
	serialization string
	withSecrets   bool
}

func newCmdConnectionsExport(a *app.App) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the connections of the store to a file",
		Long: `Writes the connections of the store to a .env, .json or .yaml file, or to standard output
when FILE is "-". Passwords and the secrets in extras are written as *** unless
--with-secrets is given; such a file is for reading and cannot be imported.`,
		Example: `  dingdag connections export connections.yaml
  dingdag connections export backup.json --with-secrets
  dingdag connections export - --file-format env --serialization-format json`,
		Args: command.ExactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.path = args[0]
			return runConnectionsExport(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "file-format", "", "env, json or yaml (default by the extension of FILE; json for -)")
	command.CompleteWords(cmd, "file-format", "env", "json", "yaml")
	f.StringVar(&o.serialization, "serialization-format", "uri", "of a .env file: uri, which leaves out the description, or json")
	command.CompleteWords(cmd, "serialization-format", "uri", "json")
	f.BoolVar(&o.withSecrets, "with-secrets", false, "write passwords and extras in plain text")
	return cmd
}

// fileFormat is the format of the file to write.
func (o exportOptions) fileFormat() (file.Format, error) {
	switch {
	case o.format == "" && o.path == "-":
		return file.JSON, nil
	case o.format == "":
		return file.FormatOf(o.path)
	}
	format, err := file.FormatOf("." + strings.TrimPrefix(o.format, "."))
	if err != nil {
		return "", fmt.Errorf("unknown --file-format %q: use env, json or yaml", o.format)
	}
	return format, nil
}

func runConnectionsExport(ctx context.Context, a *app.App, o exportOptions) error {
	format, err := o.fileFormat()
	if err != nil {
		return command.UsageError{Err: err}
	}
	if s := file.Serialization(o.serialization); s != file.AsURI && s != file.AsJSON {
		return command.Usagef("unknown --serialization-format %q: use uri or json", o.serialization)
	}
	s, err := a.Connections(ctx)
	if err != nil {
		return err
	}
	all, err := allConnections(ctx, s)
	if err != nil {
		return err
	}
	if !o.withSecrets {
		for i, c := range all {
			all[i] = a.Masker().Redact(c)
		}
	}
	var text bytes.Buffer
	if err := file.WriteConnections(&text, format, file.Serialization(o.serialization), all); err != nil {
		return err
	}
	out := text.Bytes()
	if !o.withSecrets {
		// Stars that stand for a secret stay readable in a URI.
		out = bytes.ReplaceAll(out, []byte("%2A%2A%2A"), []byte("***"))
		a.Notef("secrets are written as ***: use --with-secrets for a file that can be imported")
	}
	if o.path == "-" {
		_, err = a.ClearOutput().Write(out) // what is secret is hidden in it already, unless it was asked for
		return err
	}
	if err := a.Disk().Write(ctx, o.path, out); err != nil {
		return fmt.Errorf("write connections: %w", command.WithoutOp(err))
	}
	a.Notef("wrote %d connections to %s", len(all), o.path)
	return nil
}

// readNamed reads a file that the command line names, by the format that its extension says.
func readNamed[T any](ctx context.Context, a *app.App, name string, parse func(string, file.Format, []byte) (T, error)) (none T, err error) {
	format, err := file.FormatOf(name)
	if err != nil {
		return none, err
	}
	text, err := a.Disk().Read(ctx, name)
	if err != nil {
		return none, fmt.Errorf("read file: %w", command.WithoutOp(err))
	}
	return parse(name, format, text)
}

func newCmdConnectionsImport(a *app.App) *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Read connections from a file into the store",
		Long: `Reads a .env, .json or .yaml file into the store. Existing connections are left
alone unless --overwrite is given. If anything in the file is wrong, nothing is imported.`,
		Example: "  dingdag connections import connections.yaml\n  dingdag connections import backup.json --overwrite",
		Args:    command.ExactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConnectionsImport(cmd.Context(), a, args[0], overwrite)
		},
	}
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace existing connections")
	return cmd
}

func runConnectionsImport(ctx context.Context, a *app.App, path string, overwrite bool) error {
	all, err := readNamed(ctx, a, path, file.ParseConnections)
	if err != nil {
		return err
	}
	if err := checkImport(path, all); err != nil {
		return err
	}
	if err := checkExtras(ctx, a, all...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	imported := 0
	for _, c := range all {
		switch err := ask.SetConnection(ctx, c, overwrite); {
		case err == nil:
			imported++
		case errors.Is(err, api.ErrExists):
			a.Notef("connection %s exists already and was left alone: --overwrite replaces it", c.ID)
		default:
			return err
		}
	}
	_, err = fmt.Fprintf(a.Out, "imported %d of %d connections\n", imported, len(all))
	return err
}

// checkImport refuses what would make a store of connections that cannot work.
func checkImport(path string, all []*connections.Connection) error {
	var errs []error
	for _, c := range all {
		if err := c.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, connections.About("connection", c.ID, err)))
		} else if c.Redacted() {
			errs = append(errs, fmt.Errorf("%s: connection %q has *** in place of a secret: export it with --with-secrets", path, c.ID))
		}
	}
	return errors.Join(errs...)
}
