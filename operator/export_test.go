package operator

import (
	"maps"
	"slices"
)

// RejectedMessages are what [Rejected] says about all names that it knows.
func RejectedMessages() []string {
	return slices.Concat(slices.Collect(maps.Values(rejectedNames())), slices.Collect(maps.Values(rejectedClasses())))
}
