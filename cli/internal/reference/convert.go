package reference

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag/dagfile/convert"
	"github.com/dingdag/dingdag/dag/dagfile/discover"
	"github.com/dingdag/dingdag/operator"
)

// NewConvert makes the command dags convert.
func NewConvert(a *app.App) *cobra.Command {
	var write, check bool
	cmd := &cobra.Command{
		Use:   "convert PATH…",
		Short: "Bring files for dag-factory before 1.0 up to date, comments and all",
		Long: `Replaces removed keys, tags and operator paths by their current spelling, in the text itself:
comments, quotes, anchors and line endings stay. What must be done by hand is reported with
its place. Prints a diff, or writes the files with --write.`,
		Example: "  dingdag dags convert dags\n  dingdag dags convert dags/orders.yaml --write\n  dingdag dags convert dags --check",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Usagef("missing argument PATH")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if write && check {
				return command.Usagef("--write and --check exclude each other")
			}
			return runDAGsConvert(a, args, write, check)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the files instead of printing a diff")
	cmd.Flags().BoolVar(&check, "check", false, "only name the files that would change; exit code 1 if anything is to be done")
	return cmd
}

func runDAGsConvert(a *app.App, paths []string, write, check bool) error {
	o, err := a.DAGs.Options()
	if err != nil {
		return err
	}
	registry, err := a.Operators()
	if err != nil {
		return err
	}
	modern := modernOperators(registry)
	files, found := discover.Files(paths, discover.Options{Root: o.Root, Syntax: o.IgnoreSyntax, Defaults: true})
	var errs []error
	todo := len(found) > 0
	for _, file := range files {
		name := file.Path
		text, err := os.ReadFile(name) //nolint:gosec // the user's own files
		if err != nil {
			errs = append(errs, fmt.Errorf("convert: %w", command.WithoutOp(err)))
			continue
		}
		c := convert.File(name, text, convert.Options{Modern: modern, Shared: len(file.Defaults) > 0})
		found = append(found, c.Notes...)
		todo = todo || c.Changes > 0 || len(c.Notes) > 0
		if c.Changes > 0 {
			errs = append(errs, converted(a, name, text, c, write, check))
		}
	}
	for _, d := range found {
		fmt.Fprintln(a.Err, d)
	}
	switch err := errors.Join(errs...); {
	case err != nil:
		return err
	case found.HasErrors() || check && todo:
		return command.ErrQuiet
	}
	return nil
}

// converted shows or writes what has become of a file.
func converted(a *app.App, name string, before []byte, c convert.Result, write, check bool) error {
	switch {
	case check:
		_, err := fmt.Fprintf(a.Out, "%s: %s to convert\n", name, places(c.Changes))
		return err
	case write:
		if err := replaceFile(name, c.Text); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.Out, "%s: %s converted\n", name, places(c.Changes))
		return err
	}
	text := diff.Diff(name, before, name, c.Text)
	_, text, _ = bytes.Cut(text, []byte("\n")) // the line with the command
	_, err := a.Out.Write(text)
	return err
}

func places(n int) string {
	if n == 1 {
		return "1 place"
	}
	return fmt.Sprintf("%d places", n)
}

// replaceFile writes a file whole or not at all, and keeps its mode. A symbolic link
// stays one.
func replaceFile(name string, text []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".convert-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		if rerr := os.Remove(f.Name()); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// removedClasses are classes that Airflow's providers no longer have, beside those that
// call a parameter by another name.
var removedClasses = []string{"SimpleHttpOperator"}

// modernOperators says what Airflow 3 calls the operators of older versions: a path, so
// that the file still works there, else our short name.
func modernOperators(registry *operator.Registry) func(string) (convert.OldOperator, bool) {
	old := map[string]convert.OldOperator{}
	for _, spec := range registry.Specs() {
		for _, alias := range spec.Aliases {
			to := convert.OldOperator{Path: modernPath(spec, className(alias.Path))}
			if alias.Old != "" && alias.Old != alias.New {
				to.Renamed = map[string]string{alias.Old: alias.New}
			}
			if to.Renamed != nil || to.Path != alias.Path && (!provided(alias.Path) || isRemoved(alias.Path)) {
				old[alias.Path] = to
			}
		}
	}
	return func(path string) (convert.OldOperator, bool) {
		to, ok := old[path]
		return to, ok
	}
}

// modernPath is the path of Airflow 3 for a class, or for the one that took its place.
func modernPath(spec operator.Spec, class string) string {
	best := spec.Name
	for _, alias := range spec.Aliases {
		if !provided(alias.Path) || alias.Old != "" || isRemoved(alias.Path) {
			continue
		}
		if className(alias.Path) == class {
			return alias.Path
		}
		if best == spec.Name {
			best = alias.Path
		}
	}
	return best
}

func provided(path string) bool { return strings.HasPrefix(path, "airflow.providers.") }

func className(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func isRemoved(path string) bool {
	for _, class := range removedClasses {
		if className(path) == class {
			return true
		}
	}
	return false
}
