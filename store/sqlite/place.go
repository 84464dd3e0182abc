package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// InPlace returns an error when the store's file is no longer where it was opened, or when another one
// is there. Reading and writing go on then, in a file that the next process does not find.
func (s *Store) InPlace() error {
	now, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the store %s is gone, and the process that has it open writes into a file that no other one finds: stop it, put the file back, and start it again", s.path)
	case err != nil:
		return fmt.Errorf("look at the store: %w", err)
	case !os.SameFile(now, s.file):
		return fmt.Errorf("the store %s was replaced by another file, and the process that has the former one open still writes into that: stop it, see to it that the right file is there, and start it again", s.path)
	}
	return nil
}
