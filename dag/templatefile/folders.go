// Package templatefile finds the template files of a DAG in its folders, and takes those for a version of it that the fields
// of the DAG name.
package templatefile

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

// MaxBytes is how large one template file may be.
const MaxBytes = 1 << 20

// Folders are where the template files of a DAG are, in the order in which they are searched: the folder of the DAG file
// (Airflow's DAG folder), then those of template_searchpath. A name never leads outside
// of its folder, not even through a symbolic link.
type Folders []string

// Of are the folders of a DAG.
func Of(d *dag.DAG) Folders {
	if d.Pos.File == "" {
		return d.TemplateSearchPath
	}
	return append(Folders{d.Folder()}, d.TemplateSearchPath...)
}

// CheckName refuses a name that leads outside of the folders.
func CheckName(name string) error {
	if filepath.IsLocal(name) {
		return nil
	}
	return fmt.Errorf("%q lies outside the folder of the DAG file: name template files relative to it, or to a folder in template_searchpath", name)
}

// Read returns the text of a file. The error wraps [fs.ErrNotExist] when no folder has it.
func (f Folders) Read(name string) (string, error) {
	_, text, err := f.Find(name)
	return text, err
}

// Find returns the path of a file, too.
func (f Folders) Find(name string) (path, text string, err error) {
	return f.find(name, func(string) {})
}

// find is Find; look is called for each path before it is looked at.
func (f Folders) find(name string, look func(path string)) (path, text string, err error) {
	if err := CheckName(name); err != nil {
		return "", "", err
	}
	for _, dir := range f {
		path := filepath.Join(dir, name)
		look(path)
		text, err := readIn(dir, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return path, text, err
		}
	}
	return "", "", &NotFoundError{Name: name, Folders: f}
}

// NotFoundError says that no folder has a file. It is an [fs.ErrNotExist].
type NotFoundError struct {
	Name    string
	Folders Folders
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no file %q in %s", e.Name, strings.Join(e.Folders, " or "))
}

// Is makes it an [fs.ErrNotExist].
func (*NotFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// Named explains the error about a file that the text of a field names: the text may be meant as text.
func Named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; put a space at its end if it is not a file name", err)
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
	case info.Size() > MaxBytes:
		return "", tooLarge(dir, name)
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err == nil && len(text) > MaxBytes { // it has grown since
		return "", tooLarge(dir, name)
	}
	return string(text), err
}

func tooLarge(dir, name string) error {
	return fmt.Errorf("%s is larger than %d bytes", filepath.Join(dir, name), MaxBytes)
}
