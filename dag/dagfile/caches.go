package dagfile

import (
	"slices"
	"sync"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/templatefile"
	"github.com/dingdag/dingdag/timetable"
)

// timetableCache shares the timetables of equal schedules. Safe for concurrent use.
type timetableCache struct {
	mu   sync.Mutex
	made map[dag.Schedule]map[string]builtTimetable
}

type builtTimetable struct {
	timetable timetable.Timetable
	warnings  []string
	err       error
}

func (c *timetableCache) get(plan dag.Schedule, loc *time.Location) (timetable.Timetable, []string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	built, ok := c.made[plan][loc.String()]
	if !ok {
		built.timetable, built.err = plan.NewTimetable(loc)
		if built.err == nil {
			built.warnings = timetable.Warnings(built.timetable)
		}
		if c.made[plan] == nil {
			c.made[plan] = map[string]builtTimetable{}
		}
		c.made[plan][loc.String()] = built
	}
	return built.timetable, built.warnings, built.err
}

// operatorEntry is an operator of the catalog with its parameters ready to be looked up.
type operatorEntry struct {
	Entry
	params []string
	known  map[string]bool
}

func (e *operatorEntry) has(param string) bool { return e.known[param] }

// CheckFiles is that of the entry, if it has one.
func (e *operatorEntry) CheckFiles(args *yaml.Node, files *templatefile.Collector) []Problem {
	if c, ok := e.Entry.(FileChecker); ok {
		return c.CheckFiles(args, files)
	}
	return nil
}

// operatorCache remembers the operators that the catalog has. Safe for concurrent use.
type operatorCache struct {
	mu     sync.Mutex
	found  map[string]*operatorEntry
	params map[string]bool
	sorted []string
}

// operator resolves a name.
func (l *Loader) operator(name string) (*operatorEntry, bool) {
	l.operators.mu.Lock()
	defer l.operators.mu.Unlock()
	if e, ok := l.operators.found[name]; ok {
		return e, true
	}
	entry, found, _ := l.catalog.Operator(name)
	if !found {
		return nil, false
	}
	e := &operatorEntry{Entry: entry, params: entry.Params(), known: map[string]bool{}}
	for _, p := range e.params {
		e.known[p] = true
	}
	l.operators.found[name] = e
	return e, true
}

// operatorParams lists the parameters of all operators.
func (l *Loader) operatorParams() []string {
	l.operators.mu.Lock()
	defer l.operators.mu.Unlock()
	if l.operators.params == nil {
		l.operators.sorted = slices.Clone(l.catalog.OperatorParams())
		l.operators.params = map[string]bool{}
		for _, p := range l.operators.sorted {
			l.operators.params[p] = true
		}
	}
	return l.operators.sorted
}

func (l *Loader) isOperatorParam(name string) bool {
	l.operatorParams()
	l.operators.mu.Lock()
	defer l.operators.mu.Unlock()
	return l.operators.params[name]
}
