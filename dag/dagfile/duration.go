package dagfile

import (
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// duration reads a length of time in any of its forms: a number of seconds, 1h30m,
// PT5M, 2 days, or a typed timedelta. It is never negative.
func (s scope) duration(key string, n *yaml.Node) (time.Duration, bool) {
	if typeOf(n) == typeTimedelta {
		return s.timedelta(n)
	}
	if typeOf(n) != "" {
		s.notHere(n, "a duration, for instance 5m")
		return 0, false
	}
	d, err := yamlvalue.Duration(n, time.Second)
	if err != nil {
		s.errorf(n, "%s: %v", key, err)
		return 0, false
	}
	return d, true
}

// timedelta reads a typed datetime.timedelta.
func (s scope) timedelta(n *yaml.Node) (time.Duration, bool) {
	t, ok := s.typed(n)
	if !ok {
		return 0, false
	}
	args, ok := s.bind(t, yamlvalue.TimedeltaArguments...)
	if !ok {
		return 0, false
	}
	counts := make(map[string]float64, len(args))
	for name, v := range args {
		if counts[name], ok = s.number("timedelta "+name, v); !ok {
			return 0, false
		}
	}
	d, err := yamlvalue.Timedelta(counts)
	if err != nil {
		s.errorf(n, "timedelta: %v", err)
		return 0, false
	}
	return d, true
}
