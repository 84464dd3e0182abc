package connections

import (
	"fmt"
	"strings"
)

// About says what an error is about, such as connection "warehouse", unless the error
// says so itself. what is a word for people.
func About(what, name string, err error) error {
	about := fmt.Sprintf("%s %q", what, name)
	if strings.Contains(err.Error(), about) {
		return err
	}
	return fmt.Errorf("%s: %w", about, err)
}
