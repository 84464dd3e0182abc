package discover

import (
	"os"
	"path/filepath"
	"slices"
)

// defaultsNames are the names of defaults files; the first one in a directory counts.
var defaultsNames = []string{"defaults.yml", "defaults.yaml"}

// IsDefaults reports whether a file of this name holds defaults and no DAGs.
func IsDefaults(path string) bool { return slices.Contains(defaultsNames, filepath.Base(path)) }

// operatorsNames are the names of files that define operators; the first one in a directory counts.
var operatorsNames = []string{"operators.yml", "operators.yaml"}

// IsOperators reports whether a file of this name defines operators and no DAGs.
func IsOperators(path string) bool { return slices.Contains(operatorsNames, filepath.Base(path)) }

// Operators returns the files that define operators for the files of dir, nearest first, up to root.
func Operators(dir, root string) []string { return findNamed(operatorsNames, dir, root) }

// findNamed returns the files that have one of some names and apply to the files of dir, nearest first, up to root. The first name
// in a directory counts.
func findNamed(names []string, dir, root string) []string {
	var found []string
	above, ok := ancestors(dir, root)
	if !ok {
		return nil
	}
	for _, dir := range slices.Backward(above) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && StaysIn(path, root) {
				found = append(found, path)
				break
			}
		}
	}
	return found
}

// StaysIn reports whether a path lies in root once symbolic links are followed.
func StaysIn(path, root string) bool {
	resolved, err := resolve(path)
	if err != nil {
		return false
	}
	resolvedRoot, err := resolve(root)
	if err != nil {
		return false
	}
	inside, err := filepath.Rel(resolvedRoot, resolved)
	return err == nil && filepath.IsLocal(inside)
}

// resolve returns the absolute path without symbolic links.
func resolve(path string) (string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(whole)
}
