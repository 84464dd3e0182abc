package catalog

import (
	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile"
)

// Forgiving is a catalog that knows every name and finds nothing wrong: it reads
// of a stored version what this binary still knows.
type Forgiving struct{ Catalog }

// Operator finds any operator.
func (f Forgiving) Operator(name string) (dagfile.Entry, bool, string) {
	e, found, _ := f.Catalog.Operator(name)
	return forgive(name, e, found), true, ""
}

// Callback finds any callback.
func (f Forgiving) Callback(name string) (dagfile.Entry, bool, string) {
	e, found, _ := f.Catalog.Callback(name)
	return forgive(name, e, found), true, ""
}

// Trigger finds any trigger.
func (f Forgiving) Trigger(name string) (dagfile.Entry, bool, string) {
	e, found, _ := f.Catalog.Trigger(name)
	return forgive(name, e, found), true, ""
}

func forgive(name string, e dagfile.Entry, found bool) dagfile.Entry {
	if !found {
		return unknown(name)
	}
	return lax{e}
}

// lax is an entry that takes all parameters.
type lax struct{ dagfile.Entry }

func (lax) Check(*yaml.Node) []dagfile.Problem { return nil }
func (lax) Refused(string) string              { return "" }

// unknown is the entry of an operator or callback that this binary does not have.
type unknown string

func (u unknown) Name() string                     { return string(u) }
func (unknown) Params() []string                   { return nil }
func (unknown) Schema(string) map[string]any       { return nil }
func (unknown) Sensor() bool                       { return false }
func (unknown) Check(*yaml.Node) []dagfile.Problem { return nil }
func (unknown) Refused(string) string              { return "" }
