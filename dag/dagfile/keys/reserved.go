package keys

import (
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/dag/dagfile/former"
)

// ReservedParam says why no operator can have a parameter of this name: the loader takes
// such a key for the task itself, so that the operator would never see it. It is empty
// for a name that is free. A sensor has further keys.
func ReservedParam(name string, sensor bool) string {
	if k, found := Tasks.Find(name); found {
		return aKeyOf("task", k.doc)
	}
	if k, found := Common.Find(name); found {
		return aKeyOf("task", k.doc)
	}
	if k, found := Sensors.Find(name); found && sensor {
		return aKeyOf("sensor", k.doc)
	}
	if why, found := Rejected(name); found {
		return "every task refuses it: " + why
	}
	if name == ParentGroup {
		return "it is a key of every task group"
	}
	if old, found := former.OfTask(name); found {
		return "every task takes it for another key: it " + strings.TrimPrefix(old.Advice(), name+" ")
	}
	return ""
}

func aKeyOf(owner, doc string) string {
	doc = strings.TrimSuffix(doc, ".")
	return fmt.Sprintf("it is a key of every %s (%s)", owner, strings.ToLower(doc[:1])+doc[1:])
}

// ReservedArgument is the key that names the notifier of a callback, so that no notifier
// can have a parameter of this name.
const ReservedArgument = "callback"
