package reading

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// Duration reads a length of time in any of its forms: a number of seconds, 1h30m,
// PT5M, 2 days, or a typed timedelta. It is never negative.
func (s Scope) Duration(key string, n *yaml.Node) (time.Duration, bool) {
	if TypeOf(n) == TypeTimedelta {
		return s.Timedelta(n)
	}
	if TypeOf(n) != "" {
		s.notHere(n, "a duration, for instance 5m")
		return 0, false
	}
	d, err := yamlvalue.Duration(n, time.Second)
	if err != nil {
		s.Errorf(n, "%s: %v", key, err)
		return 0, false
	}
	return d, true
}

// Timedelta reads a typed datetime.timedelta.
func (s Scope) Timedelta(n *yaml.Node) (time.Duration, bool) {
	t, ok := s.Typed(n)
	if !ok {
		return 0, false
	}
	args, ok := s.Bind(t, yamlvalue.TimedeltaArguments...)
	if !ok {
		return 0, false
	}
	counts := make(map[string]float64, len(args))
	for name, v := range args {
		if counts[name], ok = s.Number("timedelta "+name, v); !ok {
			return 0, false
		}
	}
	d, err := yamlvalue.Timedelta(counts)
	if err != nil {
		s.Errorf(n, "timedelta: %v", err)
		return 0, false
	}
	return d, true
}
