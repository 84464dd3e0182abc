package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/templatefile"
)

// filesOf returns what reads the template files of a DAG. They are those of its version, whatever its folders have by now: known from the load, or
// else read from the store, once. A version that was made before versions had files takes them from the folders.
func filesOf(ctx context.Context, from Reader, d *dag.DAG) func(name string) (string, error) {
	files := d.TemplateFiles
	if files == nil {
		return templatefile.Of(d).Read
	}
	return func(name string) (string, error) {
		if err := templatefile.CheckName(name); err != nil {
			return "", err
		}
		file := files.Named(path.Clean(filepath.ToSlash(name)))
		switch {
		case file != nil:
			return textOf(ctx, from, file)
		case !files.Partial:
			return "", &notOfVersionError{name, templatefile.Of(d)}
		}
		text, err := templatefile.Of(d).Read(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w on this machine, and it was left out of the version of the DAG: %s. "+
				"Run the task on a machine that has the folder, or name fewer and smaller files", err, templatefile.Bound())
		}
		return text, err
	}
}

func textOf(ctx context.Context, from Reader, file *dag.TemplateFile) (string, error) {
	if file.Hash == "" {
		return "", fmt.Errorf("file %q could not be read for the version of the DAG: it must be a regular file of at most %d bytes in its folder", file.Name, templatefile.MaxBytes)
	}
	if text, ok := file.Text.Get(); ok {
		return text, nil
	}
	text, err := from.TemplateFile(ctx, file.Hash)
	if err != nil {
		return "", fmt.Errorf("read %q of the version of the DAG: %w", file.Name, err)
	}
	file.Text.Set(text)
	return text, nil
}

// notOfVersionError says that the version of a DAG has no such file.
type notOfVersionError struct {
	name    string
	folders templatefile.Folders
}

func (e *notOfVersionError) Error() string {
	return fmt.Sprintf("no file %q in the version of the DAG: when its file was read, it was not in %s. "+
		"If it is there now, runs that start from now on have it, and this one once it is cleared to run on the latest version",
		e.name, strings.Join(e.folders, " or "))
}

// Is makes it an [fs.ErrNotExist].
func (*notOfVersionError) Is(target error) bool { return target == fs.ErrNotExist }

// LateInclude is the Include of templates that are not in the DAG file, such as those that connections name: what they include may be
// missing in the version, and then is what the folders have.
func LateInclude(d *dag.DAG, include func(name string) (string, error)) func(name string) (string, error) {
	return func(name string) (string, error) {
		text, err := include(name)
		if _, missing := errors.AsType[*notOfVersionError](err); missing {
			return templatefile.Of(d).Read(name)
		}
		return text, err
	}
}

// renderFile renders a name and then the file of that name.
func renderFile(read func(string) (string, error), name string, text func(string) (string, error)) (string, error) {
	name, err := text(name)
	if err != nil {
		return "", err
	}
	src, err := read(name)
	if err != nil {
		return "", templatefile.Named(err)
	}
	out, err := text(src)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
