//go:build !linux

package folder

// tellsAll reports whether the kernel tells of every change in a folder: elsewhere that takes
// an open file for each one in it.
func tellsAll(string) bool { return false }

// changes are told of nowhere.
type changes struct{}

func newChanges() (*changes, error) { return &changes{}, nil }

func (*changes) add(string) error { return nil }

func (*changes) none() bool { return false }

func (*changes) close() {}
