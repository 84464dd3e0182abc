package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/operator"
)

// CheckOperators refuses a parameter with the name of a key that every task has: DAG files
// could never set it.
func CheckOperators(r *operator.Registry) error {
	var errs []error
	for _, s := range r.Specs() {
		for _, name := range s.Claims() {
			if why := keys.ReservedParam(name, s.Sensor); why != "" {
				errs = append(errs, fmt.Errorf("operator %q: a parameter cannot be called %q: %s", s.Name, name, why))
			}
		}
	}
	return errors.Join(errs...)
}

// CheckNotifiers refuses a parameter with the name of the key that names the notifier.
func CheckNotifiers(r *callbacks.Registry) error {
	var errs []error
	for _, s := range r.Specs() {
		if slices.Contains(s.Claims(), keys.ReservedArgument) {
			errs = append(errs, fmt.Errorf("callback %q: a parameter cannot be called %q: that key names the notifier", s.Name, keys.ReservedArgument))
		}
	}
	return errors.Join(errs...)
}
