package params

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// durationOf reads a duration from a node. A bare number counts units.
func durationOf(n *yaml.Node, unit time.Duration) (time.Duration, error) {
	if n.Kind == yaml.MappingNode {
		return timedelta(n)
	}
	return yamlvalue.Duration(n, unit)
}

// timedelta reads {__type__: datetime.timedelta, minutes: 5}.
func timedelta(n *yaml.Node) (time.Duration, error) {
	if _, typ := yamlvalue.Lookup(n, "__type__"); typ == nil || typ.Value != "datetime.timedelta" {
		return 0, errors.New("a mapping must be {__type__: datetime.timedelta, minutes: 5} here")
	}
	counts := map[string]float64{}
	for key, value := range yamlvalue.Pairs(n) {
		if key.Value == "__type__" {
			continue
		}
		if !slices.Contains(yamlvalue.TimedeltaArguments, key.Value) {
			return 0, fmt.Errorf("unknown argument %s of datetime.timedelta: it takes weeks, days, hours, minutes, "+
				"seconds, milliseconds and microseconds", quote(key.Value))
		}
		if k := kindOf(value); k != yamlvalue.Int && k != yamlvalue.Float {
			return 0, fmt.Errorf("%s of datetime.timedelta must be a number, not %s", key.Value, describe(value, false))
		}
		count, err := yamlvalue.ParseNumber(value)
		if err != nil {
			return 0, err
		}
		counts[key.Value] += count
	}
	return yamlvalue.Timedelta(counts)
}
