package dagfile

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag/dagfile/keys"
	"github.com/dingdag/dingdag/dag/dagfile/wiring"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Renamer is implemented by an [Entry] whose parameters had other names in earlier
// versions.
type Renamer interface {
	// Renamed returns today's names by the former ones.
	Renamed() map[string]string
}

// checkRenamed reports keys of a task by which an operator knew a parameter before that
// name was left to the task, and returns the names of today. A task that has the
// parameter, too, means its own key.
func (r *dagReader) checkRenamed(t *wiring.Task, op *operatorEntry) (absent []string) {
	renamer, ok := op.Entry.(Renamer)
	if !ok {
		return nil
	}
	renamed := renamer.Renamed()
	if len(renamed) == 0 {
		return nil
	}
	for k, v := range yamlvalue.Pairs(t.Node) {
		now := renamed[k.Value]
		reserved := keys.ReservedParam(k.Value, op.Sensor())
		if now == "" || reserved == "" || v == t.Name {
			continue
		}
		if given, _ := yamlvalue.Lookup(t.Args, now); given != nil || r.mayBeMapped(t, now) {
			continue
		}
		r.Errorf(k, "%s is not a parameter of %s, %s: use %s", k.Value, op.Name(), reserved, now)
		absent = append(absent, now)
	}
	return absent
}

// mayBeMapped reports whether a parameter may come from what the task is mapped over.
func (r *dagReader) mayBeMapped(t *wiring.Task, param string) bool {
	given := t.Raw.ExpandKwargs.Present()
	if t.Raw.Expand.Present() {
		key, _ := yamlvalue.Lookup(t.Raw.Expand.Value, param)
		given = given || key != nil
	}
	return given
}

// told is an operator some of whose parameters were said to be absent.
type told struct {
	*operatorEntry
	absent []string
}

// Check does not say so again.
func (e told) Check(args *yaml.Node) []Problem {
	return slices.DeleteFunc(e.operatorEntry.Check(args), func(p Problem) bool {
		return p.Line == 0 && slices.Contains(e.absent, p.Field)
	})
}
