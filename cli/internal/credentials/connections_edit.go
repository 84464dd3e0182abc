package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/file"
)

func newCmdConnectionsEdit(a *app.App) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Change a connection of the store in an editor",
		Long: `Opens the connection in $VISUAL or $EDITOR (vi if neither is set), as YAML. Secrets show as ***:
leave that to keep the secret, or write another value; deleting a line removes it. Nothing is
changed until the whole edit is valid. An edit that is not valid is kept in a file, which the
error names, for --from.`,
		Example: "  dingdag connections edit dingding_default\n  EDITOR='code --wait' dingdag connections edit warehouse",
		Args:    command.ExactArgs("ID"), ValidArgsFunction: completeConnections(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConnectionsEdit(cmd.Context(), a, args[0], from)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "resume an edit that was kept in this file")
	return cmd
}

func runConnectionsEdit(ctx context.Context, a *app.App, id, from string) error {
	s, err := a.Connections(ctx)
	if err != nil {
		return err
	}
	original, err := storedConnection(ctx, s, id)
	if err != nil {
		return errors.Join(err, noteOtherSource(ctx, a, id))
	}
	shown := a.Masker().Redact(original)
	form, err := connectionForm(shown)
	if err != nil {
		return err
	}
	base, err := readForm(id, "the form", form)
	if err != nil {
		return err
	}
	text := form
	if from != "" {
		if text, err = a.Disk().Read(ctx, from); err != nil {
			return fmt.Errorf("read --from: %w", command.WithoutOp(err))
		}
	}
	file, err := a.Disk().Edit(ctx, "connection.yaml", text)
	if err != nil {
		return err
	}
	e := &edit{app: a, id: id, file: file}
	changed, err := e.run(ctx, base, original)
	if err == nil && changed != nil {
		err = replaceConnection(ctx, a, s, changed, original)
	}
	if err != nil {
		return e.keep(err)
	}
	if err := file.Discard(ctx); err != nil {
		return fmt.Errorf("remove the file of the edit: %w", command.WithoutOp(err))
	}
	if changed == nil {
		_, err = fmt.Fprintln(a.Out, "nothing was changed")
		return err
	}
	if _, err = fmt.Fprintf(a.Out, "changed connection %s\n", id); err != nil {
		return err
	}
	return noteOtherSource(ctx, a, id)
}

// storedConnection is a connection of the store, which may be nil.
func storedConnection(ctx context.Context, s connections.Store, id string) (*connections.Connection, error) {
	err := connections.ErrNotFound
	var c *connections.Connection
	if s != nil {
		c, err = s.Connection(ctx, id)
	}
	if !errors.Is(err, connections.ErrNotFound) {
		return c, err
	}
	near, nerr := home.NearConnection(ctx, s, id)
	return nil, errors.Join(fmt.Errorf("no connection %q in the store%s", id, near), nerr)
}

// replaceConnection stores an edited connection unless somebody has changed it meanwhile.
func replaceConnection(ctx context.Context, a *app.App, s connections.Store, c, original *connections.Connection) error {
	a.Masker().AddConnection(c)
	if err := checkExtras(ctx, a, c); err != nil {
		return err
	}
	now, err := storedConnection(ctx, s, c.ID)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now, original) {
		return fmt.Errorf("connection %q was changed by somebody else meanwhile", c.ID)
	}
	ask, err := a.API(ctx)
	if err != nil {
		return err
	}
	return ask.SetConnection(ctx, c, true)
}

// connectionForm is a connection for an editor: a connections file with comments, in which
// every attribute has its line.
func connectionForm(c *connections.Connection) ([]byte, error) {
	extra, err := c.ExtraMap()
	if err != nil {
		return nil, fmt.Errorf("connection %q: %w", c.ID, err)
	}
	var password *string
	if c.Password != nil {
		password = new(c.Password.Reveal())
	}
	fields := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range []struct {
		key   string
		value any
	}{
		{"conn_type", c.Type},
		{"description", c.Description},
		{"host", c.Host},
		{"port", c.Port},
		{"login", c.Login},
		{"password", password},
		{"schema", c.Schema},
		{"extra", extra},
	} {
		b, err := json.Marshal(f.value)
		if err != nil {
			return nil, fmt.Errorf("connection %q: %w", c.ID, err)
		}
		v, err := show.NodeOfJSON(b)
		if err != nil {
			return nil, fmt.Errorf("connection %q: %w", c.ID, err)
		}
		if v.Tag == "!!null" {
			v.Value = "" // an empty line to fill in
		}
		fields.Content = append(fields.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.key}, v)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Connection %s. *** stands for a secret: leave it to keep the secret, or write another value.\n# A line that is deleted, or left without a value, is removed.\n", c.ID)
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err = e.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: c.ID}, fields}})
	return b.Bytes(), errors.Join(err, e.Close())
}

// readForm reads what connectionForm wrote and somebody has edited.
func readForm(id, name string, form []byte) (*connections.Connection, error) {
	all, err := file.ParseConnections(name, file.YAML, form)
	switch {
	case err != nil:
		return nil, err
	case len(all) != 1 || all[0].ID != id:
		return nil, fmt.Errorf("%s: must hold the connection %q and no other: use connections add for another", name, id)
	}
	return all[0], nil
}

// edit is the file that is open in an editor.
type edit struct {
	app  *app.App
	id   string
	file show.Edit
}

// run opens the editor until what it leaves is right, and returns that; nil for no change.
// Only on a terminal there is somebody to try again.
func (e *edit) run(ctx context.Context, base, original *connections.Connection) (*connections.Connection, error) {
	for {
		c, err := e.once(ctx, base, original)
		if err == nil && reflect.DeepEqual(c, original) {
			return nil, nil
		}
		if err == nil || ctx.Err() != nil || !show.IsTerminal(e.app.In) {
			return c, err
		}
		fmt.Fprintln(e.app.Err, "error:", e.app.Mask(err.Error()))
		again, cerr := e.app.Confirm(ctx, "edit it again")
		if cerr != nil || !again {
			return nil, errors.Join(command.ErrQuiet, cerr)
		}
	}
}

// once opens the editor and reads what it leaves.
func (e *edit) once(ctx context.Context, base, original *connections.Connection) (*connections.Connection, error) {
	text, err := e.file.Open(ctx)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, errors.New("interrupted: nothing was changed")
	}
	edited, err := readForm(e.id, e.file.Path(), text)
	if err != nil {
		return nil, err
	}
	c, err := connections.Restore(edited, base, original)
	if err != nil {
		return nil, err
	}
	if c.Type == "" {
		return nil, fmt.Errorf("connection %q has no conn_type", e.id)
	}
	return c, c.Validate()
}

// keep ends a failed edit, whose file stays.
func (e *edit) keep(err error) error {
	if e.file.Path() == "" {
		return err
	}
	fmt.Fprintf(e.app.Err, "nothing was changed; the edit is kept in %s: resume with %s\n", e.file.Path(), e.app.Command("connections", "edit", e.id, "--from", e.file.Path()))
	return err
}
