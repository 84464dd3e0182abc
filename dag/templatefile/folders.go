package render

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/dag"
)

// maxTemplateFile is how many bytes a template file may have.
const maxTemplateFile = 1 << 20

// Files are the folders where template files lie: that of the DAG file, then those of
// template_searchpath (Airflow, DAG.get_template_env).
type Files []string

// FilesOf are those of a DAG; one that comes from no file has template_searchpath alone.
func FilesOf(d *dag.DAG) Files {
	if d.Pos.File == "" {
		return d.TemplateSearchPath
	}
	return append(Files{d.Folder()}, d.TemplateSearchPath...)
}

// Read returns the text of a file in the first folder that has it. Nothing outside the
// folders is read, whatever the name or a symbolic link says.
func (f Files) Read(name string) (string, error) {
	_, text, err := f.Find(name)
	return text, err
}

// Find is Read that also tells which file it is.
func (f Files) Find(name string) (path, text string, err error) {
	if !filepath.IsLocal(name) {
		return "", "", fmt.Errorf("%q lies outside the folder of the DAG file: name template files relative to it, or to a folder in template_searchpath", name)
	}
	for _, dir := range f {
		text, err := readIn(dir, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return filepath.Join(dir, name), text, err
		}
	}
	return "", "", fmt.Errorf("no file %q in %s", name, strings.Join(f, " or "))
}

// Named is Read for a text that may be meant as no file name at all.
func (f Files) Named(name string) (string, error) {
	text, err := f.Read(name)
	if err != nil {
		return "", fmt.Errorf("%w; put a space at its end if it is not a file name", err)
	}
	return text, nil
}

func readIn(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("open the folder of template files: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	info, err := root.Stat(name)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", filepath.Join(dir, name))
	case info.Size() > maxTemplateFile:
		return "", fmt.Errorf("%s is larger than %d bytes", filepath.Join(dir, name), maxTemplateFile)
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxTemplateFile))
	return string(text), err
}

// render renders the file that a parameter names (Airflow, template_ext); text renders
// what is no file. As in any template, one newline at the end is dropped.
func (f Files) render(name string, text func(string) (string, error)) (string, error) {
	name, err := text(name)
	if err != nil {
		return "", err
	}
	src, err := f.Named(name)
	if err != nil {
		return "", err
	}
	out, err := text(src)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
