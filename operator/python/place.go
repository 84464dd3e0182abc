package python

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dingdag/dingdag/operator"
)

// codeFolder is the folder in the working directory for files of the version that their folders do not have so.
const codeFolder = ".code"

// place tells the runner where the function is and where modules are: in the folders, as far as these have the files as the version of
// the DAG has them, or else in a copy of those of the version, which goes before the folders.
func (o Options) place(tc *operator.TaskContext, f function, dir string, j *job) error {
	folders, err := absolute(append([]string{tc.DAGFolder}, o.folders()...))
	if err != nil {
		return err
	}
	j.Name, j.Module, j.Paths = f.name, f.module, folders
	sources, err := f.sources(folders, reader(tc, folders))
	if err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(folders[0], filepath.FromSlash(name)) }
	if slices.ContainsFunc(sources, func(s source) bool { return !current(s, folders) }) {
		code := filepath.Join(dir, codeFolder)
		for _, s := range sources {
			if err := copyTo(code, s); err != nil {
				return fmt.Errorf("write the Python files of the version of the DAG: %w", err)
			}
		}
		j.Paths = append([]string{code}, folders...)
		at = func(name string) string { return filepath.Join(code, filepath.FromSlash(name)) }
	} else if len(sources) > 0 {
		at = func(name string) string { return placeOf(name, folders) }
	}
	switch {
	case f.file == "":
	case len(sources) > 0:
		j.File = at(sources[0].name)
	default:
		j.File = f.file
	}
	if j.File != "" {
		j.Paths = append(slices.Clone(j.Paths), filepath.Dir(j.File))
	}
	return nil
}

// absolute are folders by their whole paths, each once: the interpreter works in another folder.
func absolute(folders []string) (all []string, err error) {
	for _, folder := range folders {
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, err
		}
		if !slices.Contains(all, folder) {
			all = append(all, folder)
		}
	}
	return all, nil
}

// reader reads files of the version of the DAG, and of the folders where the version knows none: one that was made without files,
// or is not stored.
func reader(tc *operator.TaskContext, folders []string) func(name string) (string, error) {
	return func(name string) (string, error) {
		if tc.Insight != nil {
			text, err := tc.Insight.File(name)
			if !errors.Is(err, fs.ErrNotExist) {
				return text, err
			}
		}
		for _, folder := range folders {
			text, err := readIn(folder, name)
			if !errors.Is(err, fs.ErrNotExist) {
				return text, err
			}
		}
		return "", fs.ErrNotExist
	}
}

func readIn(folder, name string) (string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	text, err := root.ReadFile(filepath.FromSlash(name))
	return string(text), err
}

// current reports whether the first of the folders that has a file has it so.
func current(s source, folders []string) bool {
	text, err := os.ReadFile(placeOf(s.name, folders))
	return err == nil && string(text) == s.text
}

// placeOf is where a file is: in the first folder that has it.
func placeOf(name string, folders []string) string {
	for _, folder := range folders {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return filepath.Join(folders[0], filepath.FromSlash(name))
}

func copyTo(folder string, s source) error {
	path := filepath.Join(folder, filepath.FromSlash(s.name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(s.text), 0o600)
}
